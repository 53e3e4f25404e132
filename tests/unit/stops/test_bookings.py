from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion.page_values import PageUpdate
from christmas_campaign.stops import bookings
from christmas_campaign.stops.bookings import ContactStop, ContactUpdate
from christmas_campaign.stops.rules import Source, Stop
from unit import build

NOW, HOUR = build.NOW, build.HOUR
BOOKED_PAGE = {"Booking Status": "Booked", "Diagnostic Call Date": "2025-11-24T10:00:00.000-05:00"}
BOOKED, CANCELLED = build.event("precall"), build.event("precall", status="cancelled")


def stop(reason: Reason, at: datetime = NOW, booking: str | None = None) -> Stop:
    return Stop(reason, at, Source.BOOKING, booking)


def contact_update(event: Event, *stops: Stop, **page: Any) -> ContactUpdate:
    return bookings.contact_update(event, [build.contact(**page), build.contact("contact-2")], stops)


def test_only_bookings_and_cancellations_cause_stops() -> None:
    booked, cancelled = (
        build.event("precall", status=status, booked_at="2025-11-20T14:00:00Z") for status in ("booked", "cancelled")
    )
    at = NOW - HOUR
    assert bookings.booking_stops(booked) == (stop(Reason.BOOKED, at), stop(Reason.CALL_MOVED, at))
    assert bookings.booking_stops(cancelled) == (stop(Reason.CALL_CANCELLED, booking=cancelled.booking),)
    assert bookings.booking_stops(build.event()) == ()
    assert bookings.booking_stops(build.event("noshow")) == ()


def test_cancellation_of_a_call_that_moves_ends_the_old_time_only() -> None:
    event = build.event("precall", status="cancelled", rescheduled=True, booked_at="2025-11-20T14:00:00Z")
    assert bookings.booking_stops(event) == (stop(Reason.CALL_MOVED, booking=event.call),)


def test_requested_call_ends_the_booking_that_it_replaces() -> None:
    at = NOW - HOUR
    event = build.event("precall", status="requested", moved_from="OLD", booked_at="2025-11-20T14:00:00Z")
    old = build.event("precall", booking_uri="OLD").booking
    assert bookings.booking_stops(event) == tuple(stop(Reason.CALL_MOVED, at, name) for name in (event.booking, old))
    event = build.event("precall", status="requested")
    assert bookings.booking_stops(event) == (stop(Reason.CALL_MOVED, NOW, event.booking),)


def test_cancellation_ends_the_emails_of_everybody_in_the_call() -> None:
    guests = ["A@example.com", "zoe@example.com", "no address", "a@example.com", "b@example.com"]
    event = build.event("precall", status="cancelled", guests=guests)
    others = [build.event("precall", email=email) for email in ("a@example.com", "b@example.com")]
    assert bookings.guest_stops(event) == tuple(
        ContactStop(opaque_ids.contact_id(other.email), stop(Reason.CALL_CANCELLED, booking=other.booking))
        for other in others
    )
    assert bookings.guest_stops(build.event("precall", guests=guests)) == ()
    assert bookings.guest_stops(CANCELLED) == ()
    ends: Any = enroll_input(event)["ends"]
    assert [end["contact"] for end in ends] == [opaque_ids.contact_id(each.email) for each in (event, *others)]


def test_withdrawn_report_of_a_missed_call_ends_its_emails() -> None:
    event = build.event("noshow", no_show_status="withdrawn")
    assert bookings.booking_stops(event) == (stop(Reason.NOSHOW_WITHDRAWN, booking=event.missed_call),)
    page = build.contact(**{"Booking Status": "No-Show"})
    assert bookings.contact_update(event, [page], []) == ContactUpdate(
        PageUpdate("/v1/pages/contact-1", {"properties": {"Booking Status": {"select": {"name": "Booked"}}}}),
        "The contact did not miss the call: the contact's page says so.",
    )
    note = "The contact's page does not say that they missed a call: it stays as it is."
    assert contact_update(event, **{"Booking Status": "Completed"}) == ContactUpdate(None, note)


@pytest.mark.parametrize("fields", [{"status": "cancelled", "rescheduled": True}, {"status": "requested"}])
def test_page_of_a_call_that_moves_changes_with_the_new_booking(fields: dict[str, Any]) -> None:
    note = "The call moves: the contact's page changes with the new booking."
    assert contact_update(build.event("precall", **fields), **BOOKED_PAGE) == ContactUpdate(None, note)


def test_booking_updates_the_first_page_of_the_contact() -> None:
    properties: JsonObject = {
        "Booking Status": {"select": {"name": "Booked"}},
        "Diagnostic Call Date": {"date": {"start": "2025-11-24T15:00:00.000Z"}},
        "Christmas Campaign Status": {"select": {"name": "Pre-Call Prep"}},
    }
    assert contact_update(BOOKED, stop(Reason.BOOKED), stop(Reason.CALL_MOVED)) == ContactUpdate(
        PageUpdate("/v1/pages/contact-1", {"properties": properties}),
        "The call was booked: the contact's page says so.",
    )


def test_booking_updates_the_page_of_the_contact_that_was_edited_last() -> None:
    first = build.contact("first") | {"last_edited_time": "2025-11-20T10:00:00.000Z"}
    latest = build.contact("latest", email="Zoe@Example.com ") | {"last_edited_time": "2025-11-20T10:01:00.000Z"}
    other = build.contact("other", email="joanzoe@example.com") | {"last_edited_time": "2025-11-20T10:02:00.000Z"}
    request = bookings.contact_update(BOOKED, [first, other, latest], []).request
    assert request is not None
    assert request.path == "/v1/pages/latest"
    assert bookings.several_contacts([first]) is None


def test_only_a_moved_or_cancelled_booking_updates_no_page() -> None:
    others = [stop(reason, NOW + HOUR) for reason in (Reason.UNSUBSCRIBED, Reason.STOPPED_BY_PERSON, Reason.BOUGHT)]
    assert contact_update(BOOKED, *others, stop(Reason.CALL_CANCELLED, booking="other")).request is not None
    note = "This booking is no longer valid (call_moved): the contact's page stays as it is."
    assert contact_update(BOOKED, stop(Reason.CALL_MOVED, NOW + HOUR)) == ContactUpdate(None, note)
    assert contact_update(BOOKED, stop(Reason.CALL_CANCELLED, booking=BOOKED.booking)).request is None


@pytest.mark.parametrize("call_date", ["2025-11-24T10:00:00.000-05:00", "2025-11-24T15:00:59.250Z"])
def test_cancellation_clears_the_call_of_the_same_minute(call_date: str) -> None:
    properties: JsonObject = {
        "Booking Status": {"select": {"name": "Not Booked"}},
        "Diagnostic Call Date": {"date": None},
    }
    assert contact_update(CANCELLED, **{**BOOKED_PAGE, "Diagnostic Call Date": call_date}) == ContactUpdate(
        PageUpdate("/v1/pages/contact-1", {"properties": properties}),
        "The call was cancelled: the contact's page says so.",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Diagnostic Call Date", "2025-11-24T15:01:00.000Z"),
        ("Diagnostic Call Date", None),
        ("Booking Status", "Completed"),
        ("Booking Status", None),
    ],
)
def test_cancellation_leaves_a_page_with_another_call(name: str, value: str | None) -> None:
    note = "The contact's page names another call, or none: it stays as it is."
    assert contact_update(CANCELLED, **{**BOOKED_PAGE, name: value}) == ContactUpdate(None, note)


def test_contact_without_a_page_is_reported() -> None:
    note = "There is no such contact in BusinessX: nothing was updated there."
    assert bookings.contact_update(BOOKED, [], []) == ContactUpdate(None, note)
