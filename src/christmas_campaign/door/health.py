"""The health of the door: whether Kestra is up, and whether calls wait in the inbox for too long.

The door checks both at most every two seconds, however many requests for ``/health`` arrive.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

import httpx

from christmas_campaign.campaign import times
from christmas_campaign.door.http import log
from christmas_campaign.door.inbox.writer import InboxWriter

#: How long Kestra may take to answer, in seconds.
TIMEOUT_SECONDS = 2.0

#: How long the door reuses a report, in seconds.
CACHE_SECONDS = 2.0

#: How often the door checks its health by itself, in seconds.
WATCH_SECONDS = 5.0

#: A call that waits for longer is late.
LATE = timedelta(minutes=10)


class HealthReport(NamedTuple):
    """Whether Kestra is up, and when the oldest waiting call arrived (UTC), if that call is late (otherwise ``None``)."""

    kestra_is_up: bool
    calls_wait_since: datetime | None

    @property
    def is_healthy(self) -> bool:
        """Whether Kestra is up and no call is late."""
        return self.kestra_is_up and self.calls_wait_since is None


class Health:
    """The health of the door. Kestra's is read from one URL: status 200 means that Kestra is up."""

    def __init__(
        self, kestra_url: str, inbox: InboxWriter, now: Callable[[], datetime], clock: Callable[[], float]
    ) -> None:
        """``kestra_url`` is the address of Kestra's health; ``now`` returns the time (aware), ``clock`` seconds."""
        self._kestra_url = kestra_url
        self._inbox = inbox
        self._now = now
        self._clock = clock
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS, trust_env=False, headers={"User-Agent": "christmas-door"}
        )
        self._lock = asyncio.Lock()
        self._checked_at = float("-inf")
        self._report = HealthReport(False, None)

    async def check(self) -> HealthReport:
        """Return the health; the report is at most two seconds old. Raises ``sqlite3.Error``."""
        async with self._lock:
            if self._clock() - self._checked_at >= CACHE_SECONDS:
                self._report = HealthReport(await self._kestra_is_up(), await self._calls_wait_since())
                self._checked_at = self._clock()
        return self._report

    async def log_changes(self) -> None:
        """Log what is wrong, at the start or later, and that it is well again. Runs until it is cancelled."""
        logged = HealthReport(True, None)
        while True:
            # The forwarder logs an error of the disk.
            with suppress(sqlite3.Error):
                report = await self.check()
                if report.kestra_is_up != logged.kestra_is_up:
                    words = "is up" if report.kestra_is_up else "does not answer: calls are stored until it does"
                    log.line("kestra", words)
                if (report.calls_wait_since is None) != (logged.calls_wait_since is None):
                    log.line("inbox", _describe(report.calls_wait_since))
                logged = report
            await asyncio.sleep(WATCH_SECONDS)

    async def _kestra_is_up(self) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), self._http.stream("GET", self._kestra_url) as response:
                return response.status_code == 200
        except (TimeoutError, httpx.HTTPError):
            return False

    async def _calls_wait_since(self) -> datetime | None:
        oldest = await self._inbox.run(lambda inbox: inbox.oldest_arrival())
        return oldest if oldest is not None and self._now() - oldest > LATE else None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _describe(calls_wait_since: datetime | None) -> str:
    if calls_wait_since is None:
        return "no call waits for more than ten minutes any more"
    return f"calls wait since {times.text(calls_wait_since)}: see christmas inbox"
