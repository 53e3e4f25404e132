"""Handing on: what waits in the inbox goes to Kestra's own webhooks, one call after the other, until Kestra has taken it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from contextlib import suppress

import httpx

from christmas_campaign.campaign import times
from christmas_campaign.door.http import log
from christmas_campaign.door.inbox.store import Waiting
from christmas_campaign.door.inbox.writer import Keeping

#: How long Kestra may take for one call, in seconds: a handler's run takes a part of a second.
LIMIT = 30.0

#: The header with the time at which a call came to the door.
RECEIVED_AT = "X-Received-At"

#: How long after the last call, in seconds, the file is tidied.
QUIET = 1.0

# What stands between the door and Kestra says these when Kestra is away: nothing is wrong with the call then.
_AWAY = (502, 503, 504)


class Handing:
    """Hands on what waits, in the order of arrival.

    A 2xx is "taken": the call is deleted. A 422 says that Kestra's intake refuses what the door's has taken: it is put aside.
    After anything else it is tried again, and holds up those behind it, but not for ever: after eight answers of Kestra that
    are no "taken", the others go on, and this one is tried once a minute.
    """

    def __init__(self, keeping: Keeping, webhooks: Mapping[str, str], limit: float = LIMIT) -> None:
        """Take the inbox, the addresses of Kestra's webhooks by handler, and the seconds that one call may take."""
        self._keeping = keeping
        self._addresses = webhooks
        # No proxy of the environment: the keys are in the addresses.
        self._http = httpx.AsyncClient(timeout=limit, trust_env=False, headers={"User-Agent": "christmas-door"})
        self._limit = limit
        # Taken by Kestra, and not yet deleted: a full disk can hold that up. They must not go out again meanwhile.
        self._done: list[int] = []
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self, patience: float = 3.0) -> None:
        """End when the call that is on its way has been answered, at the latest after ``patience`` seconds."""
        self._stopping.set()
        self._keeping.arrived.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=patience)
            if not done:
                self._task.cancel()
                await asyncio.wait([self._task])
        await self._http.aclose()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._keeping.arrived.clear()
            try:
                waiting = await self._next()
                if waiting is None:
                    await self._rest()
                elif waiting.due > time.time():
                    await self._woken(waiting.due - time.time())
                else:
                    await self._hand_on(waiting)
            except Exception as error:
                # The disk, most likely: nothing is lost, for nothing has been deleted.
                log.line("inbox", log.origin(error))
                await asyncio.sleep(1)

    async def _rest(self) -> None:
        """Wait for a call; after a quiet moment nothing of those before is left in the file."""
        if not await self._woken(QUIET):
            await self._keeping.do(lambda inbox: inbox.tidy())
            await self._woken(None)

    async def _woken(self, seconds: float | None) -> bool:
        """Wait for a new call, at most ``seconds``; returns whether one came."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._keeping.arrived.wait()
                return True
        return False

    async def _next(self) -> Waiting | None:
        if self._done:
            try:
                await self._keeping.do(lambda inbox: inbox.taken(self._done))
                self._done = []
            except sqlite3.Error as error:
                log.line("inbox", log.origin(error), f"{len(self._done)} taken and not yet deleted")
        return await self._keeping.do(lambda inbox: inbox.next(time.time(), self._done))

    async def _hand_on(self, waiting: Waiting) -> None:
        if waiting.call.handler not in self._addresses:
            # Kept by a door of another version.
            await self._put_aside(waiting, "unknown to this door", "no such handler")
            return
        status, answer = await self._post(waiting)
        if status is not None and 200 <= status < 300:
            self._done.append(waiting.seq)
            return
        if status == 422:
            await self._put_aside(waiting, "refused by Kestra", answer)
            return
        answered = status not in (None, *_AWAY) or answer == _TIMED_OUT
        wait = await self._keeping.do(
            lambda inbox: inbox.not_taken(waiting.seq, answer, time.time(), answered=answered)
        )
        log.line("not taken", waiting.call.handler, waiting.call.id, f"{answer}, again in {wait:.0f} s")

    async def _put_aside(self, waiting: Waiting, why: str, answer: str) -> None:
        log.line(why, waiting.call.handler, waiting.call.id, "put aside: see christmas inbox")
        await self._keeping.do(lambda inbox: inbox.refused(waiting.seq, answer))

    async def _post(self, waiting: Waiting) -> tuple[int | None, str]:
        """Post a call to Kestra; returns the status, if there was one, and the answer in words."""
        call = waiting.call
        headers = {"Content-Type": "application/json", RECEIVED_AT: times.text(call.received_at)}
        try:
            async with (
                asyncio.timeout(self._limit),
                self._http.stream(
                    "POST", self._addresses[call.handler], content=call.body, headers=headers
                ) as response,
            ):
                # Read to its end, so that the connection can be used again.
                await response.aread()
                return response.status_code, f"HTTP {response.status_code}"
        except (TimeoutError, httpx.ReadTimeout):
            return None, _TIMED_OUT
        except httpx.HTTPError as error:
            return None, type(error).__name__


_TIMED_OUT = "no answer in time"
