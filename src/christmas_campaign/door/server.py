"""The process: it opens the inbox, serves, hands on, says when it is ready, and ends when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

import uvicorn

from christmas_campaign.door.app import Door
from christmas_campaign.door.handlers import webhooks
from christmas_campaign.door.health import Health
from christmas_campaign.door.http.limits import MOST_HEADER_BYTES
from christmas_campaign.door.http.protocol import IDLE_SECONDS, DoorProtocol
from christmas_campaign.door.inbox.forwarder import Handing
from christmas_campaign.door.inbox.store import Inbox
from christmas_campaign.door.inbox.writer import Keeping
from christmas_campaign.door.settings import Settings


class _Server(uvicorn.Server):
    """A server that hands on as long as it serves, says when it is ready, and ends with exit code 0 when it is told to."""

    def __init__(self, config: uvicorn.Config, url: str, handing: Handing, health: Health) -> None:
        super().__init__(config)
        self._url = url
        self._handing = handing
        self._health = health

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._handing.start()
        print("READY " + json.dumps({"url": self._url, "pid": os.getpid()}), flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets=sockets)
        await self._handing.stop()
        await self._health.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own version raises the signal again at the end, which would look like a crash from outside.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield


def run(settings: Settings, *, child: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; a ``child`` also until the end of standard input.

    Prints ``READY`` and a JSON object with ``url`` and ``pid`` once calls are answered. Raises ``OSError`` where it cannot
    listen, ``InboxError`` where the inbox cannot be used.
    """
    host, port = settings.listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off, which would add 40 ms to each answer, only where the protocol is named.
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        url = f"http://{shown}:{listener.getsockname()[1]}"
        with contextlib.closing(Keeping(Inbox(settings.inbox, most=settings.inbox_most))) as keeping:
            asyncio.run(_serve(settings, keeping, listener, url, child))


async def _serve(settings: Settings, keeping: Keeping, listener: socket.socket, url: str, child: bool) -> None:
    health = Health(settings.kestra_health_url, time.monotonic)
    handing = Handing(keeping, webhooks(settings.kestra_url, settings.keys))
    config = uvicorn.Config(
        Door(settings, keeping, health),
        http=DoorProtocol,
        ws="none",
        lifespan="off",
        # The paths hold keys, and what goes wrong may quote a payload: the door says itself what is to be said.
        access_log=False,
        log_config=None,
        log_level="critical",
        # Who sent a call is found out from DOOR_PROXIES alone.
        proxy_headers=False,
        server_header=False,
        backlog=2048,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
    )
    server = _Server(config, url, handing, health)
    if child:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    await server.serve(sockets=[listener])


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    server.should_exit = True
