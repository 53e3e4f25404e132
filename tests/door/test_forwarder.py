"""Forwarding: in order, until Kestra has accepted each call, however Kestra answers and however long it is away."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from christmas_campaign.door.handlers import BY_NAME, webhooks
from christmas_campaign.door.inbox import forwarder
from christmas_campaign.door.inbox.forwarder import Forwarder
from christmas_campaign.door.inbox.store import MAX_BLOCKING_FAILURES, Call, Inbox, list_entries
from christmas_campaign.door.inbox.writer import InboxWriter
from door.process import DIE, HANG, KEYS, FakeKestra

pytestmark = pytest.mark.anyio

ARRIVED = datetime(2025, 11, 20, 15, 0, 0, 123_000, tzinfo=UTC)


def call(body: bytes, handler: str = "signup") -> Call:
    return Call(uuid.uuid4().hex, handler, body, ARRIVED, body.decode())


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits between attempts to a hundredth."""
    record_failure = Inbox.record_failure

    def shortened(self: Inbox, number: int, answer: str, now: float, *, kestra_answered: bool) -> float:
        wait_seconds = record_failure(self, number, answer, now, kestra_answered=kestra_answered)
        self._db.execute("UPDATE calls SET due = ? WHERE seq = ?", (now + wait_seconds / 100, number))
        return wait_seconds

    monkeypatch.setattr(Inbox, "record_failure", shortened)
    monkeypatch.setattr(forwarder, "QUIET_SECONDS", 0.05)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite"


@asynccontextmanager
async def forwarding(path: Path, kestra: FakeKestra, answer_seconds: float = 5) -> AsyncIterator[InboxWriter]:
    """Yield an inbox whose calls are forwarded to ``kestra``."""
    writer = InboxWriter(Inbox(path, max_calls=1000))
    running = Forwarder(writer, webhooks(kestra.url, KEYS), answer_seconds)
    running.start()
    try:
        yield writer
    finally:
        await running.stop()
        writer.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def forward(path: Path, kestra: FakeKestra, *bodies: bytes, answer_seconds: float = 5) -> None:
    """Store calls with these bodies, and wait until the inbox is empty."""
    async with forwarding(path, kestra, answer_seconds) as writer:
        for body in bodies:
            await writer.store(call(body))
        await until(lambda: not list_entries(path))


def fail(kestra: FakeKestra, *answers: int | str) -> None:
    """Let Kestra give these answers first, and accept every call afterwards."""
    remaining = list(answers)
    kestra.answer = lambda _: remaining.pop(0) if remaining else 200


async def test_call_reaches_kestras_webhook_unchanged(path: Path, kestra: FakeKestra) -> None:
    bodies = {name: f'{{ "of": "{name}", "x": "é" }}'.encode() for name in KEYS}
    async with forwarding(path, kestra) as writer:
        for name, body in bodies.items():
            await writer.store(call(body, name))
        await until(lambda: not list_entries(path))
    assert [(one.path, one.body) for one in kestra.calls] == [
        (BY_NAME[name].kestra_path + KEYS[name], body) for name, body in bodies.items()
    ]
    assert {one.headers["content-type"] for one in kestra.calls} == {"application/json"}
    assert {one.headers["x-received-at"] for one in kestra.calls} == {"2025-11-20T15:00:00.123Z"}


@pytest.mark.parametrize(
    ("fault", "failures"),
    [
        (500, 4),
        (302, 4),
        (503, MAX_BLOCKING_FAILURES + 1),
        (DIE, MAX_BLOCKING_FAILURES + 1),
    ],
)
async def test_failed_call_is_retried_and_the_order_is_kept(
    path: Path, kestra: FakeKestra, fault: int | str, failures: int
) -> None:
    fail(kestra, *[fault] * failures)
    await forward(path, kestra, b"1", b"2", b"3")
    assert [one.body for one in kestra.calls] == [b"1"] * (failures + 1) + [b"2", b"3"]


@pytest.mark.parametrize(
    ("handler", "answer", "message"),
    [("signup", "HTTP 422", "refused by Kestra"), ("of-another-version", "no such handler", "unknown to this door")],
)
async def test_refused_or_unknown_call_is_set_aside(
    path: Path, kestra: FakeKestra, capsys: pytest.CaptureFixture[str], handler: str, answer: str, message: str
) -> None:
    kestra.answer = lambda body: 422 if body == b"1" else 200
    async with forwarding(path, kestra) as writer:
        await writer.store(call(b"1", handler))
        await writer.store(call(b"2"))
        await until(lambda: len(list_entries(path)) == 1 and list_entries(path)[0].refused)
    (entry,) = list_entries(path)
    assert (entry.handler, entry.last_answer, kestra.accepted) == (handler, answer, [b"2"])
    assert f"{message} {handler} {entry.id} put aside" in capsys.readouterr().err


@pytest.mark.parametrize("fault", [500, HANG])
async def test_call_that_kestra_cannot_accept_blocks_the_others_only_for_a_time(
    path: Path, kestra: FakeKestra, fault: int | str
) -> None:
    kestra.answer = lambda body: fault if body == b"poison" else 200
    async with forwarding(path, kestra, 0.2) as writer:
        for body in (b"poison", b"1", b"2"):
            await writer.store(call(body))
        await until(lambda: kestra.accepted == [b"1", b"2"])
        kestra.answer = lambda _: 200
        await until(lambda: not list_entries(path))
    assert kestra.accepted == [b"1", b"2", b"poison"]


async def test_accepted_call_is_not_sent_again_while_it_cannot_be_deleted(
    path: Path, kestra: FakeKestra, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with forwarding(path, kestra) as writer:
        with monkeypatch.context() as full_disk:
            full_disk.setattr(Inbox, "delete", raise_disk_error)
            await writer.store(call(b"1"))
            await writer.store(call(b"2"))
            await until(lambda: len(kestra.accepted) == 2)
            assert len(list_entries(path)) == 2
        await writer.store(call(b"3"))
        await until(lambda: not list_entries(path))
    assert kestra.accepted == [b"1", b"2", b"3"]


async def test_disk_error_does_not_stop_the_forwarder(
    path: Path, kestra: FakeKestra, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as broken_disk:
        broken_disk.setattr(Inbox, "next_call", raise_disk_error)
        async with forwarding(path, kestra) as writer:
            await writer.store(call(b"1"))
            await until(lambda: "inbox OperationalError in" in capsys.readouterr().err)
            broken_disk.undo()
            await until(lambda: not list_entries(path))
    assert kestra.accepted == [b"1"]


def raise_disk_error(*_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


async def test_forwarded_call_leaves_no_trace_after_a_quiet_moment(path: Path, kestra: FakeKestra) -> None:
    async with forwarding(path, kestra) as writer:
        await writer.store(call(b"a private word"))
        await until(lambda: bool(kestra.accepted))
        await until(lambda: path.with_name(f"{path.name}-wal").stat().st_size == 0)
        assert b"a private word" not in path.read_bytes()


async def test_stop_waits_for_the_answer_to_the_current_call(path: Path, kestra: FakeKestra) -> None:
    def answer_slowly(_: bytes) -> int:
        time.sleep(0.5)
        return 200

    kestra.answer = answer_slowly
    async with forwarding(path, kestra) as writer:
        await writer.store(call(b"1"))
        await asyncio.sleep(0.2)
    assert kestra.accepted == [b"1"]
