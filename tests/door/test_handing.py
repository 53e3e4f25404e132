"""Forwarder on: in order, until it is taken, whatever Kestra says and however long it is away."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from christmas_campaign.door.handlers import BY_NAME, webhooks
from christmas_campaign.door.inbox import forwarder as the_handing
from christmas_campaign.door.inbox.forwarder import Forwarder
from christmas_campaign.door.inbox.store import MAX_BLOCKING_FAILURES, Call, Inbox, StoreOutcome, list_entries
from christmas_campaign.door.inbox.writer import InboxWriter
from door.process import DIE, HANG, KEYS, Upstream

ARRIVED = datetime(2025, 11, 20, 15, 0, 0, 123_000, tzinfo=UTC)


def call(body: bytes, sequence: str = "signup") -> Call:
    return Call(uuid.uuid4().hex, sequence, body, ARRIVED, body.decode())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a hundredth, and a file that is tidied soon."""
    real = Inbox.record_failure

    def sooner(self: Inbox, number: int, answer: str, now: float, *, kestra_answered: bool) -> float:
        wait = real(self, number, answer, now, kestra_answered=kestra_answered)
        self._db.execute("UPDATE calls SET due = ? WHERE seq = ?", (now + wait / 100, number))
        return wait

    monkeypatch.setattr(Inbox, "not_taken", sooner)
    monkeypatch.setattr(the_handing, "QUIET_SECONDS", 0.05)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite"


@asynccontextmanager
async def handing(path: Path, upstream: Upstream, limit: float = 5) -> AsyncIterator[InboxWriter]:
    """An inbox that is handed on."""
    keeping = InboxWriter(Inbox(path, max_calls=1000))
    handed = Forwarder(keeping, webhooks(upstream.url, KEYS), limit)
    handed.start()
    try:
        yield keeping
    finally:
        await handed.stop()
        keeping.close()


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not seen():
            await asyncio.sleep(0.01)


def play(path: Path, upstream: Upstream, scene: Callable[[InboxWriter], Awaitable[None]], limit: float = 5) -> None:
    async def with_everything() -> None:
        async with handing(path, upstream, limit) as keeping:
            await scene(keeping)

    asyncio.run(with_everything())


def test_a_call_goes_to_kestras_own_address_as_it_came(path: Path, upstream: Upstream) -> None:
    async def scene(keeping: InboxWriter) -> None:
        for name in KEYS:
            body = f'{{ "of": "{name}", "x": "é" }}'.encode()
            assert await keeping.store(call(body, name)) is StoreOutcome.STORED
        await until(lambda: len(upstream.taken) == len(KEYS) and not list_entries(path))

    play(path, upstream, scene)
    for name, arrived in zip(KEYS, upstream.arrived, strict=True):
        assert arrived.path == BY_NAME[name].kestra_path + KEYS[name]
        assert arrived.body == f'{{ "of": "{name}", "x": "é" }}'.encode()
        assert arrived.headers["content-type"] == "application/json"
        assert arrived.headers["x-received-at"] == "2025-11-20T15:00:00.123Z"


def test_many_go_in_the_order_of_their_arrival(path: Path, upstream: Upstream) -> None:
    bodies = [b"%d" % number for number in range(60)]

    async def scene(keeping: InboxWriter) -> None:
        await asyncio.gather(*(keeping.store(call(body)) for body in bodies))
        await until(lambda: len(upstream.arrived) == 60 and not list_entries(path))

    play(path, upstream, scene)
    assert upstream.taken == bodies


@pytest.mark.parametrize("fault", [500, 503, 404, 401, 403, 409, 429, 302, DIE])
def test_whatever_is_no_yes_is_tried_again_and_the_order_is_kept(
    path: Path, upstream: Upstream, fault: int | str
) -> None:
    faults = [fault] * 4
    upstream.answer = lambda _: faults.pop() if faults else 200

    async def scene(keeping: InboxWriter) -> None:
        for body in (b"1", b"2", b"3"):
            await keeping.store(call(body))
        await until(lambda: len(upstream.taken) == 3 and not list_entries(path))

    play(path, upstream, scene)
    assert [each.body for each in upstream.arrived] == [b"1"] * 5 + [b"2", b"3"]


def test_a_kestra_that_does_not_answer_is_given_up_in_time_and_asked_again(path: Path, upstream: Upstream) -> None:
    faults: list[int | str] = [HANG]
    upstream.answer = lambda _: faults.pop() if faults else 200

    async def scene(keeping: InboxWriter) -> None:
        await keeping.store(call(b"1"))
        await until(lambda: [entry.last_answer for entry in list_entries(path)] == ["no answer in time"])
        await until(lambda: not list_entries(path))

    began = time.monotonic()
    play(path, upstream, scene, limit=0.3)
    assert time.monotonic() - began < 10
    assert upstream.taken == [b"1"]


def test_a_kestra_that_is_away_gets_everything_when_it_comes_back(path: Path, upstream: Upstream) -> None:
    bodies = [b"%d" % number for number in range(20)]

    async def scene(keeping: InboxWriter) -> None:
        upstream.stop()
        for body in bodies:
            await keeping.store(call(body))
        await until(lambda: list_entries(path)[0].tries >= 3)
        assert {entry.last_answer for entry in list_entries(path)} == {"ConnectError", None}
        upstream.start()
        await until(lambda: not list_entries(path))

    play(path, upstream, scene)
    assert upstream.taken == bodies


def test_what_kestras_intake_refuses_is_put_aside_and_the_next_goes_on(
    path: Path, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream.answer = lambda body: 422 if body == b"1" else 200

    async def scene(keeping: InboxWriter) -> None:
        await keeping.store(call(b"1"))
        await keeping.store(call(b"2"))
        await until(lambda: len(list_entries(path)) == 1 and list_entries(path)[0].refused)

    play(path, upstream, scene)
    (entry,) = list_entries(path)
    assert (entry.refused, entry.last_answer) == (True, "HTTP 422")
    assert [each.body for each in upstream.arrived] == [b"1", b"2"]
    assert f"refused by Kestra signup {entry.id} put aside" in capsys.readouterr().err


def test_a_call_of_a_handler_that_this_door_does_not_know_holds_up_nobody(
    path: Path, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scene(keeping: InboxWriter) -> None:
        await keeping.store(call(b"1", "of-another-version"))
        await keeping.store(call(b"2"))
        await until(lambda: len(list_entries(path)) == 1 and list_entries(path)[0].refused)

    play(path, upstream, scene)
    (entry,) = list_entries(path)
    assert (entry.handler, entry.last_answer, upstream.taken) == ("of-another-version", "no such handler", [b"2"])
    assert f"unknown to this door of-another-version {entry.id} put aside" in capsys.readouterr().err


@pytest.mark.parametrize("fault", [503, DIE])
def test_however_long_kestra_is_away_the_order_is_kept(path: Path, upstream: Upstream, fault: int | str) -> None:
    faults = [fault] * (MAX_BLOCKING_FAILURES + 1)
    upstream.answer = lambda _: faults.pop() if faults else 200

    async def scene(keeping: InboxWriter) -> None:
        for body in (b"1", b"2"):
            await keeping.store(call(body))
        await until(lambda: len(upstream.taken) == 2 and not list_entries(path))

    play(path, upstream, scene)
    assert [each.body for each in upstream.arrived] == [b"1"] * (MAX_BLOCKING_FAILURES + 2) + [b"2"]


@pytest.mark.parametrize("fault", [500, HANG])
def test_a_call_that_kestra_cannot_take_does_not_hold_up_the_others_for_ever(
    path: Path, upstream: Upstream, fault: int | str
) -> None:
    upstream.answer = lambda body: fault if body == b"poison" else 200

    async def scene(keeping: InboxWriter) -> None:
        for body in (b"poison", b"1", b"2"):
            await keeping.store(call(body))
        await until(lambda: upstream.taken == [b"1", b"2"])
        upstream.answer = lambda _: 200
        await until(lambda: not list_entries(path))

    play(path, upstream, scene, limit=0.2)
    assert upstream.taken == [b"1", b"2", b"poison"]


def test_what_was_taken_is_not_sent_again_while_it_cannot_be_deleted(
    path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, full = Inbox.delete, [True]

    def full_disk(self: Inbox, numbers: list[int]) -> None:
        if full:
            raise sqlite3.OperationalError("database or disk is full")
        taken(self, numbers)

    monkeypatch.setattr(Inbox, "taken", full_disk)

    async def scene(keeping: InboxWriter) -> None:
        await keeping.store(call(b"1"))
        await keeping.store(call(b"2"))
        await until(lambda: len(upstream.taken) == 2)
        assert len(list_entries(path)) == 2
        full.clear()
        await keeping.store(call(b"3"))
        await until(lambda: not list_entries(path))

    play(path, upstream, scene)
    assert upstream.taken == [b"1", b"2", b"3"]


def test_a_disk_that_fails_stops_nothing_for_good(
    path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    following, faults = Inbox.next_call, [True]

    def failing(self: Inbox, now: float, without: list[int]) -> object:
        if faults:
            faults.pop()
            raise sqlite3.OperationalError("disk I/O error")
        return following(self, now, without)

    monkeypatch.setattr(Inbox, "next", failing)

    async def scene(keeping: InboxWriter) -> None:
        await keeping.store(call(b"1"))
        await until(lambda: not list_entries(path))

    play(path, upstream, scene)
    assert upstream.taken == [b"1"]


def test_when_it_is_quiet_nothing_is_left_in_the_file(path: Path, upstream: Upstream) -> None:
    async def scene(keeping: InboxWriter) -> None:
        await keeping.store(call(b"a private word"))
        await until(lambda: bool(upstream.taken))
        wal = path.with_name(f"{path.name}-wal")
        await until(lambda: wal.stat().st_size == 0)
        assert b"a private word" not in path.read_bytes()

    play(path, upstream, scene)


def test_it_waits_at_the_end_for_the_answer_that_is_on_its_way(path: Path, upstream: Upstream) -> None:
    def slowly(_: bytes) -> int:
        time.sleep(0.5)
        return 200

    upstream.answer = slowly

    async def scene(keeping: InboxWriter) -> None:
        await keeping.store(call(b"1"))
        await asyncio.sleep(0.2)

    play(path, upstream, scene)
    assert upstream.taken == [b"1"]
    upstream.answer = lambda _: 200

    async def again(_: InboxWriter) -> None:
        await until(lambda: not list_entries(path))

    # It had been taken, but not yet deleted when the process ended: Kestra knows the event, so that does no harm; and
    # what was deleted in time does not come again at all.
    play(path, upstream, again)
    assert upstream.taken in ([b"1"], [b"1", b"1"])
