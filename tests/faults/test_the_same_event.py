"""Repeat the same webhook: there is one enrolment and one set of e-mails."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support import address, enrolled, find_pages, payload, post, post_all, runs, sign_up

from christmas_campaign.campaign import notion_names
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema
from faults.account import Expected, settle_the_account
from faults.people import SIGNUP, addresses, anchored, overdue, pages_of_all_but_the_last, wait_until_enrolled


def assert_one_page_each(stack: Stack, emails: list[str]) -> None:
    """Check that each contact has one page of the signup."""
    for email in emails:
        assert len(list(find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email))) == 1, email


def test_01_the_same_webhook_comes_twice(stack: Stack) -> None:
    """The second call is answered "skipped"; the e-mails arrive once."""
    email = address()
    sign_up(stack, email, email_1_sent_at=overdue(stack))
    enrolled(stack, email)
    code, answer = post(stack, payload(email, email_1_sent_at=overdue(stack)))
    assert (code, answer["status"], answer["reason"]) == (200, "skipped", "already_in_sequence")
    settle_the_account(stack, [Expected(email, SIGNUP)])
    assert_one_page_each(stack, [email])


def test_02_fifty_identical_webhooks_come_at_once(stack: Stack) -> None:
    """Each is answered with 200; there is one enrolment, one page, one set of e-mails."""
    email = address()
    answers = post_all(stack, [("signup", payload(email, email_1_sent_at=overdue(stack)))] * 50)
    assert {code for code, _ in answers} == {200}
    settle_the_account(stack, [Expected(email, SIGNUP)])
    outcomes = [run.labels.get("outcome", "none") for run in runs(stack, "enroll", email)]
    assert sorted(outcomes) == ["enrolled", *["skipped"] * (len(outcomes) - 1)]
    assert_one_page_each(stack, [email])


@pytest.mark.long
@pytest.mark.timeout(400)
def test_03_fifty_identical_and_fifty_different_webhooks_come_at_once(stack: Stack) -> None:
    """There are 51 enrolments, and each contact gets the e-mail once."""
    emails = addresses(51)
    pages_of_all_but_the_last(stack, emails)
    fields = anchored(stack, datetime.now(UTC))
    calls = [payload(emails[0], **fields)] * 50 + [payload(email, **fields) for email in emails[1:]]
    answers = post_all(stack, [("signup", call) for call in calls[::2] + calls[1::2]])
    assert {code for code, _ in answers} == {200}
    for email in emails:
        wait_until_enrolled(stack, email, timeout=200)
    settle_the_account(stack, [Expected(email) for email in emails], timeout=200)
    ended = [run for email in emails for run in runs(stack, "enroll", email)]
    assert len([run for run in ended if run.labels.get("outcome") == "enrolled"]) == 51
    assert_one_page_each(stack, emails)
