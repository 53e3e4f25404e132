"""Kestra's health: as Kestra reports it, but requested at most every two seconds."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from support import until

from christmas_campaign.door.health import KestraHealth
from door.process import DIE, HANG, Clock, DoorProcess, FakeKestra


def ask(kestra: FakeKestra, *steps: float) -> list[bool]:
    """Return whether Kestra is up now, and again after each of ``steps`` (seconds)."""

    async def ask_all() -> list[bool]:
        clock = Clock()
        health = KestraHealth(f"{kestra.url}/health", clock)
        answers = [await health.is_up()]
        for step in steps:
            clock.now += step
            answers.append(await health.is_up())
        await health.close()
        return answers

    return asyncio.run(ask_all())


@pytest.mark.parametrize(("answer", "is_up"), [(200, True), (503, False), (404, False), (302, False), (DIE, False)])
def test_only_status_200_means_up(kestra: FakeKestra, answer: int | str, is_up: bool) -> None:
    kestra.health_answer = answer
    assert ask(kestra) == [is_up]


def test_answer_is_reused_for_two_seconds(kestra: FakeKestra) -> None:
    assert ask(kestra, 0, 1.9, 0.1, 1.0) == [True] * 5
    assert kestra.health_requests == 2


def test_simultaneous_questions_are_one_request(kestra: FakeKestra) -> None:
    async def ask_at_once() -> list[bool]:
        health = KestraHealth(f"{kestra.url}/health", Clock())
        answers = await asyncio.gather(*(health.is_up() for _ in range(100)))
        await health.close()
        return answers

    assert asyncio.run(ask_at_once()) == [True] * 100
    assert kestra.health_requests == 1


def test_kestra_that_does_not_answer_is_down_after_two_seconds(kestra: FakeKestra) -> None:
    kestra.health_answer = HANG
    started = time.monotonic()
    assert ask(kestra) == [False]
    assert 1.9 < time.monotonic() - started < 5


#: A door that asks Kestra very often.
QUICK = "from christmas_campaign.door import health; health.WATCH_SECONDS = health.CACHE_SECONDS = 0.01"


def test_door_logs_once_that_kestra_is_down_at_the_start_and_once_that_it_is_up(
    tmp_path: Path, kestra: FakeKestra
) -> None:
    kestra.stop()
    with DoorProcess(tmp_path, kestra, program=QUICK) as door:
        door.logged("Z kestra does not answer: calls are stored until it does")
        kestra.start()
        door.logged("Z kestra is up")
        checked = kestra.health_requests
        until(lambda: kestra.health_requests > checked + 10, "more requests", 10)
    assert [line.split()[1] for line in door.log.splitlines()] == ["kestra", "kestra"]


def test_door_logs_nothing_while_kestra_is_up(tmp_path: Path, kestra: FakeKestra) -> None:
    with DoorProcess(tmp_path, kestra, program=QUICK) as door:
        until(lambda: kestra.health_requests > 10, "requests", 10)
    assert door.log == ""
