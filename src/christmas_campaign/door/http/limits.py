"""How much the door takes: bytes of headers, and calls a minute of one sender."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

#: The most bytes of a request's lines before the body.
MOST_HEADER_BYTES = 16_384

#: The most senders whose calls are counted; beyond, those that have been quiet the longest are forgotten.
MOST_SENDERS = 10_000


class Rate:
    """A token bucket for each sender: ``a_minute`` calls may come at once, and as many again over a minute."""

    def __init__(self, a_minute: float, clock: Callable[[], float], most_senders: int = MOST_SENDERS) -> None:
        """Take the calls a minute, what tells the time in seconds, and the most senders to remember."""
        self._most = a_minute
        self._a_second = a_minute / 60
        self._clock = clock
        self._most_senders = most_senders
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, sender: str) -> int:
        """Count a call of ``sender``; returns 0, or after how many whole seconds it may call again. A refused call costs
        nothing."""
        now = self._clock()
        left, since = self._buckets.pop(sender, (self._most, now))
        left = min(self._most, left + (now - since) * self._a_second)
        wait = 0 if left >= 1 else math.ceil((1 - left) / self._a_second)
        self._buckets[sender] = (left if wait else left - 1, now)
        while len(self._buckets) > self._most_senders:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)
