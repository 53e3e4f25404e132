from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from christmas_campaign.campaign.facts import ZONE
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.enrolment.record import LedgerEntry, Record, time_to_live
from unit import build

NOW, HOUR = build.NOW, build.HOUR


def test_record_is_written_as_json_and_read_again() -> None:
    record = build.record(
        contact={"Phase": None, "Assessment Score": 52}, signup={"red_systems": 2}, variables={"a": build.AWKWARD}
    )
    entry = json.loads(json.dumps(record.as_json()))
    assert entry == {
        "event": {
            "sequence": "signup",
            "fields": {"email": "zoe@example.com", "first_name": "Zoë", "assessment_score": 52},
            "variables": {"a": build.AWKWARD},
            "received_at": "2025-11-20T15:00:00.000Z",
        },
        "contact": {"Phase": None, "Assessment Score": 52},
        "emails": {
            "2": "2025-11-21T15:00:00.000Z",
            "3": "2025-11-23T15:00:00.000Z",
            "4": "2025-11-24T15:00:00.000Z",
            "5": "2025-11-25T15:00:00.000Z",
        },
        "before": {"3": 2, "4": 3, "5": 4},
        "labels": build.WHO,
        "sources": {"templates": "source-templates", "analytics": "source-analytics"},
        "signup": {"red_systems": 2},
    }
    assert Record.from_json(entry) == record


@pytest.mark.parametrize(
    ("numbers", "before"),
    [
        ((2, 3, 4, 5), {"3": 2, "4": 3, "5": 4}),
        ((2, 4, 5), {"4": 2, "5": 4}),
        ((10, 9), {"10": 9}),
        ((5,), {}),
    ],
)
def test_previous_email_is_the_one_with_the_next_smaller_number(
    numbers: tuple[int, ...], before: dict[str, int]
) -> None:
    record = build.record(emails=dict.fromkeys(numbers, NOW))
    assert record.as_json()["before"] == before
    assert {str(number): record.previous_number(number) for number in numbers if number != min(numbers)} == before
    assert record.previous_number(min(numbers)) is None
    assert record.last == max(numbers)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (LedgerEntry(Outcome.SENT, NOW, resend_id="re_1"), {"outcome": "sent", "resend_id": "re_1"}),
        (LedgerEntry(Outcome.SKIPPED, NOW, Reason.ALREADY_SENT), {"outcome": "skipped", "reason": "already_sent"}),
        (
            LedgerEntry(Outcome.SENDING, NOW, claimed_at=NOW - timedelta(seconds=0.5)),
            {"outcome": "sending", "claimed_at": "2025-11-20T14:59:59.500Z"},
        ),
        (
            LedgerEntry(Outcome.FAILED, NOW, Reason.SEND_UNKNOWN, claimed_at=(NOW - 24 * HOUR).astimezone(ZONE)),
            {"outcome": "failed", "reason": "send_unknown", "claimed_at": "2025-11-19T15:00:00.000Z"},
        ),
    ],
)
def test_ledger_entry_is_written_as_json_and_read_again(entry: LedgerEntry, expected: dict[str, Any]) -> None:
    json_entry = json.loads(json.dumps(entry.as_json()))
    empty = {"reason": None, "resend_id": None, "claimed_at": None}
    assert json_entry == {"at": "2025-11-20T15:00:00.000Z", **empty, **expected}
    read = LedgerEntry.from_json(json_entry)
    assert read == entry
    assert (read.outcome, read.reason) == (entry.outcome, entry.reason)


def test_ledger_entry_that_a_flow_writes_when_a_step_fails_can_be_read() -> None:
    entry = {"outcome": "failed", "at": "2025-11-20T15:00:00.123456789Z", "reason": "step_failed"}
    at = datetime(2025, 11, 20, 15, 0, 0, 123456, tzinfo=UTC)
    failed = LedgerEntry(Outcome.FAILED, at, Reason.STEP_FAILED)
    assert LedgerEntry.from_json(entry) == LedgerEntry.from_json({**entry, "claimed_at": None}) == failed
    claimed = LedgerEntry.from_json({**entry, "claimed_at": "2025-11-20T14:00:00.000Z"})
    assert claimed == failed._replace(claimed_at=NOW - HOUR)


@pytest.mark.parametrize("outcome", Outcome)
def test_only_a_claim_is_not_final_and_only_sent_and_skipped_are_done(outcome: Outcome) -> None:
    entry = LedgerEntry(outcome, NOW, claimed_at=NOW)
    assert entry.is_final is (outcome != "sending")
    assert entry.is_done is (outcome in ("sent", "skipped"))


def test_planned_email_that_this_release_does_not_have_is_withdrawn() -> None:
    record = build.record(emails={2: NOW, 9: NOW})
    assert [record.is_withdrawn(number) for number in (2, 9, 3, 10)] == [False, True, False, False]


@pytest.mark.parametrize(
    ("last", "ttl"),
    [
        (timedelta(hours=120), "PT3024000S"),
        (timedelta(milliseconds=999), "PT2592000S"),
        (timedelta(days=-90), "PT2592000S"),
    ],
)
def test_entries_expire_thirty_days_after_the_last_email(last: timedelta, ttl: str) -> None:
    assert time_to_live(NOW + last, NOW) == ttl


@pytest.mark.parametrize(
    ("after", "ttl"),
    [
        (timedelta(hours=120), "PT2592000S"),
        (timedelta(days=34, hours=23), "PT3600S"),
        (timedelta(days=34, hours=23, minutes=59, seconds=59), "PT1S"),
        (timedelta(days=35), None),
        (timedelta(days=40), None),
    ],
)
def test_record_that_is_written_again_expires_when_it_would_have(after: timedelta, ttl: str | None) -> None:
    """Its last e-mail is due after 5 days, and it expires after 35."""
    assert build.record().time_left(NOW + after) == ttl
