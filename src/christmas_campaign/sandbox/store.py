"""The SQLite file that stores the sandbox's data across restarts.

Only the event loop uses the one connection. Every statement commits on its own and takes well under a millisecond, because
the journal is a WAL and SQLite does not wait for the disk. A killed process loses no committed data; a power cut can.
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
    """The open file, with one method for each query."""

    def __init__(self, path: Path) -> None:
        """Open the file, created if missing. Raises ``sqlite3.Error`` if it is not a database."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file. No other method may be called afterwards."""
        self._db.close()

    def _bodies(self, sql: str, *values: object) -> list[JsonObject]:
        return [json.loads(row[0]) for row in self._db.execute(sql, values)]

    # Notion

    def notion_objects(self) -> Iterator[tuple[str, int, JsonObject]]:
        """Yield every database, data source and page, oldest first: its kind, its sequence number and its fields."""
        for kind, seq, body in self._db.execute("SELECT kind, seq, body FROM notion ORDER BY seq"):
            yield kind, seq, json.loads(body)

    def put_notion(self, kind: str, seq: int, body: dict[str, Any]) -> None:
        """Insert a database, data source or page, or replace the one with the same ``id``."""
        self._db.execute(
            "INSERT INTO notion (id, kind, seq, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (body["id"], kind, seq, json.dumps(body)),
        )

    def clear_notion(self) -> None:
        """Delete every database, data source and page."""
        self._db.execute("DELETE FROM notion")

    # E-mails and idempotency keys

    def add_mail(self, mail: dict[str, Any]) -> None:
        """Add an e-mail as the latest one."""
        self._db.execute("INSERT INTO mails (id, body) VALUES (?, ?)", (mail["id"], json.dumps(mail)))

    def mails(self) -> list[JsonObject]:
        """Return all e-mails in order of arrival."""
        return self._bodies("SELECT body FROM mails ORDER BY seq")

    def latest_mails(self, limit: int) -> list[JsonObject]:
        """Return up to ``limit`` e-mails, newest first."""
        return self._bodies("SELECT body FROM mails ORDER BY seq DESC LIMIT ?", limit)

    def count_mails(self) -> int:
        """Return the number of e-mails."""
        return int(self._db.execute("SELECT count(*) FROM mails").fetchone()[0])

    def mail(self, mail_id: str) -> JsonObject | None:
        """Return one e-mail, or ``None`` if the id is unknown."""
        matches = self._bodies("SELECT body FROM mails WHERE id = ?", mail_id)
        return matches[0] if matches else None

    def idempotent_answer(self, key: str, *, not_before: float) -> tuple[str, JsonObject] | None:
        """Return the fingerprint of the body and the answer that were stored with an idempotency key.

        ``None`` if there is no entry, or if it is older than ``not_before`` (seconds since 1970).
        """
        row = self._db.execute(
            "SELECT fingerprint, answer FROM idempotency WHERE key = ? AND kept_since > ?", (key, not_before)
        ).fetchone()
        return None if row is None else (row[0], json.loads(row[1]))

    def put_idempotent_answer(self, key: str, fingerprint: str, answer: dict[str, Any], *, at: float) -> None:
        """Store the answer to the first call with an idempotency key, at the time ``at`` (seconds since 1970)."""
        self._db.execute(
            "INSERT OR REPLACE INTO idempotency (key, fingerprint, answer, kept_since) VALUES (?, ?, ?, ?)",
            (key, fingerprint, json.dumps(answer), at),
        )

    def clear_mails(self) -> None:
        """Delete all e-mails and all idempotency keys."""
        self._db.execute("DELETE FROM mails")
        self._db.execute("DELETE FROM idempotency")

    # Discord

    def add_webhook(self, webhook_id: str, token: str, name: str) -> None:
        """Add a Discord webhook."""
        self._db.execute("INSERT INTO webhooks (id, token, name) VALUES (?, ?, ?)", (webhook_id, token, name))

    def webhook(self, webhook_id: str) -> tuple[str, str] | None:
        """Return a Discord webhook's token and name, or ``None`` if the id is unknown."""
        row = self._db.execute("SELECT token, name FROM webhooks WHERE id = ?", (webhook_id,)).fetchone()
        return None if row is None else (row[0], row[1])

    def add_alert(self, alert: dict[str, Any]) -> None:
        """Add a Discord message as the latest one."""
        self._db.execute("INSERT INTO alerts (body) VALUES (?)", (json.dumps(alert),))

    def alerts(self) -> list[JsonObject]:
        """Return all Discord messages in order of arrival."""
        return self._bodies("SELECT body FROM alerts ORDER BY seq")

    def clear_alerts(self) -> None:
        """Delete all Discord messages; the webhooks stay."""
        self._db.execute("DELETE FROM alerts")

    # The log of calls

    def add_request(self, service: str, entry: dict[str, Any]) -> None:
        """Add one call to ``service`` to the log."""
        self._db.execute("INSERT INTO requests (service, body) VALUES (?, ?)", (service, json.dumps(entry)))

    def requests(self, service: str | None) -> list[JsonObject]:
        """Return the calls to ``service`` (``None``: to all services) in the order of their answers."""
        if service is None:
            return self._bodies("SELECT body FROM requests ORDER BY seq")
        return self._bodies("SELECT body FROM requests WHERE service = ? ORDER BY seq", service)

    def clear_requests(self) -> None:
        """Empty the log of calls."""
        self._db.execute("DELETE FROM requests")

    # Settings

    def setting(self, name: str) -> Any:
        """Return the value of a setting, or ``None`` if it was never set."""
        row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def set(self, name: str, value: Any) -> None:
        """Set a setting to a JSON value."""
        self._db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, json.dumps(value)))
