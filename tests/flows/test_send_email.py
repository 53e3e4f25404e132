"""The flow `send-email` against a Resend and a Notion that misbehave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from support import (
    DAY,
    address,
    analytics_of,
    ended,
    enrolled,
    find_pages,
    long_case,
    mails,
    numbers,
    page_of,
    runs,
    sign_up,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema


@pytest.fixture(autouse=True)
def _no_faults_left(stack: Stack) -> None:
    stack.sandbox.clear_faults()


def about_to_get_the_last(stack: Stack, email: str, *, seconds: float = 4) -> str:
    """Sign a contact up who got all but the last e-mail, due in some seconds; returns the id of the enrolment."""
    now = datetime.now(UTC)
    sent = {f"Email {number} Sent": now - timedelta(hours=5 - number) for number in (1, 2, 3, 4)}
    with stack.notion() as notion:
        source = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
        notion.create_page(source, schema.SEQUENCE_PAGES, {"Email": email, "Campaign": "Christmas 2025", **sent})
    sign_up(stack, email, email_1_sent_at=(now + timedelta(seconds=seconds) - 5 * DAY).isoformat())
    return enrolled(stack, email).labels["enrolment"]


def the_end(stack: Stack, email: str, timeout: float = 40) -> Execution:
    """The only run of `send-email` for a contact, once it has ended."""

    def ended() -> Execution | None:
        found = runs(stack, "send-email", email)
        assert len(found) <= 1
        return next((run for run in found if run.state in ("SUCCESS", "WARNING", "FAILED")), None)

    return until(ended, "the end of the run", timeout)


@pytest.mark.parametrize(("status", "times"), [(429, 1), long_case(500, 2), long_case(503, 1)])
def test_a_resend_that_is_busy_or_broken_is_tried_again(stack: Stack, status: int, times: int) -> None:
    email = address()
    about_to_get_the_last(stack, email)
    stack.sandbox.fault("resend", "status", status=status, times=times)
    run = the_end(stack, email)
    assert (run.state, run.labels["outcome"]) == ("SUCCESS", "sent")
    assert numbers(mails(stack, email)) == [5]


def test_an_email_that_was_accepted_before_with_other_words_is_recorded_and_not_sent_again(stack: Stack) -> None:
    email = address()
    enrolment = about_to_get_the_last(stack, email)
    stack.sandbox.limit(resend=None)
    before = httpx.post(
        f"{stack.sandbox.resend_url}/emails",
        headers={
            "Authorization": f"Bearer {stack.resend_key}",
            "Idempotency-Key": opaque_ids.idempotency_key(enrolment, 5),
            "User-Agent": "test",
        },
        json={"from": "a@example.com", "to": email, "subject": "Other words", "text": "Other words"},
    )
    assert before.status_code == 200
    run = the_end(stack, email)

    assert (run.state, run.labels["outcome"]) == ("SUCCESS", "sent")
    assert [mail.subject for mail in mails(stack, email)] == ["Other words"]
    (said,) = analytics_of(stack, email)
    assert said["Status"] == "sent"
    assert said["Error Message"] == "Resend had accepted this e-mail before, with other words."
    assert page_of(stack, email)["Email 5 Sent"] is not None


def test_an_email_that_resend_refuses_fails_at_once_and_visibly(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, email)
    refusal = {"statusCode": 422, "name": "validation_error", "message": f"Something about {email}"}
    stack.sandbox.fault("resend", "status", status=422, times=1, body=refusal)
    run = the_end(stack, email)

    assert (run.state, run.labels["outcome"], run.labels["reason"]) == ("FAILED", "failed", "refused_by_resend")
    assert mails(stack, email) == []
    logged = [line.message for line in stack.kestra.logs(run.id)]
    assert "Resend refused the e-mail: HTTP 422 validation_error." in logged
    assert not any(email in message for message in logged)
    (said,) = analytics_of(stack, email)
    assert (said["Status"], said["Error Message"]) == (
        "failed",
        "refused_by_resend: Resend refused the e-mail: HTTP 422 validation_error.",
    )
    page = page_of(stack, email)
    assert (page["Email 5 Sent"], page["Sequence Completed"]) == (None, False)


def test_an_email_is_put_off_while_resend_is_busy_with_the_same(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, email)
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
    (said,) = analytics_of(stack, email)
    assert said["Status"] == "sent"


@pytest.mark.parametrize(
    ("service", "method", "reason"),
    [("notion", "GET", "notion_unreachable"), ("resend", "POST", "resend_unreachable")],
)
def test_an_email_is_put_off_while_a_provider_does_not_answer(
    stack: Stack, service: str, method: str, reason: str
) -> None:
    email = address()
    about_to_get_the_last(stack, email)
    # One more than the quick tries of one run. (Kestra's HTTP client tries a 503 or 429 once more by itself, a 500 not.)
    stack.sandbox.fault(service, "status", status=500, times=4, method=method)
    first, second = ended(stack, email, 2)
    assert (first.state, first.labels["outcome"], first.labels["reason"]) == ("SUCCESS", "deferred", reason)
    assert (second.state, second.labels["outcome"], second.inputs["tries"]) == ("SUCCESS", "sent", 1)
    assert numbers(mails(stack, email)) == [5]
    (said,) = analytics_of(stack, email)
    assert said["Status"] == "sent"


def test_a_notion_that_is_busy_or_broken_is_tried_again(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, email)
    stack.sandbox.fault("notion", "status", status=429, times=2)
    stack.sandbox.fault("notion", "status", status=500, times=1)
    run = the_end(stack, email)
    assert (run.state, run.labels["outcome"]) == ("SUCCESS", "sent")
    assert len(mails(stack, email)) == 1
    assert page_of(stack, email)["Email 5 Sent"] is not None


def test_a_failure_to_record_neither_stops_nor_repeats_the_email_and_is_visible(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, email)
    stack.sandbox.fault("notion", "status", status=400, times=1, method="PATCH")
    run = the_end(stack, email)
    assert (run.state, run.labels["outcome"]) == ("WARNING", "sent")
    assert len(mails(stack, email)) == 1
    (follow_up,) = runs(stack, "email-follow-up", email)
    refusal = "Notion refused to record the result: HTTP 400 for the contact's page, HTTP 200 for the page in Email Analytics."
    assert any(line.message.startswith(refusal) for line in stack.kestra.logs(follow_up.id))


def test_a_page_in_the_trash_stops_the_rest(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, email)
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    with stack.notion() as notion:
        notion.archive_page(page["id"])
    run = the_end(stack, email)
    assert (run.state, run.labels["outcome"], run.labels["reason"]) == ("SUCCESS", "skipped", "page_archived")
    assert mails(stack, email) == []
    (said,) = analytics_of(stack, email)
    assert said["Status"] == "skipped"


def test_a_stamp_that_a_person_set_stops_the_email(stack: Stack) -> None:
    email = address()
    about_to_get_the_last(stack, email)
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    with stack.notion() as notion:
        notion.update_page(page["id"], schema.SEQUENCE_PAGES, {"Email 5 Sent": datetime.now(UTC)})
    run = the_end(stack, email)
    assert (run.state, run.labels["outcome"], run.labels["reason"]) == ("SUCCESS", "skipped", "already_sent")
    assert mails(stack, email) == []


def test_an_email_that_was_sent_is_not_sent_again_by_a_second_run(stack: Stack) -> None:
    email = address()
    enrolment = about_to_get_the_last(stack, email)
    wait_for_mails(stack, email, 1)
    the_end(stack, email)
    again = stack.kestra.run("send-email", {"enrolment": enrolment, "number": 5})
    run = until(lambda: r if (r := stack.kestra.execution(again)).state == "SUCCESS" else None, "the second run")
    assert (run.labels["outcome"], run.labels["reason"]) == ("skipped", "already_sent")
    assert len(mails(stack, email)) == 1


def test_a_run_for_an_unknown_enrolment_fails_and_says_so(stack: Stack) -> None:
    again = stack.kestra.run("send-email", {"enrolment": "signup-nobody", "number": 2})
    run = until(lambda: r if (r := stack.kestra.execution(again)).state == "FAILED" else None, "the run")
    assert (run.labels["outcome"], run.labels["reason"]) == ("failed", "enrolment_unknown")
    assert any("is not kept, or no longer" in line.message for line in stack.kestra.logs(run.id))
