"""The app: the order in which a request is looked at, and what it is told."""

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
from christmas_campaign.door.http.body_reader import Reading
from christmas_campaign.door.http.limits import MOST_HEADER_BYTES, Rate
from christmas_campaign.door.http.responses import HEADERS, Answer, Refusal, later, wrong_body
from christmas_campaign.door.inbox.store import Call, Kept
from christmas_campaign.door.inbox.writer import Keeping
from christmas_campaign.door.routes import Paths, Place
from christmas_campaign.door.settings import Settings
from christmas_campaign.door.unsubscribe_page import Shown
from christmas_campaign.stops.unsubscribe import Wish

#: A body of more bytes is read in a thread: the others need not wait for it.
LARGE = 65_536

#: After how many seconds a sender may come again when the inbox is full.
NO_ROOM_SECONDS = 60


class Door:
    """The ASGI app. It takes HTTP only; whoever serves it starts and stops what hands on."""

    def __init__(
        self,
        settings: Settings,
        keeping: Keeping,
        health: Health,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the settings, the inbox and the health of Kestra; ``now`` and ``clock`` are for tests."""
        self._settings = settings
        self._keeping = keeping
        self._health = health
        self._now = now
        self._paths = Paths(settings.keys)
        self._rate = Rate(settings.rate, clock)
        self._slots = asyncio.Semaphore(settings.concurrency)
        # One, so that large bodies do not fill the memory side by side.
        self._thread = ThreadPoolExecutor(1, "body")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope)
        reading = Reading(headers, receive)
        client = scope.get("client")
        address = client_address.sender(
            client[0] if client else None, headers.getlist("x-forwarded-for"), self._settings.proxies
        )
        for_browsers = cors.headers(self._settings.origins, headers)
        place = self._paths.find(scope["raw_path"])
        try:
            response = await self._answer(scope, headers, reading, address, place, for_browsers)
        except Refusal as refusal:
            _log(place, address, refusal.status, refusal.why)
            response = refusal.answer() if place is None or place.token is None else unsubscribe_page.refusal(refusal)
        except ClientDisconnect:
            return
        except Exception as error:
            _log(place, address, 500, log.origin(error))
            response = Answer(500, {"status": "failed", "message": "something went wrong here"})
        response.headers.update(for_browsers)
        await reading.respond(response, scope, send)

    async def _answer(
        self,
        scope: Scope,
        headers: Headers,
        reading: Reading,
        address: client_address.Address,
        place: Place | None,
        for_browsers: dict[str, str],
    ) -> Response:
        _check_head(scope)
        if place is None:
            raise Refusal(404, "there is nothing here")
        if scope["method"] not in place.methods:
            preflight = cors.preflight(place.methods, scope["method"], headers, for_browsers)
            if preflight is not None:
                return Response(status_code=204, headers={**HEADERS, **preflight})
            raise Refusal(405, "this method is not taken here", {"Allow": ", ".join(place.methods)})
        if place.handler is None:
            return await self._healthy()
        wait = self._rate.take(client_address.counted(address))
        if wait:
            raise later(429, "too many calls from there", wait)
        # No await between the two: a free slot is acquired at once.
        if self._slots.locked():
            raise later(503, "too many calls at once", 1)
        async with self._slots:
            if place.token is not None:
                return await self._page(place.token, scope["method"], headers, reading)
            return await self._take(place, scope, reading, address)

    async def _healthy(self) -> Answer:
        up = await self._health.up()
        body = {
            "status": "healthy" if up else "unhealthy",
            "timestamp": times.text(self._now()),
            "environment": self._settings.environment,
        }
        return Answer(200 if up else 503, body)

    async def _page(self, token: str, method: str, headers: Headers, reading: Reading) -> Response:
        if self._settings.unsubscribe_keys.contact(token) is None:
            raise Refusal(404, "no link of ours")
        sender = self._settings.sender
        if method != "POST":
            return unsubscribe_page.page(Shown.ASK, sender)
        wish = unsubscribe_page.wish(await reading.whole(), headers.get("content-type", ""))
        # Each of them counts, also the same once more: which came last is told by its time.
        call = Call(uuid.uuid4().hex, UNSUBSCRIBE, unsubscribe_page.payload(token, wish), self._now(), None)
        if await self._keeping.keep(call) is Kept.NO_ROOM:
            raise later(503, "there is no room to keep the call", NO_ROOM_SECONDS)
        return unsubscribe_page.page(Shown.STOPPED if wish is Wish.STOP else Shown.GOES_ON, sender)

    async def _take(self, place: Place, scope: Scope, reading: Reading, address: client_address.Address) -> Answer:
        assert place.handler is not None  # noqa: S101  (the health is answered elsewhere)
        handler = BY_NAME[place.handler]
        body = await reading.whole()
        now = self._now()
        try:
            signatures.check(handler.signature_forms, scope["headers"], body, self._settings.secrets[handler.name], now)
        except signatures.Refused as refused:
            raise Refusal(401, str(refused)) from None
        assert handler.decide is not None  # noqa: S101  (that place is a page's, and is answered elsewhere)
        decide = partial(handler.decide, body, now)
        try:
            if len(body) > LARGE:
                decision = await asyncio.get_running_loop().run_in_executor(self._thread, decide)
            else:
                decision = decide()
        except json_body.Unreadable as unreadable:
            _log(place, address, 422, f"the body {unreadable}")
            return wrong_body(str(unreadable))
        if decision.code != 200:
            _log(place, address, decision.code, decision.why)
            return Answer(decision.code, decision.body)
        if not decision.handed_on:
            return Answer(200, decision.body)
        kept = await self._keeping.keep(Call(uuid.uuid4().hex, place.handler, body, now, decision.once))
        if kept is Kept.NO_ROOM and decision.needed:
            raise later(503, "there is no room to keep the call", NO_ROOM_SECONDS)
        return Answer(200, decision.body_if_known if kept is Kept.KNOWN else decision.body)


def _check_head(scope: Scope) -> None:
    """Refuse what h11 lets through and another reader might read differently. Raises ``Refusal``."""
    if scope["http_version"] not in ("1.0", "1.1"):
        raise Refusal(400, "this is no proper HTTP", {"Connection": "close"})
    names = {name for name, _ in scope["headers"]}
    if b"transfer-encoding" in names and (b"content-length" in names or scope["http_version"] == "1.0"):
        raise Refusal(400, "the length of the body can be read in two ways")
    if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > MOST_HEADER_BYTES:
        raise Refusal(431, f"the headers are larger than {MOST_HEADER_BYTES} bytes")


def _log(place: Place | None, address: client_address.Address, status: int, why: str) -> None:
    what = "-" if place is None else place.handler or "health"
    log.line("refused", what, client_address.shown(address), status, why)
