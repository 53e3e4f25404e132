"""Reads and deletes any calls in the inbox, to erase a contact's data. For nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.door.http import json_body
from christmas_campaign.door.inbox.store import InboxError


class InboxCall(NamedTuple):
    """A call with its content.

    ``id`` is opaque, ``handler`` its name, ``received_at`` ISO 8601 text in UTC, ``refused`` whether Kestra refused the call.
    ``body`` is its JSON value, or text if it is not JSON.
    """

    id: str
    handler: str
    received_at: str
    refused: bool
    body: object


def read_calls(path: Path) -> list[InboxCall]:
    """Return all calls in order of arrival, whether a door runs on the inbox or not. Raises ``InboxError``."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA query_only = ON")
            rows = db.execute("SELECT id, sequence, received_at, refused, body FROM calls ORDER BY seq").fetchall()
    except sqlite3.Error as error:
        raise InboxError(f"the inbox {path} cannot be read: {error}") from None
    return [InboxCall(row[0], row[1], row[2], bool(row[3]), _parse(row[4])) for row in rows]


def erase(path: Path, ids: Collection[str]) -> None:
    """Delete calls for good. Ids that are not in the inbox are ignored. Raises ``InboxError``.

    A running door may be forwarding one of the calls at the same moment: Kestra then has that call.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            db.executemany("DELETE FROM calls WHERE id = ?", [(call_id,) for call_id in ids])
            db.execute("COMMIT")
            # SQLite's write-ahead log still has the deleted calls. If a door is using the file, the door empties the log later.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        raise InboxError(f"the inbox {path} cannot be changed: {error}") from None


def _parse(raw: bytes) -> object:
    try:
        return json_body.read(raw)
    except json_body.Unreadable:
        return raw.decode(errors="replace")
