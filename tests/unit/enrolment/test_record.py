from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from christmas_campaign.campaign.facts import ZONE
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.enrolment.record import LedgerEntry, Record, time_to_live
from unit import build

NOW = build.NOW


def test_a_record_is_kept_as_json_and_read_again() -> None:
    record = build.record(
        contact={"Phase": None, "Assessment Score": 52}, signup={"red_systems": 2}, variables={"a": build.AWKWARD}
    )
    kept = json.loads(json.dumps(record.as_json()))
    assert kept == {
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
    assert Record.from_json(kept) == record


def test_the_last_email_is_the_one_with_the_greatest_number() -> None:
    assert build.record().last == 5
    assert build.record(emails={10: NOW, 9: NOW}).last == 10


@pytest.mark.parametrize(
    ("numbers", "before"),
    [
        ((2, 3, 4, 5), {"3": 2, "4": 3, "5": 4}),
        ((1, 2, 3), {"2": 1, "3": 2}),
        ((2, 4, 5), {"4": 2, "5": 4}),
        ((5, 2), {"5": 2}),
        ((9, 10), {"10": 9}),
        ((5,), {}),
    ],
)
def test_the_email_before_another_is_the_next_smaller_one_of_the_record(
    numbers: tuple[int, ...], before: dict[str, int]
) -> None:
    record = build.record(emails=dict.fromkeys(numbers, NOW))
    assert record.as_json()["before"] == before
    assert {str(number): record.previous_number(number) for number in numbers if number != min(numbers)} == before
    assert record.previous_number(min(numbers)) is None


@pytest.mark.parametrize(
    "settled",
    [
        LedgerEntry(Outcome.SENT, NOW, resend_id="re_1"),
        LedgerEntry(Outcome.SENT, NOW),
        LedgerEntry(Outcome.FAILED, NOW, Reason.VALUE_MISSING),
        LedgerEntry(Outcome.SKIPPED, NOW, Reason.ALREADY_SENT),
        LedgerEntry(Outcome.SENDING, NOW, claimed_at=NOW - timedelta(hours=2)),
        LedgerEntry(Outcome.FAILED, NOW, Reason.SEND_UNKNOWN, claimed_at=NOW - timedelta(days=2)),
    ],
)
def test_how_an_email_was_settled_is_kept_as_json_and_read_again(settled: LedgerEntry) -> None:
    kept = json.loads(json.dumps(settled.as_json()))
    assert kept["at"] == "2025-11-20T15:00:00.000Z"
    again = LedgerEntry.from_json(kept)
    assert again == settled
    assert again.outcome is settled.outcome
    assert again.reason is settled.reason


@pytest.mark.parametrize(
    ("settled", "kept"),
    [
        (
            LedgerEntry(Outcome.SENT, NOW, resend_id="re_1"),
            {"outcome": "sent", "reason": None, "resend_id": "re_1", "claimed_at": None},
        ),
        (
            LedgerEntry(Outcome.SENDING, NOW, claimed_at=NOW - timedelta(seconds=0.5)),
            {"outcome": "sending", "reason": None, "resend_id": None, "claimed_at": "2025-11-20T14:59:59.500Z"},
        ),
        (
            LedgerEntry(
                Outcome.FAILED, NOW, Reason.SEND_UNKNOWN, claimed_at=(NOW - timedelta(days=1)).astimezone(ZONE)
            ),
            {
                "outcome": "failed",
                "reason": "send_unknown",
                "resend_id": None,
                "claimed_at": "2025-11-19T15:00:00.000Z",
            },
        ),
    ],
)
def test_what_is_kept_of_an_email_to_the_letter(settled: LedgerEntry, kept: dict[str, str | None]) -> None:
    assert json.loads(json.dumps(settled.as_json())) == {"at": "2025-11-20T15:00:00.000Z", **kept}


@pytest.mark.parametrize("outcome", Outcome)
def test_only_a_claim_is_not_final(outcome: Outcome) -> None:
    assert LedgerEntry(outcome, NOW).is_final is (outcome != "sending")
    assert LedgerEntry(outcome, NOW, claimed_at=NOW).is_final is (outcome != "sending")


def test_what_the_flow_itself_writes_when_a_step_broke_can_be_read() -> None:
    written = {"outcome": "failed", "at": "2025-11-20T15:00:00.123456789Z", "reason": "step_failed"}
    at = datetime(2025, 11, 20, 15, 0, 0, 123456, tzinfo=UTC)
    assert LedgerEntry.from_json(written) == LedgerEntry(Outcome.FAILED, at, Reason.STEP_FAILED, None)
    assert LedgerEntry.from_json({**written, "claimed_at": None}) == LedgerEntry(Outcome.FAILED, at, Reason.STEP_FAILED)
    claimed = {**written, "claimed_at": "2025-11-20T14:00:00.000Z"}
    assert LedgerEntry.from_json(claimed) == LedgerEntry(
        Outcome.FAILED, at, Reason.STEP_FAILED, None, NOW - timedelta(hours=1)
    )


@pytest.mark.parametrize(
    ("last", "kept"),
    [
        (timedelta(0), "PT2592000S"),
        (timedelta(hours=120), "PT3024000S"),
        (timedelta(days=-90), "PT2592000S"),
        (timedelta(milliseconds=999), "PT2592000S"),
    ],
)
def test_what_was_said_is_kept_until_thirty_days_after_the_last_email(last: timedelta, kept: str) -> None:
    assert time_to_live(NOW + last, NOW) == kept


@pytest.mark.parametrize(
    ("later", "left"),
    [
        (timedelta(0), "PT3024000S"),
        (timedelta(hours=120), "PT2592000S"),
        (timedelta(days=34, hours=23), "PT3600S"),
        (timedelta(days=35), None),
        (timedelta(days=40), None),
    ],
)
def test_a_record_that_is_written_again_expires_when_it_would_have(later: timedelta, left: str | None) -> None:
    """The last e-mail is due after five days, and the record is kept for thirty more."""
    assert build.record().time_left(NOW + later) == left
