from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.stops import manual_bookings
from christmas_campaign.stops.manual_bookings import ContactStop, PollResult, PollState
from christmas_campaign.stops.rules import Source, Stop
from unit import build

NOW, MINUTE = build.NOW, build.MINUTE
BOOKED = {"property": "Booking Status", "select": {"equals": "Booked"}}
SORTS = [{"timestamp": "last_edited_time", "direction": "ascending"}]
ZOE = "7ece2a81c666152c41fce3d8"
AT = "2025-11-20T14:58:00.000Z"


def page(edited: str | None = AT, email: str | None = "zoe@example.com") -> dict[str, Any]:
    return {**build.contact(email=email), "last_edited_time": edited}


def decide(look: PollState, *pages: Any, cursor: str | None = None, now: datetime = NOW) -> PollResult:
    return manual_bookings.decide(look, pages, cursor, now)


def test_the_first_look_is_at_all_who_are_booked() -> None:
    assert manual_bookings.query(PollState()) == {"filter": BOOKED, "sorts": SORTS}


def test_each_look_is_at_what_was_edited_since_and_goes_on_where_it_was() -> None:
    since = {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": "2025-11-20T15:00:00.000Z"}}
    wanted = {"filter": {"and": [BOOKED, since]}, "sorts": SORTS}
    assert manual_bookings.query(PollState(NOW)) == wanted
    assert manual_bookings.query(PollState(NOW, NOW, "abc")) == {**wanted, "start_cursor": "abc"}


def test_who_is_found_is_stopped_as_of_the_last_moment_that_the_edit_can_have_been() -> None:
    said = decide(PollState(), page())
    assert said.stops == (ContactStop(ZOE, Stop(Reason.BOOKED, NOW - MINUTE, Source.NOTION)),)
    # Never later than the look.
    (now,) = decide(PollState(), page("2025-11-20T15:00:00.000Z"), now=NOW + MINUTE / 4).stops
    assert now == ContactStop(ZOE, Stop(Reason.BOOKED, NOW + MINUTE / 4, Source.NOTION))


def test_who_was_found_is_not_found_again_but_by_another_edit() -> None:
    first = decide(PollState(), page())
    again = decide(first.next_state, page(), now=NOW + MINUTE)
    assert again.stops == ()
    assert len(decide(again.next_state, page("2025-11-20T15:01:00.000Z"), now=NOW + 2 * MINUTE).stops) == 1


def test_the_next_look_goes_back_some_minutes_and_forgets_what_lies_before() -> None:
    keep = decide(
        PollState(handled={"old": "2025-11-20T14:53:00.000Z", "edge": "2025-11-20T14:54:00.000Z"}), page()
    ).next_state
    assert keep == PollState(NOW - timedelta(minutes=5), None, None, {"edge": "2025-11-20T14:54:00.000Z", ZOE: AT})


def test_what_does_not_fit_into_one_answer_is_looked_at_with_the_next_look() -> None:
    since = NOW - timedelta(hours=1)
    first = decide(PollState(since), page(), cursor="more")
    assert first.next_state == PollState(since, NOW, "more", {ZOE: AT})
    # What was edited meanwhile is behind that, and is seen by the look after it.
    second = decide(first.next_state, page(email="ana@example.com"), now=NOW + MINUTE)
    assert len(second.stops) == 1
    assert (second.next_state.since, second.next_state.cursor) == (NOW - timedelta(minutes=5), None)
    assert set(second.next_state.handled) > {ZOE}


@pytest.mark.parametrize("found", [page(None), page(email=None), page(email="nobody"), page("soon"), {}])
def test_a_page_that_says_too_little_is_passed_over(found: dict[str, Any]) -> None:
    assert decide(PollState(), found, page()).stops == decide(PollState(), page()).stops


def test_nobody_is_nobody() -> None:
    assert decide(PollState(NOW)) == PollResult((), PollState(NOW - timedelta(minutes=5)))


@pytest.mark.parametrize("look", [PollState(), PollState(NOW), PollState(NOW, NOW + MINUTE, "abc", {"a": AT})])
def test_a_look_is_kept_with_its_query_and_read_again(look: PollState) -> None:
    kept = json.loads(json.dumps(look.as_json()))
    assert kept["query"] == manual_bookings.query(look)
    assert PollState.from_json(kept) == look
