from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import gate
from christmas_campaign.email.gate import EmailState, PageNote, Refused
from christmas_campaign.enrolment.record import LedgerEntry, Record
from christmas_campaign.json_types import Json
from christmas_campaign.sequences.model import UnknownEmail
from christmas_campaign.stops import marks
from christmas_campaign.stops.rules import Source, Stop
from unit import build

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE
DAY, WEEK = 24 * HOUR, 7 * 24 * HOUR
DAY_AGO = NOW - DAY
TESTING = Settings(testing_mode=True)
SCALED = Settings(time_scale=14_400)


def sent(at: datetime = DAY_AGO) -> LedgerEntry:
    return LedgerEntry(Outcome.SENT, at, resend_id="re_1")


def claim(ago: timedelta, outcome: Outcome = Outcome.SENDING, reason: Reason | None = None) -> LedgerEntry:
    """A ledger entry with a claim of this age."""
    return LedgerEntry(outcome, NOW, reason, claimed_at=NOW - ago)


def skipped(reason: Reason, claimed_at: datetime | None = None) -> LedgerEntry:
    """The ledger entry of an e-mail that the gate skips."""
    return LedgerEntry(Outcome.SKIPPED, NOW, reason, claimed_at=claimed_at)


def suppression(reason: Reason, at: datetime = NOW) -> Stop:
    return Stop(reason, at, Source.PERSON)


def run_gate(
    number: int = 3, *, settings: Settings = build.SETTINGS, now: datetime = NOW, **changes: Any
) -> Refused | None:
    """Run the gate for an e-mail of a signup whose previous e-mail was sent a day ago; ``changes`` are of the state."""
    state: dict[str, Any] = {"record": build.record(), "page_id": "page-1", "before": sent(), **changes}
    return gate.gate(number, EmailState(**state), settings, now)


def passes(*args: Any, **changes: Any) -> bool:
    return run_gate(*args, **changes) is None


def refusal(*args: Any, **changes: Any) -> Refused:
    decision = run_gate(*args, **changes)
    assert decision is not None
    return decision


def skip(reason: Reason, detail: str, page: PageNote | None = None) -> Refused:
    """The refusal that settles an e-mail as skipped."""
    return Refused(Outcome.SKIPPED, reason, detail, ledger=skipped(reason), page=page)


def defer(reason: Reason, detail: str, date: datetime) -> Refused:
    return Refused(Outcome.DEFERRED, reason, detail, date)


def stop_reason(reason: Reason, number: int, at: datetime) -> PageNote:
    """The update that writes why the sequence ended."""
    text: Json = [{"type": "text", "text": {"content": marks.text(reason, at, number)}}]
    unless = None if reason in marks.FOR_GOOD else marks.ON_PAGE
    return PageNote("/v1/pages/page-1", {"Stop Reason": {"rich_text": text}}, unless)


@pytest.mark.parametrize(("number", "before"), [(2, None), (3, sent())])
def test_due_email_passes(number: int, before: LedgerEntry | None) -> None:
    assert passes(number, before=before)


@pytest.mark.parametrize("number", [0, 1, 6])
def test_number_outside_the_sequence_raises(number: int) -> None:
    with pytest.raises(UnknownEmail):
        run_gate(number)


# Unknown, sent, paused.


@pytest.mark.parametrize("changes", [{"record": None}, {"page_id": None}, {"page_id": None, "paused": True}])
def test_unknown_enrolment_fails(changes: dict[str, Any]) -> None:
    detail = "Kestra's KV store has no such enrolment. It is deleted 30 days after the last e-mail was due."
    assert run_gate(own=sent(), **changes) == Refused(Outcome.FAILED, Reason.ENROLMENT_UNKNOWN, detail)


@pytest.mark.parametrize(
    "changes",
    [
        {"before": None},
        {"paused": True},
        {"suppressions": (suppression(Reason.COMPLAINED),)},
        {"own": sent()._replace(claimed_at=NOW - 30 * DAY)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_sent_email_is_skipped_before_any_other_check(changes: dict[str, Any]) -> None:
    detail = "Sent on 19 November 2025, 10:00 America/Toronto."
    assert run_gate(**{"own": sent(), **changes}) == Refused(Outcome.SKIPPED, Reason.ALREADY_SENT, detail)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SKIPPED])
def test_failed_or_skipped_email_can_be_replayed(outcome: Outcome) -> None:
    assert passes(own=LedgerEntry(outcome, DAY_AGO, Reason.VALUE_MISSING))


@pytest.mark.parametrize(
    "changes", [{}, {"own": claim(30 * HOUR)}, {"before": None}, {"before": sent(NOW)}, {"now": NOW + 5 * WEEK}]
)
def test_paused_campaign_defers_every_email(changes: dict[str, Any]) -> None:
    detail = "The campaign is paused. `christmas resume` continues it."
    assert run_gate(paused=True, **changes) == defer(Reason.PAUSED, detail, changes.get("now", NOW))


# Suppressions.


@pytest.mark.parametrize("reason", [Reason.UNSUBSCRIBED, Reason.STOPPED_BY_PERSON])
@pytest.mark.parametrize("changes", [{}, {"paused": True}, {"before": None}, {"resumed": NOW - 5 * WEEK}])
def test_suppressed_contact_gets_no_email(reason: Reason, changes: dict[str, Any]) -> None:
    detail = "The contact was stopped on 20 November 2025, 10:01 America/Toronto."
    expected = skip(reason, detail, stop_reason(reason, 3, NOW + MINUTE))
    assert run_gate(suppressions=(suppression(reason, NOW + MINUTE),), **changes) == expected


def test_suppression_of_another_sequence_does_not_stop_the_email() -> None:
    assert passes(suppressions=(suppression(Reason.CALL_MOVED, NOW + MINUTE),))


@pytest.mark.parametrize(("reason", "is_written"), [(Reason.EXPIRED, True), (Reason.BOUNCED, False)])
def test_page_update_is_made_once_for_each_reason(reason: Reason, is_written: bool) -> None:
    before = LedgerEntry(Outcome.SKIPPED, DAY_AGO, reason)
    page = refusal(4, suppressions=(suppression(Reason.BOUNCED),), before=before).page
    assert page == (stop_reason(Reason.BOUNCED, 4, NOW) if is_written else None)


@pytest.mark.parametrize("ago", [HOUR, 30 * HOUR])
def test_skipped_email_keeps_its_open_claim(ago: timedelta) -> None:
    refused = refusal(own=claim(ago), suppressions=(suppression(Reason.COMPLAINED),))
    assert refused.ledger == skipped(Reason.COMPLAINED, NOW - ago)


# Expiry.


def late(by: timedelta, **changes: Any) -> Refused | None:
    """Run the gate for e-mail 3, due this long ago."""
    return run_gate(record=build.record(emails=dict.fromkeys((2, 3, 4, 5), NOW - by)), **changes)


@pytest.mark.parametrize("before", [None, sent(), sent(NOW)])
def test_expired_email_is_skipped_even_while_it_would_wait(before: LedgerEntry | None) -> None:
    detail = "It was due on 13 November 2025, 09:59 America/Toronto."
    expected = skip(Reason.EXPIRED, detail, stop_reason(Reason.EXPIRED, 3, NOW))
    assert late(WEEK + MINUTE, before=before) == expected


@pytest.mark.parametrize(
    ("by", "changes", "expected"),
    [
        (WEEK, {}, True),
        (WEEK + timedelta(milliseconds=1), {}, False),
        (25 * HOUR, {"settings": Settings(expires_after_days=1)}, False),
        # A pause does not count: the limit then starts when the campaign was resumed.
        (3 * WEEK, {"resumed": NOW - WEEK}, True),
        (3 * WEEK, {"resumed": NOW - WEEK - MINUTE}, False),
        (WEEK, {"resumed": NOW - 100 * WEEK}, True),
    ],
)
def test_email_expires_after_the_limit(by: timedelta, changes: dict[str, Any], expected: bool) -> None:
    assert (late(by, **changes) is None) is expected


def test_old_claim_needs_the_owner_before_the_email_expires() -> None:
    decision = late(3 * WEEK, own=claim(30 * HOUR))
    assert decision.reason == "send_unknown" if isinstance(decision, Refused) else False
    decision = late(3 * WEEK, own=claim(HOUR))
    assert isinstance(decision, Refused)
    assert decision.ledger == skipped(Reason.EXPIRED, NOW - HOUR)


@pytest.mark.parametrize("resumed", [None, build.CALL])
def test_email_expires_when_its_call_begins(resumed: datetime | None) -> None:
    record = build.record("precall", emails={3: NOW})
    assert passes(record=record, now=build.CALL - MINUTE)
    refused = refusal(record=record, now=build.CALL, resumed=resumed)
    assert (refused.reason, refused.detail) == ("expired", f"The call was on {times.for_owner(build.CALL)}.")
    assert refused.ledger == LedgerEntry(Outcome.SKIPPED, build.CALL, Reason.EXPIRED)


@pytest.mark.parametrize("settings", [TESTING, SCALED])
def test_begun_call_does_not_count_in_tests_and_demos(settings: Settings) -> None:
    record = build.record("precall", emails={3: NOW}, scheduled_time="2025-11-20T14:00:00Z")
    assert passes(record=record, settings=settings)


# Claims.

#: The ledger entries of e-mails that Resend may or may not have.
UNCERTAIN = [
    (Outcome.SENDING, None),
    (Outcome.FAILED, Reason.RESEND_UNREACHABLE),
    (Outcome.FAILED, Reason.SEND_UNKNOWN),
]


@pytest.mark.parametrize(("outcome", "reason"), UNCERTAIN)
# A claim from the future: the clock was set back since.
@pytest.mark.parametrize("ago", [timedelta(0), 23 * HOUR - timedelta(microseconds=1), -HOUR])
def test_claimed_email_is_tried_again_while_its_key_is_valid(
    outcome: Outcome, reason: Reason | None, ago: timedelta
) -> None:
    assert passes(own=claim(ago, outcome, reason))


@pytest.mark.parametrize(("outcome", "reason"), UNCERTAIN)
@pytest.mark.parametrize(("ago", "before"), [(23 * HOUR, sent()), (30 * DAY, None)])
def test_claimed_email_fails_once_its_key_has_expired(
    outcome: Outcome, reason: Reason | None, ago: timedelta, before: LedgerEntry | None
) -> None:
    assert run_gate(own=claim(ago, outcome, reason), before=before) == Refused(
        outcome=Outcome.FAILED,
        reason=Reason.SEND_UNKNOWN,
        detail=f"The request to Resend began on {times.for_owner(NOW - ago)}, and its result is unknown."
        " The idempotency key may have expired, so another try could send the e-mail twice.",
        ledger=claim(ago, Outcome.FAILED, Reason.SEND_UNKNOWN),
    )


# The previous e-mail.


@pytest.mark.parametrize("before", [None, claim(timedelta(0)), claim(30 * DAY)])
@pytest.mark.parametrize(
    ("settings", "wait"),
    [(build.SETTINGS, HOUR), (TESTING, MINUTE), (SCALED, timedelta(seconds=2))],
)
def test_email_waits_until_the_previous_one_is_settled(
    settings: Settings, wait: timedelta, before: LedgerEntry | None
) -> None:
    expected = defer(Reason.EARLIER_EMAIL_UNSETTLED, "E-mail 2 is not settled yet.", NOW + wait)
    assert run_gate(before=before, settings=settings) == expected


@pytest.mark.parametrize(
    "before",
    [
        sent(NOW - HOUR / 4),
        LedgerEntry(Outcome.SKIPPED, NOW - HOUR / 4),
        # An old claim of an e-mail that failed does not hold up the next one.
        LedgerEntry(Outcome.FAILED, NOW - HOUR / 4, Reason.SEND_UNKNOWN, claimed_at=NOW - 30 * HOUR),
    ],
)
def test_email_keeps_its_distance_from_the_previous_one(before: LedgerEntry) -> None:
    detail = "E-mail 2 was settled on 20 November 2025, 09:45 America/Toronto."
    assert run_gate(before=before) == defer(Reason.TOO_SOON, detail, NOW + 3 * HOUR / 4)


@pytest.mark.parametrize(
    ("spacing", "settings"), [(HOUR, build.SETTINGS), (MINUTE, TESTING), (timedelta(seconds=0.25), SCALED)]
)
def test_distance_is_the_spacing_of_the_settings(spacing: timedelta, settings: Settings) -> None:
    assert passes(before=sent(NOW - spacing), settings=settings)
    assert refusal(before=sent(NOW - spacing + timedelta(milliseconds=1)), settings=settings).reason == "too_soon"


def test_previous_email_settled_in_the_future_holds_up_for_a_minute_of_drift_only() -> None:
    assert refusal(before=sent(NOW + MINUTE)).date == NOW + HOUR + MINUTE
    assert passes(before=sent(NOW + MINUTE + timedelta(microseconds=1)))


def test_previous_email_is_the_one_before_it_in_the_record() -> None:
    """E-mail 3 was sent before the enrolment, e-mail 2 was not: e-mail 4 comes after e-mail 2."""
    record = build.record(emails={2: NOW, 4: NOW, 5: NOW})
    assert passes(2, record=record, before=None)
    assert refusal(4, record=record, before=None).detail == "E-mail 2 is not settled yet."
    refused = refusal(4, record=record, before=sent(NOW - HOUR / 4))
    assert refused.detail == "E-mail 2 was settled on 20 November 2025, 09:45 America/Toronto."


# Withdrawn e-mails.

#: E-mails 6 and 7, and the whole sequence `winback`, are of another release.
EARLIER_RELEASE = build.record(emails={5: NOW, 6: NOW, 7: NOW})
UNKNOWN_SEQUENCE = build.record()._replace(event=build.event()._replace(sequence="winback"))


@pytest.mark.parametrize(
    ("record", "number", "before"),
    [(EARLIER_RELEASE, 6, sent()), (EARLIER_RELEASE, 6, sent(NOW)), (UNKNOWN_SEQUENCE, 2, None)],
    ids=["email", "email too soon", "sequence"],
)
def test_withdrawn_email_is_skipped(record: Record, number: int, before: LedgerEntry | None) -> None:
    detail = f"This release has no e-mail {number} in the sequence {record.event.sequence}: it was withdrawn."
    assert run_gate(number, record=record, before=before) == skip(Reason.EMAIL_WITHDRAWN, detail)


def test_withdrawn_email_waits_for_the_previous_one() -> None:
    assert refusal(7, record=EARLIER_RELEASE, before=None).detail == "E-mail 6 is not settled yet."


def test_withdrawn_email_keeps_its_claim() -> None:
    refused = refusal(6, record=EARLIER_RELEASE, own=claim(30 * HOUR))
    assert refused.ledger == skipped(Reason.EMAIL_WITHDRAWN, NOW - 30 * HOUR)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"own": sent()}, "already_sent"),
        ({"suppressions": (suppression(Reason.BOUNCED),)}, "bounced"),
        ({"paused": True}, "paused"),
    ],
)
def test_withdrawn_email_is_sent_suppressed_or_paused_first(changes: dict[str, Any], reason: str) -> None:
    assert refusal(6, record=EARLIER_RELEASE, **changes).reason == reason


@pytest.mark.parametrize(
    ("entries", "first"),
    [
        (None, 5),
        ({}, 2),
        ({2: sent()}, 3),
        ({2: sent(), 3: skipped(Reason.UNSUBSCRIBED)}, 3),
        ({2: sent(), 3: skipped(Reason.EXPIRED), 4: claim(HOUR)}, 4),
        ({2: sent(), 3: skipped(Reason.EXPIRED), 4: skipped(Reason.EXPIRED)}, 5),
    ],
)
def test_page_names_the_first_email_that_is_skipped(entries: dict[int, LedgerEntry] | None, first: int) -> None:
    decision = refusal(5, before=None, suppressions=[suppression(Reason.UNSUBSCRIBED)], entries=entries)
    assert decision.page == stop_reason(Reason.UNSUBSCRIBED, first, NOW)


def test_page_names_the_email_itself_without_earlier_ones() -> None:
    decision = refusal(2, before=None, suppressions=[suppression(Reason.UNSUBSCRIBED)], entries={3: claim(HOUR)})
    assert decision.page == stop_reason(Reason.UNSUBSCRIBED, 2, NOW)
