"""The way of every call to a service: limit, faults, the work, the log."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from christmas_campaign.sandbox.clock import Clock
from christmas_campaign.sandbox.faults import SERVICES, AverageLimit, Fault, FaultBoard, Limit
from christmas_campaign.sandbox.store import Store

# A page of a hundred results repeats what the log holds already; above this many characters only the size is kept.
LOGGED_CHARACTERS = 100_000


@dataclass
class Answer:
    """What a service answers: a status, a JSON body (``None``: no body at all) and headers."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Call:
    """One call to a service, with its body read, and the latency that was ordered for it."""

    def __init__(self, request: Request, raw: bytes, latency: Fault | None) -> None:
        """Take the request, its whole body, and the latency (or ``None``)."""
        self.request = request
        self.raw = raw
        self._latency = latency

    async def pause(self, when: str) -> None:
        """Wait as long as was ordered for ``when`` (``before`` or ``after`` the work); at most once."""
        if self._latency is not None and self._latency.when == when:
            latency, self._latency = self._latency, None
            await asyncio.sleep(latency.seconds)


class Service(Protocol):
    """One of the services behind the gate."""

    name: str

    async def answer(self, call: Call) -> Answer:
        """Do the work. It waits with ``call.pause("before")`` itself, at the place where the real one would work."""

    def too_many(self, wait: float, limit: Limit) -> Answer:
        """The 429 for a call that may come again in ``wait`` seconds."""

    def failure(self, fault: Fault) -> Answer:
        """The answer with the status that was ordered."""


class Json(Response):
    """A JSON answer in ASCII: text that is no valid Unicode (half an emoji) goes back as it came, as an escape."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of any JSON value."""
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


class Dropped(Response):
    """No answer at all: the connection is reset under the caller's hands."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (nothing is sent)
        """Close the socket at once, unsent data and all, and wait until the server has noticed."""
        transport: asyncio.Transport = scope["state"]["transport"]
        sock: socket.socket | None = transport.get_extra_info("socket")
        if sock is not None:
            # Linger of 0 seconds: the peer sees a reset, as from a machine that went away, and not a tidy end.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


class Gate:
    """The store, the clock, the faults and the limits that all services share, and the way through them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Take what the calls are kept in and the time that they are stamped with."""
        self.store = store
        self.clock = clock
        self.faults = FaultBoard()
        self.limits = {name: AverageLimit() if name == "notion" else Limit() for name in SERVICES}

    def route(self, service: Service, hide: Callable[[str], str] = str) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that leads to ``service``; ``hide`` takes secrets out of a path before it is logged."""

        async def endpoint(request: Request) -> Response:
            return await self._pass(request, service, hide)

        return endpoint

    async def _pass(self, request: Request, service: Service, hide: Callable[[str], str]) -> Response:
        began = time.perf_counter()
        received_at = self.clock.iso()
        try:
            raw = await request.body()
        except ClientDisconnect:
            return Response(status_code=499)
        path = request.url.path.removeprefix(f"/{service.name}")
        limit = self.limits[service.name]
        wait = limit.take()
        latency = failure = None
        if not wait:
            latency, failure = self.faults.take(service.name, request.method, path)
        call = Call(request, raw, latency)
        answer = await self._answer(service, call, wait, failure)
        await call.pause("after")
        dropped = failure is not None and failure.kind.startswith("drop")
        self.store.add_request(
            service.name,
            {
                "service": service.name,
                "method": request.method,
                "path": hide(request.url.path),
                "query": request.url.query,
                "status": None if dropped else answer.status,
                "request": _logged(_parsed(raw)),
                "response": _logged(answer.body),
                "received_at": received_at,
                "seconds": round(time.perf_counter() - began, 6),
                "fault": failure.kind if failure else "latency" if latency else None,
            },
        )
        if dropped:
            return Dropped()
        if answer.body is None:
            return Response(status_code=answer.status, headers=answer.headers)
        return Json(answer.body, status_code=answer.status, headers=answer.headers)

    async def _answer(self, service: Service, call: Call, wait: float, failure: Fault | None) -> Answer:
        if wait:
            return service.too_many(wait, self.limits[service.name])
        if failure is not None and failure.kind in ("status", "drop_before"):
            await call.pause("before")
            return Answer(499, None) if failure.kind == "drop_before" else service.failure(failure)
        return await service.answer(call)


def parse_json(raw: bytes) -> Any:
    """The JSON value in ``raw``; raises ``ValueError`` for anything else, ``NaN`` and ``Infinity`` included."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(raw, parse_constant=refuse)


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return parse_json(raw)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", errors="replace")


def _logged(value: Any) -> Any:
    size = len(json.dumps(value))
    return value if size <= LOGGED_CHARACTERS else {"left_out": f"{size} characters"}
