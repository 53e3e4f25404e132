"""Reading a body: as much of it as may be, in the time that it may take, and a decent end where it is not wanted."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from christmas_campaign.door.http.json_body import MOST_BYTES
from christmas_campaign.door.http.responses import Refusal

#: How long a sender may take for the whole body, in seconds.
LIMIT = 10.0

#: How long, in seconds, and for how many bytes more an answer that came before the end of the body waits for that end.
LINGER, LINGER_BYTES = 1.0, 2 * MOST_BYTES


class Reading:
    """The body of one request."""

    def __init__(self, headers: Headers, receive: Receive) -> None:
        """Take the request's headers and where its body comes from."""
        self._receive = receive
        self._declared = int(headers.get("content-length", "0"))
        self.ended = self._declared == 0 and "transfer-encoding" not in headers

    async def whole(self) -> bytes:
        """Return the body. Raises ``Refusal`` when it is too large, which its first line may say, or takes too long;
        ``ClientDisconnect`` when its sender goes away."""
        if self._declared > MOST_BYTES:
            raise _too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(LIMIT):
                while not self.ended:
                    body += await self._piece()
                    if len(body) > MOST_BYTES:
                        raise _too_large()
        except TimeoutError:
            raise Refusal(408, "the body did not come in time") from None
        return bytes(body)

    async def _piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self.ended = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def respond(self, response: Response, scope: Scope, send: Send) -> None:
        """Send an answer. Where the body was not read to its end the connection is closed after it.

        Closed at once, with bytes unread, it would be reset, and a sender that is still busy with its body might never see
        the answer; so a little of what comes is thrown away first.
        """
        if self.ended:
            await response(scope, self._receive, send)
            return
        response.headers["Connection"] = "close"
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        left = LINGER_BYTES
        with suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(LINGER):
                while not self.ended and left > 0:
                    left -= len(await self._piece())
        await send({"type": "http.response.body", "body": b""})


def _too_large() -> Refusal:
    return Refusal(413, f"the body is larger than {MOST_BYTES} bytes")
