"""The sandbox as a child of the command: started, stopped, and asked what arrived in it."""

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
    """The sandbox refused an order; the message is its own sentence."""


@dataclass(frozen=True)
class Mail:
    """A mail that arrived; ``received_at`` is aware, UTC, to the microsecond."""

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
        """Read a mail from the control API's JSON."""
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
    """A call to one of the services; ``status`` is ``None`` where the connection was cut instead of answered."""

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
        """Read a call from the control API's JSON."""
        return cls(**{**value, "received_at": datetime.fromisoformat(value["received_at"])})


@dataclass(frozen=True)
class Limit:
    """A service's limit (calls a second, or ``None``), the calls to it, and how many of them were refused with 429."""

    per_second: int | None
    calls: int
    refused: int


class Sandbox:
    """The sandbox process and its control API. May be started again on the same data after it was stopped."""

    def __init__(self, data: Path, *, port: int = 0, notion_token: str, resend_key: str) -> None:
        """Take the SQLite file, the port (0: a free one at each start), and what its callers must know."""
        argv = [sys.executable, "-m", "christmas_campaign.sandbox", "--data", str(data), "--port", str(port)]
        env = {**os.environ, "SANDBOX_NOTION_TOKEN": notion_token, "SANDBOX_RESEND_KEY": resend_key}
        self._child = Child("the sandbox", argv, env=env, log=data.with_suffix(".log"))
        self._url: str | None = None
        self._http: httpx.Client | None = None

    def start(self, timeout: float = 15.0) -> str:
        """Start it and return its address; raises ``ChildError`` when it is not ready within ``timeout`` seconds."""
        self._url = str(self._child.start(timeout)["url"])
        self._http = httpx.Client(base_url=f"{self._url}/_sandbox", timeout=30.0)
        return self._url

    def stop(self, timeout: float = 20.0) -> None:
        """Stop it cleanly; killed after ``timeout`` seconds."""
        self._close()
        self._child.stop(timeout)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._close()
        self._child.kill()

    def _close(self) -> None:
        if self._http is not None:
            self._http.close()
        self._http = self._url = None

    @property
    def running(self) -> bool:
        """Whether it runs at this moment."""
        return self._child.running

    @property
    def pid(self) -> int:
        """Its process id; raises ``ChildError`` when it does not run."""
        return self._child.pid

    @property
    def url(self) -> str:
        """Its address, which is also the inbox's; raises ``ChildError`` when it does not run."""
        if self._url is None:
            raise ChildError("the sandbox is not running")
        return self._url

    @property
    def notion_url(self) -> str:
        """What stands for Notion's base address, before ``/v1``."""
        return f"{self.url}/notion"

    @property
    def resend_url(self) -> str:
        """What stands for Resend's base address, before ``/emails``."""
        return f"{self.url}/resend"

    def _ask(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> Any:
        if self._http is None:
            raise ChildError("the sandbox is not running")
        answer = self._http.request(method, path, json=body, params=params)
        if answer.status_code == 422:
            raise SandboxError(answer.json()["message"])
        answer.raise_for_status()
        return answer.json()

    def health(self) -> JsonObject:
        """``status``, ``now``, and the numbers of mails and pages."""
        return dict(self._ask("GET", "/health"))

    def mails(self) -> list[Mail]:
        """The mails, in order of arrival."""
        return [Mail.from_json(value) for value in self._ask("GET", "/mails")]

    def requests(self, service: str | None = None) -> list[LoggedCall]:
        """The calls to ``notion``, ``resend`` or ``discord``, or to all, in the order in which they were answered."""
        params = {"service": service} if service else None
        return [LoggedCall.from_json(value) for value in self._ask("GET", "/requests", params=params)]

    def reset_log(self) -> None:
        """Empty the log of calls."""
        self._ask("DELETE", "/requests")

    def alerts(self) -> list[JsonObject]:
        """The Discord messages, in order of arrival: ``content``, ``embeds``, ``username``, ``received_at``."""
        return list(self._ask("GET", "/alerts"))

    def fault(self, service: str, kind: str, **details: Any) -> int:
        """Order a fault and return its id; raises ``SandboxError`` when it makes no sense.

        ``kind`` is ``latency`` (with ``seconds`` and ``when``, before or after the work), ``status`` (with ``status``,
        ``retry_after`` and ``body``), ``drop_before`` or ``drop_after`` (the work). For all: ``times`` (1; ``None`` until
        cleared), ``method`` and ``path``, regular expressions on the call.
        """
        return int(self._ask("POST", "/faults", {"service": service, "kind": kind, **details})["id"])

    def faults(self) -> list[JsonObject]:
        """The faults that were ordered, with the ``times`` that are left and the ``hits`` so far."""
        return list(self._ask("GET", "/faults"))

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._ask("DELETE", "/faults")

    def limit(self, **per_second: int | None) -> None:
        """Set limits by service: ``limit(notion=3, resend=2)``; ``None`` lifts one. Raises ``SandboxError``."""
        self._ask("PUT", "/limits", per_second)

    def limits(self) -> dict[str, Limit]:
        """The limits and counters by service."""
        return {name: Limit(**value) for name, value in self._ask("GET", "/limits").items()}

    def discord_webhook(self, name: str = "Sandbox") -> str:
        """Make a Discord webhook and return its whole address."""
        return str(self._ask("POST", "/discord-webhooks", {"name": name})["url"])

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward; raises ``SandboxError`` for a negative number."""
        self._ask("POST", "/clock", {"advance_seconds": seconds})

    def reset(self, *, notion: bool = False) -> None:
        """Forget mails, keys, alerts, calls, faults and limits; with ``notion`` also every database and page."""
        self._ask("POST", "/reset", {"notion": notion})
