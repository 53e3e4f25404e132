"""The health of Kestra: as it is, but never asked more often than every two seconds."""

from __future__ import annotations

import asyncio
import time

import pytest

from christmas_campaign.door.health import KestraHealth
from door.process import HANG, Upstream


class Clock:
    """A time that moves when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def asked(upstream: Upstream, clock: Clock, *steps: float) -> list[bool]:
    """What is said now, and after each of ``steps`` more seconds."""

    async def all_of_it() -> list[bool]:
        health = KestraHealth(f"{upstream.url}/health", clock)
        found = [await health.is_up()]
        for step in steps:
            clock.now += step
            found.append(await health.is_up())
        await health.close()
        return found

    return asyncio.run(all_of_it())


@pytest.mark.parametrize(
    ("answer", "up"), [(200, True), (503, False), (500, False), (404, False), (302, False), ("die", False)]
)
def test_only_200_is_up(upstream: Upstream, answer: int | str, up: bool) -> None:
    upstream.healthy = answer
    assert asked(upstream, Clock()) == [up]


def test_nobody_there_is_down(upstream: Upstream) -> None:
    upstream.stop()
    assert asked(upstream, Clock()) == [False]


def test_what_was_said_is_believed_for_two_seconds(upstream: Upstream) -> None:
    assert asked(upstream, Clock(), 0, 1.9, 0.1, 1.0) == [True] * 5
    assert upstream.health_asked == 2


def test_a_hundred_at_once_ask_once(upstream: Upstream) -> None:
    async def at_once() -> list[bool]:
        health = KestraHealth(f"{upstream.url}/health", Clock())
        found = await asyncio.gather(*(health.is_up() for _ in range(100)))
        await health.close()
        return found

    assert asyncio.run(at_once()) == [True] * 100
    assert upstream.health_asked == 1


def test_a_kestra_that_does_not_answer_is_down_after_two_seconds(upstream: Upstream) -> None:
    upstream.healthy = HANG
    began = time.monotonic()
    assert asked(upstream, Clock()) == [False]
    assert 1.9 < time.monotonic() - began < 5
