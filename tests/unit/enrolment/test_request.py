from __future__ import annotations

import json

import pytest

from christmas_campaign.enrolment import lookups
from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.events.intake import Event
from unit import build

#: What ends the sequences of a booking's contact is tested with the bookings.
NAMES = [name for name in build.NAMES if name != "precall"]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_event_and_what_is_asked_on_the_way(name: str) -> None:
    event = build.event(name)
    given = enroll_input(event)
    assert Event.from_json(json.loads(json.dumps(given))) == event
    assert given == {
        **event.as_json(),
        "lookups": lookups.lookups(event).as_json(),
        "duplicate": given["duplicate"],
        "signup": lookups.signup_id(event),
        "stop": "stop.7ece2a81c666152c41fce3d8",
        "bought": given["bought"],
    }


@pytest.mark.parametrize("name", build.NAMES)
def test_an_onboarding_is_a_purchase_and_nothing_else_is(name: str) -> None:
    bought = {
        "contact": "7ece2a81c666152c41fce3d8",
        "reason": "bought",
        "by": "enrolment",
        "at": "2025-11-20T15:00:00.000Z",
    }
    assert enroll_input(build.event(name))["bought"] == (bought if name == "onboarding" else None)


def test_a_booking_brings_what_it_ends() -> None:
    event = build.event("precall")
    given = enroll_input(event)
    assert Event.from_json(json.loads(json.dumps(given))) == event
    at = {"at": "2025-11-20T15:00:00.000Z", "by": "booking", "booking": ""}
    assert given["ends"] == [{"reason": "booked", **at}, {"reason": "call_moved", **at}]
    assert given["cancels"] is False
    cancelled = enroll_input(build.event("precall", status="cancelled"))
    assert cancelled["cancels"] is True
    assert cancelled["ends"] == [{**at, "reason": "call_cancelled", "booking": event.booking}]


def test_the_reason_if_it_was_enrolled_before_is_the_sequences() -> None:
    assert enroll_input(build.event())["duplicate"] == "already_in_sequence"
    assert enroll_input(build.event("noshow"))["duplicate"] == "duplicate_noshow_sequence"
