"""The inbox: a SQLite file with the calls that the door has answered and not yet forwarded to Kestra.

- Stored calls survive a power cut (WAL, ``synchronous=FULL``).
- Only the door's user can read the file, and deleted calls are overwritten.
- The number of calls and of bytes is limited.
- One door uses the file at a time. Other processes can list the calls (``list_entries``).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Container, Sequence
from contextlib import ExitStack, closing, suppress
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import IO, NamedTuple

from christmas_campaign.campaign import times

#: The inbox if ``DOOR_INBOX`` is not set.
DEFAULT = Path(".data/door/inbox.sqlite")

#: The most bytes of the file: ten thousand calls of one megabyte would fill a small disk.
MAX_FILE_BYTES = 256 * 1_048_576

#: After so many failed answers from Kestra (about three minutes) the later calls no longer wait for a call.
MAX_BLOCKING_FAILURES = 8

#: The longest time between two attempts, in seconds.
MAX_WAIT_SECONDS = 60.0

_PAGE = 4096
_VERSION = 1

# The first version stored only calls that start a sequence. Hence the column names: `sequence` is the handler, and
# `enrolment` the id of the enrolment, if the call starts one.
_SCHEMA = f"""
CREATE TABLE calls (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, sequence TEXT NOT NULL, enrolment TEXT,
    received_at TEXT NOT NULL, body BLOB NOT NULL, refused INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
    answers INTEGER NOT NULL DEFAULT 0, wait REAL NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0, last TEXT);
CREATE UNIQUE INDEX once ON calls (enrolment) WHERE enrolment IS NOT NULL AND NOT refused;
PRAGMA user_version = {_VERSION};
"""


class InboxError(Exception):
    """The inbox cannot be used; the message is one sentence for the owner."""


class StoreOutcome(Enum):
    """Whether the inbox stored a call."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    """A call for the same enrolment waits already."""
    FULL = "full"


class Call(NamedTuple):
    """A webhook call.

    ``id`` is opaque, ``handler`` the handler's name, ``body`` the raw bytes, ``received_at`` the time of arrival (aware). At
    most one waiting call has the same ``enrolment_id``; calls with ``None`` are never duplicates.
    """

    id: str
    handler: str
    body: bytes
    received_at: datetime
    enrolment_id: str | None


class WaitingCall(NamedTuple):
    """A waiting call, its number in order of arrival, and when it is due for forwarding (seconds since 1970)."""

    seq: int
    call: Call
    due: float


class Entry(NamedTuple):
    """A call as ``christmas inbox`` shows it: without its content. ``received_at`` is ISO 8601 text in UTC."""

    id: str
    handler: str
    received_at: str
    refused: bool
    tries: int
    last_answer: str | None


class Inbox:
    """The open file, locked for this process. Only one thread at a time may call its methods."""

    def __init__(self, path: Path, *, max_calls: int, max_bytes: int = MAX_FILE_BYTES) -> None:
        """Open the file, and create it if it does not exist. Raises ``InboxError``.

        All waiting calls are due at once. Calls that Kestra refused wait again: since the last start the owner may have
        fixed the cause.
        """
        self._max_calls = max_calls
        with ExitStack() as on_failure:
            try:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._lock = on_failure.enter_context(_lock(path.with_name(f"{path.name}.lock")))
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
                path.chmod(0o600)
                _sync(path.parent)
                self._db = on_failure.enter_context(
                    closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
                )
                self._prepare(max_bytes)
            except OSError as error:
                raise InboxError(f"the inbox {path} cannot be made: {error.strerror}") from None
            except sqlite3.Error as error:
                raise InboxError(f"the inbox {path} cannot be used: {error}") from None
            on_failure.pop_all()
        self._count = self._count_rows()

    def _count_rows(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM calls").fetchone()[0])

    def _prepare(self, max_bytes: int) -> None:
        self._db.execute(f"PRAGMA page_size = {_PAGE}")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute(f"PRAGMA max_page_count = {max_bytes // _PAGE}")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"it is of version {version}, and this door knows {_VERSION}")
        if version == 0:
            self._db.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        # A refused call stays refused if another call for the same enrolment waits. The door also starts on a full disk.
        with suppress(sqlite3.OperationalError):
            self._db.execute(
                "UPDATE OR IGNORE calls SET refused = 0, answers = 0, wait = 0, due = 0 WHERE refused OR due"
            )

    def close(self) -> None:
        """Close the file and release the lock. No method may be called afterwards."""
        self._db.close()
        self._lock.close()

    def store(self, calls: Sequence[Call]) -> list[StoreOutcome]:
        """Store calls durably, and return the outcome of each. A call that cannot be written is ``FULL``."""
        with suppress(sqlite3.Error):
            return self._store(calls)
        # There may be too little room for one large call only: store the calls one by one.
        self.empty_log()
        outcomes = []
        for call in calls:
            try:
                outcomes += self._store([call])
            except sqlite3.Error:
                outcomes.append(StoreOutcome.FULL)
        return outcomes

    def _store(self, calls: Sequence[Call]) -> list[StoreOutcome]:
        count_before = self._count
        try:
            with _Transaction(self._db):
                return [self._store_one(call) for call in calls]
        except sqlite3.Error:
            self._count = count_before
            raise

    def _store_one(self, call: Call) -> StoreOutcome:
        if (
            call.enrolment_id is not None
            and self._db.execute(
                "SELECT 1 FROM calls WHERE enrolment = ? AND NOT refused", (call.enrolment_id,)
            ).fetchone()
        ):
            return StoreOutcome.DUPLICATE
        if self._count >= self._max_calls:
            # `christmas inbox discard` may have deleted calls.
            self._count = self._count_rows()
            if self._count >= self._max_calls:
                return StoreOutcome.FULL
        self._db.execute(
            "INSERT INTO calls (id, sequence, enrolment, received_at, body) VALUES (?, ?, ?, ?, ?)",
            (call.id, call.handler, call.enrolment_id, times.text(call.received_at), call.body),
        )
        self._count += 1
        return StoreOutcome.STORED

    def next_call(self, now: float, without: Container[int] = ()) -> WaitingCall | None:
        """Return the call to forward next, or ``None`` if no call waits.

        Calls go in order of arrival. A call that Kestra has often failed to accept is passed over until it is due again. If
        no call is due, the result is the call that is due first. ``now`` and ``due`` are in seconds since 1970. ``without``
        has the numbers of calls to ignore.
        """
        waiting = "SELECT seq, due FROM calls WHERE NOT refused"
        first = self._first_row(f"{waiting} AND answers < ? ORDER BY seq", without)
        # If the clock was set back, a call could seem to be due in hours: such a call is due now.
        if first is None or now < first[1] <= now + MAX_WAIT_SECONDS:
            passed_over = self._first_row(f"{waiting} AND answers >= ? ORDER BY due, seq", without)
            candidates = [row for row in (first, passed_over) if row is not None]
            first = min(candidates, key=lambda row: row[1], default=None)
        if first is None:
            return None
        seq, due = first
        row = self._db.execute(
            "SELECT id, sequence, body, received_at, enrolment FROM calls WHERE seq = ?", (seq,)
        ).fetchone()
        call = Call(row[0], row[1], row[2], times.parse(row[3]), row[4])
        return WaitingCall(seq, call, due if due <= now + MAX_WAIT_SECONDS else now)

    def oldest_arrival(self) -> datetime | None:
        """Return when the oldest waiting call arrived (aware), ``None`` if no call waits. Raises ``sqlite3.Error``."""
        row = self._db.execute("SELECT received_at FROM calls WHERE NOT refused ORDER BY seq LIMIT 1").fetchone()
        return None if row is None else times.parse(row[0])

    def _first_row(self, sql: str, without: Container[int]) -> tuple[int, float] | None:
        with closing(self._db.execute(sql, (MAX_BLOCKING_FAILURES,))) as rows:
            return next((row for row in rows if row[0] not in without), None)

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete calls that Kestra has accepted. Numbers that are not in the inbox are ignored. Raises ``sqlite3.Error``."""
        try:
            self._delete(numbers)
        except sqlite3.Error:
            # SQLite writes a deletion to its log first. On a full disk there may be room once the log is empty.
            self.empty_log()
            self._delete(numbers)
        self._count = self._count_rows()

    def _delete(self, numbers: Sequence[int]) -> None:
        with _Transaction(self._db):
            self._db.executemany("DELETE FROM calls WHERE seq = ?", [(number,) for number in numbers])

    def record_failure(self, number: int, answer: str, now: float, *, kestra_answered: bool) -> float:
        """Record a failed attempt. Return the seconds until the next attempt: 1, 2, 4 … 60.

        ``kestra_answered`` says whether ``answer`` came from Kestra itself: then the failure may be due to the call.
        Raises ``sqlite3.Error``.
        """
        # `christmas forget` may have deleted the call.
        row = self._db.execute("SELECT wait FROM calls WHERE seq = ?", (number,)).fetchone() or (0.0,)
        wait_seconds = min(MAX_WAIT_SECONDS, row[0] * 2 or 1.0)
        self._db.execute(
            "UPDATE calls SET tries = tries + 1, answers = answers + ?, last = ?, wait = ?, due = ? WHERE seq = ?",
            (int(kestra_answered), answer, wait_seconds, now + wait_seconds, number),
        )
        return wait_seconds

    def set_aside(self, number: int, answer: str) -> None:
        """Mark a call as refused, for the owner to look at. Raises ``sqlite3.Error``."""
        self._db.execute("UPDATE calls SET refused = 1, tries = tries + 1, last = ? WHERE seq = ?", (answer, number))

    def empty_log(self) -> None:
        """Empty SQLite's write-ahead log, which still has the content of deleted calls."""
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


class _Transaction:
    """A transaction that is committed at the end of the block, and rolled back on an error."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            # On a full disk SQLite may have rolled back already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


def list_entries(path: Path) -> list[Entry]:
    """Return the calls in order of arrival, whether a door runs on the inbox or not. Raises ``InboxError``."""
    if not path.exists():
        raise InboxError(f"there is no inbox at {path}: set DOOR_INBOX, or start the door once")
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA query_only = ON")
            rows = db.execute(
                "SELECT id, sequence, received_at, refused, tries, last FROM calls ORDER BY seq"
            ).fetchall()
    except sqlite3.Error as error:
        raise InboxError(f"the inbox {path} cannot be read: {error}") from None
    return [Entry(row[0], row[1], row[2], bool(row[3]), row[4], row[5]) for row in rows]


def _lock(path: Path) -> IO[str]:
    lock = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "r+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise InboxError(f"the inbox {path.with_suffix('')} is in use: does another door run on it?") from None
    return lock


def _sync(folder: Path) -> None:
    """Write a folder's list of files to the disk, so that a new file survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
