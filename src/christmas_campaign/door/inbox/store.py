"""The inbox: a SQLite file with the calls that were answered and not yet handed to Kestra.

What is in it survives a power cut (WAL, ``synchronous=FULL``). Nobody else on the machine can read it, and what is deleted is
overwritten. It is bounded in calls and in bytes. One process has it at a time; others may look (``look``).
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

#: Where the door keeps what waits, unless it is told otherwise.
DEFAULT = Path(".data/door/inbox.sqlite")

#: The most bytes of the file: a call may be a megabyte, and ten thousand of them would fill a small disk.
MOST_BYTES = 256 * 1_048_576

#: After so many answers of Kestra that are no "taken", a call no longer holds up those behind it (three minutes).
HOLDS = 8

#: The longest wait between two tries, in seconds.
LONGEST_WAIT = 60.0

_PAGE = 4096
_VERSION = 1

# The first doors knew no calls but those that start a sequence: so the columns `sequence` and `enrolment` are named.
_SCHEMA = f"""
CREATE TABLE calls (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, sequence TEXT NOT NULL, enrolment TEXT,
    received_at TEXT NOT NULL, body BLOB NOT NULL, refused INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
    answers INTEGER NOT NULL DEFAULT 0, wait REAL NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0, last TEXT);
CREATE UNIQUE INDEX once ON calls (enrolment) WHERE enrolment IS NOT NULL AND NOT refused;
PRAGMA user_version = {_VERSION};
"""


class InboxError(Exception):
    """The inbox cannot be used; the message is one plain sentence."""


class Kept(Enum):
    """What became of a call that was to be kept."""

    KEPT = "kept"
    KNOWN = "known"
    """The same event waits already."""
    NO_ROOM = "no room"


class Call(NamedTuple):
    """A call: an opaque id, the name of the handler that it goes to, the raw body, when it arrived (aware), and what no two
    that wait may have in common: the id of the enrolment that it asks for (``None``: it is not compared with others)."""

    id: str
    handler: str
    body: bytes
    received_at: datetime
    once: str | None


class Waiting(NamedTuple):
    """A call that waits, its number in the order of arrival, and from when on (seconds since 1970) it may be handed on."""

    seq: int
    call: Call
    due: float


class Entry(NamedTuple):
    """What people are shown of a call in the inbox: never what it said."""

    id: str
    handler: str
    received_at: str
    refused: bool
    tries: int
    last_answer: str | None


class Inbox:
    """The file, held by this process alone. Its methods are for one thread at a time."""

    def __init__(self, path: Path, *, most: int, most_bytes: int = MOST_BYTES) -> None:
        """Open ``path``, and make it if it is not there; ``most`` calls at most are kept, in ``most_bytes``.

        Whatever waited is due at once, and what Kestra refused is tried once more: whoever starts the door again may have
        mended it. Raises ``InboxError``.
        """
        self._most = most
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
                self._prepare(most_bytes)
            except OSError as error:
                raise InboxError(f"the inbox {path} cannot be made: {error.strerror}") from None
            except sqlite3.Error as error:
                raise InboxError(f"the inbox {path} cannot be used: {error}") from None
            on_failure.pop_all()
        self._count = self._counted()

    def _counted(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM calls").fetchone()[0])

    def _prepare(self, most_bytes: int) -> None:
        self._db.execute(f"PRAGMA page_size = {_PAGE}")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute(f"PRAGMA max_page_count = {most_bytes // _PAGE}")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"it is of version {version}, and this door knows {_VERSION}")
        if version == 0:
            self._db.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        # The same event may wait again beside one that was refused: then the refused one stays where it is. A disk that is
        # full must not keep the door from starting.
        with suppress(sqlite3.OperationalError):
            self._db.execute(
                "UPDATE OR IGNORE calls SET refused = 0, answers = 0, wait = 0, due = 0 WHERE refused OR due"
            )

    def close(self) -> None:
        """Close the file and let go of it; no method may be called after that."""
        self._db.close()
        self._lock.close()

    def keep(self, calls: Sequence[Call]) -> list[Kept]:
        """Write calls down, for good when this returns, and say what became of each. What cannot be written has no room."""
        with suppress(sqlite3.Error):
            return self._keep(calls)
        # One that is too large for what is left must not take the others with it.
        self.tidy()
        found = []
        for call in calls:
            try:
                found += self._keep([call])
            except sqlite3.Error:
                found.append(Kept.NO_ROOM)
        return found

    def _keep(self, calls: Sequence[Call]) -> list[Kept]:
        before = self._count
        try:
            with _Transaction(self._db):
                return [self._keep_one(call) for call in calls]
        except sqlite3.Error:
            self._count = before
            raise

    def _keep_one(self, call: Call) -> Kept:
        if (
            call.once is not None
            and self._db.execute("SELECT 1 FROM calls WHERE enrolment = ? AND NOT refused", (call.once,)).fetchone()
        ):
            return Kept.KNOWN
        if self._count >= self._most:
            # Somebody may have discarded some meanwhile.
            self._count = self._counted()
            if self._count >= self._most:
                return Kept.NO_ROOM
        self._db.execute(
            "INSERT INTO calls (id, sequence, enrolment, received_at, body) VALUES (?, ?, ?, ?, ?)",
            (call.id, call.handler, call.once, times.text(call.received_at), call.body),
        )
        self._count += 1
        return Kept.KEPT

    def next(self, now: float, without: Container[int] = ()) -> Waiting | None:
        """The call to hand on: the first that arrived and holds up the others, or one that no longer does and is due.

        ``now`` and its ``due`` are in seconds since 1970; when nothing is due, it is the one that is due first. ``without`` are
        the numbers of calls that are not to be looked at.
        """
        waits = "SELECT seq, due FROM calls WHERE NOT refused"
        first = self._first(f"{waits} AND answers < ? ORDER BY seq", without)
        # A clock that was put back must not make it wait for hours.
        if first is None or now < first[1] <= now + LONGEST_WAIT:
            other = self._first(f"{waits} AND answers >= ? ORDER BY due, seq", without)
            first = min((each for each in (first, other) if each is not None), key=lambda each: each[1], default=None)
        if first is None:
            return None
        seq, due = first
        row = self._db.execute(
            "SELECT id, sequence, body, received_at, enrolment FROM calls WHERE seq = ?", (seq,)
        ).fetchone()
        call = Call(row[0], row[1], row[2], times.parse(row[3]), row[4])
        return Waiting(seq, call, due if due <= now + LONGEST_WAIT else now)

    def _first(self, sql: str, without: Container[int]) -> tuple[int, float] | None:
        with closing(self._db.execute(sql, (HOLDS,))) as rows:
            return next((row for row in rows if row[0] not in without), None)

    def taken(self, numbers: Sequence[int]) -> None:
        """Delete calls that Kestra has taken. Raises ``sqlite3.Error``; what is deleted twice does no harm."""
        try:
            self._delete(numbers)
        except sqlite3.Error:
            # Even a deletion is written down first: on a full disk there may be room for that once the log is emptied.
            self.tidy()
            self._delete(numbers)
        self._count = self._counted()

    def _delete(self, numbers: Sequence[int]) -> None:
        with _Transaction(self._db):
            self._db.executemany("DELETE FROM calls WHERE seq = ?", [(number,) for number in numbers])

    def not_taken(self, number: int, answer: str, now: float, *, answered: bool) -> float:
        """Note that a call was not taken, and return in how many seconds it is tried again: 1, 2, 4 … 60.

        ``answered`` says whether Kestra itself gave ``answer``: then the call may be what is wrong. Raises ``sqlite3.Error``.
        """
        # It may be gone meanwhile: `christmas forget` deletes what waits, too.
        before = self._db.execute("SELECT wait FROM calls WHERE seq = ?", (number,)).fetchone() or (0.0,)
        wait = min(LONGEST_WAIT, before[0] * 2 or 1.0)
        self._db.execute(
            "UPDATE calls SET tries = tries + 1, answers = answers + ?, last = ?, wait = ?, due = ? WHERE seq = ?",
            (int(answered), answer, wait, now + wait, number),
        )
        return wait

    def refused(self, number: int, answer: str) -> None:
        """Put a call aside, for a person to look at. Raises ``sqlite3.Error``."""
        self._db.execute("UPDATE calls SET refused = 1, tries = tries + 1, last = ? WHERE seq = ?", (answer, number))

    def tidy(self) -> None:
        """Empty SQLite's log of writes, so that nothing of what was deleted is left there either."""
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


class _Transaction:
    """All of it, for good, or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            # A full disk may have rolled it back already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


def look(path: Path) -> list[Entry]:
    """What is in the inbox, in the order of arrival, whether a door runs or not. Raises ``InboxError``."""
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
    """Have the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
