"""Limits: how often one sender may call, how many calls are worked on at once, and that counting costs no memory."""

from __future__ import annotations

from christmas_campaign.door.http.rate_limit import RateLimit


class Clock:
    """A time that moves when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_calls_may_come_at_once_and_no_more() -> None:
    rate = RateLimit(3, Clock())
    assert [rate.take("a") for _ in range(5)] == [0, 0, 0, 20, 20]


def test_after_the_time_that_was_said_one_call_is_taken() -> None:
    clock = Clock()
    rate = RateLimit(3, clock)
    for _ in range(3):
        rate.take("a")
    clock.now += rate.take("a")
    assert [rate.take("a"), rate.take("a")] == [0, 20]
    clock.now += 19.5
    assert rate.take("a") == 1
    clock.now += 0.5
    assert rate.take("a") == 0


def test_a_quiet_hour_saves_up_a_minute_only() -> None:
    clock = Clock()
    rate = RateLimit(2, clock)
    rate.take("a")
    clock.now += 3600
    assert [rate.take("a") for _ in range(3)] == [0, 0, 30]


def test_senders_do_not_count_for_one_another() -> None:
    rate = RateLimit(1, Clock())
    assert [rate.take("a"), rate.take("b"), rate.take("a"), rate.take("b")] == [0, 0, 60, 60]


def test_those_that_were_quiet_the_longest_are_forgotten() -> None:
    rate = RateLimit(1, Clock(), max_senders=2)
    for sender in ("a", "b", "a", "c"):
        rate.take(sender)
    assert len(rate) == 2
    # "a" called after "b" did, so it is "b" that is new again.
    assert [rate.take("a"), rate.take("b")] == [60, 0]


def test_a_million_senders_fill_no_memory() -> None:
    rate = RateLimit(1, Clock(), max_senders=100)
    for number in range(10_000):
        rate.take(str(number))
    assert len(rate) == 100
