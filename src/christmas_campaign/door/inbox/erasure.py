"""What the calls in the inbox said, and deleting any of them: for a contact who is to be forgotten, and for nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.door.http import json_body
from christmas_campaign.door.inbox.store import InboxError


class Said(NamedTuple):
    """A call: its opaque id, its handler, when it arrived (as text), whether Kestra refused it, and the JSON value that it said
    (text where it was no JSON)."""

    id: str
    handler: str
    received_at: str
    refused: bool
    body: object


def said(path: Path) -> list[Said]:
    """Return all calls in the inbox, in the order of arrival, whether a door runs or not. Raises ``InboxError``."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA query_only = ON")
            rows = db.execute("SELECT id, sequence, received_at, refused, body FROM calls ORDER BY seq").fetchall()
    except sqlite3.Error as error:
        raise InboxError(f"the inbox {path} cannot be read: {error}") from None
    return [Said(row[0], row[1], row[2], bool(row[3]), _read(row[4])) for row in rows]


def erase(path: Path, ids: Collection[str]) -> None:
    """Delete calls from the inbox for good; one that is gone already is no matter. Raises ``InboxError``.

    The door may hand one on at that very moment: then it is Kestra's.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            db.executemany("DELETE FROM calls WHERE id = ?", [(each,) for each in ids])
            db.execute("COMMIT")
            # Nothing of it is to stay in SQLite's log of writes either. Where the door is at work, it empties that later.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        raise InboxError(f"the inbox {path} cannot be changed: {error}") from None


def _read(raw: bytes) -> object:
    try:
        return json_body.read(raw)
    except json_body.Unreadable:
        return raw.decode(errors="replace")
