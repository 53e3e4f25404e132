"""Book, move and cancel calls, and set contacts to Booked by hand: other e-mails stop, and those before the call are sent."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from faults.people import about_to_get_the_last
from support import (
    add_contact,
    address,
    ended,
    enrolled,
    find_pages,
    mails,
    numbers,
    payload,
    post,
    post_event,
    runs,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names, times
from christmas_campaign.email import retry
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from e2e.stopping import became, stops_of

SENT = ("SUCCESS", "sent", None)

#: Seconds until the last e-mail of a signup that the booking has to end; a busy machine gets more.
WITHIN = (7, 15, 40)


def call(days: float) -> str:
    """Return a time this number of days ahead, in whole minutes as in Notion."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:00Z}"


def contact_of(stack: Stack, email: str) -> dict[str, Any]:
    """Return the values of the contact's page in BusinessX that are about the call."""
    (page,) = find_pages(stack, schema.CONTACTS, notion_names.CONTACT_EMAIL, email)
    properties = page_values.plain(page)
    return {name: properties[name] for name in ("Booking Status", "Diagnostic Call Date", "Christmas Campaign Status")}


def booked(stack: Stack, email: str, count: int) -> None:
    """Wait until ``count`` executions of `booking` for a contact have succeeded."""

    def over() -> bool:
        executions = runs(stack, "booking", email, "precall")
        return len(executions) >= count and all(run.state == "SUCCESS" for run in executions)

    until(over, f"the end of {count} bookings")


def ended_before(stack: Stack, email: str, due: datetime) -> bool:
    """Wait until a contact is stopped; return whether that was before ``due``."""
    key = f"stop.{opaque_ids.contact_id(email)}"
    until(lambda: key in stack.kestra.kv_list("christmas"), "the stop")
    return datetime.now(UTC) < due


def run_by_hand(stack: Stack, flow: str) -> None:
    """Run a flow as its schedule does, and wait for its end."""
    run = stack.kestra.run(flow, {}, namespace="christmas")
    state = until(
        lambda: execution if (execution := stack.kestra.execution(run)).ended else None, "the end of the execution"
    ).state
    assert state == "SUCCESS"


def test_booking_ends_the_signup_and_sends_the_emails_before_the_call(stack: Stack) -> None:
    """If the machine is too busy to end the signup before its last e-mail, the test tries another contact with more time."""
    for seconds in WITHIN:
        email = address()
        add_contact(stack, email)
        due = about_to_get_the_last(stack, [email], seconds=seconds)
        when = call(2.2)
        post_event(stack, "precall", email, scheduled_time=when)
        if ended_before(stack, email, due):
            break
    booked(stack, email, 1)
    assert became(ended(stack, email, 1)) == [(5, "SUCCESS", "skipped", "booked")]
    # It is too late for E1, three days before the call, and on a busy machine also for E2.
    emails = became(ended(stack, email, 1, sequence="precall"))
    assert emails in ([(2, *SENT), (3, *SENT)], [(3, *SENT)])
    assert contact_of(stack, email) == {
        "Booking Status": "Booked",
        "Diagnostic Call Date": when.replace("Z", ".000+00:00"),
        "Christmas Campaign Status": "Pre-Call Prep",
    }
    at = times.moment_for_people(times.parse(when))
    assert mails(stack, email)[-1].subject == f"Today: our call at {at}"


@pytest.mark.long
def test_moved_call_moves_its_emails_in_any_order_of_arrival(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    first = payload(email, "precall", scheduled_time=call(9), booked_at="2025-11-01T10:00:00Z")
    second = {
        **first,
        "booking_uri": "https://api.calendly.com/scheduled_events/BBB",
        "booked_at": "2025-11-02T10:00:00Z",
    }
    second["scheduled_time"] = when = call(8)
    post(stack, first, "precall")
    enrolled(stack, email, "precall")
    code, answer = post(stack, second, "precall")
    assert (code, answer["status"]) == (200, "accepted")
    moved = {**first, "status": "cancelled", "rescheduled": True}
    code, answer = post(stack, moved, "precall")
    assert (code, answer["status"]) == (200, "accepted")
    # A late call about a booking that was moved long ago.
    post(stack, {**first, "booking_uri": "https://api.calendly.com/scheduled_events/CCC"}, "precall")
    booked(stack, email, 4)

    assert became(ended(stack, email, 6, sequence="precall")) == sorted(
        line for number in (1, 2, 3) for line in ((number, *SENT), (number, "SUCCESS", "skipped", "call_moved"))
    )
    assert {run.labels.get("reason") for run in runs(stack, "enroll", email, "precall")} == {None, "call_moved"}
    assert numbers(mails(stack, email)) == [1, 2, 3]
    assert contact_of(stack, email)["Diagnostic Call Date"] == when.replace("Z", ".000+00:00")


def waiting_for_a_call(stack: Stack, email: str, **fields: Any) -> dict[str, Any]:
    """Enrol a contact in the e-mails before a call in days, and return the payload of the booking."""
    add_contact(stack, email)
    booking = payload(email, "precall", scheduled_time=call(9), booked_at="2025-11-01T10:00:00Z", **fields)
    post(stack, booking, "precall")
    enrolled(stack, email, "precall")
    booked(stack, email, 1)
    return booking


def all_skipped(reason: str) -> list[tuple[Any, ...]]:
    return [(number, "SUCCESS", "skipped", reason) for number in (1, 2, 3)]


def test_call_that_moves_to_a_time_that_is_never_reported_sends_nothing(stack: Stack) -> None:
    email = address()
    booking = waiting_for_a_call(stack, email)
    post(stack, {**booking, "status": "cancelled", "rescheduled": True}, "precall")
    booked(stack, email, 2)
    assert became(ended(stack, email, 3, sequence="precall")) == all_skipped("call_moved")
    assert contact_of(stack, email)["Booking Status"] == "Booked"
    assert mails(stack, email) == []


def test_requested_move_of_cal_com_sends_nothing_at_the_old_time(stack: Stack) -> None:
    email = address()
    waiting_for_a_call(stack, email, booking_uri="OLD")
    requested = {
        "triggerEvent": "BOOKING_REQUESTED",
        "createdAt": "2025-11-02T10:00:00Z",
        "payload": {
            "uid": "NEW",
            "rescheduleUid": "OLD",
            "startTime": call(8),
            "attendees": [{"email": email, "name": "Ana"}],
        },
    }
    assert post(stack, requested, "precall")[0] == 200
    booked(stack, email, 2)
    assert became(ended(stack, email, 3, sequence="precall")) == all_skipped("call_moved")
    assert mails(stack, email) == []


def test_missed_call_that_was_not_missed_sends_nothing_more(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    missed = payload(email, "noshow")
    post(stack, {**missed, "no_show_status": "withdrawn"}, "noshow")
    until(lambda: f"stop.{opaque_ids.contact_id(email)}" in stack.kestra.kv_list("christmas"), "the stop")
    post(stack, missed, "noshow")
    until(
        lambda: [run.labels.get("reason") for run in runs(stack, "enroll", email, "noshow")] == ["noshow_withdrawn"],
        "the skipped enrolment",
    )
    assert mails(stack, email) == []


@pytest.mark.long
def test_cancelled_call_ends_only_its_own_emails(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    fields = payload(email, "precall", scheduled_time=call(6))
    post(stack, fields, "precall")
    enrolled(stack, email, "precall")
    booked(stack, email, 1)
    for _ in range(2):
        code, answer = post(stack, {**fields, "status": "cancelled"}, "precall")
        assert (code, answer["status"]) == (200, "accepted")
    booked(stack, email, 3)
    assert contact_of(stack, email) == {
        "Booking Status": "Not Booked",
        "Diagnostic Call Date": None,
        "Christmas Campaign Status": "Pre-Call Prep",
    }
    assert became(ended(stack, email, 3, sequence="precall")) == [
        (number, "SUCCESS", "skipped", "call_cancelled") for number in (1, 2, 3)
    ]
    assert mails(stack, email) == []
    assert [reason for reason, _ in stops_of(stack, email)] == ["booked", "call_moved", "call_cancelled"]

    # Another booking is not affected.
    another = "https://api.calendly.com/scheduled_events/BBB"
    post_event(stack, "precall", email, scheduled_time=call(6), booking_uri=another)
    assert numbers(wait_for_mails(stack, email, 1)) == [1]
    # A contact who misses the call gets an e-mail.
    post_event(stack, "noshow", email, calendly_event_uri=another)
    until(
        lambda: "noshow" in {mail.tags["sequence"] for mail in mails(stack, email)}, "an e-mail about the missed call"
    )


@pytest.mark.parametrize(
    ("method", "status", "reason"),
    [("POST", 503, "notion_unreachable"), ("PATCH", 400, "step_failed")],
    ids=["no response", "a refusal"],
)
def test_last_try_for_the_page_fails_with_its_reason_and_one_alert(
    stack: Stack, method: str, status: int, reason: str
) -> None:
    email = address()
    add_contact(stack, email)
    post_event(stack, "precall", email, scheduled_time=call(6))
    booked(stack, email, 1)
    (first,) = runs(stack, "booking", email, "precall")
    # Another booking, so that the page has to change.
    event = {**first.inputs["event"], "fields": {**first.inputs["event"]["fields"], "scheduled_time": call(7)}}
    stack.sandbox.fault("notion", "status", status=status, times=None, method=method)
    last = stack.kestra.run(
        "booking", {**first.inputs, "event": event, "tries": retry.TRIES}, labels={"contact": first.labels["contact"]}
    )
    run = until(lambda: run if (run := stack.kestra.execution(last)).state == "FAILED" else None, "the last try", 60)
    assert (run.labels["outcome"], run.labels["reason"]) == ("failed", reason)
    until(lambda: stack.kestra.kv_get(f"alerted.{first.inputs['enrolment']}.booking"), "the alert")
    alerts = [str(alert["content"]) for alert in stack.sandbox.alerts() if first.labels["contact"] in str(alert)]
    assert [f"the booking's page in BusinessX: {reason}." in text for text in alerts] == [True]


def test_contact_set_to_booked_by_hand_gets_no_more_signup_emails(stack: Stack) -> None:
    run_by_hand(stack, "booked")
    other = address("other")
    add_contact(stack, other, **{notion_names.CONTACT_BOOKING: "Not Booked"})
    for seconds in WITHIN:
        email = address()
        page = add_contact(stack, email)
        due = about_to_get_the_last(stack, [email], seconds=seconds)
        with stack.notion() as notion:
            notion.update_page(page, schema.CONTACTS, {notion_names.CONTACT_BOOKING: "Booked"})
        run_by_hand(stack, "booked")
        if ended_before(stack, email, due):
            break
    assert became(ended(stack, email, 1)) == [(5, "SUCCESS", "skipped", "booked")]
    assert (stops_of(stack, email), stops_of(stack, other)) == ([("booked", "notion")], [])

    # The next poll does not stop the contact again.
    def stops() -> int:
        labels = {"contact": opaque_ids.contact_id(email)}
        return len(list(stack.kestra.executions(namespace="christmas", flow_id="stop", labels=labels)))

    before = stops()
    run_by_hand(stack, "booked")
    time.sleep(1)
    assert stops() == before == 1
