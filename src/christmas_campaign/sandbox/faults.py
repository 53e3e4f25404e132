"""Faults that tests order, and the rate limits of the services."""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from christmas_campaign.json_types import JsonObject

SERVICES = ("notion", "resend", "discord")
KINDS = ("latency", "status", "drop_before", "drop_after")


@dataclass
class Fault:
    """One failure or delay that a test has ordered.

    ``kind`` is one of:

    - ``latency``: wait ``seconds``, ``before`` or ``after`` the work.
    - ``status``: answer ``status`` instead of doing the work.
    - ``drop_before``: reset the connection instead of doing the work.
    - ``drop_after``: do the work, then reset the connection without an answer.

    ``method`` is a regular expression for the whole method. ``path`` is one for the start of the path as the service sees it,
    without the sandbox's prefix. ``times`` counts down the calls that still meet the fault; ``None`` is every call until the
    fault is cleared. ``hits`` counts the calls that met it.
    """

    id: int
    service: str
    kind: str
    times: int | None = 1
    method: str = ".*"
    path: str = ".*"
    seconds: float = 0.0
    when: str = "before"
    status: int = 500
    retry_after: int = 1
    body: Any = None
    hits: int = field(default=0)

    def applies(self, service: str, method: str, path: str) -> bool:
        """Return whether this call meets the fault."""
        if self.service != service or self.times == 0:
            return False
        return bool(re.match(self.method + r"\Z", method) and re.match(self.path, path))

    def use(self) -> None:
        """Count one call that meets the fault."""
        self.hits += 1
        if self.times is not None:
            self.times -= 1

    def as_json(self) -> JsonObject:
        """Return all fields, as the control API shows them."""
        return asdict(self)


class FaultBoard:
    """All ordered faults, oldest first. Used-up faults stay in the list until they are cleared."""

    def __init__(self) -> None:
        """Start without faults."""
        self._faults: list[Fault] = []
        self._next = 1

    def add(self, values: dict[str, Any]) -> Fault:
        """Add and return the fault with these fields. Raises ``ValueError`` that names the invalid field."""
        problem = _problem(values)
        if problem:
            raise ValueError(problem)
        fault = Fault(id=self._next, **values)
        self._next += 1
        self._faults.append(fault)
        return fault

    def all(self) -> list[Fault]:
        """Return all faults, oldest first."""
        return list(self._faults)

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def take(self, service: str, method: str, path: str) -> tuple[Fault | None, Fault | None]:
        """Return the latency and the failure that this call meets (``None``: none), and count the call for both.

        If several faults match, the oldest of each group applies.
        """
        latency: Fault | None = None
        failure: Fault | None = None
        for fault in self._faults:
            if not fault.applies(service, method, path):
                continue
            if fault.kind == "latency" and latency is None:
                latency = fault
            elif fault.kind != "latency" and failure is None:
                failure = fault
        for fault_to_use in (latency, failure):
            if fault_to_use is not None:
                fault_to_use.use()
        return latency, failure


def _problem(values: dict[str, Any]) -> str | None:
    allowed = set(Fault.__dataclass_fields__) - {"id", "hits"}
    unknown = sorted(set(values) - allowed)
    if unknown:
        return f"unknown field {unknown[0]!r}; use {', '.join(sorted(allowed))}"
    if values.get("service") not in SERVICES:
        return f"service must be one of {', '.join(SERVICES)}"
    if values.get("kind") not in KINDS:
        return f"kind must be one of {', '.join(KINDS)}"
    times = values.get("times", 1)
    if times is not None and (not _is_integer(times) or times < 1):
        return "times must be a whole number above 0, or null for every call until the fault is cleared"
    for name in ("method", "path"):
        try:
            re.compile(values.get(name, ""))
        except (re.error, TypeError):
            return f"{name} must be a regular expression"
    seconds = values.get("seconds", 0.0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 3600:
        return "seconds must be a number from 0 to 3600"
    if values.get("when", "before") not in ("before", "after"):
        return "when must be before or after"
    if not _is_integer(values.get("status", 500)) or not 400 <= values.get("status", 500) <= 599:
        return "status must be a whole number from 400 to 599"
    if not _is_integer(values.get("retry_after", 1)) or values.get("retry_after", 1) < 0:
        return "retry_after must be a whole number of seconds"
    return None


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class RateLimit:
    """At most ``per_second`` calls in any second (``None``: no limit). Counts all calls and the refused ones.

    Refused calls do not count towards the limit, so a caller that waits for the announced time succeeds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without a limit; ``clock`` gives seconds and never goes back."""
        self._clock = clock
        self._allowed_at: deque[float] = deque()
        self.per_second: int | None = None
        self.calls = 0
        self.refused = 0

    def take(self) -> float:
        """Count a call. Return 0.0 if it is allowed, else the seconds until the next call is."""
        self.calls += 1
        if self.per_second is None:
            return 0.0
        wait = self._wait(self._clock(), self.per_second)
        if wait:
            self.refused += 1
        return wait

    def _wait(self, now: float, per_second: int) -> float:
        while self._allowed_at and self._allowed_at[0] <= now - 1.0:
            self._allowed_at.popleft()
        if len(self._allowed_at) < per_second:
            self._allowed_at.append(now)
            return 0.0
        return max(self._allowed_at[0] + 1.0 - now, 0.001)

    def remaining(self) -> int:
        """Return how many more calls are allowed at this moment; 0 without a limit."""
        return 0 if self.per_second is None else max(self.per_second - len(self._allowed_at), 0)

    def reset(self) -> None:
        """Remove the limit and set the counters to 0."""
        self._allowed_at.clear()
        self.per_second = None
        self.calls = self.refused = 0

    def as_json(self) -> JsonObject:
        """Return the limit and the counters, as the control API shows them."""
        return {"per_second": self.per_second, "calls": self.calls, "refused": self.refused}


class TokenBucketLimit(RateLimit):
    """At most ``per_second`` calls on average, with short bursts of up to ``BURST`` calls: a token bucket.

    Source: Notion's page on request limits. It allows three requests a second on average and "some bursts"; the page does not
    give the size of a burst, so ``BURST`` is an assumption.
    """

    BURST = 10

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without a limit and with a full bucket."""
        super().__init__(clock)
        self._tokens = float(self.BURST)
        self._filled_at = clock()

    def _wait(self, now: float, per_second: int) -> float:
        self._tokens = min(self._tokens + (now - self._filled_at) * per_second, self.BURST)
        self._filled_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return max((1.0 - self._tokens) / per_second, 0.001)

    def remaining(self) -> int:
        """Return how many more calls are allowed at this moment; 0 without a limit."""
        return 0 if self.per_second is None else int(self._tokens)

    def reset(self) -> None:
        """Remove the limit, set the counters to 0 and fill the bucket."""
        super().reset()
        self._tokens = float(self.BURST)


def whole_seconds(wait: float) -> int:
    """Return the whole seconds for a ``Retry-After`` header: ``wait`` rounded up, at least 1."""
    return max(1, math.ceil(wait))
