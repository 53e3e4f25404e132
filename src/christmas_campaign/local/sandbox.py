"""Starts and stops the sandbox as a child process, and calls its control API."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from christmas_campaign.json_types import JsonObject
from christmas_campaign.local.child_process import Child, ChildError


class SandboxError(Exception):
    """The sandbox refused a command; the message is the sandbox's own."""


@dataclass(frozen=True)
class Mail:
    """An e-mail that arrived in the sandbox. ``received_at`` is aware, in UTC, with microseconds."""

    id: str
    received_at: datetime
    sender: str
    to: tuple[str, ...]
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    idempotency_key: str | None
    tags: Mapping[str, str]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Mail:
        """Create an e-mail from the JSON of the control API."""
        return cls(
            id=value["id"],
            received_at=datetime.fromisoformat(value["received_at"]),
            sender=value["from"],
            to=tuple(value["to"]),
            subject=value["subject"],
            html=value["html"] or "",
            text=value["text"] or "",
            headers=value["headers"],
            idempotency_key=value["idempotency_key"],
            tags={tag["name"]: tag["value"] for tag in value["tags"]},
        )


@dataclass(frozen=True)
class LoggedCall:
    """A call to one of the services. ``status`` is ``None`` if the sandbox cut the connection instead of answering."""

    service: str
    method: str
    path: str
    query: str
    status: int | None
    request: Any
    response: Any
    received_at: datetime
    seconds: float
    fault: str | None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LoggedCall:
        """Create a call from the JSON of the control API."""
        return cls(**{**value, "received_at": datetime.fromisoformat(value["received_at"])})


@dataclass(frozen=True)
class Limit:
    """A service's limit in calls a second (``None``: no limit), its calls so far, and how many of them got 429."""

    per_second: int | None
    calls: int
    refused: int


class Sandbox:
    """The sandbox process and its control API. It can be started again on the same data after it has stopped."""

    def __init__(self, data: Path, *, port: int = 0, notion_token: str, resend_key: str) -> None:
        """``data`` is the SQLite file. Port 0 chooses a free port at each start. Callers need the token or the key."""
        argv = [sys.executable, "-m", "christmas_campaign.sandbox", "--data", str(data), "--port", str(port)]
        env = {**os.environ, "SANDBOX_NOTION_TOKEN": notion_token, "SANDBOX_RESEND_KEY": resend_key}
        self._child = Child("the sandbox", argv, env=env, log=data.with_suffix(".log"))
        self._url: str | None = None
        self._http: httpx.Client | None = None

    def start(self, timeout: float = 15.0) -> str:
        """Start the sandbox and return its URL. Raises ``ChildError`` if it is not ready within ``timeout`` seconds."""
        self._url = str(self._child.start(timeout)["url"])
        self._http = httpx.Client(base_url=f"{self._url}/_sandbox", timeout=30.0)
        return self._url

    def stop(self, timeout: float = 20.0) -> None:
        """Stop cleanly. Kill the sandbox after ``timeout`` seconds."""
        self._close()
        self._child.stop(timeout)

    def kill(self) -> None:
        """Kill the sandbox (SIGKILL), as a power cut would."""
        self._close()
        self._child.kill()

    def _close(self) -> None:
        if self._http is not None:
            self._http.close()
        self._http = self._url = None

    @property
    def running(self) -> bool:
        """Whether the sandbox is running."""
        return self._child.running

    @property
    def pid(self) -> int:
        """The process id. Raises ``ChildError`` if the sandbox is not running."""
        return self._child.pid

    @property
    def url(self) -> str:
        """The URL, which also shows the web page with the e-mails. Raises ``ChildError`` if the sandbox is not running."""
        if self._url is None:
            raise ChildError("the sandbox is not running")
        return self._url

    @property
    def notion_url(self) -> str:
        """The base URL of the sandbox's Notion, without ``/v1``."""
        return f"{self.url}/notion"

    @property
    def resend_url(self) -> str:
        """The base URL of the sandbox's Resend, without ``/emails``."""
        return f"{self.url}/resend"

    def _call(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> Any:
        if self._http is None:
            raise ChildError("the sandbox is not running")
        answer = self._http.request(method, path, json=body, params=params)
        if answer.status_code == 422:
            raise SandboxError(answer.json()["message"])
        answer.raise_for_status()
        return answer.json()

    def health(self) -> JsonObject:
        """Return ``status``, ``now``, and the numbers of e-mails and pages."""
        return dict(self._call("GET", "/health"))

    def mails(self) -> list[Mail]:
        """Return the e-mails in order of arrival."""
        return [Mail.from_json(value) for value in self._call("GET", "/mails")]

    def requests(self, service: str | None = None) -> list[LoggedCall]:
        """Return the calls to one service (``notion``, ``resend`` or ``discord``) or to all, in order of the answers."""
        params = {"service": service} if service else None
        return [LoggedCall.from_json(value) for value in self._call("GET", "/requests", params=params)]

    def reset_log(self) -> None:
        """Delete the log of calls."""
        self._call("DELETE", "/requests")

    def alerts(self) -> list[JsonObject]:
        """Return the Discord messages in order of arrival: ``content``, ``embeds``, ``username``, ``received_at``."""
        return list(self._call("GET", "/alerts"))

    def fault(self, service: str, kind: str, **details: Any) -> int:
        """Make the next calls to a service fail, and return the id of the fault. Raises ``SandboxError`` if it is invalid.

        ``kind`` is one of:

        - ``latency``: a delay of ``seconds``; ``when`` says whether before or after the sandbox does the work.
        - ``status``: an answer with ``status``, ``retry_after`` and ``body``.
        - ``drop_before``, ``drop_after``: the connection is cut before or after the work.

        All kinds accept ``times`` (default 1; ``None``: until cleared), and ``method`` and ``path`` (regular expressions).
        """
        return int(self._call("POST", "/faults", {"service": service, "kind": kind, **details})["id"])

    def faults(self) -> list[JsonObject]:
        """Return the active faults, with the remaining ``times`` and the ``hits`` so far."""
        return list(self._call("GET", "/faults"))

    def clear_faults(self) -> None:
        """Delete all faults."""
        self._call("DELETE", "/faults")

    def limit(self, **per_second: int | None) -> None:
        """Set limits by service: ``limit(notion=3, resend=2)``. ``None`` removes a limit. Raises ``SandboxError``."""
        self._call("PUT", "/limits", per_second)

    def limits(self) -> dict[str, Limit]:
        """Return the limits and counters by service."""
        return {name: Limit(**value) for name, value in self._call("GET", "/limits").items()}

    def set_case_sensitive(self, case_sensitive: bool) -> None:
        """Say whether filters of Notion's queries tell capitals from small letters. ``reset`` sets it to true."""
        self._call("PUT", "/notion", {"case_sensitive": case_sensitive})

    def discord_webhook(self, name: str = "Sandbox") -> str:
        """Create a Discord webhook and return its URL."""
        return str(self._call("POST", "/discord-webhooks", {"name": name})["url"])

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward. Raises ``SandboxError`` for a negative number."""
        self._call("POST", "/clock", {"advance_seconds": seconds})

    def reset(self, *, notion: bool = False) -> None:
        """Delete e-mails, keys, alerts, calls, faults and limits; with ``notion`` also all databases and pages.

        Filters become case-sensitive again.
        """
        self._call("POST", "/reset", {"notion": notion})
