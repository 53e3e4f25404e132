"""The step ``resend``: a call of Resend's webhook to the answer and, if it is of an e-mail of this system, the report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.outcomes import Outcome
from christmas_campaign.email import delivery_reports
from christmas_campaign.email.delivery_reports import Report
from christmas_campaign.events.arrival import arrival
from christmas_campaign.steps import labelled, ready_made


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``payload``, ``received_at``, when the door got the call (``None``: now), and ``settings``.

    Outputs: ``outcome`` and ``reason``; ``report``, ready-made for the input of the flow `report`, ``enrolment``, ``number``,
    ``contact`` and ``sequence`` of the e-mail, and ``stop``, the reason for which the contact is stopped at once. All of these
    are ``None`` when it is no matter of this system's.
    """
    opens = settings.read(context["settings"]).resend_opens
    found = delivery_reports.read(context.get("payload"), arrival(context.get("received_at"), now), opens=opens)
    if not isinstance(found, Report):
        nothing = dict.fromkeys(("report", "enrolment", "number", "contact", "sequence", "stop"))
        return labelled({"outcome": Outcome.SKIPPED, "reason": found, **nothing})
    names = {"sequence": found.sequence, "contact": found.contact, "enrolment": found.enrolment}
    outputs = {
        "outcome": Outcome.ACCEPTED,
        "reason": None,
        "report": ready_made(found.as_json()),
        "number": found.number,
        "stop": found.stops,
        **names,
    }
    return labelled(outputs, number=str(found.number), kind=found.kind, **names)
