"""The step ``booking``: what a booking or a cancellation says of the contact in BusinessX."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import retry
from christmas_campaign.enrolment.alerts import Pages
from christmas_campaign.enrolment.record import labels
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.steps import labelled, results, with_alert, with_answers
from christmas_campaign.steps.outputs import retry_outputs
from christmas_campaign.steps.page_writes import PageWrite, page_write
from christmas_campaign.stops import bookings, rules


class Outputs(TypedDict, total=False):
    """What the step hands to the flow.

    ``answered`` is false if Notion has not answered already. ``contact`` is the update of the contact's page (``None``: the
    page stays as it is), ``note`` a sentence for the log. ``later`` is what becomes of the booking if Notion does not answer:
    as ``retry_outputs`` gives it, with labels and ``alert``.
    """

    contact: PageWrite | None
    note: str
    answered: bool
    later: JsonObject
    labels: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``event``, ``tries``, ``contacts`` (a response; ``None``: Notion did not answer), ``stopped`` (what is kept of
    what stops the contact, or ``None``), ``settings``.

    Raises ``UnusableContext`` when Notion refused.
    """
    context = with_answers(context, "contacts")
    event = Event.from_json(context["event"])
    put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context.get("tries", 0), settings.read(context["settings"]), now)
    later = labelled(with_alert(retry_outputs(put_off), event, event.id, None, _pages(context)), **labels(event))
    if context.get("contacts") is None:
        return {"answered": False, "contact": None, "later": later}
    found = results(context["contacts"], "the look-up in BusinessX")
    update = bookings.contact_update(event, found, rules.read(context.get("stopped")))
    request = update.request
    outcome = Outcome.ACCEPTED if request else Outcome.SKIPPED
    return {
        "contact": page_write(request) if request else None,
        "note": update.note,
        "answered": True,
        "later": later,
        "labels": labelled({"outcome": outcome}, **labels(event))["labels"],
    }


def _pages(context: Mapping[str, Any]) -> Pages:
    """The contact's page in BusinessX, as far as Notion has answered."""
    answer = context.get("contacts")
    found = results(answer, "the look-up") if answer is not None and answer.get("code") == 200 else []
    return Pages(contact=found[0]["id"] if found else None)
