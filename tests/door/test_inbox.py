"""The inbox: what was kept is there, once, in order, private, bounded, and gone when it was handed on."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from christmas_campaign.door.inbox.store import (
    MAX_BLOCKING_FAILURES,
    Call,
    Inbox,
    InboxError,
    StoreOutcome,
    list_entries,
)
from christmas_campaign.door.inbox.writer import InboxWriter

ARRIVED = datetime(2025, 11, 20, 15, 0, 0, 123_000, tzinfo=UTC)
NOW = 2_000_000_000.0


def call(enrolment: str | None = "e-1", body: bytes = b"{}", sequence: str = "signup") -> Call:
    return Call(uuid.uuid4().hex, sequence, body, ARRIVED, enrolment)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "door" / "inbox.sqlite"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    opened = Inbox(path, max_calls=10)
    yield opened
    opened.close()


def reopened(inbox: Inbox, path: Path, most: int = 10) -> Inbox:
    inbox.close()
    return Inbox(path, max_calls=most)


def waiting(inbox: Inbox, now: float = NOW) -> Call:
    found = inbox.next_call(now)
    assert found is not None
    return found.call


def test_what_was_kept_comes_back_whole_and_in_order(inbox: Inbox) -> None:
    calls = [call(f"e-{number}", b'{"n":%d,"x":"\xc3\xa9"}' % number) for number in range(3)]
    assert inbox.store(calls) == [StoreOutcome.STORED] * 3
    found = []
    while (each := inbox.next_call(NOW)) is not None:
        found.append(each.call)
        inbox.delete([each.seq])
    assert found == calls


def test_a_file_of_the_first_doors_is_read_as_it_is(path: Path) -> None:
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
        assert waiting(inbox) == Call("id-1", "noshow", b"{}", ARRIVED, "e-1")
        assert inbox.store([call("e-1")]) == [StoreOutcome.DUPLICATE]
    assert list_entries(path)[0].handler == "noshow"


def test_the_same_event_is_kept_once(inbox: Inbox) -> None:
    assert inbox.store([call("e-1"), call("e-1"), call("e-2")]) == [
        StoreOutcome.STORED,
        StoreOutcome.DUPLICATE,
        StoreOutcome.STORED,
    ]
    assert inbox.store([call("e-1")]) == [StoreOutcome.DUPLICATE]
    first = inbox.next_call(NOW)
    assert first is not None
    inbox.delete([first.seq])
    # Kestra has it now, and says itself that it knows it.
    assert inbox.store([call("e-1")]) == [StoreOutcome.STORED]


def test_calls_that_start_nothing_are_not_compared(inbox: Inbox) -> None:
    assert inbox.store([call(None), call(None)]) == [StoreOutcome.STORED, StoreOutcome.STORED]


def test_it_is_bounded_in_calls(path: Path) -> None:
    with closing(Inbox(path, max_calls=2)) as inbox:
        assert inbox.store([call(str(number)) for number in range(3)]) == [
            StoreOutcome.STORED,
            StoreOutcome.STORED,
            StoreOutcome.FULL,
        ]
        # That it is known can be said without room.
        assert inbox.store([call("0")]) == [StoreOutcome.DUPLICATE]
        first = inbox.next_call(NOW)
        assert first is not None
        inbox.delete([first.seq])
        assert inbox.store([call("3"), call("4")]) == [StoreOutcome.STORED, StoreOutcome.FULL]
    with closing(Inbox(path, max_calls=2)) as inbox:
        assert inbox.store([call("5")]) == [StoreOutcome.FULL]


def test_a_full_disk_keeps_nothing_and_loses_nothing(path: Path) -> None:
    with closing(Inbox(path, max_calls=1000, max_bytes=20 * 4096)) as inbox:
        kept = 0
        while inbox.store([call(f"e-{kept}", bytes(5000))]) == [StoreOutcome.STORED]:
            kept += 1
        assert 2 <= kept < 20
        assert len(list_entries(path)) == kept
        # One that is too large takes none of those that came with it along.
        inbox.delete([1])
        assert inbox.store([call("small"), call("large", bytes(1_000_000)), call("other")]) == [
            StoreOutcome.STORED,
            StoreOutcome.FULL,
            StoreOutcome.STORED,
        ]
        assert len(list_entries(path)) == kept + 1
        # What was kept can be handed on and deleted, which makes room.
        while (each := inbox.next_call(NOW)) is not None:
            inbox.delete([each.seq])
        assert inbox.store([call("again", bytes(5000))]) == [StoreOutcome.STORED]


def test_it_is_private(inbox: Inbox, path: Path) -> None:
    inbox.store([call()])
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_was_open_to_others_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    Inbox(path, max_calls=1).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_of_what_was_handed_on_is_left_in_the_files(inbox: Inbox, path: Path) -> None:
    inbox.store([call(f"e-{number}", b"a private word " * 500) for number in range(5)])

    def found() -> bool:
        return any(b"a private word" in file.read_bytes() for file in path.parent.iterdir())

    assert found()
    inbox.delete([1, 2, 3, 4, 5])
    inbox.empty_log()
    assert not found()


def test_one_process_has_it_at_a_time(inbox: Inbox, path: Path) -> None:
    with pytest.raises(InboxError, match="in use: does another door run on it"):
        Inbox(path, max_calls=10)
    assert inbox.store([call()]) == [StoreOutcome.STORED]
    inbox.close()
    Inbox(path, max_calls=10).close()


@pytest.mark.parametrize("how", ["text", "folder", "newer"])
def test_a_file_that_is_no_inbox_is_a_plain_error(path: Path, how: str) -> None:
    path.parent.mkdir()
    if how == "text":
        path.write_text("this is a letter, and no database " * 100)
    elif how == "folder":
        path.mkdir()
    else:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA user_version = 2")
    with pytest.raises(InboxError, match=r"inbox\.sqlite cannot be"):
        Inbox(path, max_calls=10)


def test_it_writes_through_to_the_disk(inbox: Inbox) -> None:
    # What SQLite calls FULL is 2; less, and a power cut could take back what was answered.
    assert inbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert inbox._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_was_not_taken_waits_twice_as_long_each_time(inbox: Inbox) -> None:
    inbox.store([call()])
    waits = [inbox.record_failure(1, "HTTP 503", NOW, kestra_answered=False) for _ in range(9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    found = inbox.next_call(NOW)
    assert found is not None
    assert found.due == NOW + 60


def test_those_behind_wait_for_the_first(inbox: Inbox) -> None:
    inbox.store([call("e-1"), call("e-2")])
    inbox.record_failure(1, "ConnectError", NOW, kestra_answered=False)
    for number in range(100):
        found = inbox.next_call(NOW + number / 100)
        assert found is not None
        assert (found.seq, found.due) == (1, NOW + 1)
        inbox.record_failure(2, "nobody asked", NOW, kestra_answered=False)


def test_a_call_that_kestra_never_takes_does_not_hold_up_the_others_for_ever(inbox: Inbox) -> None:
    inbox.store([call("e-1"), call("e-2"), call("e-3")])
    for _ in range(MAX_BLOCKING_FAILURES):
        assert waiting(inbox).enrolment_id == "e-1"
        inbox.record_failure(1, "HTTP 500", NOW, kestra_answered=True)
    assert waiting(inbox).enrolment_id == "e-2"
    # It is tried again between the others, as soon as those wait.
    inbox.record_failure(2, "HTTP 500", NOW + 59.5, kestra_answered=True)
    assert waiting(inbox, NOW + 59.5).enrolment_id == "e-1"
    inbox.delete([1])
    assert waiting(inbox, NOW + 61).enrolment_id == "e-2"


def test_a_kestra_that_is_away_changes_no_order(inbox: Inbox) -> None:
    inbox.store([call("e-1"), call("e-2")])
    for _ in range(3 * MAX_BLOCKING_FAILURES):
        inbox.record_failure(1, "ConnectError", NOW, kestra_answered=False)
    assert waiting(inbox, NOW + 60).enrolment_id == "e-1"


def test_a_clock_that_was_put_back_makes_nobody_wait(inbox: Inbox) -> None:
    inbox.store([call()])
    inbox.record_failure(1, "HTTP 503", NOW + 86_400, kestra_answered=False)
    found = inbox.next_call(NOW)
    assert found is not None
    assert found.due == NOW


def test_what_is_taken_and_not_yet_deleted_is_passed_over(inbox: Inbox) -> None:
    inbox.store([call("e-1"), call("e-2")])
    found = inbox.next_call(NOW, without=[1])
    assert found is not None
    assert found.seq == 2
    assert inbox.next_call(NOW, without=[1, 2]) is None


def test_what_kestra_refuses_is_put_aside_and_seen(inbox: Inbox, path: Path) -> None:
    inbox.store([call("e-1", b"a private word"), call("e-2")])
    inbox.set_aside(1, "HTTP 422")
    assert waiting(inbox).enrolment_id == "e-2"
    entry = list_entries(path)[0]
    assert (entry.handler, entry.refused, entry.tries, entry.last_answer) == ("signup", True, 1, "HTTP 422")
    assert entry.received_at == "2025-11-20T15:00:00.123Z"
    assert "private" not in repr(list_entries(path))
    # The same event may come again: it does not wait.
    assert inbox.store([call("e-1")]) == [StoreOutcome.STORED]


def test_a_door_that_starts_again_tries_everything_at_once_and_in_order(path: Path) -> None:
    inbox = Inbox(path, max_calls=10)
    inbox.store([call("e-1"), call("e-2"), call("e-3")])
    inbox.set_aside(1, "HTTP 422")
    inbox.record_failure(2, "HTTP 500", NOW, kestra_answered=True)
    # "e-1" waits again beside the one that was refused: that one stays where it is.
    inbox.store([call("e-1")])
    inbox.set_aside(3, "HTTP 422")
    inbox = reopened(inbox, path)
    found = []
    while (each := inbox.next_call(0)) is not None:
        assert each.due <= 0
        found.append(each.call.enrolment_id)
        inbox.delete([each.seq])
    inbox.close()
    assert found == ["e-2", "e-3", "e-1"]
    assert [entry.refused for entry in list_entries(path)] == [True]


def test_it_can_be_looked_at_whether_a_door_runs_or_not(inbox: Inbox, path: Path) -> None:
    inbox.store([call()])
    assert len(list_entries(path)) == 1
    inbox.close()
    assert len(list_entries(path)) == 1
    again = Inbox(path, max_calls=10)
    assert again.store([call("e-2")]) == [StoreOutcome.STORED]
    again.close()


def test_an_inbox_that_is_not_there_is_not_made_by_looking(path: Path) -> None:
    with pytest.raises(InboxError, match="there is no inbox at"):
        list_entries(path)
    assert not path.exists()


def kept_at_once(inbox: Inbox, calls: list[Call], work: Callable[[Inbox], None] = lambda _: None) -> list[StoreOutcome]:
    """Keep calls that arrive together, after ``work`` in the same thread."""

    async def all_at_once() -> list[StoreOutcome]:
        keeping = InboxWriter(inbox)
        busy = asyncio.ensure_future(keeping.run(work))
        found = await asyncio.gather(*(keeping.store(each) for each in calls), return_exceptions=True)
        assert keeping.call_arrived.is_set() or not any(each is StoreOutcome.STORED for each in found)
        await busy
        # In use from outside: the thread is ended, the inbox is the fixture's.
        keeping._thread.shutdown()
        return [each for each in found if isinstance(each, StoreOutcome)]

    return asyncio.run(all_at_once())


def test_calls_that_arrive_together_are_written_together(inbox: Inbox, path: Path) -> None:
    writes = []
    inbox._db.set_trace_callback(lambda sql: writes.append(sql) if sql == "COMMIT" else None)
    calls = [call(f"e-{number}") for number in range(8)] + [call("e-0")]
    assert kept_at_once(inbox, calls) == [StoreOutcome.STORED] * 8 + [StoreOutcome.DUPLICATE]
    assert len(writes) <= 2
    assert [entry.id for entry in list_entries(path)] == [each.id for each in calls[:8]]


def test_one_that_fails_does_not_stop_the_writing(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = inbox.store
    answers = [lambda _: 1 / 0, keep]
    monkeypatch.setattr(inbox, "store", lambda calls: answers.pop(0)(calls))

    async def one_after_the_other() -> StoreOutcome:
        keeping = InboxWriter(inbox)
        with pytest.raises(ZeroDivisionError):
            await keeping.store(call("e-1"))
        found = await keeping.store(call("e-2"))
        keeping._thread.shutdown()
        return found

    assert asyncio.run(one_after_the_other()) is StoreOutcome.STORED
