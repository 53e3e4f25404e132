from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events.intake import Event
from christmas_campaign.stops import bookings
from christmas_campaign.stops.rules import Source, Stop
from unit import build

NOW, HOUR = build.NOW, build.HOUR
BOOKED = {"Booking Status": "Booked", "Diagnostic Call Date": "2025-11-24T10:00:00.000-05:00"}


def stop(reason: Reason, at: datetime = NOW, booking: str | None = None) -> Stop:
    return Stop(reason, at, Source.BOOKING, booking)


def ask(event: Event, *stops: Stop, **said: Any) -> dict[str, Any]:
    return bookings.contact_update(event, [build.contact(**said), build.contact("contact-2")], stops)


@pytest.mark.parametrize("name", [name for name in build.NAMES if name != "precall"])
def test_what_is_no_booking_ends_nothing(name: str) -> None:
    assert bookings.ends(build.event(name)) == []


def test_a_booking_ends_what_it_makes_needless_and_the_call_before_it() -> None:
    event = build.event("precall", booked_at="2025-11-20T14:00:00Z")
    at = {"at": "2025-11-20T14:00:00.000Z", "by": "booking", "booking": ""}
    assert bookings.ends(event) == [{"reason": "booked", **at}, {"reason": "call_moved", **at}]


def test_a_cancellation_ends_its_booking() -> None:
    event = build.event("precall", status="cancelled", booked_at="2025-11-20T14:00:00Z")
    at = {"at": "2025-11-20T15:00:00.000Z", "by": "booking", "booking": event.booking}
    assert bookings.ends(event) == [{"reason": "call_cancelled", **at}]


def test_what_a_booking_says_of_the_contact() -> None:
    said = ask(build.event("precall"), stop(Reason.BOOKED), stop(Reason.CALL_MOVED))
    assert said == {
        "contact": {
            "path": "/v1/pages/contact-1",
            "body": {
                "properties": {
                    "Booking Status": {"select": {"name": "Booked"}},
                    "Diagnostic Call Date": {"date": {"start": "2025-11-24T15:00:00.000Z"}},
                    "Christmas Campaign Status": {"select": {"name": "Pre-Call Prep"}},
                }
            },
        },
        "note": "The call was booked: the contact's page says so.",
    }


def test_who_wants_no_more_emails_has_booked_a_call_all_the_same() -> None:
    held = [stop(reason, NOW + HOUR) for reason in (Reason.UNSUBSCRIBED, Reason.STOPPED_BY_PERSON, Reason.BOUGHT)]
    assert ask(build.event("precall"), *held)["contact"] is not None


def test_a_booking_that_a_newer_one_has_overtaken_says_nothing() -> None:
    said = ask(build.event("precall"), stop(Reason.CALL_MOVED, NOW + HOUR))
    assert said == {
        "contact": None,
        "note": "This booking does not hold any more (call_moved): the contact's page stays as it is.",
    }


def test_a_booking_that_was_cancelled_before_it_arrived_says_nothing() -> None:
    event = build.event("precall")
    assert ask(event, stop(Reason.CALL_CANCELLED, booking=event.booking))["contact"] is None
    assert ask(event, stop(Reason.CALL_CANCELLED, booking="other"))["contact"] is not None


@pytest.mark.parametrize(
    "kept", ["2025-11-24T10:00:00.000-05:00", "2025-11-24T15:00:59.000Z", "2025-11-24T15:00:00.250Z"]
)
def test_a_cancellation_empties_the_page(kept: str) -> None:
    said = ask(build.event("precall", status="cancelled"), **{**BOOKED, "Diagnostic Call Date": kept})
    assert said["note"] == "The call was cancelled: the contact's page says so."
    assert said["contact"] == {
        "path": "/v1/pages/contact-1",
        "body": {
            "properties": {"Booking Status": {"select": {"name": "Not Booked"}}, "Diagnostic Call Date": {"date": None}}
        },
    }


@pytest.mark.parametrize(
    "kept",
    [
        {"Diagnostic Call Date": "2025-11-24T15:01:00.000Z"},
        {"Diagnostic Call Date": None},
        {"Booking Status": "Completed"},
        {"Booking Status": None},
    ],
)
def test_a_cancellation_leaves_alone_what_is_of_another_call(kept: dict[str, Any]) -> None:
    said = ask(build.event("precall", status="cancelled"), **{**BOOKED, **kept})
    assert said["contact"] is None
    assert said["note"] == "The contact's page names another call, or none: it stays as it is."


def test_who_is_not_in_businessx_has_no_page_to_write() -> None:
    for status in ("booked", "cancelled"):
        said = bookings.contact_update(build.event("precall", status=status), [], [])
        assert said["contact"] is None
        assert said["note"] == "There is no such contact in BusinessX: nothing was updated there."
