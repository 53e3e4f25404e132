"""Stop a contact at any moment: waiting e-mails are skipped until the stop is lifted."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest
from cli.operator import christmas, christmas_json
from faults.people import about_to_get_the_last
from support import (
    DAY,
    add_contact,
    address,
    analytics_of,
    calls,
    ended,
    enrolled,
    find_pages,
    mails,
    numbers,
    page_of,
    post_event,
    runs,
    sign_up,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from e2e.stopping import became, stops_of

#: A time as a page has it.
SECOND = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0\d:00"


def stop(stack: Stack, email: str, reason: str) -> None:
    """Stop a contact as the owner does, and wait for the answer."""
    done = christmas(stack, "stop", email, "--reason", reason, "--yes")
    assert done.exit_code == 0, done.output
    assert f"{reason} since " in done.stdout
    assert email not in done.output


@pytest.mark.long
def test_stopped_contact_gets_no_emails_until_the_stop_is_lifted(stack: Stack) -> None:
    email = address()
    contact = opaque_ids.contact_id(email)
    add_contact(stack, email)
    sign_up(stack, email)
    wait_for_mails(stack, email, 1)
    stop(stack, email, "stopped_by_person")
    assert stops_of(stack, email) == [("stopped_by_person", "person")]
    assert contact in [stopped["contact"] for stopped in christmas_json(stack, "stopped")]
    calls_before = len(calls(stack, "notion", email))

    reason = ("SUCCESS", "skipped", "stopped_by_person")
    assert became(ended(stack, email, 4)) == [
        (2, "SUCCESS", "sent", None),
        *((number, *reason) for number in (3, 4, 5)),
    ]
    assert numbers(mails(stack, email)) == [2]
    # Each was skipped without reading Notion, and has its page in Email Analytics.
    assert len(calls(stack, "notion", email)) == calls_before + 3
    properties = page_of(stack, email)
    assert (properties["Stop Reason"], properties["Sequence Completed"]) == ("stopped_by_person (from E3)", True)
    pages = sorted((page["Email Number"], page["Status"]) for page in analytics_of(stack, email))
    assert pages == [(2, "sent"), *((number, "skipped") for number in (3, 4, 5))]

    post_event(stack, "noshow", email)
    kept_out = until(lambda: runs(stack, "enroll", email, "noshow"), "the enrolment")[0]
    out = until(lambda: run if (run := stack.kestra.execution(kept_out.id)).ended else None, "its end")
    assert (out.state, out.labels["outcome"], out.labels["reason"]) == reason
    assert page_of(stack, email)["Template Type"] == "5-Day Sequence"

    let_go = christmas(stack, "go-on", email, "--yes")
    assert (let_go.exit_code, let_go.stdout.splitlines()[-1]) == (0, f"Contact {contact}: nothing stops their e-mails.")
    assert stack.kestra.kv_get(f"stop.{contact}")["ends"] == {}
    post_event(stack, "noshow", email, calendly_event_uri="https://api.calendly.com/scheduled_events/BBB")
    assert numbers(wait_for_mails(stack, email, 4)) == [2, 1, 2, 3]


@pytest.mark.long
def test_purchase_ends_the_signup_and_begins_the_onboarding(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    # The first e-mail is due some days later, so that the onboarding comes first.
    sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) + 3 * DAY).isoformat())
    enrolled(stack, email)
    post_event(stack, "onboarding", email)
    enrolled(stack, email, "onboarding")
    skipped = ("SUCCESS", "skipped", "bought")
    assert became(ended(stack, email, 4)) == [(number, *skipped) for number in (2, 3, 4, 5)]
    sent = ("SUCCESS", "sent", None)
    assert became(ended(stack, email, 3, sequence="onboarding")) == [(number, *sent) for number in (1, 2, 3)]
    assert [mail.tags["sequence"] for mail in mails(stack, email)] == ["onboarding"] * 3
    assert stops_of(stack, email) == [("bought", "enrolment")]
    pages = [
        page_values.plain(page) for page in find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    ]
    assert sorted((page["Template Type"], page["Stop Reason"]) for page in pages) == [
        ("5-Day Sequence", "bought (from E2)"),
        ("Onboarding", None),
    ]


def test_a_stop_one_second_before_an_email_is_due_holds(stack: Stack) -> None:
    """If the machine is too busy to answer the stop within that second, the test tries another contact."""
    for _ in range(5):
        email = address()
        due = about_to_get_the_last(stack, [email], seconds=6)
        time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds() - 1))
        stop(stack, email, "unsubscribed")
        if in_time := datetime.now(UTC) < due:
            break
    assert in_time, "the stop was never answered within a second"
    assert became(ended(stack, email, 1)) == [(5, "SUCCESS", "skipped", "unsubscribed")]
    assert mails(stack, email) == []
    assert re.fullmatch(rf"unsubscribed since {SECOND} \(from E5\)", page_of(stack, email)["Stop Reason"])
    contact = opaque_ids.contact_id(email)
    still_stopped = christmas(stack, "go-on", email, "--yes")
    assert (still_stopped.exit_code, still_stopped.stderr) == (1, "That holds for good.\n")
    assert stack.kestra.kv_get(f"stop.{contact}")["ends"]["signup"]["reason"] == "unsubscribed"
