"""The rate limit: how often one sender may call, and that the counters need little memory."""

from __future__ import annotations

from christmas_campaign.door.http.rate_limit import RateLimit
from door.process import Clock


def test_calls_of_one_minute_are_allowed_at_once_and_no_more() -> None:
    rate_limit = RateLimit(3, Clock())
    assert [rate_limit.take("a") for _ in range(5)] == [0, 0, 0, 20, 20]


def test_one_more_call_is_allowed_after_the_returned_wait() -> None:
    clock = Clock()
    rate_limit = RateLimit(3, clock)
    for _ in range(3):
        rate_limit.take("a")
    clock.now += rate_limit.take("a")
    assert [rate_limit.take("a"), rate_limit.take("a")] == [0, 20]
    clock.now += 19.5
    assert rate_limit.take("a") == 1


def test_quiet_hour_saves_the_calls_of_one_minute_only() -> None:
    clock = Clock()
    rate_limit = RateLimit(2, clock)
    rate_limit.take("a")
    clock.now += 3600
    assert [rate_limit.take("a") for _ in range(3)] == [0, 0, 30]


def test_each_sender_has_its_own_limit() -> None:
    rate_limit = RateLimit(1, Clock())
    assert [rate_limit.take(sender) for sender in "abab"] == [0, 0, 60, 60]


def test_senders_that_were_quiet_the_longest_are_forgotten() -> None:
    rate_limit = RateLimit(1, Clock(), max_senders=2)
    for sender in ("a", "b", "a", "c"):
        rate_limit.take(sender)
    assert len(rate_limit) == 2
    # "a" called after "b", so "b" was forgotten.
    assert [rate_limit.take("a"), rate_limit.take("b")] == [60, 0]
