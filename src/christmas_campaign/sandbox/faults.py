"""What goes wrong on request, and how fast a service may be called."""

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
    """One thing that is to go wrong.

    ``latency`` waits ``seconds``, ``before`` the work or ``after`` it; ``status`` answers that status instead of doing the
    work; ``drop_before`` closes the connection instead; ``drop_after`` does the work and closes it without an answer.
    ``method`` and ``path`` are regular expressions that must match from the start (the path as the service sees it, without
    the sandbox's prefix); ``times`` is for how many calls, ``None`` until it is cleared.
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
        """Whether this call is one of those that it was ordered for."""
        if self.service != service or self.times == 0:
            return False
        return bool(re.match(self.method + r"\Z", method) and re.match(self.path, path))

    def use(self) -> None:
        """Count one call that it was applied to."""
        self.hits += 1
        if self.times is not None:
            self.times -= 1

    def as_json(self) -> JsonObject:
        """All its fields, as the control API shows them."""
        return asdict(self)


class FaultBoard:
    """The faults in the order in which they were ordered; the ones that are used up stay listed until cleared."""

    def __init__(self) -> None:
        """Start without any."""
        self._faults: list[Fault] = []
        self._next = 1

    def order(self, values: dict[str, Any]) -> Fault:
        """Add the fault that ``values`` describe; raises ``ValueError`` with a sentence on what is wrong with them."""
        problem = _problem(values)
        if problem:
            raise ValueError(problem)
        fault = Fault(id=self._next, **values)
        self._next += 1
        self._faults.append(fault)
        return fault

    def listed(self) -> list[Fault]:
        """All faults, oldest first."""
        return list(self._faults)

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def take(self, service: str, method: str, path: str) -> tuple[Fault | None, Fault | None]:
        """The latency and the failure that this call meets, each counted down; ``None`` where there is none."""
        latency: Fault | None = None
        failure: Fault | None = None
        for fault in self._faults:
            if not fault.applies(service, method, path):
                continue
            if fault.kind == "latency" and latency is None:
                latency = fault
            elif fault.kind != "latency" and failure is None:
                failure = fault
        for taken in (latency, failure):
            if taken is not None:
                taken.use()
        return latency, failure


def _problem(values: dict[str, Any]) -> str | None:
    known = set(Fault.__dataclass_fields__) - {"id", "hits"}
    unknown = sorted(set(values) - known)
    if unknown:
        return f"unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}"
    if values.get("service") not in SERVICES:
        return f"service must be one of {', '.join(SERVICES)}"
    if values.get("kind") not in KINDS:
        return f"kind must be one of {', '.join(KINDS)}"
    times = values.get("times", 1)
    if times is not None and (not _whole(times) or times < 1):
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
    if not _whole(values.get("status", 500)) or not 400 <= values.get("status", 500) <= 599:
        return "status must be a whole number from 400 to 599"
    if not _whole(values.get("retry_after", 1)) or values.get("retry_after", 1) < 0:
        return "retry_after must be a whole number of seconds"
    return None


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Limit:
    """A limit of so many calls in any one second, or none; it counts the calls, and how many of them were refused.

    A refused call takes no place in that second, so a caller that waits as long as it was told gets through.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without a limit; ``clock`` gives seconds and never goes back."""
        self._clock = clock
        self._taken: deque[float] = deque()
        self.per_second: int | None = None
        self.calls = 0
        self.refused = 0

    def take(self) -> float:
        """Count a call; 0.0 when it may go on, else the seconds until the next one may."""
        self.calls += 1
        if self.per_second is None:
            return 0.0
        wait = self._wait(self._clock(), self.per_second)
        if wait:
            self.refused += 1
        return wait

    def _wait(self, now: float, per_second: int) -> float:
        while self._taken and self._taken[0] <= now - 1.0:
            self._taken.popleft()
        if len(self._taken) < per_second:
            self._taken.append(now)
            return 0.0
        return max(self._taken[0] + 1.0 - now, 0.001)

    def remaining(self) -> int:
        """Return how many more calls may go on at this moment; 0 without a limit."""
        return 0 if self.per_second is None else max(self.per_second - len(self._taken), 0)

    def reset(self) -> None:
        """Lift the limit and start counting anew."""
        self._taken.clear()
        self.per_second = None
        self.calls = self.refused = 0

    def as_json(self) -> JsonObject:
        """The limit and the counters, as the control API shows them."""
        return {"per_second": self.per_second, "calls": self.calls, "refused": self.refused}


class AverageLimit(Limit):
    """A limit of so many calls a second on average, with short bursts: a token bucket, as Notion documents its limit.

    Source: Notion's page on request limits names three requests a second on average and allows some bursts; how many calls a
    burst may have is not said, and is set to ``BURST``.
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
        """Return how many more calls may go on at this moment; 0 without a limit."""
        return 0 if self.per_second is None else int(self._tokens)

    def reset(self) -> None:
        """Lift the limit, start counting anew, and fill the bucket."""
        super().reset()
        self._tokens = float(self.BURST)


def whole_seconds(wait: float) -> int:
    """A wait as the whole seconds of a ``Retry-After`` header: rounded up, never 0."""
    return max(1, math.ceil(wait))
