"""The inbox as the event loop uses it: one thread writes, and calls that arrive together are written together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from christmas_campaign.door.inbox.store import Call, Inbox, Kept

T = TypeVar("T")

#: The most calls that are written in one go.
TOGETHER = 64


class Keeping:
    """An open ``Inbox`` and the one thread that uses it."""

    def __init__(self, inbox: Inbox) -> None:
        """Take the inbox; it is this object's from now on."""
        self._inbox = inbox
        self._thread = ThreadPoolExecutor(1, "inbox")
        self._asked: list[tuple[Call, asyncio.Future[Kept]]] = []
        self._writer: asyncio.Task[None] | None = None
        self.arrived = asyncio.Event()
        """Set when a call has been kept; whoever hands calls on clears it."""

    async def keep(self, call: Call) -> Kept:
        """Write a call down; it is on the disk when this returns ``KEPT``."""
        future: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._asked.append((call, future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        try:
            while self._asked:
                batch, self._asked = self._asked[:TOGETHER], self._asked[TOGETHER:]
                await self._write_together(batch)
        finally:
            self._writer = None

    async def _write_together(self, batch: list[tuple[Call, asyncio.Future[Kept]]]) -> None:
        calls = [call for call, _ in batch]
        try:
            kept = await self.do(lambda inbox: inbox.keep(calls))
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), became in zip(batch, kept, strict=True):
            # A caller that went away no longer waits.
            if not future.done():
                future.set_result(became)
        self.arrived.set()

    async def do(self, work: Callable[[Inbox], T]) -> T:
        """Run ``work`` on the inbox in its thread, and return what it returns."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._inbox)

    def close(self) -> None:
        """Let the thread end what it has begun, and close the inbox."""
        self._thread.shutdown()
        self._inbox.close()
