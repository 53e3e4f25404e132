from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.json_types import as_object
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import RULES, Holds, Lifts, Source, Stop
from unit import build

NOW, HOUR = build.NOW, build.HOUR
NOW_MS = 1_763_650_800_000
ALL = {*build.NAMES}

TABLE = {
    "unsubscribed": (ALL, Holds.FOR_GOOD),
    "complained": (ALL, Holds.FOR_GOOD),
    "bounced": (ALL, Holds.FOR_GOOD),
    "stopped_by_person": (ALL, Holds.UNTIL_LIFTED),
    "bought": (ALL - {"onboarding"}, Holds.UNTIL_LIFTED),
    "booked": ({"signup", "noshow"}, Holds.FOR_EARLIER_EVENTS),
    "call_moved": ({"precall"}, Holds.FOR_EARLIER_EVENTS),
    "call_cancelled": ({"precall"}, Holds.FOR_ONE_BOOKING),
    "noshow_withdrawn": ({"noshow"}, Holds.FOR_ONE_BOOKING),
}

BOOKING = build.event("precall")
CANCELLED = Stop(Reason.CALL_CANCELLED, NOW, Source.BOOKING, BOOKING.booking)


def stop(reason: Reason, at: datetime = NOW, by: Source = Source.PERSON) -> Stop:
    return Stop(reason, at, by)


def own_unsubscribe(at: datetime = NOW) -> Stop:
    return stop(Reason.UNSUBSCRIBED, at, Source.CONTACT)


def test_rules_end_the_sequences_of_the_table_in_its_order() -> None:
    assert [(reason, set(rule.ends), rule.holds) for reason, rule in RULES.items()] == [
        (reason, ends, holds) for reason, (ends, holds) in TABLE.items()
    ]
    assert {*rules.REASONS} == {*TABLE, "nothing_left_to_send", "page_archived", "expired"}
    assert set(rules.BY_PERSON) == {*TABLE} - {"call_moved", "call_cancelled", "noshow_withdrawn"}
    assert {str(source) for source in Source} == {"person", "enrolment", "contact", "resend", "booking", "notion"}


@pytest.mark.parametrize("reason", RULES)
@pytest.mark.parametrize("delay", [-HOUR, HOUR])
def test_stop_ends_its_sequences_and_no_other(reason: Reason, delay: timedelta) -> None:
    """``delay`` is the time of the stop after the event."""
    ends, holds = TABLE[reason]
    if holds is Holds.FOR_EARLIER_EVENTS and delay < timedelta(0):
        ends = set()
    own = stop(reason, NOW + delay)
    assert {name for name in build.NAMES if rules.ending_stop([own], build.event(name)) == own} == ends
    assert rules.holds_for_good(own) == (holds is Holds.FOR_GOOD)


def test_booking_ends_only_events_from_before_it_was_made() -> None:
    event, booked = build.event(), stop(Reason.BOOKED)
    assert rules.ending_stop([booked], event) is None
    assert rules.ending_stop([stop(Reason.BOOKED, NOW + timedelta(milliseconds=1))], event) is not None
    assert booked.before == rules.received(event) == NOW_MS
    # A booking counts from when it was made, even if it arrives later, but at the latest from its arrival.
    earlier, same = (
        build.event("precall", at=NOW + HOUR, booked_at=f"2025-11-20T{at}Z") for at in ("14:59:59", "15:00:00")
    )
    assert rules.ending_stop([stop(Reason.CALL_MOVED)], earlier) == stop(Reason.CALL_MOVED)
    assert rules.ending_stop([stop(Reason.CALL_MOVED)], same) is None
    assert rules.received(build.event("precall", booked_at="2025-11-20T16:00:00Z")) == NOW_MS


def test_purchase_of_an_earlier_campaign_does_not_end_this_ones_sequences() -> None:
    old = stop(Reason.BOUGHT)._replace(campaign="Christmas 2024")
    new = stop(Reason.BOUGHT, NOW + HOUR)
    assert rules.ending_stop([old], build.event()) is None
    assert rules.add([old], new) == (old, new)
    entry = rules.as_json([old, new])
    assert [as_object(each)["campaign"] for each in list(entry["stops"])] == ["Christmas 2024", "Christmas 2025"]  # type: ignore[arg-type]
    assert rules.read(entry) == (old, new)
    assert as_object(entry["ends"])["signup"] == as_object(rules.as_json([new])["ends"])["signup"]
    assert rules.ending_stop(rules.read(entry), build.event()) == new
    # Entries from before stops named their campaign are of the first one.
    released = {"reason": "bought", "at": "2025-11-20T15:00:00.000Z", "by": "enrolment"}
    assert rules.read({"stops": [released]}) == (stop(Reason.BOUGHT, by=Source.ENROLMENT),)
    # Other reasons hold in every campaign.
    assert rules.ending_stop([stop(Reason.UNSUBSCRIBED)._replace(campaign="Christmas 2024")], build.event()) is not None


def test_moved_call_ends_only_its_old_time() -> None:
    moved = Stop(Reason.CALL_MOVED, NOW + HOUR, Source.BOOKING, BOOKING.call)
    assert rules.ending_stop([moved], BOOKING) == moved
    assert rules.ending_stop([moved], build.event("precall", scheduled_time="2025-11-25T15:00:00Z")) is None
    assert rules.ending_stop([moved], build.event("precall", booking_uri="BBB")) is None


def test_withdrawn_noshow_ends_only_its_call() -> None:
    event = build.event("noshow")
    withdrawn = Stop(Reason.NOSHOW_WITHDRAWN, NOW - HOUR, Source.BOOKING, event.missed_call)
    assert rules.ending_stop([withdrawn], event) == withdrawn
    assert rules.ending_stop([withdrawn], build.event("noshow", calendly_event_uri="BBB")) is None
    assert rules.ending_stop([withdrawn], BOOKING) is None


def test_cancellation_ends_only_its_booking() -> None:
    for same in (BOOKING, build.event("precall", at=NOW + HOUR, scheduled_time="2025-12-01T10:00:00Z")):
        assert rules.ending_stop([CANCELLED], same) == CANCELLED
    assert rules.ending_stop([CANCELLED], build.event("precall", booking_uri="BBB")) is None
    assert rules.ending_stop([CANCELLED], build.event("noshow")) is None


def test_first_reason_of_the_table_is_reported() -> None:
    stops = [stop(reason) for reason in RULES if "signup" in RULES[reason].ends]
    event = build.event(at=NOW - HOUR)
    for place, expected in enumerate(stops):
        assert rules.ending_stop(stops[place:], event) == rules.ending_stop(stops[place:][::-1], event) == expected


def test_stored_entry_has_stops_and_the_ends_derived_from_them() -> None:
    stops = (stop(Reason.BOUGHT), stop(Reason.BOOKED, NOW + HOUR, Source.NOTION), CANCELLED)
    entry = rules.as_json(stops)
    # The year 10000, later than any time that can be written.
    bought = {"reason": "bought", "before": 253_402_300_800_000}
    assert entry == {
        "stops": [
            {"reason": "bought", "at": "2025-11-20T15:00:00.000Z", "by": "person", "campaign": "Christmas 2025"},
            {"reason": "booked", "at": "2025-11-20T16:00:00.000Z", "by": "notion"},
            {"reason": "call_cancelled", "at": "2025-11-20T15:00:00.000Z", "by": "booking", "booking": BOOKING.booking},
        ],
        "ends": {
            **dict.fromkeys(("noshow", "postcall", "precall", "signup"), bought),
            str(BOOKING.booking): {"reason": "call_cancelled", "before": rules.FOR_EVER},
        },
    }
    assert [*as_object(entry["ends"])] == ["noshow", "postcall", "precall", "signup", BOOKING.booking]
    booked = {"reason": "booked", "before": NOW_MS}
    assert rules.as_json([stop(Reason.BOOKED)])["ends"] == {"signup": booked, "noshow": booked}
    assert rules.read(entry) == stops


def test_entry_stores_when_stops_were_lifted() -> None:
    entry = rules.as_json([], Lifts(NOW, NOW + HOUR))
    assert entry == {"back": "2025-11-20T15:00:00.000Z", "lifted": "2025-11-20T16:00:00.000Z", "stops": [], "ends": {}}
    assert (rules.lifts(entry), rules.read(entry)) == (Lifts(NOW, NOW + HOUR), ())
    assert rules.lifts(rules.as_json([], Lifts())) == rules.lifts(rules.as_json([])) == Lifts()


def test_contact_without_an_entry_has_no_stops() -> None:
    assert (rules.read(None), rules.lifts(None), rules.ending_stop([], build.event())) == ((), None, None)
    assert rules.key_of(build.event()) == rules.key("7ece2a81c666152c41fce3d8") == "stop.7ece2a81c666152c41fce3d8"


@pytest.mark.parametrize("reason", RULES)
def test_added_reason_is_stored_once_with_the_time_that_ends_most(reason: Reason) -> None:
    """Booked and moved calls end more the later they are; every other reason holds from the first time on."""
    first, later = stop(reason), stop(reason, NOW + HOUR, Source.ENROLMENT)
    expected = later if reason in (Reason.BOOKED, Reason.CALL_MOVED) else first
    assert rules.add([first], later) == rules.add([later], first) == (expected,)
    same_time = stop(reason, by=Source.ENROLMENT)
    assert rules.add([first], same_time) == (first,)
    assert rules.add([same_time], first) == (same_time,)
    own = own_unsubscribe(NOW + HOUR)
    assert rules.add([own_unsubscribe()], own) == rules.add([own], own_unsubscribe()) == (own,)


def test_stops_with_another_reason_booking_or_source_stay_in_table_order() -> None:
    complained, bought, booked = stop(Reason.COMPLAINED), stop(Reason.BOUGHT, NOW + HOUR), stop(Reason.BOOKED)
    assert rules.add([complained, booked], bought) == (complained, bought, booked)
    other = CANCELLED._replace(booking="other")
    assert rules.add([CANCELLED, other], other._replace(at=NOW + HOUR)) == (CANCELLED, other)
    stops = (own_unsubscribe(), stop(Reason.UNSUBSCRIBED), CANCELLED)
    for new in stops:
        assert set(rules.add([old for old in stops if old is not new], new)) == set(stops)


def test_contact_takes_back_only_their_own_earlier_unsubscribe() -> None:
    own, booked = own_unsubscribe(), stop(Reason.BOOKED)
    stops = [stop(reason, by=source) for reason in RULES for source in Source]
    assert set(stops) - set(rules.take_back(stops, NOW + HOUR)) == {own}
    assert rules.take_back([own], NOW) == (own,)
    assert rules.unsubscribe([booked], own, NOW + HOUR) == (booked,)
    for back in (None, NOW, NOW - HOUR):
        assert rules.unsubscribe([booked], own, back) == (own, booked)


def test_owner_lifts_stops_that_do_not_hold_for_good_and_no_call() -> None:
    stops = [stop(reason) for reason in RULES]
    calls = {"call_moved", "call_cancelled", "noshow_withdrawn"}
    assert {stop.reason for stop in rules.lift(stops)} == {"unsubscribed", "complained", "bounced"} | calls
    assert {stop.reason for stop in rules.lift(stops, also_for_good=True)} == {"complained"} | calls
