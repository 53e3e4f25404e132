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
from collections.abc import AsyncIterator

import uvicorn
from starlette.routing import Router

from christmas_campaign.door.app import Door
from christmas_campaign.door.handlers import webhooks
from christmas_campaign.door.health import Health
from christmas_campaign.door.http.limits import MOST_HEADER_BYTES
from christmas_campaign.door.http.protocol import IDLE_SECONDS, DoorProtocol
from christmas_campaign.door.inbox.forwarder import Handing
from christmas_campaign.door.inbox.store import Inbox
from christmas_campaign.door.inbox.writer import Keeping
from christmas_campaign.door.settings import Settings

#: How many connections may wait to be accepted.
BACKLOG = 2048


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
            listener.listen(BACKLOG)
            asyncio.run(_serve(settings, keeping, listener, url, child))


async def _serve(settings: Settings, keeping: Keeping, listener: socket.socket, url: str, child: bool) -> None:
    health = Health(settings.kestra_health_url, time.monotonic)
    handing = Handing(keeping, webhooks(settings.kestra_url, settings.keys))

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        handing.start()
        print("READY " + json.dumps({"url": url, "pid": os.getpid()}), flush=True)
        yield
        await handing.stop()
        await health.close()

    config = uvicorn.Config(
        # The router has no routes: every request goes to the door.
        Router(default=Door(settings, keeping, health), lifespan=lifespan),
        http=DoorProtocol,
        ws="none",
        lifespan="on",
        # The paths hold keys, and what goes wrong may quote a payload: the door says itself what is to be said.
        access_log=False,
        log_config=None,
        log_level="critical",
        # Who sent a call is found out from DOOR_PROXIES alone.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
    )
    server = uvicorn.Server(config)
    # When uvicorn ends it raises the signal again, for the handlers that were set before. With Python's own handlers the
    # process would seem to have crashed; with these it ends with exit code 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    if child:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    await server.serve(sockets=[listener])


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    server.should_exit = True
