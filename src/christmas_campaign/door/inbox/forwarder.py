"""Forwards the calls in the inbox to Kestra's webhooks, one after the other, until Kestra has accepted each."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from contextlib import suppress

import httpx

from christmas_campaign.campaign import times
from christmas_campaign.door.http import log
from christmas_campaign.door.inbox.store import WaitingCall
from christmas_campaign.door.inbox.writer import InboxWriter

#: How long Kestra may take to answer a call, in seconds. A handler usually runs for less than a second.
ANSWER_SECONDS = 30.0

#: The header with the time at which a call reached the door.
RECEIVED_AT = "X-Received-At"

#: How long after the last call the door empties SQLite's write-ahead log, in seconds.
QUIET_SECONDS = 1.0

# A proxy between the door and Kestra gives these statuses while Kestra is away: the call itself is not at fault.
_KESTRA_IS_AWAY = (502, 503, 504)

_TIMED_OUT = "no answer in time"


class Forwarder:
    """Forwards waiting calls in order of arrival.

    - 2xx: Kestra has accepted the call, and the door deletes it.
    - 422: Kestra's intake refuses a call that the door's intake accepted. The door sets the call aside.
    - Any other answer, or none: the door retries, and the later calls wait. After eight answers from Kestra itself the later
      calls no longer wait, and the door retries this one once a minute.
    """

    def __init__(self, inbox: InboxWriter, webhooks: Mapping[str, str], answer_seconds: float = ANSWER_SECONDS) -> None:
        """``webhooks`` has the URLs of Kestra's webhooks by handler name."""
        self._inbox = inbox
        self._webhooks = webhooks
        # trust_env=False: the URLs contain keys, which a proxy from the environment must not see.
        self._http = httpx.AsyncClient(
            timeout=answer_seconds, trust_env=False, headers={"User-Agent": "christmas-door"}
        )
        self._answer_seconds = answer_seconds
        # Calls that Kestra accepted and that are not deleted yet, because a full disk can delay that. They are not sent again.
        self._to_delete: list[int] = []
        self._is_stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start forwarding, in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self, patience: float = 3.0) -> None:
        """Stop once Kestra has answered the current call, but after ``patience`` seconds at the latest."""
        self._is_stopping.set()
        self._inbox.call_arrived.set()
        if self._task is not None:
            finished, _ = await asyncio.wait([self._task], timeout=patience)
            if not finished:
                self._task.cancel()
                await asyncio.wait([self._task])
        await self._http.aclose()

    async def _run(self) -> None:
        while not self._is_stopping.is_set():
            self._inbox.call_arrived.clear()
            try:
                waiting = await self._next_call()
                if waiting is None:
                    await self._wait_for_first_call()
                elif waiting.due > time.time():
                    await self._wait_for_call(waiting.due - time.time())
                else:
                    await self._forward(waiting)
            except Exception as error:
                # Most likely a disk error. Nothing is lost, because nothing was deleted.
                log.line("inbox", log.error_origin(error))
                await asyncio.sleep(1)

    async def _wait_for_first_call(self) -> None:
        """Wait for a call. After a quiet moment, remove the remains of deleted calls from the file first."""
        if not await self._wait_for_call(QUIET_SECONDS):
            await self._inbox.run(lambda inbox: inbox.empty_log())
            await self._wait_for_call(None)

    async def _wait_for_call(self, seconds: float | None) -> bool:
        """Wait at most ``seconds`` for a new call; return whether one arrived."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._inbox.call_arrived.wait()
                return True
        return False

    async def _next_call(self) -> WaitingCall | None:
        if self._to_delete:
            try:
                await self._inbox.run(lambda inbox: inbox.delete(self._to_delete))
                self._to_delete = []
            except sqlite3.Error as error:
                log.line("inbox", log.error_origin(error), f"{len(self._to_delete)} taken and not yet deleted")
        return await self._inbox.run(lambda inbox: inbox.next_call(time.time(), self._to_delete))

    async def _forward(self, waiting: WaitingCall) -> None:
        if waiting.call.handler not in self._webhooks:
            # A door of another version stored this call.
            await self._set_aside(waiting, "unknown to this door", "no such handler")
            return
        status, answer = await self._post(waiting)
        if status is not None and 200 <= status < 300:
            self._to_delete.append(waiting.seq)
            return
        if status == 422:
            await self._set_aside(waiting, "refused by Kestra", answer)
            return
        kestra_answered = status not in (None, *_KESTRA_IS_AWAY) or answer == _TIMED_OUT
        wait_seconds = await self._inbox.run(
            lambda inbox: inbox.record_failure(waiting.seq, answer, time.time(), kestra_answered=kestra_answered)
        )
        log.line("not taken", waiting.call.handler, waiting.call.id, f"{answer}, again in {wait_seconds:.0f} s")

    async def _set_aside(self, waiting: WaitingCall, message: str, answer: str) -> None:
        log.line(message, waiting.call.handler, waiting.call.id, "put aside: see christmas inbox")
        await self._inbox.run(lambda inbox: inbox.set_aside(waiting.seq, answer))

    async def _post(self, waiting: WaitingCall) -> tuple[int | None, str]:
        """Post a call to Kestra; return the status (``None``: no answer) and a short description of the answer."""
        call = waiting.call
        headers = {"Content-Type": "application/json", RECEIVED_AT: times.text(call.received_at)}
        try:
            async with (
                asyncio.timeout(self._answer_seconds),
                self._http.stream("POST", self._webhooks[call.handler], content=call.body, headers=headers) as response,
            ):
                # Only a connection whose answer was read to its end can be used again.
                await response.aread()
                return response.status_code, f"HTTP {response.status_code}"
        except (TimeoutError, httpx.ReadTimeout):
            return None, _TIMED_OUT
        except httpx.HTTPError as error:
            return None, type(error).__name__
