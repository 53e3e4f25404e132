from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import pytest

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import result
from christmas_campaign.email.result import Answer, Recorded, Verdict
from christmas_campaign.email.retry import PutOff
from christmas_campaign.enrolment.record import LedgerEntry
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.sequences.model import UnknownEmail
from unit import build

NOW, HOUR = build.NOW, build.HOUR
#: When the e-mail was claimed first.
CLAIMED = NOW - 2 * HOUR
AT: JsonObject = {"date": {"start": "2025-11-20T15:00:00.000Z"}}

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
            Verdict(Outcome.DEFERRED, Reason.SEND_IN_PROGRESS),
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
            400,
            {"name": "__"},
            Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 400."),
        ),
        (
            500,
            "<html>",
            Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 500."),
        ),
        (
            404,
            {"name": "not_found"},
            Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 404 not_found."),
        ),
        (
            405,
            {"name": "method_not_allowed"},
            Verdict(
                Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 405 method_not_allowed."
            ),
        ),
    ],
)
@pytest.mark.parametrize("claimed_at", [NOW, CLAIMED, NOW - 23 * HOUR + timedelta(microseconds=1), NOW + HOUR])
def test_what_an_answer_of_resend_means(code: int, body: Any, verdict: Verdict, claimed_at: datetime) -> None:
    answer = Answer(code, body if isinstance(body, str) else json.dumps(body))
    assert result.judge(answer, claimed_at, NOW) == verdict


@pytest.mark.parametrize("ago", [timedelta(0), HOUR, 23 * HOUR, timedelta(days=30)])
def test_no_answer_passes(ago: timedelta) -> None:
    assert result.judge(None, NOW - ago, NOW) == Verdict(Outcome.DEFERRED, Reason.RESEND_UNREACHABLE)


@pytest.mark.parametrize("code", [404, 405])
@pytest.mark.parametrize("ago", [23 * HOUR, 24 * HOUR])
def test_an_address_that_resend_does_not_have_means_too_late_when_the_key_holds_no_longer(
    code: int, ago: timedelta
) -> None:
    assert result.judge(Answer(code, '{"name": "not_found"}'), NOW - ago, NOW) == Verdict(
        Outcome.FAILED,
        Reason.SEND_UNKNOWN,
        f"The request to Resend began on {times.for_owner(NOW - ago)}, and its result is unknown."
        " The idempotency key may have expired, so another try could send the e-mail twice.",
    )


@pytest.mark.parametrize(
    ("code", "body", "verdict"),
    [
        (200, '{"id": "re_1"}', SENT),
        (409, '{"name": "concurrent_idempotent_requests"}', Verdict(Outcome.DEFERRED, Reason.SEND_IN_PROGRESS)),
        (409, '{"name": "invalid_idempotent_request"}', Verdict(Outcome.SENT, detail=BEFORE)),
        (
            400,
            "",
            Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 400."),
        ),
        (
            403,
            '{"name": "not_found"}',
            Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "Resend refused the e-mail: HTTP 403 not_found."),
        ),
    ],
)
def test_every_other_answer_counts_however_late(code: int, body: str, verdict: Verdict) -> None:
    assert result.judge(Answer(code, body), NOW - 30 * HOUR, NOW) == verdict


def done(
    number: int = 2,
    verdict: Verdict = SENT,
    *,
    page: Any = ...,
    emails: Any = None,
    name: str = "signup",
    tries: int = 0,
    claimed_at: datetime | None = CLAIMED,
    others: Collection[int] = (),
    settings: Settings = build.SETTINGS,
) -> Recorded | PutOff:
    found = build.sequence_page() if page is ... else page
    record = build.record(name, emails=emails)
    return result.settle(
        record,
        number,
        verdict,
        tries=tries,
        claimed_at=claimed_at,
        page=found,
        done=others,
        settings=settings,
        now=NOW,
    )


def recorded(*args: Any, **changes: Any) -> Recorded:
    decision = done(*args, **changes)
    assert isinstance(decision, Recorded)
    return decision


def stamp(*args: Any, **kwargs: Any) -> Any:
    body = recorded(*args, **kwargs).stamp
    return body and body["properties"]


def properties_of(body: JsonObject) -> Any:
    return body["properties"]


def text(content: str) -> Json:
    return [{"type": "text", "text": {"content": content}}] if content else []


def test_a_sent_email_is_written_down_everywhere() -> None:
    assert done() == Recorded(
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
                "Campaign": {"select": {"name": "Christmas Campaign"}},
            },
        },
        stamp={"properties": {"Email 2 Sent": AT}},
    )


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
    properties = properties_of(recorded(3, verdict, name="noshow").analytics)
    assert properties["Name"] == {"title": text(f"noshow_recovery_email_3 - {status}")}
    assert properties["Template ID"] == {"rich_text": text("noshow_recovery_email_3")}
    assert properties["Status"] == {"select": {"name": status}}
    assert properties["Error Message"] == {"rich_text": text(error)}
    assert properties["Resend Email ID"] == {"rich_text": text(resend_id)}
    assert properties["Email Number"] == {"number": 3}
    assert properties["Email"] == {"email": "zoe@example.com"}
    assert properties["Sent Date"] == AT


#: What passes, and its words.
PASSES = [
    (Reason.NOTION_UNREACHABLE, "Notion could not be reached, or was not ready to answer"),
    (Reason.RESEND_UNREACHABLE, "Resend could not be reached, or was not ready to take the e-mail"),
    (Reason.SEND_IN_PROGRESS, "Resend is still busy with this e-mail"),
]


@pytest.mark.parametrize(("reason", "words"), PASSES)
@pytest.mark.parametrize(
    ("tries", "settings", "date"),
    [
        (0, build.SETTINGS, "2025-11-20T15:01:00.000Z"),
        (3, build.SETTINGS, "2025-11-20T15:08:00.000Z"),
        (47, build.SETTINGS, "2025-11-20T15:30:00.000Z"),
        (47, Settings(time_scale=60), "2025-11-20T15:00:30.000Z"),
    ],
)
def test_what_passes_is_put_off_and_nothing_is_written_down(
    reason: Reason, words: str, tries: int, settings: Settings, date: str
) -> None:
    later = done(2, Verdict(Outcome.DEFERRED, reason), tries=tries, settings=settings)
    assert later == PutOff(reason, f"{words}. It is tried again.", times.parse(date), tries + 1)
    assert later.outcome is Outcome.DEFERRED


@pytest.mark.parametrize(("reason", "words"), PASSES)
@pytest.mark.parametrize("page", [build.sequence_page(), None])
@pytest.mark.parametrize("claimed_at", [None, CLAIMED])
def test_what_does_not_pass_is_written_down_as_failed_and_a_claim_stands(
    reason: Reason, words: str, page: Any, claimed_at: datetime | None
) -> None:
    said = recorded(2, Verdict(Outcome.DEFERRED, reason), tries=48, claimed_at=claimed_at, page=page)
    detail = f"{words}, for as long as it was tried: 49 times."
    assert said.verdict == Verdict(Outcome.FAILED, reason, detail)
    assert (said.outcome, said.reason, said.detail) == ("failed", reason, detail)
    assert said.ledger == LedgerEntry(Outcome.FAILED, NOW, reason, claimed_at=claimed_at)
    properties = properties_of(said.analytics)
    assert properties["Name"] == {"title": text("5-Day E2 - failed")}
    assert properties["Error Message"] == {"rich_text": text(f"{reason.value}: {detail}")}
    assert said.stamp is None


#: Why there may be no e-mail when it comes to composing it.
NOT_COMPOSED = [
    Reason.PAGE_MISSING,
    Reason.TEMPLATE_MISSING,
    Reason.TEMPLATE_AMBIGUOUS,
    Reason.TEMPLATE_EMPTY,
    Reason.TEMPLATE_MALFORMED,
    Reason.VALUE_MISSING,
    Reason.SETTING_MISSING,
]


@pytest.mark.parametrize(
    ("verdict", "tries", "claimed_at"),
    [
        # Resend may have the e-mail all the same.
        (Verdict(Outcome.DEFERRED, Reason.RESEND_UNREACHABLE), 48, CLAIMED),
        (Verdict(Outcome.DEFERRED, Reason.SEND_IN_PROGRESS), 48, CLAIMED),
        (Verdict(Outcome.FAILED, Reason.SEND_UNKNOWN, "Not known."), 0, CLAIMED),
        # It was not asked this time: it may have the e-mail of the try before.
        (Verdict(Outcome.DEFERRED, Reason.NOTION_UNREACHABLE), 48, CLAIMED),
        *[(Verdict(Outcome.FAILED, reason, "Not composed."), 0, CLAIMED) for reason in NOT_COMPOSED],
        (Verdict(Outcome.SKIPPED, Reason.PAGE_ARCHIVED, "In the trash."), 0, CLAIMED),
        (SKIPPED, 0, CLAIMED),
        # It has it, or it has not.
        (SENT, 0, None),
        (Verdict(Outcome.SENT, detail=BEFORE), 0, None),
        (Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, "HTTP 422."), 0, None),
    ],
)
def test_a_claim_stands_until_it_is_certain_what_became_of_the_email(
    verdict: Verdict, tries: int, claimed_at: datetime | None
) -> None:
    assert recorded(2, verdict, tries=tries).ledger.claimed_at == claimed_at


@pytest.mark.parametrize("verdict", [FAILED, SKIPPED])
@pytest.mark.parametrize("claimed_at", [None, CLAIMED])
def test_what_was_not_sent_gets_no_date(verdict: Verdict, claimed_at: datetime | None) -> None:
    said = recorded(2, verdict, claimed_at=claimed_at)
    assert said.stamp is None
    assert said.ledger == LedgerEntry(verdict.outcome, NOW, verdict.reason, claimed_at=claimed_at)
    assert said.verdict == verdict


@pytest.mark.parametrize("page", [None, build.sequence_page(archived=True), build.sequence_page(in_trash=True)])
def test_a_page_that_is_gone_gets_no_stamp_and_the_ledger_still_knows(page: Any) -> None:
    said = recorded(2, SENT, page=page)
    assert said.stamp is None
    assert said.ledger.outcome == "sent"


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


@pytest.mark.parametrize("sequence", ["signup", "winback"])
def test_analytics_of_a_withdrawn_email_name_no_template(sequence: str) -> None:
    record = build.record(emails={6: NOW})
    record = record._replace(event=record.event._replace(sequence=sequence))
    verdict = Verdict(Outcome.SKIPPED, Reason.EMAIL_WITHDRAWN, "It was withdrawn.")
    properties = properties_of(result.analytics(record, 6, verdict, NOW))
    assert properties["Name"] == {"title": text(f"{sequence} E6 - skipped")}
    assert properties["Template ID"] == {"rich_text": []}
    assert properties["Error Message"] == {"rich_text": text("email_withdrawn: It was withdrawn.")}


def test_a_number_outside_the_sequence_is_an_error() -> None:
    with pytest.raises(UnknownEmail):
        done(6)


@pytest.mark.parametrize(
    ("number", "verdict", "said", "in_ledger", "expected"),
    [
        (5, SENT, {"Email 2 Sent": "2025-11-17"}, [3, 4], {"Email 5 Sent": AT, "Sequence Completed": COMPLETED}),
        (5, SENT, {}, [2, 3, 4], {"Email 5 Sent": AT, "Sequence Completed": COMPLETED}),
        (5, SENT, {"Email 2 Sent": "2025-11-17"}, [4], {"Email 5 Sent": AT}),
        (5, SKIPPED, {}, [2, 3, 4], {"Sequence Completed": COMPLETED}),
        (5, FAILED, {}, [2, 3, 4], None),
        (3, SENT, {}, [2, 4, 5], {"Email 3 Sent": AT, "Sequence Completed": COMPLETED}),
    ],
)
def test_skipped_emails_do_not_keep_a_sequence_open(
    number: int, verdict: Verdict, said: dict[str, Any], in_ledger: list[int], expected: Any
) -> None:
    assert stamp(number, verdict, page=build.sequence_page(said), others=in_ledger) == expected


def test_mark_on_the_page_keeps_its_time() -> None:
    page = build.sequence_page({"Stop Reason": "unsubscribed since 2025-11-19T10:00:00-05:00"})
    said = stamp(3, Verdict(Outcome.SKIPPED, Reason.UNSUBSCRIBED, "The page says so."), page=page)
    assert build.text_of(said["Stop Reason"]) == "unsubscribed since 2025-11-19T10:00:00-05:00 (from E3)"


@pytest.mark.parametrize("code", [401, 404, 405])
@pytest.mark.parametrize("ago", [HOUR, 24 * HOUR])
def test_who_was_stopped_at_the_last_moment_is_skipped(code: int, ago: timedelta) -> None:
    verdict = result.judge(Answer(code, "", Reason.BOUNCED), NOW - ago, NOW)
    assert verdict == Verdict(Outcome.SKIPPED, Reason.BOUNCED, "The contact was stopped right before it was sent.")
