from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.campaign.settings import Settings
from christmas_campaign.enrolment import schedule
from christmas_campaign.sequences.model import Sequence
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from unit import build

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE
SIGNUP = sequence("signup")
PRECALL = sequence("precall")


def hours(anchor: datetime, dates: dict[int, datetime]) -> dict[int, float]:
    return {number: (date - anchor) / HOUR for number, date in dates.items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("signup", {2: 24, 3: 72, 4: 96, 5: 120}),
        ("noshow", {1: 5 / 60, 2: 24, 3: 48}),
        ("postcall", {1: 1, 2: 72, 3: 168}),
        ("onboarding", {1: 1, 2: 24, 3: 72}),
    ],
)
def test_production_dates_of_each_sequence(name: str, expected: dict[int, float]) -> None:
    assert hours(NOW, schedule.due_times(sequence(name), NOW, NOW, {}, Settings())) == expected


@pytest.mark.parametrize(("name", "numbers"), [("signup", (2, 3, 4, 5)), ("noshow", (1, 2, 3))])
def test_testing_mode_is_a_minute_after_the_other(name: str, numbers: tuple[int, ...]) -> None:
    dates = schedule.due_times(sequence(name), NOW, NOW, {}, Settings(testing_mode=True))
    assert dates == {number: NOW + place * MINUTE for place, number in enumerate(numbers, 1)}


def test_a_day_is_a_day_when_the_clock_goes_back() -> None:
    """Twenty-four hours after ten on Saturday is nine on Sunday in Toronto: delays are hours, not dates."""
    anchor = datetime(2025, 11, 1, 14, tzinfo=UTC)
    assert schedule.due_times(SIGNUP, anchor, anchor, {}, Settings())[2] == datetime(2025, 11, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        # How many hours after the anchor the plan is made, and when each goes out, in hours after that.
        (23, {2: 1, 3: 49, 4: 73, 5: 97}),
        (24, {2: 0, 3: 48, 4: 72, 5: 96}),
        (30, {2: 0, 3: 48, 4: 72, 5: 96}),
        (100, {2: 0, 3: 48, 4: 72, 5: 96}),
        (1000, {2: 0, 3: 48, 4: 72, 5: 96}),
    ],
)
def test_only_the_first_overdue_email_goes_out_at_once(late: float, expected: dict[int, float]) -> None:
    assert hours(NOW, schedule.due_times(SIGNUP, NOW - late * HOUR, NOW, {}, Settings())) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({1: -2.0}, {2: 24, 3: 72, 4: 96, 5: 120}),
        ({1: -24.0, 2: -0.5}, {3: 72, 4: 96, 5: 120}),
        ({1: 0.0, 2: 71.5}, {3: 72.5, 4: 96, 5: 120}),
        ({1: 0.0, 3: 95.5}, {2: 96.5, 4: 97.5, 5: 120}),
        ({2: 0.0, 3: 0.0, 4: 0.0, 5: 0.0}, {}),
    ],
)
def test_what_was_sent_is_not_sent_again_and_keeps_its_distance(
    sent: dict[int, float], expected: dict[int, float]
) -> None:
    given_ = {number: NOW + when * HOUR for number, when in sent.items()}
    assert hours(NOW, schedule.due_times(SIGNUP, NOW, NOW, given_, Settings())) == expected


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        (96, {1: 24, 2: 72, 3: 94}),
        (72, {1: 0, 2: 48, 3: 70}),
        (71.9, {2: 47.9, 3: 69.9}),
        (24, {2: 0, 3: 22}),
        (2, {3: 0}),
        (1.9, {}),
        (-5, {}),
    ],
)
def test_what_comes_before_a_call_is_left_out_when_it_is_too_late(off: float, expected: dict[int, float]) -> None:
    dates = schedule.due_times(PRECALL, NOW + off * HOUR, NOW, {}, Settings())
    assert hours(NOW, dates) == pytest.approx(expected)


def test_when_the_call_is() -> None:
    told = NOW + 96 * HOUR
    assert schedule.call_time(PRECALL, told, NOW, Settings()) == told
    assert schedule.call_time(PRECALL, told, NOW - HOUR, Settings(time_scale=97)) == NOW
    assert schedule.call_time(PRECALL, told, NOW, Settings(testing_mode=True)) is None
    assert schedule.call_time(SIGNUP, told, NOW, Settings()) is None


def test_in_testing_mode_what_comes_before_a_call_follows_the_booking() -> None:
    dates = schedule.due_times(PRECALL, NOW, NOW, {}, Settings(testing_mode=True))
    assert dates == {number: NOW + number * MINUTE for number in (1, 2, 3)}


def test_overdue_after_one_that_has_just_been_sent_waits_for_its_hour() -> None:
    dates = schedule.due_times(SIGNUP, NOW - 1000 * HOUR, NOW, {1: NOW - 1000 * HOUR, 2: NOW - HOUR / 4}, Settings())
    assert hours(NOW, dates) == {3: 0.75, 4: 24.75, 5: 48.75}


def test_an_overdue_sequence_keeps_its_differences_in_testing_mode_and_in_squeezed_time() -> None:
    long_ago = NOW - 1000 * HOUR
    testing = schedule.due_times(SIGNUP, long_ago, NOW, {2: long_ago}, Settings(testing_mode=True))
    assert testing == {3: NOW, 4: NOW + MINUTE, 5: NOW + 2 * MINUTE}
    squeezed = schedule.due_times(SIGNUP, long_ago, NOW, {2: long_ago}, Settings(time_scale=2))
    assert hours(NOW, squeezed) == {3: 0, 4: 12, 5: 24}


@pytest.mark.parametrize(
    ("sent", "planned", "expected"),
    [
        # In hours from now: what was sent, when the e-mails were planned, and when they go out.
        ({}, {2: 10, 3: 58, 4: 82, 5: 106}, {2: 10, 3: 58, 4: 82, 5: 106}),
        ({2: 0}, {2: 0, 3: 48, 4: 72, 5: 96}, {3: 48, 4: 72, 5: 96}),
        ({}, {2: -1, 3: 47, 4: 71, 5: 95}, {2: 0, 3: 48, 4: 72, 5: 96}),
        ({2: -72}, {2: -72, 3: -24, 4: 0, 5: 24}, {3: 0, 4: 24, 5: 48}),
    ],
)
def test_the_dates_of_an_earlier_decision_count(
    sent: dict[int, float], planned: dict[int, float], expected: dict[int, float]
) -> None:
    """Otherwise an overdue signup that is enrolled in two tries would get its third e-mail an hour after the second one."""
    before = {number: NOW + when * HOUR for number, when in planned.items()}
    gone = {number: NOW + when * HOUR for number, when in sent.items()}
    assert hours(NOW, schedule.due_times(SIGNUP, NOW - 1000 * HOUR, NOW, gone, Settings(), before)) == expected


every_settings = st.sampled_from([Settings(), Settings(testing_mode=True), Settings(time_scale=14_400)])
moments = st.datetimes(datetime(2025, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
sent_before = st.dictionaries(st.integers(1, 7), moments, max_size=4)


@given(st.sampled_from(SEQUENCES), moments, moments, sent_before, every_settings)
def test_emails_keep_their_order_and_their_distance(
    found: Sequence, anchor: datetime, now: datetime, sent: dict[int, datetime], settings: Settings
) -> None:
    dates = schedule.due_times(found, anchor, now, sent, settings)
    left = [email.number for email in found.emails if email.number not in sent]
    if found.only_what_fits:
        left = [number for number in left if anchor + found.delays(settings)[number] >= now]
    assert list(dates) == left
    before = None
    for number, date in dates.items():
        assert date >= now
        assert date >= anchor + found.delays(settings)[number]
        assert all(date - when >= settings.spacing for when in sent.values())
        assert before is None or date - before >= settings.spacing
        assert date.utcoffset() == timedelta(0)
        before = date
    if dates and not found.only_what_fits and anchor + found.delays(settings)[left[0]] < now:
        for one, other in pairwise(left):
            assert dates[other] - dates[one] == found.delays(settings)[other] - found.delays(settings)[one]
