"""The sandbox's clock: the machine's time plus the seconds that tests have advanced it by."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """The time that stamps e-mails and expires idempotency keys. It only moves forward."""

    def __init__(self, now: Callable[[], float] = time.time, *, advanced: float = 0.0) -> None:
        """Take the source of time (seconds since 1970, UTC) and the seconds that earlier processes advanced the clock by."""
        self._now = now
        self._advanced = advanced

    @property
    def advanced(self) -> float:
        """How many seconds this clock is ahead of its source."""
        return self._advanced

    def advance(self, seconds: float) -> None:
        """Move the clock forward by ``seconds``; raises ``ValueError`` for a negative number."""
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        self._advanced += seconds

    def timestamp(self) -> float:
        """Return the current time in seconds since 1970, UTC."""
        return self._now() + self._advanced

    def now(self) -> datetime:
        """Return the current time as an aware ``datetime`` in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def iso(self) -> str:
        """Return the current time as ISO 8601 in UTC with microseconds: ``2025-11-20T14:00:00.000000+00:00``."""
        return self.now().isoformat(timespec="microseconds")
