"""Whether Kestra is up. The door asks Kestra at most every two seconds, however many requests for ``/health`` arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx

from christmas_campaign.door.http import log

#: How long Kestra may take to answer, in seconds.
TIMEOUT_SECONDS = 2.0

#: How long the door reuses Kestra's answer, in seconds.
CACHE_SECONDS = 2.0

#: How often the door asks Kestra by itself, in seconds.
WATCH_SECONDS = 5.0


class KestraHealth:
    """Kestra's health, read from one URL: status 200 means that Kestra is up."""

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        """``url`` is the address of Kestra's health; ``clock`` returns seconds."""
        self._url = url
        self._clock = clock
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS, trust_env=False, headers={"User-Agent": "christmas-door"}
        )
        self._lock = asyncio.Lock()
        self._requested_at = float("-inf")
        self._is_up = False

    async def is_up(self) -> bool:
        """Return whether Kestra is up; the answer is at most two seconds old."""
        async with self._lock:
            if self._clock() - self._requested_at >= CACHE_SECONDS:
                self._is_up = await self._request()
                self._requested_at = self._clock()
        return self._is_up

    async def log_changes(self) -> None:
        """Log that Kestra is down, at the start or later, and that it is up again. Runs until it is cancelled."""
        was_up = True
        while True:
            is_up = await self.is_up()
            if is_up != was_up:
                log.line("kestra", "is up" if is_up else "does not answer: calls are stored until it does")
            was_up = is_up
            await asyncio.sleep(WATCH_SECONDS)

    async def _request(self) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), self._http.stream("GET", self._url) as response:
                return response.status_code == 200
        except (TimeoutError, httpx.HTTPError):
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
