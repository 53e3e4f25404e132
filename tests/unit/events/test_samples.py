"""Every sample message goes through intake, and becomes what its file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign import sender_settings
from christmas_campaign.email import delivery_reports
from christmas_campaign.email.delivery_reports import Report
from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.events import intake, provider_payloads
from christmas_campaign.events.intake import Accepted, Rejected
from unit import build

FOLDER = Path(__file__).parent / "samples"
SAMPLES = {f"{file.parent.name}/{file.stem}": file for file in sorted(FOLDER.glob("*/*.json"))}


def read(name: str) -> Any:
    return json.loads(SAMPLES[name].read_text(encoding="utf-8"))


def becomes(sample: Any) -> str:
    """Return what the message becomes, and check whom it is about and what it ends."""
    if sample["handler"] == "resend":
        report = delivery_reports.read(sample["payload"], build.NOW, opens=True)
        return report.kind if isinstance(report, Report) else report
    settings = sender_settings.read(sample.get("settings", {}))
    answer = intake.answer(sample["payload"], sample["handler"], build.NOW, "execution-1", settings)
    if isinstance(answer, Rejected):
        return "rejected"
    assert answer.event.email == sample.get("email", "mai.tran@example.com")
    if not isinstance(answer, Accepted):
        return answer.reason
    if answer.event.cancels or "ends" in sample:
        ends: Any = enroll_input(answer.event)["ends"]
        assert [end["reason"] for end in ends] == sample["ends"]
    return "accepted"


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_becomes_what_its_file_says(name: str) -> None:
    sample = read(name)
    assert becomes(sample) == sample["becomes"]
    assert sample["about"]
    assert sample["source"]


def test_every_event_that_is_read_has_a_sample() -> None:
    events = {
        str(payload.get("event") or payload.get("triggerEvent") or payload.get("type"))
        for payload in (read(name)["payload"] for name in SAMPLES)
    }
    known = {
        *provider_payloads.CALENDLY_BOOKINGS,
        *provider_payloads.CAL_COM_BOOKINGS,
        *provider_payloads.CALENDLY_NO_SHOWS,
    }
    assert known | {provider_payloads.COMPLETED_EVENT} <= events
