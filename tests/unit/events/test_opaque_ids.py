from __future__ import annotations

import re
from typing import Any

import pytest

from christmas_campaign.events import opaque_ids
from unit import build


def test_ids_do_not_change_between_releases() -> None:
    """Kestra, Resend and Notion keep them for weeks."""
    assert build.event().id == "signup-a2f7e0ca3f2dd1e0686380cb"
    assert opaque_ids.contact_id("zoe@example.com") == "7ece2a81c666152c41fce3d8"
    assert build.event("precall").booking == "fd084b2e5289a6412ff033b0"
    assert opaque_ids.idempotency_key("signup-a2f7e0ca3f2dd1e0686380cb", 2) == "signup-a2f7e0ca3f2dd1e0686380cb-e2"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("signup", {"first_name": "Ana", "assessment_score": 3, "email_1_sent_at": "2025-11-19T10:00:00"}),
        ("signup", {"email": "  ZOE@Example.com "}),
        ("noshow", {"first_name": "Ana", "scheduled_time": "2025-11-21T10:00:00"}),
        ("postcall", {"call_date": "2025-11-20T09:00:00"}),
        ("postcall", {"call_date": "2025-11-20T14:00:00.000+00:00", "call_notes": "again"}),
        ("onboarding", {"payment_date": "2025-11-20T23:00:00+09:00", "payment_amount": 1}),
    ],
)
def test_same_event_has_the_same_id_in_any_spelling(name: str, fields: dict[str, Any]) -> None:
    assert build.event(name, **fields).id == build.event(name).id


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("signup", {"email": "ana@example.com"}),
        ("noshow", {"email": "ana@example.com"}),
        # A URI is compared by case.
        ("noshow", {"calendly_event_uri": "https://api.calendly.com/scheduled_events/aaa"}),
        ("postcall", {"call_date": "2025-11-20T14:00:01Z"}),
        ("postcall", {"call_date": "2025-11-20T14:00:00"}),
        ("onboarding", {"payment_date": "2026-11-20T14:00:00Z"}),
    ],
)
def test_another_event_or_address_has_another_id(name: str, fields: dict[str, Any]) -> None:
    assert build.event(name, **fields).id != build.event(name).id


@pytest.mark.parametrize("name", build.NAMES)
def test_id_has_the_sequence_and_no_personal_data(name: str) -> None:
    assert re.fullmatch(rf"{name}-[0-9a-f]{{24}}", build.event(name).id)
    assert re.fullmatch(r"[0-9a-f]{24}", opaque_ids.contact_id(f"{name}@example.com"))
    assert len(opaque_ids.idempotency_key(build.event(name).id, 99)) <= 256


def test_same_contact_has_another_id_in_each_sequence() -> None:
    digests = {build.event(name).id.rpartition("-")[2] for name in build.NAMES}
    assert len(digests) == len(build.NAMES)


def test_parts_of_an_id_do_not_run_into_each_other() -> None:
    assert opaque_ids.booking_id("ab", "c") != opaque_ids.booking_id("a", "bc")
