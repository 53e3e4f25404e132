"""The inbox for use in the event loop: one thread writes, and writes calls that arrive at the same time together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from christmas_campaign.door.inbox.store import Call, Inbox, StoreOutcome

T = TypeVar("T")

#: The most calls in one transaction.
BATCH_SIZE = 64


class InboxWriter:
    """An open ``Inbox`` and the only thread that uses it."""

    def __init__(self, inbox: Inbox) -> None:
        """The writer owns ``inbox`` from now on, and closes it."""
        self._inbox = inbox
        self._thread = ThreadPoolExecutor(1, "inbox")
        self._pending: list[tuple[Call, asyncio.Future[StoreOutcome]]] = []
        self._task: asyncio.Task[None] | None = None
        self.call_arrived = asyncio.Event()
        """Set when calls have been stored; the forwarder clears it."""

    async def store(self, call: Call) -> StoreOutcome:
        """Store a call. When this returns ``STORED``, the call is on the disk."""
        future: asyncio.Future[StoreOutcome] = asyncio.get_running_loop().create_future()
        self._pending.append((call, future))
        if self._task is None:
            self._task = asyncio.create_task(self._write_pending())
        return await future

    async def _write_pending(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending[:BATCH_SIZE], self._pending[BATCH_SIZE:]
                await self._write_batch(batch)
        finally:
            self._task = None

    async def _write_batch(self, batch: list[tuple[Call, asyncio.Future[StoreOutcome]]]) -> None:
        calls = [call for call, _ in batch]
        try:
            outcomes = await self.run(lambda inbox: inbox.store(calls))
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            # A request that was cancelled no longer waits for its outcome.
            if not future.done():
                future.set_result(outcome)
        self.call_arrived.set()

    async def run(self, work: Callable[[Inbox], T]) -> T:
        """Run ``work`` on the inbox in its thread, and return the result."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._inbox)

    def close(self) -> None:
        """Let the thread finish its work, and close the inbox."""
        self._thread.shutdown()
        self._inbox.close()
