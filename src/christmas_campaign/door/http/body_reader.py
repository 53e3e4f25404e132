"""Reads the body of a request within limits of size and time, and answers cleanly if the body was not read to its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from christmas_campaign.door.http.json_body import MAX_BYTES
from christmas_campaign.door.http.responses import Refusal

#: How long the sender may take for the whole body, in seconds.
BODY_SECONDS = 10.0

#: After an early answer, how many more seconds and bytes of the body the door reads before it closes the connection.
LINGER_SECONDS, LINGER_BYTES = 1.0, 2 * MAX_BYTES


class BodyReader:
    """The body of one request."""

    def __init__(self, headers: Headers, receive: Receive) -> None:
        self._receive = receive
        self._content_length = int(headers.get("content-length", "0"))
        self._finished = self._content_length == 0 and "transfer-encoding" not in headers

    async def read(self) -> bytes:
        """Return the whole body.

        Raises ``Refusal`` if the body is too large (by its length header already, or once too much has arrived) or too slow,
        ``ClientDisconnect`` if the sender closes the connection.
        """
        if self._content_length > MAX_BYTES:
            raise _too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while not self._finished:
                    body += await self._read_chunk()
                    if len(body) > MAX_BYTES:
                        raise _too_large()
        except TimeoutError:
            raise Refusal(408, "the body did not come in time") from None
        return bytes(body)

    async def _read_chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._finished = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def respond(self, response: Response, scope: Scope, send: Send) -> None:
        """Send an answer. If the body was not read to its end, close the connection afterwards.

        Closing a connection with unread bytes resets it, and a client that is still sending might then never see the answer.
        The door therefore reads and discards some of the remaining body first.
        """
        if self._finished:
            await response(scope, self._receive, send)
            return
        response.headers["Connection"] = "close"
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        remaining_bytes = LINGER_BYTES
        with suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._finished and remaining_bytes > 0:
                    remaining_bytes -= len(await self._read_chunk())
        await send({"type": "http.response.body", "body": b""})


def _too_large() -> Refusal:
    return Refusal(413, f"the body is larger than {MAX_BYTES} bytes")
