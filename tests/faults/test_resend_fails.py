"""Make Resend refuse requests, fail, or drop the connection."""

from __future__ import annotations

import httpx
import pytest
from support import address, calls, page_of, runs

from christmas_campaign.events import opaque_ids
from christmas_campaign.local.sandbox import LoggedCall
from christmas_campaign.local.stack import Stack
from faults.account import Expected, settle_the_account
from faults.people import about_to_get_the_last


def sends(stack: Stack, email: str) -> list[LoggedCall]:
    """Return the calls to Resend for an address, in the order of their answers."""
    return [call for call in calls(stack, "resend", email) if call.method == "POST"]


def test_13_resend_answers_429(stack: Stack) -> None:
    """The e-mail is retried and sent once."""
    email = address()
    about_to_get_the_last(stack, [email])
    stack.sandbox.fault("resend", "status", status=429, retry_after=1, times=2)
    settle_the_account(stack, [Expected(email)])
    assert [call.status for call in sends(stack, email)] == [429, 429, 200]


def test_14_resend_answers_500_twice(stack: Stack) -> None:
    """The e-mail is retried and sent once."""
    email = address()
    about_to_get_the_last(stack, [email])
    stack.sandbox.fault("resend", "status", status=500, times=2)
    settle_the_account(stack, [Expected(email)])
    assert [call.status for call in sends(stack, email)] == [500, 500, 200]


def test_15_resend_takes_the_email_and_the_connection_drops(stack: Stack) -> None:
    """The second try has the same key and the same body. There is no second e-mail, and the page has the date."""
    email = address()
    about_to_get_the_last(stack, [email])
    stack.sandbox.fault("resend", "drop_after", times=1)
    settle_the_account(stack, [Expected(email)])
    first, second = sends(stack, email)
    assert (first.status, second.status) == (None, 200)
    assert first.request == second.request
    assert page_of(stack, email)["Email 5 Sent"] is not None


def test_16_resend_answers_409_because_it_is_still_busy_with_this_email(stack: Stack) -> None:
    """The e-mail is rescheduled, not given up, and sent once."""
    email = address()
    about_to_get_the_last(stack, [email])
    busy = {"statusCode": 409, "name": "concurrent_idempotent_requests", "message": "Busy."}
    stack.sandbox.fault("resend", "status", status=409, times=1, body=busy)
    settle_the_account(stack, [Expected(email)])
    assert [call.status for call in sends(stack, email)] == [409, 200]


def test_16_resend_answers_409_because_it_accepted_the_email_with_another_body(stack: Stack) -> None:
    """Resend accepted the e-mail before. No e-mail is sent, and the ledger and the page record the first one."""
    email = address()
    about_to_get_the_last(stack, [email], seconds=6)
    key = opaque_ids.idempotency_key(Expected(email).enrolment, 5)
    before = httpx.post(
        f"{stack.sandbox.resend_url}/emails",
        headers={"Authorization": f"Bearer {stack.resend_key}", "Idempotency-Key": key, "User-Agent": "test"},
        json={
            "from": "a@example.com",
            "to": email,
            "subject": "Other words",
            "text": "Other words",
            "tags": [{"name": "sequence", "value": "signup"}, {"name": "number", "value": "5"}],
        },
    )
    assert before.status_code == 200
    settle_the_account(stack, [Expected(email)])
    assert [mail.subject for mail in stack.sandbox.mails()] == ["Other words"]
    assert [call.status for call in sends(stack, email)] == [200, 409]
    assert page_of(stack, email)["Email 5 Sent"] is not None


@pytest.mark.parametrize("status", [422, 401])
def test_17_resend_refuses_the_email_for_good(stack: Stack, status: int) -> None:
    """Resend gets one call. The execution fails, with the reason in its label, in the ledger and in Email Analytics."""
    email = address()
    about_to_get_the_last(stack, [email])
    stack.sandbox.fault("resend", "status", status=status, times=1)
    settle_the_account(stack, [Expected(email, sent=(), missing={5: "refused_by_resend"})])
    assert [call.status for call in sends(stack, email)] == [status]
    assert [run.state for run in runs(stack, "send-email", email)] == ["FAILED"]
