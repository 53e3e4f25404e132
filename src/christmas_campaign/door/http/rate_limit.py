"""How many calls a minute the door accepts from one sender."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

#: For how many senders the door counts calls. Beyond that it forgets the senders that have been quiet the longest.
MAX_SENDERS = 10_000


class RateLimit:
    """A token bucket for each sender: it holds one minute's calls, and refills evenly over a minute."""

    def __init__(self, per_minute: float, clock: Callable[[], float], max_senders: int = MAX_SENDERS) -> None:
        """``clock`` returns seconds."""
        self._per_minute = per_minute
        self._per_second = per_minute / 60
        self._clock = clock
        self._max_senders = max_senders
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, sender: str) -> int:
        """Count a call of ``sender``. Return 0, or in how many whole seconds the sender may call again.

        A refused call is not counted.
        """
        now = self._clock()
        tokens, updated_at = self._buckets.pop(sender, (self._per_minute, now))
        tokens = min(self._per_minute, tokens + (now - updated_at) * self._per_second)
        wait_seconds = 0 if tokens >= 1 else math.ceil((1 - tokens) / self._per_second)
        self._buckets[sender] = (tokens if wait_seconds else tokens - 1, now)
        while len(self._buckets) > self._max_senders:
            self._buckets.popitem(last=False)
        return wait_seconds

    def __len__(self) -> int:
        return len(self._buckets)
