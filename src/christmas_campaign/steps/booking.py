"""The step ``booking``: how a booking or a cancellation changes the contact's page in BusinessX."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import retry
from christmas_campaign.enrolment.record import labels
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.steps import result_pages, with_labels, with_responses
from christmas_campaign.steps.outputs import retry_outputs
from christmas_campaign.steps.page_writes import PageWrite, page_write
from christmas_campaign.stops import bookings, rules


class Outputs(TypedDict, total=False):
    """``answered``: whether Notion has answered the look-up. ``contact`` is the update of the contact's page (``None``: the
    page does not change), ``note`` a sentence for the log. ``later`` is the retry if Notion does not answer (``RetryOutputs``
    with labels).
    """

    contact: PageWrite | None
    note: str
    answered: bool
    later: JsonObject
    labels: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``event``, ``tries``, ``settings``; ``contacts`` (the response to the look-up; ``None``: no response);
    ``stopped`` (the contact's stops in the KV store; ``None``: there are none).

    Raises ``UnusableContext`` if Notion refused the look-up.
    """
    context = with_responses(context, "contacts")
    event = Event.from_json(context["event"])
    put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context.get("tries", 0), settings.read(context["settings"]), now)
    later = with_labels(retry_outputs(put_off), **labels(event))
    if context.get("contacts") is None:
        return {"answered": False, "contact": None, "later": later}
    contacts = result_pages(context["contacts"], "the look-up in BusinessX")
    update = bookings.contact_update(event, contacts, rules.read(context.get("stopped")))
    request = update.request
    outcome = Outcome.ACCEPTED if request else Outcome.SKIPPED
    return {
        "contact": page_write(request) if request else None,
        "note": update.note,
        "answered": True,
        "later": later,
        "labels": with_labels({"outcome": outcome}, **labels(event))["labels"],
    }
