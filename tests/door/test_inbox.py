"""The inbox: stored calls are there, once, in order, private, limited in number, and gone after they were forwarded."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from christmas_campaign.door.inbox import store
from christmas_campaign.door.inbox.store import Call, Inbox, InboxError, StoreOutcome, list_entries
from christmas_campaign.door.inbox.writer import InboxWriter

ARRIVED = datetime(2025, 11, 20, 15, 0, 0, 123_000, tzinfo=UTC)
NOW = 2_000_000_000.0
STORED, DUPLICATE, FULL = StoreOutcome.STORED, StoreOutcome.DUPLICATE, StoreOutcome.FULL


def call(enrolment_id: str | None = "e-1", body: bytes = b"{}") -> Call:
    return Call(uuid.uuid4().hex, "signup", body, ARRIVED, enrolment_id)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "door" / "inbox.sqlite"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    opened = Inbox(path, max_calls=10)
    yield opened
    opened.close()


def next_call(inbox: Inbox, now: float = NOW) -> store.WaitingCall:
    waiting = inbox.next_call(now)
    assert waiting is not None
    return waiting


def next_id(inbox: Inbox, now: float = NOW) -> str | None:
    return next_call(inbox, now).call.enrolment_id


def test_stored_calls_come_back_whole_and_in_order(inbox: Inbox) -> None:
    calls = [call(f"e-{number}", b'{"n":%d,"x":"\xc3\xa9"}' % number) for number in range(3)]
    assert inbox.store(calls) == [STORED] * 3
    forwarded = []
    while (waiting := inbox.next_call(NOW)) is not None:
        forwarded.append(waiting.call)
        inbox.delete([waiting.seq])
    assert forwarded == calls


def test_file_of_the_first_version_is_read(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(
            """
            CREATE TABLE calls (
                seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, sequence TEXT NOT NULL, enrolment TEXT,
                received_at TEXT NOT NULL, body BLOB NOT NULL, refused INTEGER NOT NULL DEFAULT 0,
                tries INTEGER NOT NULL DEFAULT 0, answers INTEGER NOT NULL DEFAULT 0, wait REAL NOT NULL DEFAULT 0,
                due REAL NOT NULL DEFAULT 0, last TEXT);
            CREATE UNIQUE INDEX once ON calls (enrolment) WHERE enrolment IS NOT NULL AND NOT refused;
            PRAGMA user_version = 1;
            INSERT INTO calls (id, sequence, enrolment, received_at, body)
                VALUES ('id-1', 'noshow', 'e-1', '2025-11-20T15:00:00.123Z', x'7b7d');
            """
        )
    with closing(Inbox(path, max_calls=10)) as inbox:
        assert next_call(inbox).call == Call("id-1", "noshow", b"{}", ARRIVED, "e-1")
        assert inbox.store([call("e-1")]) == [DUPLICATE]
    assert list_entries(path)[0].handler == "noshow"


def test_same_event_is_stored_once_while_it_waits(inbox: Inbox) -> None:
    assert inbox.store([call("e-1"), call("e-1"), call("e-2")]) == [STORED, DUPLICATE, STORED]
    assert inbox.store([call(None), call(None)]) == [STORED, STORED]
    inbox.delete([next_call(inbox).seq])
    # Kestra has the first call now, and recognises the event itself.
    assert inbox.store([call("e-1")]) == [STORED]


def test_number_of_calls_is_limited(path: Path) -> None:
    with closing(Inbox(path, max_calls=2)) as inbox:
        assert inbox.store([call(str(number)) for number in range(3)]) == [STORED, STORED, FULL]
        assert inbox.store([call("0")]) == [DUPLICATE]
        inbox.delete([next_call(inbox).seq])
        assert inbox.store([call("3"), call("4")]) == [STORED, FULL]
    with closing(Inbox(path, max_calls=2)) as inbox:
        assert inbox.store([call("5")]) == [FULL]


def test_full_disk_stores_nothing_and_loses_nothing(path: Path) -> None:
    with closing(Inbox(path, max_calls=1000, max_bytes=20 * 4096)) as inbox:
        count = 0
        while inbox.store([call(f"e-{count}", bytes(5000))]) == [STORED]:
            count += 1
        assert 2 <= count < 20
        assert len(list_entries(path)) == count
        # A call that is too large does not affect those that arrived with it.
        inbox.delete([1])
        assert inbox.store([call("small"), call("large", bytes(1_000_000)), call("other")]) == [STORED, FULL, STORED]
        while (waiting := inbox.next_call(NOW)) is not None:
            inbox.delete([waiting.seq])
        assert inbox.store([call("again", bytes(5000))]) == [STORED]


def test_folder_and_files_are_private_even_if_they_were_not(inbox: Inbox, path: Path) -> None:
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    inbox.close()
    path.chmod(0o644)
    with closing(Inbox(path, max_calls=1)) as again:
        again.store([call()])
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_deleted_calls_leave_nothing_in_the_files(inbox: Inbox, path: Path) -> None:
    inbox.store([call(f"e-{number}", b"a private word " * 500) for number in range(5)])

    def is_in_a_file() -> bool:
        return any(b"a private word" in file.read_bytes() for file in path.parent.iterdir())

    assert is_in_a_file()
    inbox.delete([1, 2, 3, 4, 5])
    inbox.empty_log()
    assert not is_in_a_file()


def test_second_process_cannot_open_the_inbox(inbox: Inbox, path: Path) -> None:
    with pytest.raises(InboxError, match="in use: does another door run on it"):
        Inbox(path, max_calls=10)
    inbox.close()
    Inbox(path, max_calls=10).close()


@pytest.mark.parametrize("content", ["text", "folder", "newer version"])
def test_file_that_is_not_an_inbox_is_a_plain_error(path: Path, content: str) -> None:
    path.parent.mkdir()
    if content == "text":
        path.write_text("this is a letter, and no database " * 100)
    elif content == "folder":
        path.mkdir()
    else:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA user_version = 2")
    with pytest.raises(InboxError, match=r"inbox\.sqlite cannot be"):
        Inbox(path, max_calls=10)


def test_every_transaction_reaches_the_disk(inbox: Inbox) -> None:
    # 2 means FULL. With less, a power cut could take back a call that was answered with 200.
    assert inbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert inbox._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_wait_doubles_with_each_failure_up_to_a_minute(inbox: Inbox) -> None:
    inbox.store([call()])
    waits = [inbox.record_failure(1, "HTTP 503", NOW, kestra_answered=False) for _ in range(9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert next_call(inbox).due == NOW + 60
    # A clock that was set back does not make the call wait longer.
    assert next_call(inbox, NOW - 86_400).due == NOW - 86_400


def test_refused_call_is_set_aside_and_listed_without_its_content(inbox: Inbox, path: Path) -> None:
    inbox.store([call("e-1", b"a private word"), call("e-2")])
    inbox.set_aside(1, "HTTP 422")
    assert next_id(inbox) == "e-2"
    entry = list_entries(path)[0]
    assert (entry.handler, entry.refused, entry.tries, entry.last_answer) == ("signup", True, 1, "HTTP 422")
    assert entry.received_at == "2025-11-20T15:00:00.123Z"
    assert "private" not in repr(list_entries(path))
    assert inbox.store([call("e-1")]) == [STORED]


def test_restart_makes_every_call_due_in_order_and_retries_refused_ones(inbox: Inbox, path: Path) -> None:
    inbox.store([call("e-1"), call("e-2"), call("e-3")])
    inbox.set_aside(1, "HTTP 422")
    inbox.record_failure(2, "HTTP 500", NOW, kestra_answered=True)
    # Now "e-1" waits again, so its first call stays refused.
    inbox.store([call("e-1")])
    inbox.set_aside(3, "HTTP 422")
    inbox.close()
    with closing(Inbox(path, max_calls=10)) as again:
        forwarded = []
        while (waiting := again.next_call(0)) is not None:
            assert waiting.due <= 0
            forwarded.append(waiting.call.enrolment_id)
            again.delete([waiting.seq])
    assert forwarded == ["e-2", "e-3", "e-1"]
    assert [entry.refused for entry in list_entries(path)] == [True]


def test_calls_that_arrive_together_are_written_together(inbox: Inbox, path: Path) -> None:
    commits = []
    inbox._db.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    calls = [call(f"e-{number}") for number in range(8)] + [call("e-0")]

    async def store_all() -> list[StoreOutcome]:
        writer = InboxWriter(inbox)
        outcomes = await asyncio.gather(*(writer.store(one) for one in calls))
        assert writer.call_arrived.is_set()
        writer._thread.shutdown()
        return outcomes

    assert asyncio.run(store_all()) == [STORED] * 8 + [DUPLICATE]
    assert len(commits) <= 2
    assert [entry.id for entry in list_entries(path)] == [one.id for one in calls[:8]]


def test_failed_write_does_not_stop_the_writer(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [lambda _: 1 / 0, inbox.store]
    monkeypatch.setattr(inbox, "store", lambda calls: answers.pop(0)(calls))

    async def store_twice() -> StoreOutcome:
        writer = InboxWriter(inbox)
        with pytest.raises(ZeroDivisionError):
            await writer.store(call("e-1"))
        outcome = await writer.store(call("e-2"))
        writer._thread.shutdown()
        return outcome

    assert asyncio.run(store_twice()) is STORED
