"""Deletes calls that Kestra refused, whether a door runs on the inbox or not."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from christmas_campaign.door.inbox.store import InboxError


def discard(path: Path, ids: Sequence[str]) -> None:
    """Delete refused calls from the inbox: all of ``ids`` or, on an error, nothing.

    A running door does not touch refused calls. A call that still waits belongs to the door and is not deleted.
    Raises ``InboxError``.
    """
    if not path.exists():
        raise InboxError(f"there is no inbox at {path}: set DOOR_INBOX, or start the door once")
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            for call_id in dict.fromkeys(ids):
                if db.execute("DELETE FROM calls WHERE id = ? AND refused", (call_id,)).rowcount != 1:
                    db.execute("ROLLBACK")
                    raise InboxError(
                        f"{call_id} is not among the calls that Kestra refused: christmas inbox lists them"
                    )
            db.execute("COMMIT")
            # SQLite's write-ahead log still has the deleted calls. If a door is using the file, the door empties the log later.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        raise InboxError(f"the inbox {path} cannot be changed: {error}") from None
