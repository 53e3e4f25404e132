"""The flow `send-email` when Resend or Notion fails, and when somebody has changed the contact's page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from faults.people import about_to_get_the_last, wait_until_enrolled
from support import (
    address,
    analytics_of,
    ended,
    find_pages,
    long_case,
    mails,
    numbers,
    page_of,
    runs,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema


@pytest.fixture(autouse=True)
def _without_faults(stack: Stack) -> None:
    stack.sandbox.clear_faults()


def only_run(stack: Stack, email: str, timeout: float = 40) -> Execution:
    """Return the only run of `send-email` for a contact once it has ended."""

    def ended() -> Execution | None:
        emails = runs(stack, "send-email", email)
        assert len(emails) <= 1
        return next((run for run in emails if run.state in ("SUCCESS", "WARNING", "FAILED")), None)

    return until(ended, "the end of the run", timeout)


def send_the_last(stack: Stack) -> tuple[str, str]:
    """Wait until a new contact has got the last e-mail of a signup; return the address and the enrolment's id."""
    email = address()
    about_to_get_the_last(stack, [email])
    enrolment = wait_until_enrolled(stack, email)
    wait_for_mails(stack, email, 1)
    only_run(stack, email)
    return email, enrolment


@pytest.mark.parametrize(("status", "times"), [(429, 1), long_case(500, 2), long_case(503, 1)])
def test_failed_request_to_resend_is_retried(stack: Stack, status: int, times: int) -> None:
    email = address()
    about_to_get_the_last(stack, [email])
    stack.sandbox.fault("resend", "status", status=status, times=times)
    run = only_run(stack, email)
    assert (run.state, run.labels["outcome"]) == ("SUCCESS", "sent")
    assert numbers(mails(stack, email)) == [5]


def test_email_accepted_before_with_another_text_is_recorded_and_not_resent(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, [email])
    enrolment = wait_until_enrolled(stack, email)
    stack.sandbox.limit(resend=None)
    before = httpx.post(
        f"{stack.sandbox.resend_url}/emails",
        headers={
            "Authorization": f"Bearer {stack.resend_key}",
            "Idempotency-Key": opaque_ids.idempotency_key(enrolment, 5),
            "User-Agent": "test",
        },
        json={"from": "a@example.com", "to": email, "subject": "Another text", "text": "Another text"},
    )
    assert before.status_code == 200
    run = only_run(stack, email)

    assert (run.state, run.labels["outcome"]) == ("SUCCESS", "sent")
    assert [mail.subject for mail in mails(stack, email)] == ["Another text"]
    (analytics,) = analytics_of(stack, email)
    assert analytics["Status"] == "sent"
    assert analytics["Error Message"] == "Resend had accepted this e-mail before, with other words."
    assert page_of(stack, email)["Email 5 Sent"] is not None


def test_email_refused_by_resend_fails_without_retry(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, [email])
    refusal = {"statusCode": 422, "name": "validation_error", "message": f"Something about {email}"}
    stack.sandbox.fault("resend", "status", status=422, times=1, body=refusal)
    run = only_run(stack, email)

    assert (run.state, run.labels["outcome"], run.labels["reason"]) == ("FAILED", "failed", "refused_by_resend")
    assert mails(stack, email) == []
    logged = [line.message for line in stack.kestra.logs(run.id)]
    assert "Resend refused the e-mail: HTTP 422 validation_error." in logged
    assert not any(email in message for message in logged)
    (analytics,) = analytics_of(stack, email)
    assert (analytics["Status"], analytics["Error Message"]) == (
        "failed",
        "refused_by_resend: Resend refused the e-mail: HTTP 422 validation_error.",
    )
    page = page_of(stack, email)
    assert (page["Email 5 Sent"], page["Sequence Completed"]) == (None, False)


def test_email_is_rescheduled_while_resend_sends_the_same_one(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, [email])
    busy = {"statusCode": 409, "name": "concurrent_idempotent_requests", "message": "Busy."}
    stack.sandbox.fault("resend", "status", status=409, times=1, body=busy)
    first, second = ended(stack, email, 2)

    assert (first.state, first.labels["outcome"], first.labels["reason"]) == ("SUCCESS", "deferred", "send_in_progress")
    assert (first.inputs["tries"], second.inputs["tries"]) == (0, 1)
    assert second.scheduled is not None
    assert first.ended is not None
    assert timedelta(seconds=0) < second.scheduled - first.created
    assert (second.state, second.labels["outcome"]) == ("SUCCESS", "sent")
    assert numbers(mails(stack, email)) == [5]
    (analytics,) = analytics_of(stack, email)
    assert analytics["Status"] == "sent"


@pytest.mark.parametrize(
    ("service", "method", "reason"),
    [("notion", "GET", "notion_unreachable"), ("resend", "POST", "resend_unreachable")],
)
def test_email_is_rescheduled_while_a_provider_fails(stack: Stack, service: str, method: str, reason: str) -> None:
    email = address()
    about_to_get_the_last(stack, [email])
    # One failure more than one run retries. (Kestra's HTTP client itself retries 503 and 429 once, but not 500.)
    stack.sandbox.fault(service, "status", status=500, times=4, method=method)
    first, second = ended(stack, email, 2)
    assert (first.state, first.labels["outcome"], first.labels["reason"]) == ("SUCCESS", "deferred", reason)
    assert (second.state, second.labels["outcome"], second.inputs["tries"]) == ("SUCCESS", "sent", 1)
    assert numbers(mails(stack, email)) == [5]
    (analytics,) = analytics_of(stack, email)
    assert analytics["Status"] == "sent"


def test_failed_request_to_notion_is_retried(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, [email])
    stack.sandbox.fault("notion", "status", status=429, times=2)
    stack.sandbox.fault("notion", "status", status=500, times=1)
    run = only_run(stack, email)
    assert (run.state, run.labels["outcome"]) == ("SUCCESS", "sent")
    assert len(mails(stack, email)) == 1
    assert page_of(stack, email)["Email 5 Sent"] is not None


def test_failure_to_record_the_result_ends_with_a_warning_and_one_email(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, [email])
    stack.sandbox.fault("notion", "status", status=400, times=1, method="PATCH")
    run = only_run(stack, email)
    assert (run.state, run.labels["outcome"]) == ("WARNING", "sent")
    assert len(mails(stack, email)) == 1
    (follow_up,) = runs(stack, "email-follow-up", email)
    refusal = "Notion refused to record the result: HTTP 400 for the contact's page, HTTP 200 for the page in Email Analytics."
    assert any(line.message.startswith(refusal) for line in stack.kestra.logs(follow_up.id))


def test_page_in_the_trash_skips_the_email(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, [email])
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    with stack.notion() as notion:
        notion.archive_page(page["id"])
    run = only_run(stack, email)
    assert (run.state, run.labels["outcome"], run.labels["reason"]) == ("SUCCESS", "skipped", "page_archived")
    assert mails(stack, email) == []
    (analytics,) = analytics_of(stack, email)
    assert analytics["Status"] == "skipped"


def test_date_set_by_the_owner_skips_the_email(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, [email])
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    with stack.notion() as notion:
        notion.update_page(page["id"], schema.SEQUENCE_PAGES, {"Email 5 Sent": datetime.now(UTC)})
    run = only_run(stack, email)
    assert (run.state, run.labels["outcome"], run.labels["reason"]) == ("SUCCESS", "skipped", "already_sent")
    assert mails(stack, email) == []


def test_second_run_of_a_sent_email_is_skipped(stack: Stack) -> None:
    email, enrolment = send_the_last(stack)
    second = stack.kestra.run("send-email", {"enrolment": enrolment, "number": 5})
    run = until(lambda: run if (run := stack.kestra.execution(second)).state == "SUCCESS" else None, "the second run")
    assert (run.labels["outcome"], run.labels["reason"]) == ("skipped", "already_sent")
    assert len(mails(stack, email)) == 1


def test_broken_second_run_leaves_a_sent_email_recorded_as_sent(stack: Stack) -> None:
    email, enrolment = send_the_last(stack)
    key = f"enrolment.{enrolment}"
    ledger, record = stack.kestra.kv_get(f"mail.{enrolment}.5"), stack.kestra.kv_get(key)
    # `prepare` reads the ledger and stops; `settle` breaks on an event without fields.
    stack.kestra.kv_put(key, {**record, "event": {**record["event"], "fields": None}})
    second = stack.kestra.run("send-email", {"enrolment": enrolment, "number": 5}, labels={"contact": "nobody"})
    run = until(lambda: run if (run := stack.kestra.execution(second)).state == "FAILED" else None, "the second run")
    assert (run.labels["outcome"], run.labels["reason"]) == ("failed", "step_failed")
    until(lambda: stack.kestra.kv_get(f"alerted.{enrolment}.5.step_failed"), "the alert")
    assert stack.kestra.kv_get(f"mail.{enrolment}.5") == ledger
    assert len(mails(stack, email)) == 1


def test_run_of_an_unknown_enrolment_fails_with_its_reason(stack: Stack) -> None:
    execution = stack.kestra.run("send-email", {"enrolment": "signup-nobody", "number": 2})
    run = until(lambda: run if (run := stack.kestra.execution(execution)).state == "FAILED" else None, "the run")
    assert (run.labels["outcome"], run.labels["reason"]) == ("failed", "enrolment_unknown")
    assert any("has no such enrolment" in line.message for line in stack.kestra.logs(run.id))
