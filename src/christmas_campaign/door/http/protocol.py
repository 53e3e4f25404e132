"""HTTP as uvicorn and h11 speak it, with the limits that they lack.

uvicorn gives a request's first lines all the time in the world, and counts connections only when a request is complete: so
a sender of a byte a second would hold its connection for ever, and enough of them would shut everybody else out.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from christmas_campaign.door.http import client_address, log
from christmas_campaign.door.http.limits import MOST_HEADER_BYTES
from christmas_campaign.door.http.responses import Refusal

#: How long the lines before the body may take, and how long a connection may be idle between two requests, in seconds.
HEAD_SECONDS = 10.0
IDLE_SECONDS = 5

#: The most connections at once; beyond, whoever has said the least for the longest is cut off.
MOST_CONNECTIONS = 1_000

#: The most pieces that a body may come in: a chunk of one byte costs as much as one of a kilobyte.
MOST_PIECES = 20_000

#: How long an answer may wait to be read before the connection is cut, in seconds.
UNREAD_SECONDS = 10.0


class _Connection(h11.Connection):
    """h11's state of one connection, with a limit on the pieces of a body."""

    _pieces = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._pieces = 0
        elif isinstance(event, h11.Data):
            self._pieces += 1
            if self._pieces > MOST_PIECES:
                raise h11.RemoteProtocolError("a body in too many pieces")
        return event


class DoorProtocol(H11Protocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """As uvicorn calls it."""
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _Connection(h11.SERVER, MOST_HEADER_BYTES)
        self._head_timer: asyncio.TimerHandle | None = None
        self._end_timer: asyncio.TimerHandle | None = None
        self.quiet_since = self.loop.time()

    @property
    def asks_nothing(self) -> bool:
        """Whether no request has come, or not all of its lines before the body."""
        return self.conn.their_state is h11.IDLE

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; the connection that has asked for nothing for the longest makes room."""
        super().connection_made(transport)
        self._watch_head()
        if len(self.connections) > MOST_CONNECTIONS:
            quiet = [each for each in self.connections if isinstance(each, DoorProtocol) and each.asks_nothing]
            oldest = min(quiet, key=lambda each: each.quiet_since)
            oldest._log(Refusal(503, "too many connections"))
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; no timer may keep what is left of it, for there can be thousands in a few seconds."""
        self._unwatch_head()
        if self._end_timer is not None:
            self._end_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Go on; the lines before the body have a time limit, counted from their first byte."""
        super().data_received(data)
        if not self.asks_nothing:
            self._unwatch_head()
        elif self._head_timer is None:
            self._watch_head()

    def on_response_complete(self) -> None:
        """Have the answer read in time, whether the connection goes on or ends."""
        self.quiet_since = self.loop.time()
        super().on_response_complete()
        if self.transport.is_closing():
            self._end_soon()

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, even where the last answer was not read."""
        super().timeout_keep_alive_handler()
        self._end_soon()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (said in the door's own words)
        """Answer what is no HTTP, and hang up."""
        refusal = Refusal(400, "this is no proper HTTP")
        self._log(refusal)
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            # An answer is on its way already.
            self.transport.abort()
            return
        answer = refusal.answer()
        headers = [*answer.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _end_soon(self) -> None:
        if self._end_timer is None:
            self._end_timer = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def _watch_head(self) -> None:
        self.quiet_since = self.loop.time()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _unwatch_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        # A connection that was opened and never used is nothing to write about.
        if self.conn.trailing_data[0]:
            self._log(Refusal(408, "the request did not come in time"))
        self.transport.abort()

    def _log(self, refusal: Refusal) -> None:
        address = client_address.sender(self.client[0] if self.client else None, (), ())
        log.line("refused", "-", client_address.shown(address), refusal.status, refusal.why)
