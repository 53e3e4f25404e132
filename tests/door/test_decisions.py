"""The decisions about calls: the answer, whether the call is stored, and what reaches the log."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from support import payload

from christmas_campaign.door.decisions import Decision, for_delivery_report, for_sequence
from christmas_campaign.door.http.json_body import Unreadable
from christmas_campaign.events.intake import Event
from christmas_campaign.events.intake import read as read_payload

NOW = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)


def decide(value: object, name: str = "signup") -> Decision:
    return for_sequence(name)(json.dumps(value).encode(), NOW)


def test_call_that_starts_a_sequence_must_be_stored_once() -> None:
    decision = decide(payload("ana@example.com"))
    event: Event = read_payload(payload("ana@example.com"), "signup", NOW)
    assert (decision.status, decision.enrolment_id, decision.must_be_stored) == (200, event.id, True)
    assert (decision.body["status"], decision.body["execution_id"]) == ("accepted", None)
    assert decision.duplicate_body["status"] == "skipped"


def test_call_that_starts_nothing_need_not_be_stored() -> None:
    decision = decide(payload("ana@example.com", "postcall", call_outcome="No"), "postcall")
    assert (decision.status, decision.enrolment_id, decision.must_be_stored) == (200, None, False)
    assert decision.body["reason"] == "not_a_maybe"


def test_log_message_names_fields_without_the_senders_words() -> None:
    decision = decide(payload("nobody", variables={"Mine": {}}))
    assert (decision.status, decision.log_message) == (422, "wrong or missing: email, variables")


def report(name: str, **tags: str) -> bytes:
    """Return Resend's delivery report ``name`` on an e-mail of the campaign, with these tags changed."""
    all_tags = {"enrolment": f"signup-{'a' * 24}", "number": "2", "contact": "b" * 24, **tags}
    return json.dumps(
        {"type": name, "created_at": "2025-11-20T15:00:00Z", "data": {"email_id": "x", "tags": all_tags}}
    ).encode()


@pytest.mark.parametrize("name", ["email.bounced", "email.complained", "email.delivered", "email.opened"])
def test_delivery_report_must_be_stored(name: str) -> None:
    assert for_delivery_report(report(name), NOW) == Decision(200, {"status": "accepted"})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (report("email.sent"), "not_of_interest"),
        (report("email.bounced", enrolment="another-systems"), "not_ours"),
        (b"[]", "not_of_interest"),
    ],
)
def test_report_that_kestra_does_not_need_is_not_forwarded(body: bytes, reason: str) -> None:
    assert for_delivery_report(body, NOW) == Decision(200, {"status": "skipped", "reason": reason}, forward=False)


def test_ambiguous_json_is_refused() -> None:
    for decide_call in (for_sequence("signup"), for_delivery_report):
        with pytest.raises(Unreadable):
            decide_call(b'{"type":"email.bounced","type":"email.delivered"}', NOW)
