"""The SQLite file: what is in it outlives the process.

One connection, used by the event loop alone. Every statement commits by itself and takes well under a millisecond:
WAL, and no waiting for the disk, because a process that is killed loses nothing that it has written (a power cut may).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from christmas_campaign.json_types import JsonObject

_SCHEMA = """
CREATE TABLE IF NOT EXISTS notion (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mails (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, answer TEXT NOT NULL, kept_since REAL NOT NULL);
CREATE TABLE IF NOT EXISTS webhooks (id TEXT PRIMARY KEY, token TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS alerts (seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Store:
    """The file, with one method for each thing that is written or read."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, and make it if it is not there; raises ``sqlite3.Error`` for a file that is no database."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; no method may be called after that."""
        self._db.close()

    def _bodies(self, sql: str, *values: object) -> list[JsonObject]:
        return [json.loads(row[0]) for row in self._db.execute(sql, values)]

    # Notion

    def notion_objects(self) -> Iterator[tuple[str, int, JsonObject]]:
        """Every database, data source and page, oldest first: its kind, its number and what it is."""
        for kind, seq, body in self._db.execute("SELECT kind, seq, body FROM notion ORDER BY seq"):
            yield kind, seq, json.loads(body)

    def put_notion(self, kind: str, seq: int, body: dict[str, Any]) -> None:
        """Keep a database, data source or page under its ``id``, in place of what was kept there before."""
        self._db.execute(
            "INSERT INTO notion (id, kind, seq, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (body["id"], kind, seq, json.dumps(body)),
        )

    def clear_notion(self) -> None:
        """Forget every database, data source and page."""
        self._db.execute("DELETE FROM notion")

    # Mails, and the keys they were sent with

    def add_mail(self, mail: dict[str, Any]) -> None:
        """Keep a mail, after those that are there already."""
        self._db.execute("INSERT INTO mails (id, body) VALUES (?, ?)", (mail["id"], json.dumps(mail)))

    def mails(self) -> list[JsonObject]:
        """All mails, in order of arrival."""
        return self._bodies("SELECT body FROM mails ORDER BY seq")

    def latest_mails(self, most: int) -> list[JsonObject]:
        """The ``most`` mails that came last, newest first."""
        return self._bodies("SELECT body FROM mails ORDER BY seq DESC LIMIT ?", most)

    def count_mails(self) -> int:
        """How many mails there are."""
        return int(self._db.execute("SELECT count(*) FROM mails").fetchone()[0])

    def mail(self, mail_id: str) -> JsonObject | None:
        """One mail, or ``None``."""
        found = self._bodies("SELECT body FROM mails WHERE id = ?", mail_id)
        return found[0] if found else None

    def answer_kept(self, key: str, *, not_before: float) -> tuple[str, JsonObject] | None:
        """What was kept for an idempotency key since ``not_before`` (seconds since 1970): fingerprint and answer."""
        row = self._db.execute(
            "SELECT fingerprint, answer FROM idempotency WHERE key = ? AND kept_since > ?", (key, not_before)
        ).fetchone()
        return None if row is None else (row[0], json.loads(row[1]))

    def keep_answer(self, key: str, fingerprint: str, answer: dict[str, Any], *, at: float) -> None:
        """Keep the answer to the first call with an idempotency key, from ``at`` (seconds since 1970) on."""
        self._db.execute(
            "INSERT OR REPLACE INTO idempotency (key, fingerprint, answer, kept_since) VALUES (?, ?, ?, ?)",
            (key, fingerprint, json.dumps(answer), at),
        )

    def clear_mails(self) -> None:
        """Forget all mails and all idempotency keys."""
        self._db.execute("DELETE FROM mails")
        self._db.execute("DELETE FROM idempotency")

    # Discord

    def add_webhook(self, webhook_id: str, token: str, name: str) -> None:
        """Keep a Discord webhook."""
        self._db.execute("INSERT INTO webhooks (id, token, name) VALUES (?, ?, ?)", (webhook_id, token, name))

    def webhook(self, webhook_id: str) -> tuple[str, str] | None:
        """A Discord webhook's token and name, or ``None``."""
        row = self._db.execute("SELECT token, name FROM webhooks WHERE id = ?", (webhook_id,)).fetchone()
        return None if row is None else (row[0], row[1])

    def add_alert(self, alert: dict[str, Any]) -> None:
        """Keep a Discord message, after those that are there already."""
        self._db.execute("INSERT INTO alerts (body) VALUES (?)", (json.dumps(alert),))

    def alerts(self) -> list[JsonObject]:
        """All Discord messages, in order of arrival."""
        return self._bodies("SELECT body FROM alerts ORDER BY seq")

    def clear_alerts(self) -> None:
        """Forget all Discord messages; the webhooks stay."""
        self._db.execute("DELETE FROM alerts")

    # The log of calls

    def add_request(self, service: str, entry: dict[str, Any]) -> None:
        """Keep one call to ``service`` in the log."""
        self._db.execute("INSERT INTO requests (service, body) VALUES (?, ?)", (service, json.dumps(entry)))

    def requests(self, service: str | None) -> list[JsonObject]:
        """The calls to ``service``, or all for ``None``, in the order in which they were answered."""
        if service is None:
            return self._bodies("SELECT body FROM requests ORDER BY seq")
        return self._bodies("SELECT body FROM requests WHERE service = ? ORDER BY seq", service)

    def clear_requests(self) -> None:
        """Empty the log of calls."""
        self._db.execute("DELETE FROM requests")

    # Settings

    def setting(self, name: str) -> Any:
        """What ``name`` was set to, or ``None``."""
        row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def set(self, name: str, value: Any) -> None:
        """Set ``name`` to a JSON value."""
        self._db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, json.dumps(value)))
