"""The health of the door: Kestra's, requested at most every two seconds, and the oldest call that waits in the inbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from support import address, payload, until

from christmas_campaign.campaign import times
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.door.health import Health, HealthReport
from christmas_campaign.door.inbox.store import Call, Inbox
from christmas_campaign.door.inbox.writer import InboxWriter
from christmas_campaign.door.routes import PUBLIC_PATHS
from christmas_campaign.operations import late_calls
from door.process import DIE, HANG, Clock, DoorProcess, FakeKestra

NOW = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
TEN_MINUTES, SECOND = timedelta(minutes=10), timedelta(seconds=1)
WELL, DOWN = HealthReport(True, None), HealthReport(False, None)

#: A door that checks its health very often.
QUICK = "from christmas_campaign.door import health; health.WATCH_SECONDS = health.CACHE_SECONDS = 0.01"


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[InboxWriter]:
    writer = InboxWriter(Inbox(tmp_path / "inbox.sqlite", max_calls=10))
    yield writer
    writer.close()


def check(kestra: FakeKestra, inbox: InboxWriter, *steps: float) -> list[HealthReport]:
    """Return the health now, and again after each of ``steps`` (seconds)."""

    async def check_all() -> list[HealthReport]:
        clock = Clock()
        health = Health(f"{kestra.url}/health", inbox, lambda: NOW, clock)
        reports = [await health.check()]
        for step in steps:
            clock.now += step
            reports.append(await health.check())
        await health.close()
        return reports

    return asyncio.run(check_all())


@pytest.mark.parametrize(("answer", "is_up"), [(200, True), (503, False), (404, False), (302, False), (DIE, False)])
def test_only_status_200_means_up(kestra: FakeKestra, inbox: InboxWriter, answer: int | str, is_up: bool) -> None:
    kestra.health_answer = answer
    assert check(kestra, inbox) == [WELL if is_up else DOWN]


def test_answer_is_reused_for_two_seconds(kestra: FakeKestra, inbox: InboxWriter) -> None:
    assert check(kestra, inbox, 0, 1.9, 0.1, 1.0) == [WELL] * 5
    assert kestra.health_requests == 2


def test_simultaneous_questions_are_one_request(kestra: FakeKestra, inbox: InboxWriter) -> None:
    async def check_at_once() -> list[HealthReport]:
        health = Health(f"{kestra.url}/health", inbox, lambda: NOW, Clock())
        reports = await asyncio.gather(*(health.check() for _ in range(100)))
        await health.close()
        return reports

    assert asyncio.run(check_at_once()) == [WELL] * 100
    assert kestra.health_requests == 1


def test_kestra_that_does_not_answer_is_down_after_two_seconds(kestra: FakeKestra, inbox: InboxWriter) -> None:
    kestra.health_answer = HANG
    started = time.monotonic()
    assert check(kestra, inbox) == [DOWN]
    assert 1.9 < time.monotonic() - started < 5


def call(call_id: str, received_at: datetime) -> Call:
    return Call(call_id, "signup", b'{"email": "ana@example.com"}', received_at, None)


def test_oldest_waiting_call_is_late_after_ten_minutes(kestra: FakeKestra, tmp_path: Path) -> None:
    store = Inbox(tmp_path / "inbox.sqlite", max_calls=10)
    with closing(InboxWriter(store)) as inbox:
        store.store([call("refused", NOW - TEN_MINUTES * 3)])
        store.set_aside(1, "HTTP 422")
        store.store([call("new", NOW - TEN_MINUTES)])
        assert check(kestra, inbox) == [WELL]
        store.delete([2])
        store.store([call("late", NOW - TEN_MINUTES - SECOND), call("newer", NOW)])
        assert check(kestra, inbox) == [HealthReport(True, NOW - TEN_MINUTES - SECOND)]


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


def test_door_logs_nothing_while_all_is_well(tmp_path: Path, kestra: FakeKestra) -> None:
    with DoorProcess(tmp_path, kestra, program=QUICK) as door:
        assert door.post(PUBLIC_PATHS["signup"], payload(address())).status_code == 200
        checked = kestra.health_requests
        until(lambda: kestra.health_requests > checked + 10, "requests", 10)
    assert door.log == ""


def test_late_calls_are_in_health_and_log_until_kestra_takes_them(tmp_path: Path, kestra: FakeKestra) -> None:
    door = DoorProcess(tmp_path, kestra, program=QUICK)
    environment = Environment({"ENV_DOOR_URL": ""})
    assert late_calls.calls_wait_since(environment) is None
    arrived = datetime.now(UTC).replace(microsecond=0) - TEN_MINUTES - SECOND
    inbox = Inbox(door.inbox, max_calls=10)
    inbox.store([call("late", arrived)])
    inbox.close()
    kestra.answer = lambda _: 500
    with door:
        environment = Environment({"ENV_DOOR_URL": f"{door.url}/"})
        door.logged(f"Z inbox calls wait since {times.text(arrived)}: see christmas inbox")
        answer = httpx.get(f"{door.url}/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
        assert answer.json()["calls_wait_since"] == times.text(arrived)
        assert late_calls.calls_wait_since(environment) == arrived
        kestra.answer = lambda _: 200
        door.logged("Z inbox no call waits for more than ten minutes any more")
        assert httpx.get(f"{door.url}/health").json()["calls_wait_since"] is None
        assert late_calls.calls_wait_since(environment) is None
    assert door.log.count(" inbox ") == 2
    assert "ana@" not in door.log + answer.text


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9", "does not answer (ConnectError)"),
        ("no address", "does not answer (UnsupportedProtocol)"),
        ("http://a:b", "does not answer (InvalidURL)"),
        ("", "does not say whether calls wait"),
    ],
)
def test_door_that_cannot_be_asked_is_an_error(kestra: FakeKestra, url: str, message: str) -> None:
    # FakeKestra answers with an empty JSON object.
    url = url or kestra.url
    with pytest.raises(late_calls.DoorError) as caught:
        late_calls.calls_wait_since(Environment({"ENV_DOOR_URL": url}))
    assert str(caught.value) == f"The door at {url} {message}."
