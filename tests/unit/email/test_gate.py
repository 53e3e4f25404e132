from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import gate
from christmas_campaign.email.gate import EmailState, LastLook, Open, PageNote, Refused
from christmas_campaign.enrolment.record import LedgerEntry, Record
from christmas_campaign.events import opaque_ids
from christmas_campaign.json_types import Json
from christmas_campaign.sequences.model import UnknownEmail
from christmas_campaign.stops import marks, rules
from christmas_campaign.stops.rules import RULES, Source, Stop
from unit import build

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE
DAY_AGO = NOW - 24 * HOUR


def ask(
    number: int = 3,
    *,
    record: Record | None = None,
    known: bool = True,
    page_id: str | None = "page-1",
    own: LedgerEntry | None = None,
    before: LedgerEntry | None = None,
    as_of: str = "",
    stopped: tuple[Stop, ...] = (),
    paused: bool = False,
    resumed: datetime | None = None,
    settings: Settings = build.SETTINGS,
    now: datetime = NOW,
) -> Open | Refused:
    kept = (record or build.record()) if known else None
    state = EmailState(kept, page_id, own, before, as_of, stopped, paused, resumed)
    return gate.gate(number, state, settings, now)


def opened(*args: Any, **changes: Any) -> Open:
    decision = ask(*args, **changes)
    assert isinstance(decision, Open)
    return decision


def refused(*args: Any, **changes: Any) -> Refused:
    decision = ask(*args, **changes)
    assert isinstance(decision, Refused)
    return decision


def is_open(*args: Any, **changes: Any) -> bool:
    return isinstance(ask(*args, **changes), Open)


def sent(at: datetime = DAY_AGO) -> LedgerEntry:
    return LedgerEntry(Outcome.SENT, at, resend_id="re_1")


def claim(ago: timedelta) -> LedgerEntry:
    """A claim that was made first so long ago, and made again just now."""
    return LedgerEntry(Outcome.SENDING, NOW, claimed_at=NOW - ago)


#: How an e-mail may have been settled of which nobody knows whether Resend has it.
UNSURE = [
    (Outcome.SENDING, None),
    (Outcome.FAILED, Reason.RESEND_UNREACHABLE),
    (Outcome.FAILED, Reason.SEND_IN_PROGRESS),
    (Outcome.FAILED, Reason.SEND_UNKNOWN),
    (Outcome.FAILED, Reason.STEP_FAILED),
]


@pytest.mark.parametrize(
    ("number", "template", "key"),
    [
        (2, "5-Day E2", "template.2ba081d927625621760aad4a"),
        (3, "5-Day E3", "template.cf83d281996baddd0e54fea3"),
        (5, "5-Day E5", "template.7701e1fddbc5e45f80433a1b"),
    ],
)
def test_an_email_whose_turn_has_come_asks_for_its_template(number: int, template: str, key: str) -> None:
    assert ask(number, before=None if number == 2 else sent()) == Open(
        page_path="/v1/pages/page-1",
        templates_path="/v1/data_sources/source-templates/query",
        template_query={
            "filter": {
                "and": [
                    {"property": "Template Name", "title": {"equals": template}},
                    {"property": "Status", "select": {"equals": "Active"}},
                ]
            }
        },
        template_key=key,
        stop=LastLook("stop.7ece2a81c666152c41fce3d8", "signup", 1_763_650_800_000, "none"),
    )


@pytest.mark.parametrize(
    ("as_of", "key"),
    [
        ("", "template.2ba081d927625621760aad4a"),
        ("ever", "template.dff8c94e243d1ab74cc0df0e"),
        ("2025-11-20T14:00:00Z", "template.fdee4ec24cb1d063617708cc"),
    ],
)
def test_no_template_counts_that_was_kept_before_notion_was_asked_anew(as_of: str, key: str) -> None:
    assert opened(2, as_of=as_of).template_key == key
    assert gate.template_key("5-Day E2", as_of) == key


@pytest.mark.parametrize("name", ["noshow", "postcall", "onboarding"])
def test_the_first_email_waits_for_none(name: str) -> None:
    assert is_open(1, record=build.record(name))


@pytest.mark.parametrize("lost", [{"known": False}, {"page_id": None}, {"known": False, "page_id": None}])
def test_an_enrolment_that_is_no_longer_kept_needs_a_person(lost: dict[str, Any]) -> None:
    assert ask(3, own=sent(), **lost) == Refused(
        outcome=Outcome.FAILED,
        reason=Reason.ENROLMENT_UNKNOWN,
        detail="Kestra's KV store has no such enrolment. It is deleted 30 days after the last e-mail was due.",
    )


def test_what_was_sent_is_not_sent_again_even_if_the_one_before_it_is_unsettled() -> None:
    assert ask(3, own=sent(), before=None) == Refused(
        outcome=Outcome.SKIPPED,
        reason=Reason.ALREADY_SENT,
        detail="Sent on 19 November 2025, 10:00 America/Toronto.",
    )


@pytest.mark.parametrize(
    "own", [LedgerEntry(Outcome.FAILED, DAY_AGO, Reason.VALUE_MISSING), LedgerEntry(Outcome.SKIPPED, DAY_AGO)]
)
def test_what_failed_or_was_skipped_can_be_replayed(own: LedgerEntry) -> None:
    assert is_open(3, own=own, before=sent())


@pytest.mark.parametrize("own", [None, claim(HOUR), claim(30 * HOUR), LedgerEntry(Outcome.FAILED, DAY_AGO)])
@pytest.mark.parametrize("before", [None, sent(), sent(NOW)])
def test_while_the_campaign_is_paused_no_email_goes_whatever_else_holds_it_up(
    own: LedgerEntry | None, before: LedgerEntry | None
) -> None:
    assert ask(3, own=own, before=before, paused=True) == Refused(
        outcome=Outcome.DEFERRED,
        reason=Reason.PAUSED,
        detail="The campaign is paused. `christmas resume` continues it.",
        date=times.parse("2025-11-20T15:00:00.000Z"),
    )


@pytest.mark.parametrize(
    ("changed", "reason"), [({"known": False}, "enrolment_unknown"), ({"own": sent()}, "already_sent")]
)
def test_what_will_never_go_does_not_wait_for_the_end_of_a_pause(changed: dict[str, Any], reason: str) -> None:
    assert ask(3, paused=True, **changed) == ask(3, **changed)
    assert refused(3, paused=True, **changed).reason == reason


def stop(reason: Reason, at: datetime = NOW) -> Stop:
    return Stop(reason, at, Source.PERSON)


def settled(reason: Reason, claimed_at: datetime | None = None) -> LedgerEntry:
    """What the ledger says of what the gate has skipped."""
    return LedgerEntry(Outcome.SKIPPED, NOW, reason, claimed_at=claimed_at)


def on_the_page(reason: Reason, number: int, at: datetime) -> PageNote:
    """What is written on the contact's page."""
    text: Json = [{"type": "text", "text": {"content": marks.text(reason, at, number)}}]
    unless = None if reason in marks.FOR_GOOD else marks.ON_PAGE
    return PageNote("/v1/pages/page-1", {"Stop Reason": {"rich_text": text}}, unless)


@pytest.mark.parametrize("before", [None, sent(), sent(NOW)])
@pytest.mark.parametrize("reason", [each for each in RULES if "signup" in RULES[each].ends])
def test_who_is_stopped_gets_no_email_whatever_else_holds_it_up(reason: Reason, before: LedgerEntry | None) -> None:
    held = stop(reason, NOW + MINUTE)
    for paused in (False, True):
        assert ask(3, stopped=(held,), before=before, paused=paused, now=NOW) == Refused(
            outcome=Outcome.SKIPPED,
            reason=reason,
            detail="The contact was stopped on 20 November 2025, 10:01 America/Toronto.",
            ledger=settled(reason),
            page=on_the_page(reason, 3, NOW + MINUTE),
        )


@pytest.mark.parametrize(
    ("before", "written"),
    [
        (None, True),
        (sent(), True),
        (LedgerEntry(Outcome.SKIPPED, DAY_AGO, Reason.EXPIRED), True),
        (LedgerEntry(Outcome.SKIPPED, DAY_AGO, Reason.BOUNCED), False),
    ],
)
def test_the_page_is_told_once_why_the_sequence_has_ended(before: LedgerEntry | None, written: bool) -> None:
    said = refused(4, stopped=(stop(Reason.BOUNCED),), before=before)
    assert said.page == (on_the_page(Reason.BOUNCED, 4, NOW) if written else None)


@pytest.mark.parametrize("name", build.NAMES)
def test_who_is_stopped_for_other_sequences_gets_her_email(name: str) -> None:
    for reason in RULES:
        held = stop(reason, NOW + MINUTE)
        number = 2 if name == "signup" else 1
        expected = rules.ending_stop([held], build.event(name)) is None
        assert is_open(number, record=build.record(name), stopped=(held,)) is expected


def test_the_last_look_knows_which_booking_an_email_is_about() -> None:
    record = build.record("precall", booked_at="2025-11-20T14:00:00Z")
    last_look = opened(1, record=record, now=NOW + 24 * HOUR).stop
    booking = opaque_ids.booking_id("zoe@example.com", "https://api.calendly.com/scheduled_events/AAA")
    assert last_look == LastLook("stop.7ece2a81c666152c41fce3d8", "precall", 1_763_647_200_000, booking)


def test_no_email_prepares_for_a_call_that_has_begun() -> None:
    record = build.record("precall", emails={3: NOW})
    begins = build.CALL
    assert is_open(3, record=record, now=begins - MINUTE)
    # Where time is squeezed two hours are less than an e-mail takes.
    assert is_open(3, record=record, now=NOW + HOUR, settings=Settings(time_scale=14_400))
    for paused_until in (None, begins):
        said = refused(3, record=record, now=begins, resumed=paused_until)
        assert (said.outcome, said.reason) == ("skipped", "expired")
        assert said.detail == f"The call was on {times.for_owner(begins)}."
        assert said.ledger is not None
        assert said.ledger.reason == "expired"


def test_in_testing_mode_the_call_may_have_been() -> None:
    record = build.record("precall", emails={3: NOW}, scheduled_time="2025-11-20T14:00:00Z")
    assert is_open(3, record=record, settings=Settings(testing_mode=True))


def test_what_was_sent_was_sent_before_she_was_stopped() -> None:
    said = refused(3, own=sent(), stopped=(stop(Reason.COMPLAINED),))
    assert said.reason == "already_sent"


@pytest.mark.parametrize("ago", [HOUR, 30 * HOUR])
def test_what_resend_may_have_of_who_is_stopped_it_may_have_still(ago: timedelta) -> None:
    said = refused(3, own=claim(ago), stopped=(stop(Reason.COMPLAINED),))
    assert (said.reason, said.ledger) == ("complained", settled(Reason.COMPLAINED, NOW - ago))
    other = LedgerEntry(Outcome.FAILED, DAY_AGO, Reason.VALUE_MISSING)
    assert refused(3, own=other, stopped=(stop(Reason.COMPLAINED),)).ledger == settled(Reason.COMPLAINED)


WEEK = timedelta(days=7)


def late(by: timedelta, **given: Any) -> Open | Refused:
    """E-mail 3, so late."""
    record = build.record(emails=dict.fromkeys((2, 3, 4, 5), NOW - by))
    return ask(3, record=record, **given)


def refused_as_late(by: timedelta, **given: Any) -> Refused:
    decision = late(by, **given)
    assert isinstance(decision, Refused)
    return decision


@pytest.mark.parametrize("before", [None, sent(), sent(NOW)])
def test_an_email_that_is_too_late_is_skipped_whatever_else_holds_it_up(before: LedgerEntry | None) -> None:
    assert late(WEEK + MINUTE, before=before) == Refused(
        outcome=Outcome.SKIPPED,
        reason=Reason.EXPIRED,
        detail="It was due on 13 November 2025, 09:59 America/Toronto.",
        ledger=settled(Reason.EXPIRED),
        page=on_the_page(Reason.EXPIRED, 3, NOW),
    )


@pytest.mark.parametrize(
    ("by", "settings", "go"),
    [
        (WEEK, build.SETTINGS, True),
        (WEEK + timedelta(milliseconds=1), build.SETTINGS, False),
        (2 * HOUR, Settings(expires_after_days=1), True),
        (25 * HOUR, Settings(expires_after_days=1), False),
        (24 * HOUR, Settings(time_scale=7), True),
        (25 * HOUR, Settings(time_scale=7), False),
        (HOUR, Settings(time_scale=14_400), True),
        (HOUR + MINUTE, Settings(time_scale=14_400), False),
        (WEEK, Settings(testing_mode=True), True),
    ],
)
def test_how_late_is_too_late(by: timedelta, settings: Settings, go: bool) -> None:
    assert isinstance(late(by, before=sent(), settings=settings), Open) is go


@pytest.mark.parametrize(
    ("resumed", "go"),
    [
        (NOW, True),
        (NOW - WEEK, True),
        (NOW - WEEK - MINUTE, False),
        (NOW - 100 * WEEK, False),
    ],
)
def test_the_time_of_a_pause_does_not_count(resumed: datetime, go: bool) -> None:
    said = late(3 * WEEK, before=sent(), resumed=resumed)
    assert isinstance(said, Open) is go
    if isinstance(said, Refused):
        assert said.detail == "It was due on 30 October 2025, 11:00 America/Toronto."
    assert refused_as_late(3 * WEEK, before=sent(), resumed=resumed, paused=True).reason == "paused"


def test_a_resume_long_ago_makes_nothing_late() -> None:
    assert isinstance(late(WEEK, before=sent(), resumed=NOW - 100 * WEEK), Open)


def test_what_resend_may_have_and_is_too_late_needs_a_person_first() -> None:
    assert refused_as_late(3 * WEEK, own=claim(30 * HOUR)).reason == "send_unknown"
    said = refused_as_late(3 * WEEK, own=claim(HOUR))
    assert (said.reason, said.ledger) == ("expired", settled(Reason.EXPIRED, NOW - HOUR))


def test_who_is_stopped_is_told_so_even_if_it_is_too_late() -> None:
    assert refused_as_late(3 * WEEK, stopped=(stop(Reason.BOUNCED),)).reason == "bounced"


@pytest.mark.parametrize(("outcome", "reason"), UNSURE)
@pytest.mark.parametrize(
    "ago", [timedelta(0), HOUR, 23 * HOUR - timedelta(microseconds=1), -HOUR, timedelta(days=-400)]
)
def test_what_resend_may_have_is_sent_again_while_its_key_holds(
    outcome: Outcome, reason: Reason | None, ago: timedelta
) -> None:
    """A claim of the future was made before the clock was set back."""
    assert is_open(3, own=LedgerEntry(outcome, NOW, reason, claimed_at=NOW - ago), before=sent())


@pytest.mark.parametrize(("outcome", "reason"), UNSURE)
@pytest.mark.parametrize(
    "ago",
    [23 * HOUR, 24 * HOUR, timedelta(days=30)],
)
@pytest.mark.parametrize("before", [sent(), None])
def test_what_resend_may_have_is_not_sent_again_when_its_key_holds_no_longer(
    outcome: Outcome, reason: Reason | None, ago: timedelta, before: LedgerEntry | None
) -> None:
    assert ask(3, own=LedgerEntry(outcome, NOW, reason, claimed_at=NOW - ago), before=before) == Refused(
        outcome=Outcome.FAILED,
        reason=Reason.SEND_UNKNOWN,
        detail=f"The request to Resend began on {times.for_owner(NOW - ago)}, and its result is unknown."
        " The idempotency key may have expired, so another try could send the e-mail twice.",
        # Settled by that: the next one does not wait for it, and a replay needs a person's word still.
        ledger=LedgerEntry(Outcome.FAILED, NOW, Reason.SEND_UNKNOWN, claimed_at=NOW - ago),
    )


def test_an_hour_is_kept_from_the_day_for_which_resend_keeps_a_key() -> None:
    assert gate.KEY_HOLDS == 23 * HOUR


@pytest.mark.parametrize("ago", [HOUR, 23 * HOUR, timedelta(days=30)])
def test_what_is_known_to_be_sent_is_sent_however_long_ago_it_was_claimed(ago: timedelta) -> None:
    said = refused(3, own=LedgerEntry(Outcome.SENT, DAY_AGO, claimed_at=NOW - ago), before=sent())
    assert (said.outcome, said.reason, said.detail) == (
        "skipped",
        "already_sent",
        "Sent on 19 November 2025, 10:00 America/Toronto.",
    )


@pytest.mark.parametrize("before", [None, claim(timedelta(0)), claim(2 * HOUR), claim(timedelta(days=30))])
@pytest.mark.parametrize(
    ("settings", "date"),
    [
        (build.SETTINGS, NOW + HOUR),
        (Settings(testing_mode=True), NOW + MINUTE),
        (Settings(time_scale=1_200), NOW + timedelta(seconds=3)),
        # Kestra looks once a second, and an e-mail takes another to be settled.
        (Settings(time_scale=14_400), NOW + timedelta(seconds=2)),
    ],
)
def test_an_email_waits_for_the_one_before_it(settings: Settings, date: datetime, before: LedgerEntry | None) -> None:
    assert ask(3, before=before, settings=settings) == Refused(
        outcome=Outcome.DEFERRED,
        reason=Reason.EARLIER_EMAIL_UNSETTLED,
        detail="E-mail 2 is not settled yet.",
        date=date,
    )


@pytest.mark.parametrize("outcome", [Outcome.SENT, Outcome.SKIPPED, Outcome.FAILED])
def test_an_email_keeps_its_distance_from_the_one_before_it(outcome: Outcome) -> None:
    assert ask(3, before=LedgerEntry(outcome, NOW - HOUR / 4)) == Refused(
        outcome=Outcome.DEFERRED,
        reason=Reason.TOO_SOON,
        detail="E-mail 2 was settled on 20 November 2025, 09:45 America/Toronto.",
        date=times.parse("2025-11-20T15:45:00.000Z"),
    )


@pytest.mark.parametrize(
    ("ago", "settings", "go"),
    [
        (HOUR, build.SETTINGS, True),
        (HOUR - timedelta(seconds=1), build.SETTINGS, False),
        (MINUTE, Settings(testing_mode=True), True),
        (MINUTE - timedelta(seconds=1), Settings(testing_mode=True), False),
        (timedelta(seconds=0.25), Settings(time_scale=14_400), True),
        (timedelta(seconds=0.24), Settings(time_scale=14_400), False),
    ],
)
def test_the_distance_is_exactly_the_spacing(ago: timedelta, settings: Settings, go: bool) -> None:
    assert is_open(3, before=sent(NOW - ago), settings=settings) is go


@pytest.mark.parametrize("ahead", [MINUTE + timedelta(microseconds=1), HOUR, 24 * HOUR])
def test_what_was_settled_before_the_clock_was_set_back_holds_nobody_up(ahead: timedelta) -> None:
    assert is_open(3, before=sent(NOW + ahead))


@pytest.mark.parametrize(
    ("ahead", "date"),
    [
        (timedelta(0), NOW + HOUR),
        (timedelta(seconds=1), NOW + HOUR + timedelta(seconds=1)),
        (MINUTE, NOW + HOUR + MINUTE),
    ],
)
def test_clocks_that_differ_a_little_keep_the_distance(ahead: timedelta, date: datetime) -> None:
    assert refused(3, before=sent(NOW + ahead)).date == date


@pytest.mark.parametrize(("outcome", "reason"), UNSURE[1:])
def test_what_failed_for_good_holds_nobody_up_even_if_resend_may_have_it(outcome: Outcome, reason: Reason) -> None:
    failed = LedgerEntry(outcome, NOW - HOUR, reason, claimed_at=NOW - 30 * HOUR)
    assert is_open(3, before=failed)
    soon = refused(3, before=failed._replace(at=NOW - HOUR / 4))
    assert (soon.reason, soon.date) == ("too_soon", NOW + 3 * HOUR / 4)


def test_an_email_whose_predecessor_was_sent_before_the_enrolment_does_not_wait() -> None:
    assert is_open(3, record=build.record(emails={3: NOW, 4: NOW, 5: NOW}), before=None)


def test_an_email_waits_for_the_one_before_it_in_the_record() -> None:
    """Adopted with E3 sent and E2 not: E4 comes after E2."""
    record = build.record(emails={2: NOW, 4: NOW, 5: NOW})
    unsettled = refused(4, record=record, before=None)
    assert unsettled.reason == "earlier_email_unsettled"
    assert unsettled.detail == "E-mail 2 is not settled yet."
    soon = refused(4, record=record, before=sent(NOW - HOUR / 4))
    assert (soon.reason, soon.date) == ("too_soon", NOW + 3 * HOUR / 4)
    assert soon.detail == "E-mail 2 was settled on 20 November 2025, 09:45 America/Toronto."
    assert is_open(4, record=record, before=sent(NOW - HOUR))


#: E-mail 6 and the whole sequence `winback` are of another release.
EARLIER_RELEASE = build.record(emails={5: NOW, 6: NOW, 7: NOW})
UNKNOWN_SEQUENCE = build.record()._replace(event=build.event()._replace(sequence="winback"))


@pytest.mark.parametrize(
    ("record", "number", "before"),
    [(EARLIER_RELEASE, 6, sent()), (EARLIER_RELEASE, 6, sent(NOW)), (UNKNOWN_SEQUENCE, 2, None)],
    ids=["email", "email too soon", "sequence"],
)
@pytest.mark.parametrize("own", [None, LedgerEntry(Outcome.FAILED, DAY_AGO, Reason.STEP_FAILED)])
def test_withdrawn_email_is_skipped_and_settled(
    record: Record, number: int, before: LedgerEntry | None, own: LedgerEntry | None
) -> None:
    assert ask(number, record=record, before=before, own=own) == Refused(
        outcome=Outcome.SKIPPED,
        reason=Reason.EMAIL_WITHDRAWN,
        detail=f"This release has no e-mail {number} in the sequence {record.event.sequence}: it was withdrawn.",
        ledger=settled(Reason.EMAIL_WITHDRAWN),
    )


@pytest.mark.parametrize("before", [None, claim(HOUR)])
@pytest.mark.parametrize("number", [6, 7])
def test_withdrawn_email_keeps_its_place_in_the_order(number: int, before: LedgerEntry | None) -> None:
    said = refused(number, record=EARLIER_RELEASE, before=before)
    assert (said.outcome, said.reason) == ("deferred", "earlier_email_unsettled")
    assert said.detail == f"E-mail {number - 1} is not settled yet."


def test_email_after_a_withdrawn_one_goes_once_that_is_settled() -> None:
    record = build.record(emails={1: NOW, 2: NOW})
    skipped = LedgerEntry(Outcome.SKIPPED, DAY_AGO, Reason.EMAIL_WITHDRAWN)
    assert is_open(2, record=record, before=skipped)
    assert refused(2, record=record, before=None).reason == "earlier_email_unsettled"


@pytest.mark.parametrize("ago", [HOUR, 30 * HOUR])
def test_withdrawn_email_that_resend_may_have_keeps_its_claim(ago: timedelta) -> None:
    said = refused(6, record=EARLIER_RELEASE, before=sent(), own=claim(ago))
    assert (said.reason, said.ledger) == ("email_withdrawn", settled(Reason.EMAIL_WITHDRAWN, NOW - ago))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"own": sent()}, "already_sent"),
        ({"stopped": (stop(Reason.BOUNCED),)}, "bounced"),
        ({"paused": True}, "paused"),
        ({"page_id": None}, "enrolment_unknown"),
    ],
)
def test_withdrawn_email_was_sent_or_stopped_or_is_held_first(given: dict[str, Any], reason: str) -> None:
    assert refused(6, record=EARLIER_RELEASE, before=sent(), **given).reason == reason


@pytest.mark.parametrize("number", [0, 1, 6])
def test_a_number_outside_the_sequence_is_an_error(number: int) -> None:
    with pytest.raises(UnknownEmail):
        ask(number)
