from __future__ import annotations

import json

import pytest

from christmas_campaign.enrolment import lookups
from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.events.intake import Event
from unit import build


@pytest.mark.parametrize("name", [name for name in build.NAMES if name != "precall"])
def test_input_has_the_event_and_what_the_flow_needs_besides(name: str) -> None:
    event = build.event(name)
    values = enroll_input(event)
    assert Event.from_json(json.loads(json.dumps(values))) == event
    purchase = {
        "contact": "7ece2a81c666152c41fce3d8",
        "reason": "bought",
        "by": "enrolment",
        "at": "2025-11-20T15:00:00.000Z",
    }
    assert values == {
        **event.as_json(),
        "lookups": lookups.lookups(event).as_json(),
        "duplicate": event.own_sequence.duplicate,
        "signup": lookups.signup_id(event),
        "stop": "stop.7ece2a81c666152c41fce3d8",
        "bought": purchase if name == "onboarding" else None,
    }


def test_input_of_a_booking_has_the_stops_that_it_writes() -> None:
    event = build.event("precall")
    booked = enroll_input(event)
    assert Event.from_json(json.loads(json.dumps(booked))) == event
    stop = {"at": "2025-11-20T15:00:00.000Z", "by": "booking", "booking": "", "contact": build.WHO["contact"]}
    assert booked["ends"] == [{"reason": "booked", **stop}, {"reason": "call_moved", **stop}]
    assert (booked["cancels"], booked["bought"]) == (False, None)
    cancelled = enroll_input(build.event("precall", status="cancelled"))
    assert cancelled["ends"] == [{**stop, "reason": "call_cancelled", "booking": event.booking}]
    assert cancelled["cancels"] is True
