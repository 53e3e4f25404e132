"""Amending an enrolment: values that became known after the contact was enrolled, for the e-mails that are still to come."""

from __future__ import annotations

from collections.abc import Sequence

from christmas_campaign.enrolment.lookups import signup_fields
from christmas_campaign.enrolment.record import Record
from christmas_campaign.events.intake import Event
from christmas_campaign.notion import page_values
from christmas_campaign.notion.page_values import Page


def amend(
    record: Record,
    event: Event,
    *,
    contacts: Sequence[Page] = (),
    pages: Sequence[Page] = (),
    signup: Event | None = None,
) -> Record:
    """Return the record of an enrolment with the values that are known now.

    ``event`` is the same event again: its variables are added, and a name that is given again takes the new value; its other
    fields do not count. ``contacts`` and ``pages`` are the results of the queries of ``lookups`` (empty: not asked), ``signup``
    is the contact's signup as it is kept (``None``: it is not). A source that has nothing now keeps its old values.
    """
    return record._replace(
        event=record.event._replace(variables=variables(record.event, event)),
        contact=page_values.plain(contacts[0]) if contacts else record.contact,
        signup=signup_fields(record.event, signup, pages) or record.signup,
    )


def variables(first: Event, again: Event) -> dict[str, str]:
    """Return the variables of an event and of the same event ``again``. Where both name one, the later of the two counts: an
    event that was put off may be enrolled after one that came later."""
    in_order = sorted((first, again), key=lambda each: each.received_at)
    return {**in_order[0].variables, **in_order[1].variables}
