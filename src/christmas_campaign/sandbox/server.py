"""The sandbox process: it listens on 127.0.0.1 only, prints ``READY``, and stops on a signal or when its input ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from christmas_campaign.sandbox.app import make_app
from christmas_campaign.sandbox.store import Store

HOST = "127.0.0.1"


class _Protocol(H11Protocol):
    """Uvicorn's HTTP protocol, with the connection in each request's state so that a fault can reset it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """A server that prints ``READY`` once it answers calls, and exits with code 0 after SIGTERM or SIGINT."""

    url = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        print("READY " + json.dumps({"url": self.url, "pid": os.getpid()}), flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn's own version raises the signal again at the end, so that the process would seem to have crashed.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield


def run(data: Path, *, port: int, notion_token: str, resend_key: str) -> None:
    """Serve until SIGTERM, SIGINT or the end of standard input.

    ``data`` is the SQLite file; ``port`` 0 picks a free port. Once the server answers calls it prints ``READY`` and a JSON
    object with ``url`` and ``pid``. Raises ``OSError`` if the port is in use, ``sqlite3.Error`` if the file is not a database.
    """
    # The protocol is named because asyncio turns Nagle's algorithm off only then; it would delay each answer by 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with contextlib.closing(listener), contextlib.closing(Store(data)) as store:
        listener.bind((HOST, port))
        config = uvicorn.Config(
            make_app(store, notion_token=notion_token, resend_key=resend_key),
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            backlog=2048,
            timeout_graceful_shutdown=2,
        )
        server = _Server(config)
        server.url = f"http://{HOST}:{listener.getsockname()[1]}"
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
        server.run(sockets=[listener])


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    server.should_exit = True
