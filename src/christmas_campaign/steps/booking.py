"""The step ``booking``: what a booking or a cancellation says of the contact in BusinessX."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import retry
from christmas_campaign.enrolment.alerts import Pages
from christmas_campaign.enrolment.record import labels
from christmas_campaign.events.intake import Event
from christmas_campaign.steps import labelled, ready_made, results, with_alert
from christmas_campaign.steps.outputs import retry_outputs
from christmas_campaign.stops import bookings, rules


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``event``, ``tries``, ``contacts`` (a response; ``None``: Notion did not answer), ``stopped`` (what is kept of
    what stops the contact, or ``None``), ``settings``.

    Outputs: ``contact`` (path and body, ready-made, of the update of her page, or ``None``), ``note``, and ``later``, what
    becomes of it if Notion does not answer: as ``again.put_off`` gives it, with labels and ``alert``. ``answered`` is false if
    it has not answered already. Raises ``UnusableContext`` when Notion refused.
    """
    event = Event.from_json(context["event"])
    put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context.get("tries", 0), settings.read(context["settings"]), now)
    later = labelled(with_alert(retry_outputs(put_off), event, event.id, None, _pages(context)), **labels(event))
    if context.get("contacts") is None:
        return {"answered": False, "contact": None, "later": later}
    found = results(context["contacts"], "the look-up in BusinessX")
    outputs = {
        **bookings.contact_update(event, found, rules.read(context.get("stopped"))),
        "answered": True,
        "later": later,
    }
    if outputs["contact"] is not None:
        outputs["contact"]["body"] = ready_made(outputs["contact"]["body"])
    outcome = Outcome.ACCEPTED if outputs["contact"] else Outcome.SKIPPED
    return {**outputs, "labels": labelled({"outcome": outcome}, **labels(event))["labels"]}


def _pages(context: Mapping[str, Any]) -> Pages:
    """The contact's page in BusinessX, as far as Notion has answered."""
    answer = context.get("contacts")
    found = results(answer, "the look-up") if answer is not None and answer.get("code") == 200 else []
    return Pages(contact=found[0]["id"] if found else None)
