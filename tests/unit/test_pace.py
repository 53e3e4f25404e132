from __future__ import annotations

from datetime import timedelta

import pytest

from christmas_campaign.pace import Pace, Turn, pace
from unit.build import NOW

SECOND = timedelta(seconds=1)


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def plan(looked: float, *, opened: float = 0.1, every: timedelta = SECOND) -> Pace:
    return pace(Turn(NOW, NOW + after(opened)), NOW + after(looked), every)


def test_a_run_that_nothing_holds_up_writes_and_ends_at_the_same_moments_as_any_other() -> None:
    assert plan(0.3) == Pace(NOW + after(0.7), NOW + after(1.025), after(0.025), SECOND)
    assert plan(0.4) == plan(0.2) == plan(0.3)


def test_what_was_lost_by_waiting_for_a_provider_is_passed_on() -> None:
    assert plan(1.4) == Pace(NOW + after(1.7), NOW + after(2.025), after(0.025), SECOND)


def test_a_slower_machine_is_not_taken_for_a_slow_provider() -> None:
    said = plan(0.9, opened=0.3)
    assert (said.even, said.next) == (NOW + after(0.7), NOW + after(1.025))


def test_on_a_quick_machine_a_run_whose_writing_was_late_rests_before_the_next_begins() -> None:
    assert plan(0.1, opened=0.02).rest == after(0.265)


def test_there_is_no_rest_where_the_machine_needs_longer_than_that_itself() -> None:
    assert plan(0.6, opened=0.2).rest == after(0)


@pytest.mark.parametrize(
    ("every", "even", "next_"), [(2, 1.4, 2.05), (0.5, 0.35, 0.5125), (30, 21, 30.75)], ids=["half", "double", "slow"]
)
def test_it_follows_from_what_the_providers_take(every: float, even: float, next_: float) -> None:
    said = plan(0.3, every=after(every))
    assert (said.even, said.next, said.longest) == (NOW + after(even), NOW + after(next_), after(every))


def test_a_clock_that_was_set_back_gives_no_rest_longer_than_the_pace() -> None:
    assert plan(-3600, opened=-3600).rest == SECOND


def test_as_the_flow_reads_it() -> None:
    said = pace(Turn(NOW, NOW + after(0.02)), NOW + after(0.05), SECOND).as_json()
    assert said == {"even": 1_763_650_800_700, "next": 1_763_650_801_025, "rest": 265, "longest": 1_000}
    assert {type(each) for each in said.values()} == {int}
