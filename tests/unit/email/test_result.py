from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import gate, result
from christmas_campaign.email.gate import PageNote, Refused
from christmas_campaign.email.result import Answer, Recorded, Verdict
from christmas_campaign.email.retry import PutOff
from christmas_campaign.enrolment.record import LedgerEntry
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.sequences.model import UnknownEmail
from christmas_campaign.stops import marks
from unit import build

NOW, HOUR = build.NOW, build.HOUR
CLAIMED = NOW - 2 * HOUR
AT: JsonObject = {"date": {"start": "2025-11-20T15:00:00.000Z"}}
COMPLETED: JsonObject = {"Sequence Completed": {"checkbox": True}}

SENT = Verdict(Outcome.SENT, resend_id="re_1")
SENT_BEFORE = Verdict(Outcome.SENT, detail="Resend had accepted this e-mail before, with other words.")
FAILED = Verdict(Outcome.FAILED, Reason.VALUE_MISSING, "no value for {{x}}")
SKIPPED = Verdict(Outcome.SKIPPED, Reason.ALREADY_SENT, "The page says so.")
IN_PROGRESS = Verdict(Outcome.DEFERRED, Reason.SEND_IN_PROGRESS)
UNREACHABLE = Verdict(Outcome.DEFERRED, Reason.RESEND_UNREACHABLE)


def refused_by_resend(error: str) -> Verdict:
    return Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, f"Resend refused the e-mail: HTTP {error}.")


# Resend's response.


@pytest.mark.parametrize(
    ("code", "body", "verdict"),
    [
        (200, {"id": "re_1"}, SENT),
        (201, {"id": "re_1"}, SENT),
        (200, {"id": 5}, Verdict(Outcome.SENT)),
        (200, "not JSON", Verdict(Outcome.SENT)),
        (200, ["re_1"], Verdict(Outcome.SENT)),
        (409, {"name": "concurrent_idempotent_requests"}, IN_PROGRESS),
        (429, {"name": "daily_quota_exceeded"}, Verdict(Outcome.DEFERRED, Reason.RESEND_QUOTA)),
        (429, {"name": "monthly_quota_exceeded"}, Verdict(Outcome.DEFERRED, Reason.RESEND_QUOTA)),
        (429, {"name": "rate_limit_exceeded"}, Verdict(Outcome.DEFERRED, Reason.RESEND_UNREACHABLE)),
        (429, "not JSON", Verdict(Outcome.DEFERRED, Reason.RESEND_UNREACHABLE)),
        (409, {"name": "invalid_idempotent_request"}, SENT_BEFORE),
        (409, "", SENT_BEFORE),
        (
            422,
            {"name": "validation_error", "message": "zoe@example.com is wrong"},
            refused_by_resend("422 validation_error"),
        ),
        (403, {"name": "to zoe@example.com: no"}, refused_by_resend("403")),
        (400, {"name": None}, refused_by_resend("400")),
        (400, {"name": "__"}, refused_by_resend("400")),
        (500, "<html>", refused_by_resend("500")),
    ],
)
@pytest.mark.parametrize("claimed_at", [NOW, NOW - 30 * HOUR])
def test_response_of_resend_gives_the_verdict_however_old_the_claim(
    code: int, body: Any, verdict: Verdict, claimed_at: datetime
) -> None:
    answer = Answer(code, body if isinstance(body, str) else json.dumps(body))
    assert result.judge(answer, claimed_at, NOW) == verdict


def test_no_response_defers_the_email() -> None:
    assert result.judge(None, NOW - 30 * HOUR, NOW) == UNREACHABLE


@pytest.mark.parametrize("code", [404, 405])
@pytest.mark.parametrize("ago", [timedelta(0), 23 * HOUR - timedelta(microseconds=1), 23 * HOUR])
def test_unknown_url_means_an_expired_key_once_the_claim_is_old(code: int, ago: timedelta) -> None:
    """Older revisions of the flow call such a URL when the key has expired."""
    expected = refused_by_resend(f"{code} not_found")
    if ago == 23 * HOUR:
        expected = Verdict(Outcome.FAILED, Reason.SEND_UNKNOWN, gate.unknown(NOW - ago))
    assert result.judge(Answer(code, '{"name": "not_found"}'), NOW - ago, NOW) == expected


@pytest.mark.parametrize("ago", [HOUR, 30 * HOUR])
def test_contact_suppressed_at_the_last_moment_is_skipped(ago: timedelta) -> None:
    verdict = result.judge(Answer(404, "", Reason.BOUNCED, held_back=True), NOW - ago, NOW)
    assert verdict == Verdict(Outcome.SKIPPED, Reason.BOUNCED, "The contact was stopped right before it was sent.")


def test_request_that_was_held_back_is_deferred_until_the_key_expires() -> None:
    held_back = Answer(404, "", held_back=True)
    recent = result.judge(held_back, NOW - 23 * HOUR + timedelta(microseconds=1), NOW)
    assert recent == Verdict(Outcome.DEFERRED, Reason.STOPS_CHANGED)
    old = result.judge(held_back, NOW - 23 * HOUR, NOW)
    assert old == Verdict(Outcome.FAILED, Reason.SEND_UNKNOWN, gate.unknown(NOW - 23 * HOUR))


# The records.


def settle(
    number: int = 2,
    verdict: Verdict = SENT,
    *,
    page: Any = ...,
    emails: Any = None,
    name: str = "signup",
    tries: int = 0,
    claimed_at: datetime | None = CLAIMED,
    done: Collection[int] = (),
    settings: Settings = build.SETTINGS,
) -> Recorded | PutOff:
    return result.settle(
        build.record(name, emails=emails),
        number,
        verdict,
        tries=tries,
        claimed_at=claimed_at,
        page=build.sequence_page() if page is ... else page,
        done=done,
        settings=settings,
        now=NOW,
    )


def recorded(*args: Any, **changes: Any) -> Recorded:
    decision = settle(*args, **changes)
    assert isinstance(decision, Recorded)
    return decision


def stamp(*args: Any, **changes: Any) -> Any:
    body = recorded(*args, **changes).stamp
    return body and body["properties"]


def properties_of(body: JsonObject) -> Any:
    return body["properties"]


def text(content: str) -> Json:
    return [{"type": "text", "text": {"content": content}}] if content else []


def test_sent_email_is_recorded_in_the_ledger_and_in_notion() -> None:
    decision = recorded()
    assert decision == Recorded(
        SENT,
        ledger=LedgerEntry(Outcome.SENT, NOW, resend_id="re_1"),
        analytics={
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
                "Campaign": {"select": {"name": "Christmas 2025"}},
            },
        },
        stamp={"properties": {"Email 2 Sent": AT}},
    )
    assert (decision.outcome, decision.reason, decision.detail) == ("sent", None, "")


@pytest.mark.parametrize(
    ("verdict", "status", "error", "resend_id"),
    [
        (SENT_BEFORE, "sent", SENT_BEFORE.detail, ""),
        (FAILED, "failed", "value_missing: no value for {{x}}", ""),
        (SKIPPED, "skipped", "already_sent: The page says so.", ""),
        (Verdict(Outcome.FAILED, Reason.RESEND_UNREACHABLE), "failed", "resend_unreachable:", ""),
    ],
)
def test_analytics_page_has_status_and_error(verdict: Verdict, status: str, error: str, resend_id: str) -> None:
    decision = recorded(3, verdict, name="noshow")
    assert (decision.outcome, decision.reason, decision.detail) == verdict[:3]
    properties = properties_of(decision.analytics)
    assert properties["Name"] == {"title": text(f"noshow_recovery_email_3 - {status}")}
    assert properties["Status"] == {"select": {"name": status}}
    assert properties["Error Message"] == {"rich_text": text(error)}
    assert properties["Resend Email ID"] == {"rich_text": text(resend_id)}


@pytest.mark.parametrize("sequence", ["signup", "winback"])
def test_analytics_page_of_a_withdrawn_email_has_no_template(sequence: str) -> None:
    record = build.record(emails={6: NOW})
    record = record._replace(event=record.event._replace(sequence=sequence))
    verdict = Verdict(Outcome.SKIPPED, Reason.EMAIL_WITHDRAWN, "It was withdrawn.")
    properties = properties_of(result.analytics(record, 6, verdict, NOW))
    assert properties["Name"] == {"title": text(f"{sequence} E6 - skipped")}
    assert properties["Template ID"] == {"rich_text": []}


def test_number_outside_the_sequence_raises() -> None:
    with pytest.raises(UnknownEmail):
        settle(6)


def test_temporary_failure_is_retried_and_not_recorded() -> None:
    detail = "Resend could not be reached, or was not ready to take the e-mail. It is tried again."
    expected = PutOff(Reason.RESEND_UNREACHABLE, detail, NOW + HOUR / 120, 48)
    assert settle(2, UNREACHABLE, tries=47, settings=Settings(time_scale=60)) == expected


@pytest.mark.parametrize("claimed_at", [None, CLAIMED])
def test_last_retry_is_recorded_as_failed_and_keeps_the_claim(claimed_at: datetime | None) -> None:
    decision = recorded(2, IN_PROGRESS, tries=48, claimed_at=claimed_at)
    detail = "Resend is still busy with this e-mail, for as long as it was tried: 49 times."
    assert decision.verdict == Verdict(Outcome.FAILED, Reason.SEND_IN_PROGRESS, detail)
    assert decision.ledger == LedgerEntry(Outcome.FAILED, NOW, Reason.SEND_IN_PROGRESS, claimed_at=claimed_at)
    assert properties_of(decision.analytics)["Error Message"] == {"rich_text": text(f"send_in_progress: {detail}")}
    assert decision.stamp is None


@pytest.mark.parametrize(
    ("verdict", "claimed_at"),
    [
        # Resend may have this e-mail, from this try or an earlier one.
        (Verdict(Outcome.FAILED, Reason.SEND_UNKNOWN, "Not known."), CLAIMED),
        (FAILED, CLAIMED),
        (SKIPPED, CLAIMED),
        # Resend's response says whether it has the e-mail.
        (SENT, None),
        (SENT_BEFORE, None),
        (refused_by_resend("422"), None),
    ],
)
def test_claim_ends_only_with_a_response_of_resend(verdict: Verdict, claimed_at: datetime | None) -> None:
    decision = recorded(2, verdict)
    assert decision.ledger == LedgerEntry(
        verdict.outcome, NOW, verdict.reason, resend_id=verdict.resend_id, claimed_at=claimed_at
    )
    assert (decision.stamp is not None) is (verdict.outcome is Outcome.SENT)


@pytest.mark.parametrize("page", [None, build.sequence_page(archived=True), build.sequence_page(in_trash=True)])
def test_missing_page_is_not_updated_but_the_ledger_is(page: Any) -> None:
    decision = recorded(2, SENT, page=page)
    assert decision.stamp is None
    assert decision.ledger.outcome == "sent"


def test_mark_on_the_page_keeps_its_time() -> None:
    page = build.sequence_page({"Stop Reason": "unsubscribed since 2025-11-19T10:00:00-05:00"})
    unsubscribed = Verdict(Outcome.SKIPPED, Reason.UNSUBSCRIBED, "The page says so.")
    on_page = stamp(3, unsubscribed, page=page)["Stop Reason"]
    assert build.text_of(on_page) == "unsubscribed since 2025-11-19T10:00:00-05:00 (from E3)"
    # The mark of another reason, or no mark, gives no time.
    for stop_reason in ("bounced since 2025-11-19T10:00:00-05:00", None):
        on_page = stamp(3, unsubscribed, page=build.sequence_page({"Stop Reason": stop_reason}))["Stop Reason"]
        assert build.text_of(on_page) == "unsubscribed since 2025-11-20T10:00:00-05:00 (from E3)"


# The refusals of the gate.


@pytest.mark.parametrize(
    ("unless", "page", "is_written"),
    [
        (None, None, True),
        (marks.ON_PAGE, build.sequence_page(), True),
        # Nothing may replace the mark of a permanent suppression, which a missing page may have.
        (marks.ON_PAGE, None, False),
        (marks.ON_PAGE, build.sequence_page({"Stop Reason": "bounced"}), False),
    ],
)
@pytest.mark.parametrize("ledger", [LedgerEntry(Outcome.SKIPPED, NOW, Reason.BOOKED, claimed_at=CLAIMED), None])
def test_refusal_of_the_gate_is_recorded(
    unless: str | None, page: Any, is_written: bool, ledger: LedgerEntry | None
) -> None:
    note = PageNote("/v1/pages/page-1", {"Stop Reason": {"rich_text": text("booked (from E5)")}}, unless)
    refused = Refused(Outcome.SKIPPED, Reason.BOOKED, "The contact was stopped.", ledger=ledger, page=note)
    record = build.record()
    verdict = Verdict(Outcome.SKIPPED, Reason.BOOKED, "The contact was stopped.")
    assert result.settle_refused(refused, record, 5, page_id="page-1", page=page, done=[2, 3], now=NOW) == Recorded(
        verdict,
        ledger=ledger or LedgerEntry(Outcome.SKIPPED, NOW, Reason.BOOKED),
        analytics=result.analytics(record, 5, verdict, NOW),
        stamp={"properties": note.properties} if is_written else None,
    )


@pytest.mark.parametrize(("outcome", "is_completed"), [(Outcome.SKIPPED, True), (Outcome.FAILED, False)])
def test_refusal_of_the_last_open_email_completes_the_sequence(outcome: Outcome, is_completed: bool) -> None:
    refused = Refused(outcome, Reason.EMAIL_WITHDRAWN, "It was withdrawn.")
    gate_record = result.at_gate(refused, build.record(), 5, page_id="page-1", done=[2, 3, 4], now=NOW)
    assert gate_record.page == (PageNote("/v1/pages/page-1", COMPLETED) if is_completed else None)


# The completion of the sequence.


def dates(*numbers: int) -> dict[str, str]:
    return {f"Email {number} Sent": "2025-11-17" for number in numbers}


@pytest.mark.parametrize(
    ("number", "verdict", "on_page", "done", "expected"),
    [
        (5, SENT, dates(2, 3, 4), [], {"Email 5 Sent": AT, **COMPLETED}),
        (5, SENT, {}, [2, 3, 4], {"Email 5 Sent": AT, **COMPLETED}),
        (5, SENT, dates(2), [3, 4], {"Email 5 Sent": AT, **COMPLETED}),
        (5, SENT, dates(2), [4], {"Email 5 Sent": AT}),
        (5, SENT, {}, [], {"Email 5 Sent": AT}),
        (5, FAILED, dates(2, 3, 4), [], None),
        # The e-mail has a date already, written by somebody else.
        (5, SKIPPED, dates(2, 3, 4, 5), [], COMPLETED),
        (5, SKIPPED, {}, [2, 3, 4], COMPLETED),
        # A replay settles an earlier e-mail last.
        (3, SENT, dates(2, 4, 5), [], {"Email 3 Sent": AT, **COMPLETED}),
        (3, SKIPPED, dates(2, 3, 4, 5), [], COMPLETED),
        (3, FAILED, dates(2, 4, 5), [], None),
        (4, SKIPPED, dates(2, 3, 4), [], None),
    ],
)
def test_sequence_is_completed_when_every_email_is_sent_or_skipped(
    number: int, verdict: Verdict, on_page: dict[str, Any], done: list[int], expected: Any
) -> None:
    assert stamp(number, verdict, page=build.sequence_page(on_page), done=done) == expected


def test_only_the_emails_of_the_record_count_for_completion() -> None:
    """The website sends e-mail 1, and an adopted page may have no dates of earlier e-mails."""
    assert stamp(5, SENT, emails={5: NOW}) == {"Email 5 Sent": AT, **COMPLETED}
