from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import RULES, Holds, Lifts, Source, Stop
from unit import build

NOW, HOUR = build.NOW, build.HOUR
SECOND = timedelta(seconds=1)

#: 2025-11-20T15:00:00Z.
NOW_MS = 1_763_650_800_000
FOR_EVER = 253_402_300_800_000


def stop(reason: Reason, at: datetime = NOW) -> Stop:
    return Stop(reason, at, Source.PERSON)


ALL = {*build.NAMES}

#: Which reason ends which sequence, and for how long.
TABLE = {
    "unsubscribed": (ALL, Holds.FOR_GOOD),
    "complained": (ALL, Holds.FOR_GOOD),
    "bounced": (ALL, Holds.FOR_GOOD),
    "stopped_by_person": (ALL, Holds.UNTIL_LIFTED),
    "bought": (ALL - {"onboarding"}, Holds.UNTIL_LIFTED),
    "booked": ({"signup", "noshow"}, Holds.FOR_EARLIER_EVENTS),
    "call_moved": ({"precall"}, Holds.FOR_EARLIER_EVENTS),
    "call_cancelled": ({"precall"}, Holds.FOR_ONE_BOOKING),
}


def test_which_reason_ends_which_sequence() -> None:
    assert {str(reason): (set(rule.ends), rule.holds) for reason, rule in RULES.items()} == TABLE
    assert list(RULES) == list(TABLE), "the order in which one of several is told"


def test_the_closed_list_of_reasons_to_stop() -> None:
    assert {*rules.REASONS} == {*TABLE, "nothing_left_to_send", "page_archived", "expired"}


@pytest.mark.parametrize("name", build.NAMES)
@pytest.mark.parametrize("reason", RULES)
@pytest.mark.parametrize("later", [-HOUR, HOUR])
def test_each_reason_ends_its_sequences_and_no_other(reason: Reason, name: str, later: timedelta) -> None:
    """``later``: when the stop came, from the event."""
    ended, holds = TABLE[reason]
    held = stop(reason, NOW + later)
    ends = name in ended and (later > timedelta(0) or holds is not Holds.FOR_EARLIER_EVENTS)
    assert rules.ending_stop([held], build.event(name)) == (held if ends else None)


def test_what_booking_ends_arrived_before_it() -> None:
    event = build.event()
    assert rules.ending_stop([stop(Reason.BOOKED)], event) is None
    assert rules.ending_stop([stop(Reason.BOOKED, NOW + timedelta(milliseconds=1))], event) is not None
    assert stop(Reason.BOOKED).before == rules.received(event) == NOW_MS


def test_nothing_stops_whom_nobody_stopped() -> None:
    assert rules.ending_stop([], build.event()) is None
    assert rules.read(None) == ()


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_reasons_the_first_of_the_table_is_told(turned: bool) -> None:
    of_signup = [each for each in RULES if "signup" in RULES[each].ends]
    held = [stop(each) for each in of_signup]
    for place, reason in enumerate(of_signup):
        left = held[place:]
        said = rules.ending_stop(left[::-1] if turned else left, build.event(at=NOW - HOUR))
        assert said is not None
        assert said.reason is reason


def test_what_is_kept() -> None:
    kept = rules.as_json([stop(Reason.BOUGHT), Stop(Reason.BOOKED, NOW + SECOND, Source.ENROLMENT)])
    bought = {"reason": "bought", "before": FOR_EVER}
    assert kept == {
        "stops": [
            {"reason": "bought", "at": "2025-11-20T15:00:00.000Z", "by": "person"},
            {"reason": "booked", "at": "2025-11-20T15:00:01.000Z", "by": "enrolment"},
        ],
        "ends": {"noshow": bought, "postcall": bought, "precall": bought, "signup": bought},
    }
    assert isinstance(kept["ends"], dict)
    assert list(kept["ends"]) == ["noshow", "postcall", "precall", "signup"]
    booked = {"reason": "booked", "before": NOW_MS}
    assert rules.as_json([stop(Reason.BOOKED)])["ends"] == {"signup": booked, "noshow": booked}
    assert rules.as_json([]) == {"stops": [], "ends": {}}


def test_for_ever_is_longer_than_a_time_can_be_written() -> None:
    last_day = datetime(9999, 12, 31, tzinfo=UTC)
    assert last_day.timestamp() + 24 * 3600 == rules.FOR_EVER / 1000


def test_what_is_kept_is_read_again() -> None:
    held = tuple(Stop(reason, NOW, source) for reason in RULES for source in Source)
    assert rules.read(rules.as_json(held)) == held


@pytest.mark.parametrize("reason", RULES)
@pytest.mark.parametrize("later", [timedelta(0), HOUR, -HOUR])
def test_a_reason_is_kept_once_since_it_held_first_or_up_to_when_it_held_last(reason: Reason, later: timedelta) -> None:
    first, second = stop(reason), stop(reason, NOW + later)
    latest = reason in (Reason.BOOKED, Reason.CALL_MOVED)
    at = max(first.at, second.at) if latest else min(first.at, second.at)
    assert rules.add([first], second) == (Stop(reason, at, Source.PERSON),)


@pytest.mark.parametrize("reason", RULES)
def test_who_was_first_at_the_same_moment_is_kept(reason: Reason) -> None:
    by_person, by_enrolment = stop(reason), Stop(reason, NOW, Source.ENROLMENT)
    assert rules.add([by_person], by_enrolment) == (by_person,)
    assert rules.add([by_enrolment], by_person) == (by_enrolment,)


def test_another_reason_is_added_in_the_order_of_the_table() -> None:
    assert rules.add([], stop(Reason.BOOKED)) == (stop(Reason.BOOKED),)
    held = rules.add([stop(Reason.COMPLAINED), stop(Reason.BOOKED)], stop(Reason.BOUGHT, NOW + HOUR))
    assert held == (stop(Reason.COMPLAINED), stop(Reason.BOUGHT, NOW + HOUR), stop(Reason.BOOKED))


def test_who_is_let_go_on_is_stopped_for_good_reasons_alone() -> None:
    kept = {"unsubscribed", "complained", "bounced", "call_moved", "call_cancelled"}
    assert {each.reason for each in rules.lift([stop(each) for each in RULES])} == kept
    assert rules.lift([stop(Reason.BOUGHT), stop(Reason.STOPPED_BY_PERSON)]) == ()


def test_the_key_is_opaque_and_fit_for_kestra() -> None:
    assert rules.key("abc") == "stop.abc"
    assert rules.key_of(build.event()) == "stop.7ece2a81c666152c41fce3d8"


def test_who_may_stop_a_contact() -> None:
    assert {str(each) for each in Source} == {"person", "enrolment", "contact", "resend", "booking", "notion"}


def herself(at: datetime = NOW) -> Stop:
    return Stop(Reason.UNSUBSCRIBED, at, Source.CONTACT)


@pytest.mark.parametrize("later", [timedelta(0), HOUR, -HOUR])
def test_what_she_says_herself_counts_up_to_when_she_said_it_last(later: timedelta) -> None:
    assert rules.add([herself()], herself(NOW + later)) == (herself(max(NOW, NOW + later)),)


def test_what_she_says_herself_stands_beside_what_others_say() -> None:
    by_person = stop(Reason.UNSUBSCRIBED, NOW + HOUR)
    assert set(rules.add([herself()], by_person)) == {herself(), by_person}
    assert set(rules.add([by_person], herself())) == {herself(), by_person}
    assert rules.take_back(rules.add([by_person], herself()), NOW + HOUR) == (by_person,)


@pytest.mark.parametrize("reason", RULES)
@pytest.mark.parametrize("by", Source)
def test_she_takes_back_that_she_unsubscribed_and_nothing_else(reason: Reason, by: Source) -> None:
    kept = (Stop(reason, NOW, by),)
    mine = (reason, by) == (Reason.UNSUBSCRIBED, Source.CONTACT)
    assert rules.take_back(kept, NOW + HOUR) == (() if mine else kept)


def test_what_came_after_it_wins_in_whatever_order_they_are_kept() -> None:
    assert rules.take_back([herself()], NOW - HOUR) == (herself(),)
    assert rules.take_back([herself()], NOW) == (herself(),)
    assert rules.unsubscribe([], herself(), None) == (herself(),)
    assert rules.unsubscribe([], herself(), NOW + HOUR) == ()
    assert rules.unsubscribe([], herself(), NOW) == (herself(),)
    assert rules.unsubscribe([stop(Reason.BOOKED)], herself(), NOW - HOUR) == (herself(), stop(Reason.BOOKED))


def test_times_of_lifts_are_kept() -> None:
    assert rules.lifts(None) is None
    assert rules.lifts(rules.as_json([herself()])) == Lifts()
    kept = rules.as_json([], Lifts(NOW, NOW + HOUR))
    times = {"back": "2025-11-20T15:00:00.000Z", "lifted": "2025-11-20T16:00:00.000Z"}
    assert kept == {**times, "stops": [], "ends": {}}
    assert (rules.lifts(kept), rules.read(kept)) == (Lifts(NOW, NOW + HOUR), ())
    assert rules.as_json([], Lifts()) == {"stops": [], "ends": {}}


def test_a_person_who_mends_a_mistake_lifts_all_but_a_complaint() -> None:
    held = [stop(each) for each in RULES]
    # That a call takes place no more is no mistake of hers.
    left = {"complained", "call_moved", "call_cancelled"}
    assert {each.reason for each in rules.lift(held, also_for_good=True)} == left


#: A booking and the opaque id of it.
BOOKING = build.event("precall")
CANCELLED = Stop(Reason.CALL_CANCELLED, NOW, Source.BOOKING, BOOKING.booking)


def test_a_cancelled_call_ends_that_booking_and_no_other() -> None:
    other = build.event("precall", booking_uri="BBB")
    assert rules.ending_stop([CANCELLED], BOOKING) == CANCELLED
    assert rules.ending_stop([CANCELLED], build.event("precall", scheduled_time="2025-12-01T10:00:00Z")) == CANCELLED
    assert rules.ending_stop([CANCELLED], build.event("precall", at=NOW + HOUR)) == CANCELLED
    assert rules.ending_stop([CANCELLED], other) is None
    assert rules.ending_stop([CANCELLED], build.event("noshow")) is None


def test_a_cancelled_call_is_kept_under_the_booking() -> None:
    kept = rules.as_json([CANCELLED])
    assert kept == {
        "stops": [
            {
                "reason": "call_cancelled",
                "at": "2025-11-20T15:00:00.000Z",
                "by": "booking",
                "booking": BOOKING.booking,
            }
        ],
        "ends": {BOOKING.booking: {"reason": "call_cancelled", "before": FOR_EVER}},
    }
    assert rules.read(kept) == (CANCELLED,)


def test_each_booking_is_cancelled_by_itself() -> None:
    other = CANCELLED._replace(booking="other")
    assert rules.add([CANCELLED], other) == (CANCELLED, other)
    assert rules.add([CANCELLED, other], other._replace(at=NOW + HOUR)) == (CANCELLED, other)


def test_a_cancelled_call_stands_beside_what_she_and_others_say() -> None:
    held = (herself(), stop(Reason.UNSUBSCRIBED), CANCELLED)
    for new in held:
        assert set(rules.add([each for each in held if each is not new], new)) == set(held)
        assert set(rules.add(held, new)) == set(held)
    assert rules.take_back(held, NOW + HOUR) == held[1:]
    assert rules.lift(held, also_for_good=True) == (CANCELLED,)


def test_what_a_newer_booking_ends_was_booked_before_it_whenever_it_arrived() -> None:
    moved = Stop(Reason.CALL_MOVED, NOW, Source.BOOKING)
    late = build.event("precall", at=NOW + HOUR, booked_at="2025-11-20T14:59:59Z")
    assert rules.ending_stop([moved], late) == moved
    assert rules.ending_stop([moved], build.event("precall", at=NOW + HOUR, booked_at="2025-11-20T15:00:00Z")) is None
    # Nobody books in the future.
    assert rules.received(build.event("precall", booked_at="2025-11-20T16:00:00Z")) == NOW_MS


def test_only_a_booking_knows_of_a_call() -> None:
    assert set(rules.BY_PERSON) == {*RULES} - {Reason.CALL_MOVED, Reason.CALL_CANCELLED}
    good = {Reason.UNSUBSCRIBED, Reason.COMPLAINED, Reason.BOUNCED}
    assert {each for each in RULES if rules.holds_for_good(stop(each))} == good
