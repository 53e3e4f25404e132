from __future__ import annotations

from datetime import timedelta

import pytest

from christmas_campaign.pace import Pace, Turn, looks, pace
from unit.build import NOW

SECOND = timedelta(seconds=1)


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def plan(looked: float, *, opened: float = 0.08, every: timedelta = SECOND) -> Pace:
    return pace(Turn(NOW, NOW + after(opened), NOW + after(looked)), every)


@pytest.mark.parametrize(("every", "seconds"), [(1, 0.19), (2, 0.38), (0.5, 0.095)])
def test_the_page_is_looked_at_at_the_same_moment_of_every_run(every: float, seconds: float) -> None:
    assert looks(NOW, after(every)) == NOW + after(seconds)


def test_a_run_that_nothing_holds_up_writes_and_ends_at_the_same_moments_as_any_other() -> None:
    assert plan(0.25) == Pace(NOW + after(0.73), NOW + after(0.985), after(0.111), SECOND)
    assert plan(0.2) == plan(0.28) == plan(0.25)


def test_what_was_lost_by_waiting_for_a_provider_is_passed_on() -> None:
    assert plan(1.28) == Pace(NOW + after(1.73), NOW + after(1.985), after(0.111), SECOND)


def test_so_is_what_the_machine_lost() -> None:
    """However little: the next call of the kind would be too early by as much."""
    assert plan(0.29) == Pace(NOW + after(0.74), NOW + after(0.995), after(0.111), SECOND)


def test_the_slower_the_machine_the_sooner_the_last_sleep_is_over() -> None:
    """For until the next run begins it takes the longer."""
    ends = [plan(0.25, opened=opened).next - NOW for opened in (0, 0.02, 0.06, 0.1, 0.2)]
    assert ends == [after(each) for each in (1.025, 1.015, 0.995, 0.975, 0.975)]


def test_the_quicker_the_machine_the_longer_a_run_whose_writing_was_late_rests_before_the_next_begins() -> None:
    rests = [plan(0.25, opened=opened).rest for opened in (0, 0.05, 0.1, 0.15)]
    assert rests == [after(each) for each in (0.295, 0.18, 0.065, 0)]


@pytest.mark.parametrize(
    ("every", "even", "next_", "rest"),
    [(2, 1.46, 2.01, 0.406), (0.5, 0.365, 0.4875, 0), (30, 21.9, 30.71, 8.666)],
    ids=["half", "double", "slow"],
)
def test_it_follows_from_what_the_providers_take(every: float, even: float, next_: float, rest: float) -> None:
    said = plan(0.14, every=after(every))
    assert (said.even, said.next) == (NOW + after(even), NOW + after(next_))
    assert (said.rest, said.longest) == (after(rest), after(every))


def test_a_clock_that_was_set_back_gives_no_rest_longer_than_the_pace() -> None:
    assert plan(-3600, opened=-3600) == Pace(NOW + after(0.73), NOW + after(1.025), after(0.295), SECOND)


def test_as_the_flow_reads_it() -> None:
    said = pace(Turn(NOW, NOW + after(0.02), NOW + after(0.05)), SECOND).as_json()
    assert said == {"even": 1_763_650_800_730, "next": 1_763_650_801_015, "rest": 249, "longest": 1_000}
    assert {type(each) for each in said.values()} == {int}
