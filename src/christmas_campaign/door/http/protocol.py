"""One HTTP connection: uvicorn's protocol on h11, with the limits that uvicorn does not have.

uvicorn does not limit the time for a request head, and counts a connection only once it has sent a complete head. A client
that sends one byte a second could hold a connection for ever, and many such clients would lock out everybody else.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from christmas_campaign.door.http import client_address, log
from christmas_campaign.door.http.responses import Refusal

#: How long a request head (the lines before the body) may take, in seconds.
HEAD_SECONDS = 10.0

#: The most connections at once. Beyond that the door closes the idle connection that has been quiet for the longest time.
MAX_CONNECTIONS = 1_000

#: The most chunks of a body: a chunk of one byte costs as much time as one of a kilobyte.
MAX_CHUNKS = 20_000

#: How long the client may take to read an answer before the door cuts the connection, in seconds.
UNREAD_SECONDS = 10.0


class _ConnectionState(h11.Connection):
    """h11's state of a connection, with a limit on the chunks of a body."""

    _chunks = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = 0
        elif isinstance(event, h11.Data):
            self._chunks += 1
            if self._chunks > MAX_CHUNKS:
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
        """uvicorn calls this for each new connection."""
        super().__init__(config, server_state, app_state, _loop)
        assert config.h11_max_incomplete_event_size is not None  # noqa: S101  (server.py sets it)
        self.conn = _ConnectionState(h11.SERVER, config.h11_max_incomplete_event_size)
        self._head_timer: asyncio.TimerHandle | None = None
        self._close_timer: asyncio.TimerHandle | None = None
        self.quiet_since = self.loop.time()

    @property
    def is_waiting_for_head(self) -> bool:
        """Whether no request head, or only a part of one, has arrived."""
        return self.conn.their_state is h11.IDLE

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit for the head. If there are too many connections, cut the one that is quiet for longest."""
        super().connection_made(transport)
        self._start_head_timer()
        if len(self.connections) > MAX_CONNECTIONS:
            waiting = [
                connection
                for connection in self.connections
                if isinstance(connection, DoorProtocol) and connection.is_waiting_for_head
            ]
            quietest = min(waiting, key=lambda connection: connection.quiet_since)
            quietest._log(Refusal(503, "too many connections"))
            quietest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers: a timer would keep a closed connection in memory, and there can be thousands."""
        self._cancel_head_timer()
        if self._close_timer is not None:
            self._close_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle bytes from the client. The time limit for a further head runs from its first byte."""
        super().data_received(data)
        if not self.is_waiting_for_head:
            self._cancel_head_timer()
        elif self._head_timer is None:
            self._start_head_timer()

    def on_response_complete(self) -> None:
        """Limit how long the client may take to read the last answer of a connection."""
        self.quiet_since = self.loop.time()
        super().on_response_complete()
        if self.transport.is_closing():
            self._start_close_timer()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, even if the client has not read the last answer."""
        super().timeout_keep_alive_handler()
        self._start_close_timer()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (the door has its own message)
        """Answer a malformed request as JSON, and close the connection."""
        refusal = Refusal(400, "this is no proper HTTP")
        self._log(refusal)
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            # The door has already begun to answer.
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

    def _start_close_timer(self) -> None:
        if self._close_timer is None:
            self._close_timer = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def _start_head_timer(self) -> None:
        self.quiet_since = self.loop.time()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._abort_slow_head)

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _abort_slow_head(self) -> None:
        self._head_timer = None
        # A connection that never sent a byte is not worth a line in the log.
        if self.conn.trailing_data[0]:
            self._log(Refusal(408, "the request did not come in time"))
        self.transport.abort()

    def _log(self, refusal: Refusal) -> None:
        address = client_address.sender_address(self.client[0] if self.client else None, (), ())
        log.line("refused", "-", client_address.loggable_network(address), refusal.status, refusal.message)
