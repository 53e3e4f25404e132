"""The traces of skipped e-mails in Notion, and their use after a restore of an older backup."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import httpx
from cli.operator import christmas
from faults.people import about_to_get_the_last
from support import (
    DAY,
    add_contact,
    address,
    analytics_of,
    ended,
    enrolled,
    find_pages,
    mails,
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
from e2e.stopping import became


def call(stack: Stack, email: str, wish: str) -> None:
    """Call the webhook of the contact's link, as the door does."""
    token = stack.unsubscribe_keys.token(opaque_ids.contact_id(email))
    answer = httpx.post(stack.webhook("unsubscribe-handler"), json={"token": token, "wish": wish}, timeout=60)
    assert answer.status_code == 200


def pages_of(stack: Stack, email: str) -> dict[str, dict[str, Any]]:
    """Return the plain values of a contact's pages in Email Sequence, by sequence."""
    pages = [
        page_values.plain(page) for page in find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    ]
    return {str(page["Template Type"]): page for page in pages}


def stop_reasons(stack: Stack, email: str) -> list[str]:
    """Return the first word of `Stop Reason` on each page of a contact, empty if there is none."""
    return [str(page["Stop Reason"] or "").partition(" ")[0] for page in pages_of(stack, email).values()]


def marking(stack: Stack, email: str) -> list[Execution]:
    """Return the executions that write the stop onto the contact's pages, the oldest first."""
    labels = {"contact": opaque_ids.contact_id(email)}
    executions = stack.kestra.executions(namespace="christmas", flow_id="mark-stopped", labels=labels)
    return sorted(executions, key=lambda run: run.created)


def marked(stack: Stack, email: str, reason: str) -> None:
    """Wait until every page of a contact has this reason (empty: no reason)."""
    until(lambda: set(stop_reasons(stack, email)) == {reason}, f"{reason or 'no stop'} on all pages")
    until(lambda: not any(run.live for run in marking(stack, email)), "the end of the marking")


def enrolment_that_ended(stack: Stack, email: str, name: str) -> tuple[str | None, str | None]:
    """Return the outcome and the reason of the newest enrolment in a sequence."""

    def the_end() -> Execution | None:
        executions = runs(stack, "enroll", email, name)
        return executions[-1] if executions and executions[-1].ended else None

    run = until(the_end, "the enrolment")
    return run.labels.get("outcome"), run.labels.get("reason")


def test_unsubscribe_is_written_to_all_pages_at_once_and_cleared_when_taken_back(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    later = (datetime.now(UTC) + 20 * DAY).isoformat()
    sign_up(stack, email, email_1_sent_at=later)
    enrolled(stack, email)
    post_event(stack, "precall", email)
    enrolled(stack, email, "precall")
    call(stack, email, "unsubscribe")
    marked(stack, email, "unsubscribed")
    assert len(pages_of(stack, email)) == 2
    output = christmas(stack, "stopped", email).stdout
    when = r"\d+ \w+ 20\d\d, \d\d:\d\d America/Toronto"
    assert re.search(
        rf": unsubscribed since {when} \(by contact\) ends every sequence, for good\.$", output, re.MULTILINE
    )
    links = [
        page["id"].replace("-", "") for page in find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    ]
    assert all(f": https://www.notion.so/{link}\n" in output for link in links)
    waits = rf"^    waits: signup, e-mail 2 of 5 \(template 5-Day E2\), due {when}$"
    assert re.search(waits, output, re.MULTILINE)
    # No e-mail has come due yet.
    assert analytics_of(stack, email) == []

    call(stack, email, "go_on")
    marked(stack, email, "")


def test_stop_holds_at_once_and_is_written_to_the_pages_once_notion_answers(stack: Stack) -> None:
    email = address()
    contact = opaque_ids.contact_id(email)
    sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) + 20 * DAY).isoformat())
    enrolled(stack, email)
    # More failures than the quick retries of one execution.
    stack.sandbox.fault("notion", "status", status=500, times=6, method="PATCH")
    call(stack, email, "unsubscribe")
    until(lambda: stack.kestra.kv_get(f"stop.{contact}"), "the stop")
    marked(stack, email, "unsubscribed")
    first, *others = marking(stack, email)
    assert (first.labels["outcome"], first.labels["reason"]) == ("deferred", "notion_unreachable")
    assert [run.labels["outcome"] for run in others][-1] == "reported"


def test_restored_backup_that_is_older_than_the_unsubscribe_writes_to_nobody_who_unsubscribed(stack: Stack) -> None:
    email = address()
    contact = opaque_ids.contact_id(email)
    add_contact(stack, email)
    due = about_to_get_the_last(stack, [email], seconds=14)
    call(stack, email, "unsubscribe")
    marked(stack, email, "unsubscribed")
    # The effect of restoring an older backup.
    stack.kestra.kv_delete(f"stop.{contact}")
    assert datetime.now(UTC) < due, "this machine is too slow for this test"

    assert became(ended(stack, email, 1)) == [(5, "SUCCESS", "skipped", "unsubscribed")]
    assert mails(stack, email) == []
    messages = {page["Email Number"]: page["Error Message"] for page in analytics_of(stack, email)}
    words = 'unsubscribed: The page says "Stop Reason": unsubscribed.'
    assert messages == {5: words}
    assert pages_of(stack, email)["5-Day Sequence"]["Sequence Completed"] is True

    # Another sequence does not begin either.
    post_event(stack, "noshow", email)
    assert enrolment_that_ended(stack, email, "noshow") == ("skipped", "unsubscribed")
    # Until the contact wants e-mails again.
    call(stack, email, "go_on")
    until(lambda: stack.kestra.kv_get(f"stop.{contact}"), "the lift")
    post_event(stack, "postcall", email)
    assert enrolment_that_ended(stack, email, "postcall") == ("enrolled", None)
    assert len(wait_for_mails(stack, email, 1)) == 1
