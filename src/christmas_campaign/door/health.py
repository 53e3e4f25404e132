"""Whether Kestra is up, asked at most every two seconds, however often the door is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx

#: How long Kestra may take to say so, and how long it is believed, in seconds.
LIMIT = 2.0
BELIEVED = 2.0


class Health:
    """Asks one address; 200 there is "up"."""

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        """Take the address, and what tells the time in seconds."""
        self._url = url
        self._clock = clock
        self._http = httpx.AsyncClient(timeout=LIMIT, trust_env=False, headers={"User-Agent": "christmas-door"})
        self._one_at_a_time = asyncio.Lock()
        self._asked_at = float("-inf")
        self._up = False

    async def up(self) -> bool:
        """Whether Kestra is up, as of two seconds ago at the latest."""
        async with self._one_at_a_time:
            if self._clock() - self._asked_at >= BELIEVED:
                self._up = await self._ask()
                self._asked_at = self._clock()
        return self._up

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(LIMIT), self._http.stream("GET", self._url) as response:
                return response.status_code == 200
        except (TimeoutError, httpx.HTTPError):
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
