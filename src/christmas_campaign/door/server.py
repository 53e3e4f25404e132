"""The process of the door: opens the inbox, serves HTTP, and forwards stored calls until a signal stops it."""

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
from datetime import UTC, datetime

import uvicorn
from starlette.routing import Router

from christmas_campaign.door.app import MAX_HEADER_BYTES, Door
from christmas_campaign.door.handlers import webhooks
from christmas_campaign.door.health import Health
from christmas_campaign.door.http.protocol import DoorProtocol
from christmas_campaign.door.inbox.forwarder import Forwarder
from christmas_campaign.door.inbox.store import Inbox
from christmas_campaign.door.inbox.writer import InboxWriter
from christmas_campaign.door.settings import Settings

#: How long a connection may be idle between two requests, in seconds.
IDLE_SECONDS = 5

#: How many connections may wait to be accepted.
BACKLOG = 2048


def run(settings: Settings, *, child: bool = False) -> None:
    """Serve until SIGTERM or SIGINT. With ``child``, also stop when the standard input ends.

    Prints ``READY`` and a JSON object with ``url`` and ``pid`` as soon as clients can connect.
    Raises ``OSError`` if the door cannot listen, ``InboxError`` if the inbox cannot be used.
    """
    host, port = settings.listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off Nagle's algorithm, which delays each answer by 40 ms, only if the socket names its protocol.
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        host_in_url = f"[{host}]" if family == socket.AF_INET6 else host
        url = f"http://{host_in_url}:{listener.getsockname()[1]}"
        with contextlib.closing(InboxWriter(Inbox(settings.inbox, max_calls=settings.inbox_most))) as inbox:
            listener.listen(BACKLOG)
            asyncio.run(_serve(settings, inbox, listener, url, child))


async def _serve(settings: Settings, inbox: InboxWriter, listener: socket.socket, url: str, child: bool) -> None:
    health = Health(settings.kestra_health_url, inbox, lambda: datetime.now(UTC), time.monotonic)
    forwarder = Forwarder(inbox, webhooks(settings.kestra_url, settings.keys))

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        forwarder.start()
        watcher = asyncio.create_task(health.log_changes())
        print("READY " + json.dumps({"url": url, "pid": os.getpid()}), flush=True)
        yield
        watcher.cancel()
        await asyncio.wait([watcher])
        await forwarder.stop()
        await health.close()

    config = uvicorn.Config(
        # The router has no routes: every request goes to the door.
        Router(default=Door(settings, inbox, health), lifespan=lifespan),
        http=DoorProtocol,
        ws="none",
        lifespan="on",
        # Paths contain keys, and error messages may quote a payload: the door writes its own log.
        access_log=False,
        log_config=None,
        log_level="critical",
        # The door finds the sender itself, from DOOR_PROXIES.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
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
