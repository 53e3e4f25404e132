"""Amending an enrolment: new values for the e-mails that are still to come, after the contact was enrolled."""

from __future__ import annotations

from collections.abc import Sequence

from christmas_campaign.campaign import names
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
    """Return the record of an enrolment with today's values.

    ``event`` is the same event, received again. Its variables are added to those of the record; its other fields are ignored.
    ``contacts`` and ``pages`` are the results of the Notion queries of ``lookups``; they are empty if Notion was not queried.
    ``signup`` is the event of the contact's signup; ``None`` if Kestra does not have its record. If a source has no values
    now, the record keeps its earlier values.
    """
    return record._replace(
        event=record.event._replace(variables=variables(record.event, event)),
        contact=names.without_unusable(page_values.plain(contacts[0])) if contacts else record.contact,
        signup=signup_fields(record.event, signup, pages) or record.signup,
    )


def variables(first: Event, again: Event) -> dict[str, str]:
    """Return the variables of an event and of the same event ``again``; of two values of one name, the one received later.

    ``again`` is not always the later one: an event that was rescheduled may be enrolled after one that arrived later.
    """
    earlier, later = sorted((first, again), key=lambda event: event.received_at)
    return {**earlier.variables, **later.variables}
