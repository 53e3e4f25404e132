from __future__ import annotations

from datetime import timedelta

import pytest

from christmas_campaign.email.pace import Pace, Turn, looks, pace
from unit.build import NOW

SECOND = timedelta(seconds=1)


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def plan(looked: float, *, called: float | None = None, opened: float = 0.08, every: timedelta = SECOND) -> Pace:
    asked = None if called is None else NOW + after(called)
    return pace(Turn(NOW, NOW + after(opened), asked, NOW + after(looked)), every)


def later(seconds: float) -> Pace:
    """The pace of a run that was so late with its page."""
    return Pace(NOW + after(0.73 + seconds), NOW + after(0.985 + seconds), after(0.21), after(0.165), SECOND)


@pytest.mark.parametrize(("every", "seconds"), [(1, 0.19), (2, 0.38), (0.5, 0.095)])
def test_the_page_is_looked_at_at_the_same_moment_of_every_run(every: float, seconds: float) -> None:
    assert looks(NOW, after(every)) == NOW + after(seconds)


def test_a_run_that_nothing_holds_up_writes_and_ends_at_the_same_moments_as_any_other() -> None:
    assert plan(0.25, called=0.22) == later(0)
    assert plan(0.2, called=0.19) == plan(0.28, called=0.235) == plan(0.25) == later(0)


def test_what_was_lost_by_waiting_for_a_provider_is_passed_on() -> None:
    """Asked for in time, answered late: it may have been refused at first."""
    assert plan(1.28, called=0.22) == plan(1.28) == later(1)


@pytest.mark.parametrize("looked", [0.26, 0.28, 0.29])
def test_so_is_what_the_machine_lost(looked: float) -> None:
    """However little: the next call of the kind would be too early by as much."""
    assert plan(looked, called=0.245) == later(0.01)
    assert plan(0.31, called=0.245) == later(0.03)


def test_the_slower_the_machine_the_sooner_the_last_sleep_is_over() -> None:
    """For until the next run begins it takes the longer."""
    ends = [plan(0.25, opened=opened) for opened in (0, 0.02, 0.06, 0.1, 0.2)]
    assert [each.next - NOW for each in ends] == [after(each) for each in (1.025, 1.015, 0.995, 0.975, 0.975)]
    assert [each.stamped for each in ends] == [after(each) for each in (0.25, 0.24, 0.22, 0.2, 0.2)]
    assert [each.noted for each in ends] == [after(each) for each in (0.205, 0.195, 0.175, 0.155, 0.155)]


def test_a_run_that_writes_in_time_ends_no_later_for_what_it_wrote() -> None:
    said = plan(0.25, called=0.22)
    assert said.even + after(0.045) + said.stamped == said.even + after(0.09) + said.noted == said.next


@pytest.mark.parametrize(
    ("every", "even", "next_", "stamped", "noted"),
    [(2, 1.46, 2.01, 0.46, 0.37), (0.5, 0.365, 0.4875, 0.1, 0.0775), (30, 21.9, 30.71, 7.46, 6.11)],
    ids=["half", "double", "slow"],
)
def test_it_follows_from_what_the_providers_take(
    every: float, even: float, next_: float, stamped: float, noted: float
) -> None:
    said = plan(0.14, every=after(every))
    assert said == Pace(NOW + after(even), NOW + after(next_), after(stamped), after(noted), after(every))


def test_a_clock_that_was_set_back_gives_no_rest_longer_than_the_pace() -> None:
    assert plan(-3600, called=-3600, opened=-3600) == Pace(
        NOW + after(0.73), NOW + after(1.025), after(0.25), after(0.205), SECOND
    )


def test_as_the_flow_reads_it() -> None:
    said = plan(0.05, opened=0.02).as_json()
    assert said == {
        "even": 1_763_650_800_730,
        "next": 1_763_650_801_015,
        "stamped": 240,
        "noted": 195,
        "longest": 1_000,
        "rest": 0,
    }
    assert {type(each) for each in said.values()} == {int}
