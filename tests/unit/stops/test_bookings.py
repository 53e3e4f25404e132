from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion.page_values import PageUpdate
from christmas_campaign.stops import bookings
from christmas_campaign.stops.bookings import ContactUpdate
from christmas_campaign.stops.rules import Source, Stop
from unit import build

NOW, HOUR = build.NOW, build.HOUR
BOOKED = {"Booking Status": "Booked", "Diagnostic Call Date": "2025-11-24T10:00:00.000-05:00"}


def stop(reason: Reason, at: datetime = NOW, booking: str | None = None) -> Stop:
    return Stop(reason, at, Source.BOOKING, booking)


def ask(event: Event, *stops: Stop, **said: Any) -> ContactUpdate:
    return bookings.contact_update(event, [build.contact(**said), build.contact("contact-2")], stops)


@pytest.mark.parametrize("name", [name for name in build.NAMES if name != "precall"])
def test_what_is_no_booking_ends_nothing(name: str) -> None:
    assert bookings.booking_stops(build.event(name)) == ()


def test_a_booking_ends_what_it_makes_needless_and_the_call_before_it() -> None:
    event = build.event("precall", booked_at="2025-11-20T14:00:00Z")
    made = NOW - HOUR
    assert bookings.booking_stops(event) == (stop(Reason.BOOKED, made), stop(Reason.CALL_MOVED, made))


def test_a_cancellation_ends_its_booking() -> None:
    event = build.event("precall", status="cancelled", booked_at="2025-11-20T14:00:00Z")
    assert bookings.booking_stops(event) == (stop(Reason.CALL_CANCELLED, booking=event.booking),)


def test_what_a_booking_says_of_the_contact() -> None:
    said = ask(build.event("precall"), stop(Reason.BOOKED), stop(Reason.CALL_MOVED))
    properties: JsonObject = {
        "Booking Status": {"select": {"name": "Booked"}},
        "Diagnostic Call Date": {"date": {"start": "2025-11-24T15:00:00.000Z"}},
        "Christmas Campaign Status": {"select": {"name": "Pre-Call Prep"}},
    }
    assert said == ContactUpdate(
        PageUpdate("/v1/pages/contact-1", {"properties": properties}),
        "The call was booked: the contact's page says so.",
    )


def test_who_wants_no_more_emails_has_booked_a_call_all_the_same() -> None:
    held = [stop(reason, NOW + HOUR) for reason in (Reason.UNSUBSCRIBED, Reason.STOPPED_BY_PERSON, Reason.BOUGHT)]
    assert ask(build.event("precall"), *held).request is not None


def test_a_booking_that_a_newer_one_has_overtaken_says_nothing() -> None:
    said = ask(build.event("precall"), stop(Reason.CALL_MOVED, NOW + HOUR))
    note = "This booking is no longer valid (call_moved): the contact's page stays as it is."
    assert said == ContactUpdate(None, note)


def test_a_booking_that_was_cancelled_before_it_arrived_says_nothing() -> None:
    event = build.event("precall")
    assert ask(event, stop(Reason.CALL_CANCELLED, booking=event.booking)).request is None
    assert ask(event, stop(Reason.CALL_CANCELLED, booking="other")).request is not None


@pytest.mark.parametrize(
    "kept", ["2025-11-24T10:00:00.000-05:00", "2025-11-24T15:00:59.000Z", "2025-11-24T15:00:00.250Z"]
)
def test_a_cancellation_empties_the_page(kept: str) -> None:
    said = ask(build.event("precall", status="cancelled"), **{**BOOKED, "Diagnostic Call Date": kept})
    assert said.note == "The call was cancelled: the contact's page says so."
    properties: JsonObject = {
        "Booking Status": {"select": {"name": "Not Booked"}},
        "Diagnostic Call Date": {"date": None},
    }
    assert said.request == PageUpdate("/v1/pages/contact-1", {"properties": properties})


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
    assert said.request is None
    assert said.note == "The contact's page names another call, or none: it stays as it is."


def test_who_is_not_in_businessx_has_no_page_to_write() -> None:
    for status in ("booked", "cancelled"):
        said = bookings.contact_update(build.event("precall", status=status), [], [])
        assert said.request is None
        assert said.note == "There is no such contact in BusinessX: nothing was updated there."
