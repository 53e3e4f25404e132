"""The ASGI application: checks each request in a fixed order and answers it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from christmas_campaign.campaign import times
from christmas_campaign.door import unsubscribe_page
from christmas_campaign.door.handlers import BY_NAME, UNSUBSCRIBE
from christmas_campaign.door.health import Health
from christmas_campaign.door.http import client_address, cors, json_body, log, signatures
from christmas_campaign.door.http.body_reader import BodyReader
from christmas_campaign.door.http.rate_limit import RateLimit
from christmas_campaign.door.http.responses import HEADERS, JsonAnswer, Refusal, invalid_body, retry_later
from christmas_campaign.door.inbox.store import Call, StoreOutcome
from christmas_campaign.door.inbox.writer import InboxWriter
from christmas_campaign.door.routes import Route, Routes
from christmas_campaign.door.settings import Settings
from christmas_campaign.door.unsubscribe_page import PageKind
from christmas_campaign.stops.unsubscribe import Wish

#: The most bytes of all headers of a request together. h11 checks the same limit, but only for headers that it has to wait for.
MAX_HEADER_BYTES = 16_384

#: A larger body (in bytes) is parsed in a thread, so that other requests do not wait for it.
LARGE_BODY_BYTES = 65_536

#: ``Retry-After`` when the inbox is full.
INBOX_FULL_SECONDS = 60


class Door:
    """The ASGI application. It handles HTTP only; the server starts and stops the forwarder."""

    def __init__(
        self,
        settings: Settings,
        inbox: InboxWriter,
        health: Health,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Tests pass their own ``now`` (aware) and ``clock`` (seconds)."""
        self._settings = settings
        self._inbox = inbox
        self._health = health
        self._now = now
        self._routes = Routes(settings.keys)
        self._rate_limit = RateLimit(settings.rate, clock)
        self._slots = asyncio.Semaphore(settings.concurrency)
        # A single thread, so that several large bodies are never parsed (and held in memory) at the same time.
        self._parser_thread = ThreadPoolExecutor(1, "body")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope)
        body_reader = BodyReader(headers, receive)
        client = scope.get("client")
        sender = client_address.sender_address(
            client[0] if client else None, headers.getlist("x-forwarded-for"), self._settings.proxies
        )
        cors_headers = cors.headers(self._settings.origins, headers)
        route = self._routes.match(scope["raw_path"])
        try:
            response = await self._answer(scope, headers, body_reader, sender, route, cors_headers)
        except Refusal as refusal:
            _log_refusal(route, sender, refusal.status, refusal.message)
            is_page = route is not None and route.token is not None
            response = unsubscribe_page.refusal_page(refusal) if is_page else refusal.answer()
        except ClientDisconnect:
            return
        except Exception as error:
            _log_refusal(route, sender, 500, log.error_origin(error))
            response = JsonAnswer(500, {"status": "failed", "message": "something went wrong here"})
        response.headers.update(cors_headers)
        await body_reader.respond(response, scope, send)

    async def _answer(
        self,
        scope: Scope,
        headers: Headers,
        body_reader: BodyReader,
        sender: client_address.Address,
        route: Route | None,
        cors_headers: dict[str, str],
    ) -> Response:
        _check_head(scope)
        if route is None:
            raise Refusal(404, "there is nothing here")
        if scope["method"] not in route.methods:
            preflight = cors.preflight_headers(route.methods, scope["method"], headers, cors_headers)
            if preflight is not None:
                return Response(status_code=204, headers={**HEADERS, **preflight})
            raise Refusal(405, "this method is not taken here", {"Allow": ", ".join(route.methods)})
        if route.handler is None:
            return await self._answer_health()
        wait_seconds = self._rate_limit.take(client_address.rate_limit_network(sender))
        if wait_seconds:
            raise retry_later(429, "too many calls from there", wait_seconds)
        # No await between the two: a free slot is acquired at once.
        if self._slots.locked():
            raise retry_later(503, "too many calls at once", 1)
        async with self._slots:
            if route.token is not None:
                return await self._answer_page(route.token, scope["method"], headers, body_reader)
            return await self._answer_webhook(route, scope, body_reader, sender)

    async def _answer_health(self) -> JsonAnswer:
        report = await self._health.check()
        since = report.calls_wait_since
        body = {
            "status": "healthy" if report.is_healthy else "unhealthy",
            "timestamp": times.text(self._now()),
            "calls_wait_since": None if since is None else times.text(since),
            "environment": self._settings.environment,
        }
        return JsonAnswer(200 if report.is_healthy else 503, body)

    async def _answer_page(self, token: str, method: str, headers: Headers, body_reader: BodyReader) -> Response:
        if self._settings.unsubscribe_keys.contact(token) is None:
            raise Refusal(404, "no link of ours")
        sender_name = self._settings.sender
        if method != "POST":
            return unsubscribe_page.page(PageKind.ASK, sender_name)
        wish = unsubscribe_page.read_wish(await body_reader.read(), headers.get("content-type", ""))
        # A repeated wish is stored too: Kestra applies the latest one, by its time of arrival.
        call = Call(uuid.uuid4().hex, UNSUBSCRIBE, unsubscribe_page.payload(token, wish), self._now(), None)
        if await self._inbox.store(call) is StoreOutcome.FULL:
            raise retry_later(503, "there is no room to keep the call", INBOX_FULL_SECONDS)
        return unsubscribe_page.page(PageKind.STOPPED if wish is Wish.STOP else PageKind.GOES_ON, sender_name)

    async def _answer_webhook(
        self, route: Route, scope: Scope, body_reader: BodyReader, sender: client_address.Address
    ) -> JsonAnswer:
        assert route.handler is not None  # noqa: S101  (_answer handles the health route)
        handler = BY_NAME[route.handler]
        body = await body_reader.read()
        now = self._now()
        try:
            signatures.check(handler.signature_forms, scope["headers"], body, self._settings.secrets[handler.name], now)
        except signatures.InvalidSignature as error:
            raise Refusal(401, str(error)) from None
        # Kestra's parser need not know the mark.
        body = json_body.without_mark(body)
        assert handler.decide is not None  # noqa: S101  (only the unsubscribe handler has none; _answer handles its page)
        decide = partial(handler.decide, body, now)
        try:
            if len(body) > LARGE_BODY_BYTES:
                decision = await asyncio.get_running_loop().run_in_executor(self._parser_thread, decide)
            else:
                decision = decide()
        except json_body.Unreadable as error:
            _log_refusal(route, sender, 422, f"the body {error}")
            return invalid_body(str(error))
        if decision.status != 200:
            _log_refusal(route, sender, decision.status, decision.log_message)
            return JsonAnswer(decision.status, decision.body)
        if not decision.forward:
            return JsonAnswer(200, decision.body)
        outcome = await self._inbox.store(Call(uuid.uuid4().hex, route.handler, body, now, decision.enrolment_id))
        if outcome is StoreOutcome.FULL and decision.must_be_stored:
            raise retry_later(503, "there is no room to keep the call", INBOX_FULL_SECONDS)
        return JsonAnswer(200, decision.duplicate_body if outcome is StoreOutcome.DUPLICATE else decision.body)


def _check_head(scope: Scope) -> None:
    """Raise ``Refusal`` for a request head that h11 accepts and another HTTP parser might read differently."""
    if scope["http_version"] not in ("1.0", "1.1"):
        raise Refusal(400, "this is no proper HTTP", {"Connection": "close"})
    names = {name for name, _ in scope["headers"]}
    if b"transfer-encoding" in names and (b"content-length" in names or scope["http_version"] == "1.0"):
        raise Refusal(400, "the length of the body can be read in two ways")
    if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        raise Refusal(431, f"the headers are larger than {MAX_HEADER_BYTES} bytes")


def _log_refusal(route: Route | None, sender: client_address.Address, status: int, message: str) -> None:
    handler = "-" if route is None else route.handler or "health"
    log.line("refused", handler, client_address.loggable_network(sender), status, message)
