from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from christmas_campaign.campaign import times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-20T15:00:00+00:00", "2025-11-20T15:00:00.000Z"),
        ("2025-11-20T22:30:00+07:30", "2025-11-20T15:00:00.000Z"),
        # Kestra writes nine digits after the point.
        (" 2025-11-20T15:00:00.123456789Z ", "2025-11-20T15:00:00.123Z"),
        # Without a zone it is Toronto's: five hours behind UTC in winter, four in summer.
        ("2025-11-20 10:00", "2025-11-20T15:00:00.000Z"),
        ("2025-07-20T10:00:00", "2025-07-20T14:00:00.000Z"),
        ("2025-11-20", "2025-11-20T05:00:00.000Z"),
        # The clock goes back at two o'clock on 2 November.
        ("2025-11-02T00:59:59", "2025-11-02T04:59:59.000Z"),
        ("2025-11-02T02:00:00", "2025-11-02T07:00:00.000Z"),
    ],
)
def test_time_is_parsed_into_utc(text: str, expected: str) -> None:
    moment = times.parse(text)
    assert moment.tzinfo is UTC
    assert times.text(moment) == expected


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2025-13-01", "20.11.2025", "2025-11-20T25:00", "15:00", "1763650800", "\ud800"]
)
def test_invalid_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        times.parse(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59"])
def test_time_outside_the_calendar_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"^outside the calendar$"):
        times.parse(text)


def test_time_is_written_in_utc_to_the_millisecond() -> None:
    moment = datetime(2025, 11, 20, 10, 0, 0, 123999, tzinfo=timezone(timedelta(hours=-5)))
    assert times.text(moment) == "2025-11-20T15:00:00.123Z"


@pytest.mark.parametrize(("hour", "clock"), [(5, "12:07 AM"), (16, "11:07 AM"), (17, "12:07 PM"), (18, "1:07 PM")])
def test_words_have_the_twelve_hours_of_toronto(hour: int, clock: str) -> None:
    moment = datetime(2025, 11, 20, hour, 7, tzinfo=UTC)
    assert times.moment_for_people(moment) == f"Thursday, November 20, 2025 at {clock} EST"


@pytest.mark.parametrize("name", [None, 5, "", "Toronto", "../etc", "America", "/etc/localtime"])
def test_other_value_names_no_zone(name: object) -> None:
    assert times.zone(name) is None


def test_zone_is_named_by_its_letters_or_its_distance_from_utc() -> None:
    moment = datetime(2025, 7, 20, 15, 7, tzinfo=UTC)
    zones = {"America/Toronto": "11:07 AM EDT", "America/Sao_Paulo": "12:07 PM UTC-03", "Asia/Tokyo": "12:07 AM JST"}
    days = ["Sunday, July 20, 2025", "Sunday, July 20, 2025", "Monday, July 21, 2025"]
    for (name, clock), day in zip(zones.items(), days, strict=True):
        zone = times.zone(name)
        assert zone is not None
        assert times.moment_for_people(moment, zone) == f"{day} at {clock}"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-12-01T04:59:00Z", "30 November 2026, 23:59 America/Toronto"),
        ("2026-07-01T04:05:00Z", "1 July 2026, 00:05 America/Toronto"),
    ],
)
def test_time_for_the_owner_has_the_zone(moment: str, words: str) -> None:
    assert times.for_owner(times.parse(moment)) == words
