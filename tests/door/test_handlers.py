"""The handlers, as data: what starts a sequence, and what a call of each is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from support import payload

from christmas_campaign.door.decisions import Decision, for_delivery_report, for_sequence
from christmas_campaign.door.handlers import BY_NAME, HANDLERS
from christmas_campaign.door.http.json_body import Unreadable
from christmas_campaign.events.intake import Event
from christmas_campaign.events.intake import read as read_payload
from christmas_campaign.sequences.registry import SEQUENCES

NOW = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)


def decided(said: object, name: str = "signup") -> Decision:
    return for_sequence(name)(json.dumps(said).encode(), NOW)


def test_every_name_flow_and_key_is_one_handlers() -> None:
    for values in zip(*((each.name, each.flow, each.webhook_key, each.path) for each in HANDLERS), strict=True):
        assert len(set(values)) == len(HANDLERS)
    assert list(BY_NAME) == [each.name for each in HANDLERS]
    assert list(BY_NAME)[: len(SEQUENCES)] == [each.name for each in SEQUENCES]


def test_a_call_that_starts_a_sequence_is_needed_and_kept_once() -> None:
    found = decided(payload("ana@example.com"))
    event: Event = read_payload(payload("ana@example.com"), "signup", NOW)
    assert (found.status, found.enrolment_id, found.must_be_stored, found.log_message) == (200, event.id, True, "")
    assert (found.body["status"], found.body["execution_id"]) == ("accepted", None)
    assert found.duplicate_body["status"] == "skipped"


def test_one_that_starts_nothing_is_handed_on_to_be_seen_alone() -> None:
    found = decided(payload("ana@example.com", "postcall", call_outcome="No"), "postcall")
    assert (found.status, found.enrolment_id, found.must_be_stored, found.body["reason"]) == (
        200,
        None,
        False,
        "not_a_maybe",
    )


def test_what_is_wrong_is_told_without_the_senders_words() -> None:
    found = decided(payload("nobody", variables={"Mine": {}}))
    assert (found.status, found.body["status"], found.log_message) == (
        422,
        "rejected",
        "wrong or missing: email, variables",
    )
    with pytest.raises(Unreadable):
        for_sequence("signup")(b'{"a":1,"a":2}', NOW)


def report(name: str, **tags: str) -> bytes:
    """What Resend says of an e-mail of this system, with these tags besides or instead."""
    own = {"enrolment": f"signup-{'a' * 24}", "number": "2", "contact": "b" * 24, **tags}
    return json.dumps(
        {"type": name, "created_at": "2025-11-20T15:00:00Z", "data": {"email_id": "x", "tags": own}}
    ).encode()


@pytest.mark.parametrize("name", ["email.bounced", "email.complained", "email.delivered", "email.opened"])
def test_a_report_of_resends_is_needed_and_none_is_taken_for_another(name: str) -> None:
    """Whether it counts that an e-mail was opened is for Kestra to say."""
    assert for_delivery_report(report(name), NOW) == Decision(200, {"status": "accepted"})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (report("email.sent"), "not_of_interest"),
        (report("email.bounced", enrolment="another-systems"), "not_ours"),
        (b"[]", "not_of_interest"),
    ],
)
def test_what_kestra_need_not_see_is_answered_and_not_handed_on(body: bytes, reason: str) -> None:
    assert for_delivery_report(body, NOW) == Decision(200, {"status": "skipped", "reason": reason}, forward=False)


def test_a_report_that_can_be_read_in_two_ways_is_refused() -> None:
    with pytest.raises(Unreadable):
        for_delivery_report(b'{"type":"email.bounced","type":"email.delivered"}', NOW)
