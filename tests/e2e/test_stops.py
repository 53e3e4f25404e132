"""Stop a contact at any moment: waiting e-mails are skipped until the stop is lifted."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from cli.operator import christmas, christmas_json
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
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema

#: A time as a page has it.
SECOND = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0\d:00"


@pytest.fixture(autouse=True)
def _no_faults_left(stack: Stack) -> None:
    stack.sandbox.clear_faults()


def stop(stack: Stack, email: str, reason: str) -> None:
    """Stop a contact as the owner does, and wait for the answer."""
    done = christmas(stack, "stop", email, "--reason", reason, "--yes")
    assert done.exit_code == 0, done.output
    assert f"{reason} since " in done.stdout
    assert email not in done.output


def about_to_get_the_last(stack: Stack, email: str, *, seconds: float) -> datetime:
    """Sign up a contact who got all but the last e-mail, and wait until they are enrolled; return when it is due."""
    now = datetime.now(UTC)
    sent = {f"Email {number} Sent": now - timedelta(hours=5 - number) for number in (1, 2, 3, 4)}
    with stack.notion() as notion:
        source = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
        notion.create_page(source, schema.SEQUENCE_PAGES, {"Email": email, "Campaign": "Christmas 2025", **sent})
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    sign_up(stack, email, email_1_sent_at=(due - 5 * DAY).isoformat())
    enrolled(stack, email)
    return due


def became(executions: list[Execution]) -> list[tuple[int, str, str | None, str | None]]:
    """Return the e-mail's number, the state, the outcome and the reason of each execution, ordered by number."""
    results = [
        (run.inputs["number"], run.state, run.labels.get("outcome"), run.labels.get("reason")) for run in executions
    ]
    return sorted(results)


@pytest.mark.long
def test_stopped_contact_gets_no_emails_until_the_stop_is_lifted(stack: Stack) -> None:
    email = address()
    contact = opaque_ids.contact_id(email)
    add_contact(stack, email)
    sign_up(stack, email)
    wait_for_mails(stack, email, 1)
    stop(stack, email, "stopped_by_person")
    (contact_stops,) = christmas_json(stack, "stopped", email)
    assert contact_stops["contact"] == contact
    assert [(stop["reason"], stop["by"]) for stop in contact_stops["stops"]] == [("stopped_by_person", "person")]
    assert contact_stops in christmas_json(stack, "stopped")
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
    (contact_stops,) = christmas_json(stack, "stopped", email)
    assert [(stop["reason"], stop["by"]) for stop in contact_stops["stops"]] == [("bought", "enrolment")]
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
        due = about_to_get_the_last(stack, email, seconds=6)
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


@pytest.mark.long
def test_an_email_that_is_too_late_is_skipped(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, email, seconds=20)
    enrolment = runs(stack, "send-email", email)[0].labels["enrolment"]
    record = stack.kestra.kv_get(f"enrolment.{enrolment}")
    record["emails"]["5"] = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    stack.kestra.kv_put(f"enrolment.{enrolment}", record, ttl="P30D")
    assert became(ended(stack, email, 1)) == [(5, "SUCCESS", "skipped", "expired")]
    assert mails(stack, email) == []
    assert stack.kestra.kv_get(f"mail.{enrolment}.5")["reason"] == "expired"
    assert page_of(stack, email)["Stop Reason"] == "expired (from E5)"


def test_stop_command_without_confirmation_stops_nobody(stack: Stack) -> None:
    email = address()
    done = christmas(stack, "stop", email)
    assert done.exit_code == 3
    assert "0 e-mails wait. stopped_by_person ends every sequence, until you lift it." in done.stdout
    assert "Nothing was changed: run it again with --yes to do it." in done.stdout
    assert christmas_json(stack, "stopped", email) == []
    contact = opaque_ids.contact_id(email)
    assert christmas(stack, "stopped", email).stdout == f"Contact {contact}: nothing stops their e-mails.\n"
    assert christmas(stack, "go-on", email, "--yes").exit_code == 0
    wrong = christmas(stack, "stop", "nobody", "--yes")
    assert wrong.exit_code == 2
    assert "this is not an e-mail address: it has no @" in wrong.stderr
