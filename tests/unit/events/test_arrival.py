from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.events.arrival import arrival
from unit import build

NOW = build.NOW


@pytest.mark.parametrize(
    ("said", "before"),
    [
        ("2025-11-20T14:00:00Z", timedelta(hours=1)),
        ("2025-11-20T14:59:59.877000+00:00", timedelta(milliseconds=123)),
        (" 2025-11-20T09:00:00-05:00 ", timedelta(hours=1)),
        ("2025-11-10T15:00:00.000Z", timedelta(days=10)),
        ("2025-11-20T15:01:00Z", timedelta(minutes=-1)),
    ],
)
def test_what_the_door_said_is_the_arrival(said: str, before: timedelta) -> None:
    arrived = arrival(said, NOW)
    assert NOW - arrived == before
    assert arrived.tzinfo is UTC


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        " ",
        "soon",
        "2025-11-20T15:01:00.001Z",
        "2026-11-20T15:00:00Z",
        "2025-11-20T14:00:00",
        "2025-11-20",
        "1999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2025-11-20T14:00:00Z\0",
        1_763_647_200,
        True,
        ["2025-11-20T14:00:00Z"],
        {},
    ],
)
def test_what_is_of_no_use_is_no_arrival(said: Any) -> None:
    assert arrival(said, NOW) is NOW


@given(st.none() | st.text(st.characters()) | st.datetimes(timezones=st.timezones() | st.none()).map(str))
def test_whatever_a_header_says_there_is_a_time_of_arrival(said: str | None) -> None:
    assert arrival(said, NOW) <= NOW + timedelta(minutes=1)
