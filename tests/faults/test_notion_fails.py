"""Make Notion refuse requests, fail or not answer while e-mails are due."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from support import address, page_of, sign_up, wait_for_mails

from christmas_campaign.local.stack import Stack
from faults.account import Expected, settle_the_account
from faults.people import SIGNUP, about_to_get_the_last, addresses, overdue


def stamped(stack: Stack, email: str, *numbers: int) -> bool:
    """Return whether the contact's page says that these e-mails were sent."""
    page = page_of(stack, email)
    return all(page[f"Email {number} Sent"] is not None for number in numbers)


def test_10_notion_answers_429_again_and_again(stack: Stack) -> None:
    """Every call is retried: the contact is enrolled, gets each e-mail once, and the page has the dates."""
    email = address()
    stack.sandbox.fault("notion", "status", status=429, retry_after=1, times=3)
    sign_up(stack, email, email_1_sent_at=overdue(stack))
    wait_for_mails(stack, email, 1)
    stack.sandbox.fault("notion", "status", status=429, retry_after=1, times=3)
    settle_the_account(stack, [Expected(email, SIGNUP)])
    assert stamped(stack, email, *SIGNUP)


def test_11_notion_answers_500_twice(stack: Stack) -> None:
    """For every call: the e-mail is sent once, and the page has the date."""
    emails = addresses(2)
    about_to_get_the_last(stack, emails, seconds=6)
    stack.sandbox.fault("notion", "status", status=500, times=2, method="GET")
    stack.sandbox.fault("notion", "status", status=500, times=2, method="PATCH")
    settle_the_account(stack, [Expected(email) for email in emails])
    assert all(stamped(stack, email, 5) for email in emails)


def test_12_notion_is_down_when_an_email_is_due(stack: Stack) -> None:
    """The e-mail is late. It is sent once, when Notion is back."""
    emails = addresses(2)
    due = about_to_get_the_last(stack, emails, seconds=5)
    stack.sandbox.fault("notion", "drop_before", times=None)
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()) + 8)
    assert stack.sandbox.mails() == []
    stack.sandbox.clear_faults()
    settle_the_account(stack, [Expected(email) for email in emails])
    assert all(mail.received_at > due + timedelta(seconds=5) for mail in stack.sandbox.mails())
    assert all(stamped(stack, email, 5) for email in emails)
