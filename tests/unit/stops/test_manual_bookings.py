from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.stops import manual_bookings
from christmas_campaign.stops.bookings import ContactStop
from christmas_campaign.stops.manual_bookings import PollResult, PollState
from christmas_campaign.stops.rules import Source, Stop
from unit import build

NOW, MINUTE = build.NOW, build.MINUTE
BOOKED = {"property": "Booking Status", "select": {"equals": "Booked"}}
SORTS = [{"timestamp": "last_edited_time", "direction": "ascending"}]
ZOE = "7ece2a81c666152c41fce3d8"
EDITED = "2025-11-20T14:58:00.000Z"


def page(edited: str | None = EDITED, email: str | None = "zoe@example.com") -> dict[str, Any]:
    return {**build.contact(email=email), "last_edited_time": edited}


def poll(state: PollState, *pages: Any, cursor: str | None = None, now: Any = NOW) -> PollResult:
    return manual_bookings.decide(state, pages, cursor, now)


def test_query_asks_for_booked_contacts_edited_since_from_the_cursor() -> None:
    assert manual_bookings.query(PollState()) == {"filter": BOOKED, "sorts": SORTS}
    since = {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": "2025-11-20T15:00:00.000Z"}}
    later = {"filter": {"and": [BOOKED, since]}, "sorts": SORTS}
    assert manual_bookings.query(PollState(NOW)) == later
    assert manual_bookings.query(PollState(NOW, NOW, "abc")) == {**later, "start_cursor": "abc"}


def test_contact_is_stopped_at_the_latest_possible_time_of_the_edit() -> None:
    assert poll(PollState(), page()).stops == (ContactStop(ZOE, Stop(Reason.BOOKED, NOW - MINUTE, Source.NOTION)),)
    # The stop is never later than the poll.
    ((_, stop),) = poll(PollState(), page("2025-11-20T15:00:00.000Z"), now=NOW + MINUTE / 4).stops
    assert stop.at == NOW + MINUTE / 4


def test_contact_is_stopped_again_only_after_another_edit() -> None:
    first = poll(PollState(), page())
    second = poll(first.next_state, page(), now=NOW + MINUTE)
    assert second.stops == ()
    assert len(poll(second.next_state, page("2025-11-20T15:01:00.000Z"), now=NOW + 2 * MINUTE).stops) == 1


def test_next_poll_goes_back_five_minutes_and_forgets_older_edits() -> None:
    state = PollState(handled={"old": "2025-11-20T14:53:00.000Z", "edge": "2025-11-20T14:54:00.000Z"})
    handled = {"edge": "2025-11-20T14:54:00.000Z", ZOE: EDITED}
    assert poll(state, page()).next_state == PollState(NOW - timedelta(minutes=5), None, None, handled)
    assert poll(PollState(NOW)) == PollResult((), PollState(NOW - timedelta(minutes=5)))


def test_poll_with_more_pages_continues_at_the_cursor() -> None:
    since = NOW - timedelta(hours=1)
    first = poll(PollState(since), page(), cursor="more")
    assert first.next_state == PollState(since, NOW, "more", {ZOE: EDITED})
    second = poll(first.next_state, page(email="ana@example.com"), now=NOW + MINUTE)
    assert len(second.stops) == 1
    # The next poll goes back from the beginning of this one, because pages may have been edited meanwhile.
    assert (second.next_state.since, second.next_state.cursor) == (NOW - timedelta(minutes=5), None)
    assert set(second.next_state.handled) > {ZOE}


@pytest.mark.parametrize("incomplete", [page(None), page(email=None), page(email="nobody"), page("soon"), {}])
def test_page_without_valid_address_or_time_is_skipped(incomplete: dict[str, Any]) -> None:
    assert len(poll(PollState(), incomplete, page()).stops) == 1


@pytest.mark.parametrize("state", [PollState(), PollState(NOW, NOW + MINUTE, "abc", {"a": EDITED})])
def test_stored_state_has_the_query_and_is_read_back(state: PollState) -> None:
    entry = json.loads(json.dumps(state.as_json()))
    assert entry["query"] == manual_bookings.query(state)
    assert PollState.from_json(entry) == state
