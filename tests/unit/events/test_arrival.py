from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.events.arrival import arrival, received_at
from unit import build

NOW = build.NOW


@pytest.mark.parametrize(
    ("header", "ago"),
    [
        ("2025-11-20T14:59:59.877000+00:00", timedelta(milliseconds=123)),
        (" 2025-11-20T09:00:00-05:00 ", timedelta(hours=1)),
        ("2025-11-10T15:00:00.000Z", timedelta(days=10)),
        ("2025-11-20T15:01:00Z", timedelta(minutes=-1)),
    ],
)
def test_time_in_the_header_is_the_arrival(header: str, ago: timedelta) -> None:
    arrived = arrival(header, NOW)
    assert NOW - arrived == ago
    assert arrived.tzinfo is UTC


@pytest.mark.parametrize(
    "header",
    [
        *(None, " ", "soon", True, 1_763_647_200, ["2025-11-20T14:00:00Z"], "2025-11-20T14:00:00Z\0"),
        # More than a minute ahead, without a zone, out of range.
        *("2025-11-20T15:01:00.001Z", "2025-11-20T14:00:00", "2025-11-20", "1999-12-31T23:59:59Z"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
    ],
)
def test_header_without_a_valid_time_is_ignored(header: Any) -> None:
    assert arrival(header, NOW) is NOW


def test_header_is_read_in_any_case_and_may_be_absent() -> None:
    headers = {"Accept": ["*/*"], "X-Received-At": ["2025-11-20T14:00:00Z", "another"]}
    assert received_at(headers) == "2025-11-20T14:00:00Z"
    assert received_at({"x-received-at": [], "accept": ["*/*"]}) is None


@given(st.none() | st.text(st.characters()) | st.datetimes(timezones=st.timezones() | st.none()).map(str))
def test_any_header_gives_an_arrival(header: str | None) -> None:
    assert arrival(header, NOW) <= NOW + timedelta(minutes=1)
