"""A call is booked, moved, cancelled, or set to Booked by hand: what waits ends, and what prepares for the call is sent."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cli.operator import christmas_json
from support import (
    add_contact,
    address,
    begin,
    ended,
    enrolled,
    found_in,
    mails,
    numbers,
    payload,
    post,
    runs,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names, times
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from e2e.test_stops import about_to_get_the_last, became

SENT = ("SUCCESS", "sent", None)

#: In so many seconds a signup is to be ended; if that is too few, in more.
WITHIN = (7, 15, 40)


@pytest.fixture(autouse=True)
def _no_faults_left(stack: Stack) -> None:
    stack.sandbox.clear_faults()


def call(days: float) -> str:
    """A time so many days off, in whole minutes, as Notion keeps it."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:00Z}"


def contact_of(stack: Stack, email: str) -> dict[str, Any]:
    """What the contact's page in BusinessX says of her call."""
    (page,) = found_in(stack, schema.CONTACTS, notion_names.CONTACT_EMAIL, email)
    properties = page_values.plain(page)
    return {name: properties[name] for name in ("Booking Status", "Diagnostic Call Date", "Christmas Campaign Status")}


def booked(stack: Stack, email: str, count: int) -> None:
    """Wait until so many calls about a contact's bookings have led to all that they lead to."""

    def over() -> bool:
        executions = runs(stack, "booking", email, "precall")
        return len(executions) >= count and all(run.state == "SUCCESS" for run in executions)

    until(over, f"the end of {count} bookings")


def ended_before(stack: Stack, email: str, due: datetime) -> bool:
    """Wait until something stops a contact; returns whether that was before this moment."""
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


def test_who_books_a_call_is_prepared_for_it_and_gets_no_more_of_the_signup(stack: Stack) -> None:
    """A machine that is too busy to end the signup before its last e-mail is due is given another contact, and more time."""
    for seconds in WITHIN:
        email = address()
        add_contact(stack, email)
        due = about_to_get_the_last(stack, email, seconds=seconds)
        when = call(2.2)
        begin(stack, "precall", email, scheduled_time=when)
        if ended_before(stack, email, due):
            break
    booked(stack, email, 1)
    assert became(ended(stack, email, 1)) == [(5, "SUCCESS", "skipped", "booked")]
    # It was too late for the first one, three days before; on a machine that is busy also for the second.
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
def test_a_call_that_moves_moves_its_emails_whatever_comes_first(stack: Stack) -> None:
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
    assert post(stack, moved, "precall") == (200, {"status": "skipped", "reason": "call_moved", "email": email})
    # Late, and of a booking that was moved long ago.
    post(stack, {**first, "booking_uri": "https://api.calendly.com/scheduled_events/CCC"}, "precall")
    booked(stack, email, 3)

    assert became(ended(stack, email, 6, sequence="precall")) == sorted(
        line for number in (1, 2, 3) for line in ((number, *SENT), (number, "SUCCESS", "skipped", "call_moved"))
    )
    assert {run.labels.get("reason") for run in runs(stack, "enroll", email, "precall")} == {None, "call_moved"}
    assert numbers(mails(stack, email)) == [1, 2, 3]
    assert contact_of(stack, email)["Diagnostic Call Date"] == when.replace("Z", ".000+00:00")


@pytest.mark.long
def test_a_call_that_is_cancelled_ends_its_emails_and_no_others(stack: Stack) -> None:
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
    (contact_stops,) = christmas_json(stack, "stopped", email)
    assert [stop["reason"] for stop in contact_stops["stops"]] == ["booked", "call_moved", "call_cancelled"]

    # Another call is another one.
    another = "https://api.calendly.com/scheduled_events/BBB"
    begin(stack, "precall", email, scheduled_time=call(6), booking_uri=another)
    assert numbers(wait_for_mails(stack, email, 1)) == [1]
    # Whoever misses it is written to.
    begin(stack, "noshow", email, calendly_event_uri=another)
    until(
        lambda: "noshow" in {mail.tags["sequence"] for mail in mails(stack, email)}, "an e-mail about the missed call"
    )


def test_who_is_set_to_booked_by_hand_gets_no_more_of_the_signup(stack: Stack) -> None:
    run_by_hand(stack, "booked")
    other = address("other")
    add_contact(stack, other, **{notion_names.CONTACT_BOOKING: "Not Booked"})
    for seconds in WITHIN:
        email = address()
        page = add_contact(stack, email)
        due = about_to_get_the_last(stack, email, seconds=seconds)
        with stack.notion() as notion:
            notion.update_page(page, schema.CONTACTS, {notion_names.CONTACT_BOOKING: "Booked"})
        run_by_hand(stack, "booked")
        if ended_before(stack, email, due):
            break
    assert became(ended(stack, email, 1)) == [(5, "SUCCESS", "skipped", "booked")]
    (contact_stops,) = christmas_json(stack, "stopped", email)
    assert [(stop["reason"], stop["by"]) for stop in contact_stops["stops"]] == [("booked", "notion")]
    assert christmas_json(stack, "stopped", other) == []

    # Once found, it is not done again.
    def stops() -> int:
        labels = {"contact": opaque_ids.contact_id(email)}
        return len(list(stack.kestra.executions(namespace="christmas", flow_id="stop", labels=labels)))

    before = stops()
    run_by_hand(stack, "booked")
    time.sleep(1)
    assert stops() == before == 1


@pytest.mark.long
def test_a_call_that_is_cancelled_between_the_gate_and_the_send_has_no_email(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    fields = payload(email, "precall", scheduled_time=call(7))
    post(stack, fields, "precall")
    enrolled(stack, email, "precall")
    fault = stack.sandbox.fault(
        "notion", "latency", when="before", seconds=15, times=1, method="GET", path="/v1/pages/.*"
    )
    until(
        lambda: any(active["id"] == fault and active["hits"] for active in stack.sandbox.faults()),
        "the look at the page",
    )
    post(stack, {**fields, "status": "cancelled"}, "precall")
    first = until(lambda: [run for run in runs(stack, "send-email", email, "precall") if run.ended], "the end")
    assert became(first)[0] == (1, "SUCCESS", "skipped", "call_cancelled")
    assert mails(stack, email) == []
