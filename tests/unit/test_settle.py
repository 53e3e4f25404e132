from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign import settle
from christmas_campaign.reasons import Outcome, Reason
from christmas_campaign.sequences import UnknownEmail
from christmas_campaign.settle import Answer, Verdict
from unit import build

NOW = build.NOW
AT = {"date": {"start": "2025-11-20T15:00:00.000Z"}}

SENT = Verdict(Outcome.SENT, resend_id="re_1")
FAILED = Verdict(Outcome.FAILED, Reason.VALUE_MISSING, "no value for {{x}}")
SKIPPED = Verdict(Outcome.SKIPPED, Reason.ALREADY_SENT, "The page says so.")
BEFORE = "Resend had accepted this e-mail before, with other words."


@pytest.mark.parametrize(
    ("code", "body", "verdict"),
    [
        (200, {"id": "re_1"}, SENT),
        (201, {"id": "re_1"}, SENT),
        (200, {"id": 5}, Verdict(Outcome.SENT)),
        (200, {}, Verdict(Outcome.SENT)),
        (200, "not JSON", Verdict(Outcome.SENT)),
        (200, "", Verdict(Outcome.SENT)),
        (200, ["re_1"], Verdict(Outcome.SENT)),
        (
            409,
            {"statusCode": 409, "name": "concurrent_idempotent_requests", "message": "x"},
            Verdict(Outcome.DEFERRED, Reason.SEND_IN_PROGRESS, "Resend is still busy with this e-mail."),
        ),
        (409, {"name": "invalid_idempotent_request"}, Verdict(Outcome.SENT, detail=BEFORE)),
        (409, "", Verdict(Outcome.SENT, detail=BEFORE)),
        (
            422,
            {"name": "validation_error", "message": "zoe@example.com is wrong"},
            Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 422 validation_error."),
        ),
        (
            401,
            {"name": "missing_api_key"},
            Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 401 missing_api_key."),
        ),
        (
            403,
            {"name": "to zoe@example.com: no"},
            Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 403."),
        ),
        (
            400,
            {"name": None},
            Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 400."),
        ),
        (
            500,
            "<html>",
            Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 500."),
        ),
    ],
)
def test_what_an_answer_of_resend_means(code: int, body: Any, verdict: Verdict) -> None:
    assert settle.judge(Answer(code, body if isinstance(body, str) else json.dumps(body))) == verdict


def test_no_answer_for_all_the_retries_needs_a_person() -> None:
    assert settle.judge(None) == Verdict(
        Outcome.FAILED,
        Reason.RESEND_UNREACHABLE,
        "Resend could not be reached, or was not ready to take the e-mail, for as long as it was tried.",
    )


def done(
    number: int = 2, verdict: Verdict = SENT, *, page: Any = ..., emails: Any = None, name: str = "signup"
) -> dict[str, Any]:
    found = build.sequence_page() if page is ... else page
    record = build.record(name, emails=emails)
    return settle.settle(record, number, verdict, page=found, now=NOW)


def stamp(*args: Any, **kwargs: Any) -> Any:
    body = done(*args, **kwargs)["stamp"]
    return body and body["properties"]


def text(content: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": {"content": content}}] if content else []


def test_a_sent_email_is_written_down_everywhere() -> None:
    assert done() == {
        "outcome": "sent",
        "reason": None,
        "detail": "",
        "ledger": {
            "outcome": "sent",
            "at": "2025-11-20T15:00:00.000Z",
            "reason": None,
            "resend_id": "re_1",
        },
        "analytics": {
            "parent": {"type": "data_source_id", "data_source_id": "source-analytics"},
            "properties": {
                "Name": {"title": text("5-Day E2 - sent")},
                "Email": {"email": "zoe@example.com"},
                "Template ID": {"rich_text": text("5-Day E2")},
                "Resend Email ID": {"rich_text": text("re_1")},
                "Error Message": {"rich_text": []},
                "Email Number": {"number": 2},
                "Status": {"select": {"name": "sent"}},
                "Sent Date": AT,
                "Campaign": {"select": {"name": "Christmas Campaign"}},
            },
        },
        "stamp": {"properties": {"Email 2 Sent": AT}},
    }


@pytest.mark.parametrize(
    ("verdict", "status", "error", "resend_id"),
    [
        (SENT, "sent", "", "re_1"),
        (Verdict(Outcome.SENT, detail=BEFORE), "sent", BEFORE, ""),
        (FAILED, "failed", "value_missing: no value for {{x}}", ""),
        (SKIPPED, "skipped", "already_sent: The page says so.", ""),
        (Verdict(Outcome.FAILED, Reason.RESEND_UNREACHABLE), "failed", "resend_unreachable:", ""),
    ],
)
def test_the_analytics_page_of_each_attempt(verdict: Verdict, status: str, error: str, resend_id: str) -> None:
    properties = done(3, verdict, name="noshow")["analytics"]["properties"]
    assert properties["Name"] == {"title": text(f"noshow_recovery_email_3 - {status}")}
    assert properties["Template ID"] == {"rich_text": text("noshow_recovery_email_3")}
    assert properties["Status"] == {"select": {"name": status}}
    assert properties["Error Message"] == {"rich_text": text(error)}
    assert properties["Resend Email ID"] == {"rich_text": text(resend_id)}
    assert properties["Email Number"] == {"number": 3}
    assert properties["Email"] == {"email": "zoe@example.com"}
    assert properties["Sent Date"] == AT


def test_an_email_that_is_still_being_sent_is_put_off_and_nothing_is_written_down() -> None:
    assert done(2, settle.judge(Answer(409, '{"name": "concurrent_idempotent_requests"}'))) == {
        "outcome": "deferred",
        "reason": "send_in_progress",
        "detail": "Resend is still busy with this e-mail.",
        "date": "2025-11-20T15:01:00.000Z",
    }


@pytest.mark.parametrize("verdict", [FAILED, SKIPPED])
def test_what_was_not_sent_gets_no_date(verdict: Verdict) -> None:
    said = done(2, verdict)
    assert said["stamp"] is None
    assert said["ledger"] == {
        "outcome": verdict.outcome,
        "at": "2025-11-20T15:00:00.000Z",
        "reason": verdict.reason,
        "resend_id": None,
    }
    assert (said["outcome"], said["reason"], said["detail"]) == tuple(verdict[:3])


@pytest.mark.parametrize("page", [None, build.sequence_page(archived=True), build.sequence_page(in_trash=True)])
def test_a_page_that_is_gone_gets_no_stamp_and_the_ledger_still_knows(page: Any) -> None:
    said = done(2, SENT, page=page)
    assert said["stamp"] is None
    assert said["ledger"]["outcome"] == "sent"


ALL_BUT_LAST = {"Email 2 Sent": "2025-11-17", "Email 3 Sent": "2025-11-18", "Email 4 Sent": "2025-11-19"}
COMPLETED = {"checkbox": True}


@pytest.mark.parametrize(
    ("number", "verdict", "said", "expected"),
    [
        (5, SENT, ALL_BUT_LAST, {"Email 5 Sent": AT, "Sequence Completed": COMPLETED}),
        # The last one had been sent already, by whoever wrote the date.
        (5, SKIPPED, {**ALL_BUT_LAST, "Email 5 Sent": "2025-11-20"}, {"Sequence Completed": COMPLETED}),
        (5, FAILED, ALL_BUT_LAST, None),
        (5, SENT, {**ALL_BUT_LAST, "Email 3 Sent": None}, {"Email 5 Sent": AT}),
        (5, SENT, {"Email 4 Sent": "2025-11-19"}, {"Email 5 Sent": AT}),
        (5, SENT, {}, {"Email 5 Sent": AT}),
        # The last one was settled; another one, which had failed, is settled after it.
        (3, SKIPPED, {**ALL_BUT_LAST, "Email 5 Sent": "2025-11-20"}, {"Sequence Completed": COMPLETED}),
        (3, FAILED, {**ALL_BUT_LAST, "Email 3 Sent": None, "Email 5 Sent": "2025-11-20"}, None),
        (3, SENT, {"Email 2 Sent": "2025-11-17", "Email 5 Sent": "2025-11-20"}, {"Email 3 Sent": AT}),
        (4, SENT, ALL_BUT_LAST, {"Email 4 Sent": AT}),
        (4, SKIPPED, ALL_BUT_LAST, None),
    ],
)
def test_a_sequence_is_completed_only_when_none_has_failed(
    number: int, verdict: Verdict, said: dict[str, Any], expected: Any
) -> None:
    assert stamp(number, verdict, page=build.sequence_page(said)) == expected


def test_what_this_system_never_sends_does_not_keep_a_sequence_open() -> None:
    """The website sends E1; an adopted page may have no dates for what went before."""
    assert stamp(5, SENT, page=build.sequence_page(), emails={5: NOW}) == {
        "Email 5 Sent": AT,
        "Sequence Completed": COMPLETED,
    }


def test_a_sequence_is_completed_by_the_replay_of_the_one_that_had_failed() -> None:
    said = {**ALL_BUT_LAST, "Email 3 Sent": None, "Email 5 Sent": "2025-11-20"}
    assert stamp(3, SENT, page=build.sequence_page(said)) == {"Email 3 Sent": AT, "Sequence Completed": COMPLETED}


def test_a_number_outside_the_sequence_is_an_error() -> None:
    with pytest.raises(UnknownEmail):
        done(6)
