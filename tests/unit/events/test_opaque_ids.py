from __future__ import annotations

import re
from typing import Any

import pytest

from christmas_campaign.events import opaque_ids
from unit import build


def test_an_enrolment_id_is_what_it_was_yesterday() -> None:
    """It is a key in stores that outlive a release: it must not change by accident."""
    assert build.event().id == "signup-a2f7e0ca3f2dd1e0686380cb"
    assert opaque_ids.contact_id("zoe@example.com") == "7ece2a81c666152c41fce3d8"


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("signup", {"first_name": "Ana", "assessment_score": 3, "email_1_sent_at": "2025-11-19T10:00:00"}),
        ("signup", {"email": "  ZOE@Example.com "}),
        ("noshow", {"first_name": "Ana", "scheduled_time": "2025-11-21T10:00:00", "email": "Zoe@example.com"}),
        ("postcall", {"call_date": "2025-11-20T09:00:00-05:00"}),
        ("postcall", {"call_date": "2025-11-20T09:00:00"}),
        ("postcall", {"call_date": "2025-11-20T14:00:00.000+00:00", "call_notes": "again"}),
        ("onboarding", {"payment_date": "2025-11-20T23:00:00+09:00", "payment_amount": 1}),
    ],
)
def test_the_same_event_has_the_same_id_however_it_was_written(name: str, changed: dict[str, Any]) -> None:
    assert build.event(name, **changed).id == build.event(name).id


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("signup", {"email": "ana@example.com"}),
        ("noshow", {"email": "ana@example.com"}),
        ("noshow", {"calendly_event_uri": "https://api.calendly.com/scheduled_events/BBB"}),
        # An address is not a time, even if it can be read as one.
        ("noshow", {"calendly_event_uri": "https://api.calendly.com/scheduled_events/aaa"}),
        ("postcall", {"email": "ana@example.com"}),
        ("postcall", {"call_date": "2025-11-20T14:00:01Z"}),
        ("postcall", {"call_date": "2025-11-20T14:00:00"}),
        ("onboarding", {"payment_date": "2026-11-20T14:00:00Z"}),
    ],
)
def test_another_event_or_address_has_another_id(name: str, changed: dict[str, Any]) -> None:
    assert build.event(name, **changed).id != build.event(name).id


def test_the_same_contact_has_another_id_in_each_sequence() -> None:
    assert len({build.event(name).id for name in build.NAMES}) == 5


@pytest.mark.parametrize("name", build.NAMES)
def test_an_id_gives_nothing_away_and_is_fit_for_a_key(name: str) -> None:
    event = build.event(name)
    assert re.fullmatch(rf"{name}-[0-9a-f]{{24}}", event.id)
    assert "zoe" not in event.id
    assert "example" not in event.id


def test_a_contact_id_is_opaque_and_one_for_each_address() -> None:
    assert re.fullmatch(r"[0-9a-f]{24}", opaque_ids.contact_id("zoe@example.com"))
    assert opaque_ids.contact_id("zoe@example.com") != opaque_ids.contact_id("ana@example.com")


def test_parts_do_not_run_into_each_other() -> None:
    assert opaque_ids._digest("ab", "c") != opaque_ids._digest("a", "bc")


def test_each_email_of_an_enrolment_has_a_key_of_its_own_at_resend() -> None:
    enrolment = build.event().id
    assert opaque_ids.idempotency_key(enrolment, 2) == f"{enrolment}-e2"
    assert opaque_ids.idempotency_key(enrolment, 3) == f"{enrolment}-e3"
    assert max(len(opaque_ids.idempotency_key(build.event(name).id, 99)) for name in build.NAMES) <= 256
