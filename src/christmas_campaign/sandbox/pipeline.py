"""The pipeline that every call to a service passes: the rate limit, the faults, the service itself, the log."""

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
from christmas_campaign.sandbox.faults import SERVICES, Fault, FaultBoard, RateLimit, TokenBucketLimit
from christmas_campaign.sandbox.store import Store

# Larger bodies are logged by their size only: a query's page of a hundred results repeats what the log already holds.
LOGGED_CHARACTERS = 100_000


@dataclass
class ServiceResponse:
    """A service's answer: a status, a JSON body (``None``: no body) and headers."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class ServiceCall:
    """One call to a service, with its whole body and the latency fault that it meets."""

    def __init__(self, request: Request, raw: bytes, latency: Fault | None) -> None:
        """Take the request, its whole body, and the latency fault (or ``None``)."""
        self.request = request
        self.raw = raw
        self._latency = latency

    async def pause(self, when: str) -> None:
        """Wait for the latency fault, if it is for this moment (``before`` or ``after`` the work) and has not waited yet."""
        if self._latency is not None and self._latency.when == when:
            latency, self._latency = self._latency, None
            await asyncio.sleep(latency.seconds)


class Service(Protocol):
    """A service behind the pipeline."""

    name: str

    async def answer(self, call: ServiceCall) -> ServiceResponse:
        """Return the answer to a call.

        The service itself awaits ``call.pause("before")``, at the point where the real service would start its work.
        """

    def too_many(self, wait: float, limit: RateLimit) -> ServiceResponse:
        """Return the 429 for a call that may be repeated after ``wait`` seconds."""

    def failure(self, fault: Fault) -> ServiceResponse:
        """Return the answer of a ``status`` fault."""


class AsciiJsonResponse(Response):
    """A JSON response in ASCII, so that a lone surrogate (half an emoji) returns unchanged, as an escape."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the JSON value as bytes."""
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


class ConnectionReset(Response):
    """A response that resets the connection instead of answering."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (it sends nothing)
        """Reset the socket, discard unsent data, and wait until the server has registered the disconnect."""
        transport: asyncio.Transport = scope["state"]["transport"]
        sock: socket.socket | None = transport.get_extra_info("socket")
        if sock is not None:
            # With a linger time of 0 seconds the caller sees a reset, as if the server had crashed.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


class Pipeline:
    """The pipeline, with the store, the clock, the faults and the rate limits that all services share."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Take the store for the log and the clock for its timestamps."""
        self.store = store
        self.clock = clock
        self.faults = FaultBoard()
        self.limits = {name: TokenBucketLimit() if name == "notion" else RateLimit() for name in SERVICES}

    def route(self, service: Service, hide: Callable[[str], str] = str) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint for ``service``. ``hide`` removes secrets from a path before it is logged."""

        async def endpoint(request: Request) -> Response:
            return await self._pass(request, service, hide)

        return endpoint

    async def _pass(self, request: Request, service: Service, hide: Callable[[str], str]) -> Response:
        started = time.perf_counter()
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
        call = ServiceCall(request, raw, latency)
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
                "request": _shortened(_parsed(raw)),
                "response": _shortened(answer.body),
                "received_at": received_at,
                "seconds": round(time.perf_counter() - started, 6),
                "fault": failure.kind if failure else "latency" if latency else None,
            },
        )
        if dropped:
            return ConnectionReset()
        if answer.body is None:
            return Response(status_code=answer.status, headers=answer.headers)
        return AsciiJsonResponse(answer.body, status_code=answer.status, headers=answer.headers)

    async def _answer(self, service: Service, call: ServiceCall, wait: float, failure: Fault | None) -> ServiceResponse:
        if wait:
            return service.too_many(wait, self.limits[service.name])
        if failure is not None and failure.kind in ("status", "drop_before"):
            await call.pause("before")
            return ServiceResponse(499, None) if failure.kind == "drop_before" else service.failure(failure)
        return await service.answer(call)


def parse_json(raw: bytes) -> Any:
    """Return the JSON value in ``raw``. Raises ``ValueError`` for invalid JSON, ``NaN`` and ``Infinity`` included."""

    def refuse_constant(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(raw, parse_constant=refuse_constant)


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return parse_json(raw)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", errors="replace")


def _shortened(value: Any) -> Any:
    size = len(json.dumps(value))
    return value if size <= LOGGED_CHARACTERS else {"left_out": f"{size} characters"}
