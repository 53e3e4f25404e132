from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.campaign.settings import Settings
from christmas_campaign.enrolment.schedule import call_time, due_times
from christmas_campaign.sequences.model import Sequence
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from unit import build

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE
SIGNUP = sequence("signup")
PRECALL = sequence("precall")


def times(hours: dict[int, float]) -> dict[int, datetime]:
    return {number: NOW + hour * HOUR for number, hour in hours.items()}


def hours(times: dict[int, datetime]) -> dict[int, float]:
    return {number: (time - NOW) / HOUR for number, time in times.items()}


@pytest.mark.parametrize("name", ["signup", "precall"])
def test_emails_of_testing_mode_are_a_minute_apart(name: str) -> None:
    due = due_times(sequence(name), NOW, NOW, {}, Settings(testing_mode=True))
    assert due == {email.number: NOW + place * MINUTE for place, email in enumerate(sequence(name).emails, 1)}


def test_delay_of_a_day_is_24_hours_when_the_clock_goes_back() -> None:
    """24 hours after ten on Saturday is nine on Sunday in Toronto."""
    anchor = datetime(2025, 11, 1, 14, tzinfo=UTC)
    assert due_times(SIGNUP, anchor, anchor, {}, Settings())[2] == datetime(2025, 11, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "sent", "planned", "expected"),
    [
        # In hours from now: the anchor, when e-mails were sent and planned, and when e-mails are due.
        (0, {}, {}, {2: 24, 3: 72, 4: 96, 5: 120}),
        (-23, {}, {}, {2: 1, 3: 49, 4: 73, 5: 97}),
        # Only the first overdue e-mail is due at once.
        (-24, {}, {}, {2: 0, 3: 48, 4: 72, 5: 96}),
        (-1000, {}, {}, {2: 0, 3: 48, 4: 72, 5: 96}),
        # A sent e-mail is omitted, and the next one is an hour later at least.
        (0, {1: -2}, {}, {2: 24, 3: 72, 4: 96, 5: 120}),
        (-24, {1: -0.5}, {}, {2: 0.5, 3: 48, 4: 72, 5: 96}),
        (0, {1: 0, 2: 71.5}, {}, {3: 72.5, 4: 96, 5: 120}),
        (0, {1: 0, 3: 95.5}, {}, {2: 96.5, 4: 97.5, 5: 120}),
        (-1000, {1: -1000, 2: -0.25}, {}, {3: 0.75, 4: 24.75, 5: 48.75}),
        (0, {2: 0, 3: 0, 4: 0, 5: 0}, {}, {}),
        # The times of an earlier plan replace the anchor. Otherwise the third e-mail of an overdue signup that was enrolled
        # in two tries would follow the second one by an hour.
        (-1000, {}, {2: 10, 3: 58, 4: 82, 5: 106}, {2: 10, 3: 58, 4: 82, 5: 106}),
        (-1000, {2: 0}, {2: 0, 3: 48, 4: 72, 5: 96}, {3: 48, 4: 72, 5: 96}),
        (-1000, {}, {2: -1, 3: 47, 4: 71, 5: 95}, {2: 0, 3: 48, 4: 72, 5: 96}),
        (-1000, {2: -72}, {2: -72, 3: -24, 4: 0, 5: 24}, {3: 0, 4: 24, 5: 48}),
    ],
)
def test_due_times_of_a_signup(
    anchor: float, sent: dict[int, float], planned: dict[int, float], expected: dict[int, float]
) -> None:
    due = due_times(SIGNUP, NOW + anchor * HOUR, NOW, times(sent), Settings(), times(planned))
    assert hours(due) == expected


def test_overdue_emails_follow_by_the_delays_of_the_settings() -> None:
    long_ago = NOW - 1000 * HOUR
    testing = due_times(SIGNUP, long_ago, NOW, {2: long_ago}, Settings(testing_mode=True))
    assert testing == {3: NOW, 4: NOW + MINUTE, 5: NOW + 2 * MINUTE}
    assert hours(due_times(SIGNUP, long_ago, NOW, {2: long_ago}, Settings(time_scale=2))) == {3: 0, 4: 12, 5: 24}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (96, {1: 24, 2: 72, 3: 94}),
        (72, {1: 0, 2: 48, 3: 70}),
        (71.9, {2: 47.9, 3: 69.9}),
        (2, {3: 0}),
        (1.9, {}),
    ],
)
def test_overdue_email_before_a_call_is_omitted(call: float, expected: dict[int, float]) -> None:
    due = due_times(PRECALL, NOW + call * HOUR, NOW, {}, Settings())
    assert hours(due) == pytest.approx(expected)


def test_call_time_is_scaled_and_absent_in_testing_mode() -> None:
    scheduled = NOW + 96 * HOUR
    assert call_time(PRECALL, scheduled, NOW, Settings()) == scheduled
    assert call_time(PRECALL, scheduled, NOW - HOUR, Settings(time_scale=97)) == NOW
    assert call_time(PRECALL, scheduled, NOW, Settings(testing_mode=True)) is None
    assert call_time(SIGNUP, scheduled, NOW, Settings()) is None


any_settings = st.sampled_from([Settings(), Settings(testing_mode=True), Settings(time_scale=14_400)])
any_time = st.datetimes(datetime(2025, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
any_sent = st.dictionaries(st.integers(1, 7), any_time, max_size=4)


@given(st.sampled_from(SEQUENCES), any_time, any_time, any_sent, any_settings)
def test_emails_are_in_order_and_apart(
    own: Sequence, anchor: datetime, now: datetime, sent: dict[int, datetime], settings: Settings
) -> None:
    due = due_times(own, anchor, now, sent, settings)
    delays = own.delays(settings)
    numbers = [email.number for email in own.emails if email.number not in sent]
    if own.only_what_fits:
        numbers = [number for number in numbers if anchor + delays[number] >= now]
    assert list(due) == numbers
    for number, time in due.items():
        assert time >= max(now, anchor + delays[number])
        assert all(time - sent_at >= settings.spacing for sent_at in sent.values())
        assert time.utcoffset() == timedelta(0)
    assert all(later - earlier >= settings.spacing for earlier, later in pairwise(due.values()))
    if due and not own.only_what_fits and anchor + delays[numbers[0]] < now:
        for one, other in pairwise(numbers):
            assert due[other] - due[one] == delays[other] - delays[one]
