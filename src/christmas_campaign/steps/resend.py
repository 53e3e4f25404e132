"""The step ``resend``: reads a call of Resend's webhook, and answers it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import delivery_reports
from christmas_campaign.email.delivery_reports import Report
from christmas_campaign.steps.outputs import call_time, json_text


class Outputs(TypedDict):
    """``report`` is the input of the flow `report` as JSON text; ``enrolment``, ``number``, ``contact`` and ``sequence`` are
    those of its e-mail; ``stop`` is the reason to stop the contact at once. All are ``None`` if the call is not about an
    e-mail of this system; then ``reason`` says why.
    """

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
    """Context: ``payload`` and ``headers`` of the call, ``settings``. Revisions up to 0.4 have ``received_at`` in place of the
    headers.
    """
    opens = settings.read(context["settings"]).resend_opens
    report = delivery_reports.read(context.get("payload"), call_time(context, now), opens=opens)
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
            "labels": json_text({"outcome": Outcome.SKIPPED, "reason": report}),
        }
    names = {"sequence": report.sequence, "contact": report.contact, "enrolment": report.enrolment}
    return {
        "outcome": Outcome.ACCEPTED,
        "reason": None,
        "report": json_text(report.as_json()),
        "enrolment": report.enrolment,
        "number": report.number,
        "contact": report.contact,
        "sequence": report.sequence,
        "stop": report.stops,
        "labels": json_text({"outcome": Outcome.ACCEPTED, "number": str(report.number), "kind": report.kind, **names}),
    }
