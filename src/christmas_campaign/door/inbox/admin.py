"""Deleting calls that Kestra refused and nobody can mend, beside the door that runs or without one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from christmas_campaign.door.inbox.store import InboxError


def discard(path: Path, ids: Sequence[str]) -> None:
    """Delete refused calls from the inbox, all of them for good or none. A call that waits is the door's, and is never deleted.

    The door does not look at what is refused while it runs, so nothing is taken from its hands. Raises ``InboxError``.
    """
    if not path.exists():
        raise InboxError(f"there is no inbox at {path}: set DOOR_INBOX, or start the door once")
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            for each in dict.fromkeys(ids):
                if db.execute("DELETE FROM calls WHERE id = ? AND refused", (each,)).rowcount != 1:
                    db.execute("ROLLBACK")
                    raise InboxError(f"{each} is not among the calls that Kestra refused: christmas inbox lists them")
            db.execute("COMMIT")
            # Nothing of it is to stay in SQLite's log of writes either. Where the door is at work, it empties that later.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        raise InboxError(f"the inbox {path} cannot be changed: {error}") from None
