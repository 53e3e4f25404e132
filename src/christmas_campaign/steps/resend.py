"""The step ``resend``: a call of Resend's webhook to the answer and, if it is of an e-mail of this system, the report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import delivery_reports
from christmas_campaign.email.delivery_reports import Report
from christmas_campaign.steps.outputs import arrived, ready_made


class Outputs(TypedDict):
    """What the flow reads: ``report``, ready-made for the input of the flow `report`; the e-mail's ``enrolment``, ``number``,
    ``contact`` and ``sequence``; and ``stop``, the reason for which the contact is stopped at once. All of these are ``None``
    when the call is not about an e-mail of this system: ``reason`` says why."""

    outcome: Outcome
    reason: Reason | None
    report: str | None
    enrolment: str | None
    number: int | None
    contact: str | None
    sequence: str | None
    stop: Reason | None
    labels: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``payload``, ``headers`` of the call, and ``settings``.

    In runs of revisions up to 0.4 there is ``received_at``, when the door got the call, in place of the headers.
    """
    opens = settings.read(context["settings"]).resend_opens
    report = delivery_reports.read(context.get("payload"), arrived(context, now), opens=opens)
    if not isinstance(report, Report):
        return {
            "outcome": Outcome.SKIPPED,
            "reason": report,
            "report": None,
            "enrolment": None,
            "number": None,
            "contact": None,
            "sequence": None,
            "stop": None,
            "labels": ready_made({"outcome": Outcome.SKIPPED, "reason": report}),
        }
    names = {"sequence": report.sequence, "contact": report.contact, "enrolment": report.enrolment}
    return {
        "outcome": Outcome.ACCEPTED,
        "reason": None,
        "report": ready_made(report.as_json()),
        "enrolment": report.enrolment,
        "number": report.number,
        "contact": report.contact,
        "sequence": report.sequence,
        "stop": report.stops,
        "labels": ready_made({"outcome": Outcome.ACCEPTED, "number": str(report.number), "kind": report.kind, **names}),
    }
