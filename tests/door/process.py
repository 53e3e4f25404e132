"""What the tests of the door share: a door process, and something that stands where Kestra does."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import httpx
from support import until

from christmas_campaign.campaign.unsubscribe_link import keys
from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.door.routes import KESTRA_PATHS, PUBLIC_PATHS
from christmas_campaign.local.child_process import Child
from christmas_campaign.local.stack import Stack
from christmas_campaign.sequences.registry import SEQUENCES

#: The last part of each webhook's address.
KEYS = {each.name: f"key-of-{each.name}-0123456789" for each in HANDLERS}

#: What the links to unsubscribe are made with.
UNSUBSCRIBE_KEY = "key-of-the-links-0123456789"
UNSUBSCRIBE_KEYS = keys(UNSUBSCRIBE_KEY)

#: What an answer of Kestra's place can be: a status, no answer for a while, or a connection that ends without one.
HANG, DIE = "hang", "die"


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def addresses(name: str) -> tuple[str, str]:
    """Both paths of a sequence: today's and Kestra's own."""
    return PUBLIC_PATHS[name], KESTRA_PATHS[name] + KEYS[name]


@dataclass(frozen=True)
class Arrived:
    """A call that came to Kestra's place, and what it was told."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    answer: int | str


class Upstream:
    """Stands where Kestra does, for what a real one cannot be made to do. It can be stopped and started on the same port."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.answer: Callable[[bytes], int | str] = lambda _: 200
        self.healthy: int | str = 200
        self.health_asked = 0
        self.port = 0
        self._server: ThreadingHTTPServer | None = None
        self._released = threading.Event()
        self._connections: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def taken(self) -> list[bytes]:
        """The bodies that were taken, in order."""
        return [each.body for each in self.arrived if each.answer == 200]

    def start(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                outer.health_asked += 1
                self.tell(outer.healthy)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    # Whoever sent it was killed in the middle: that is no call.
                    self.close_connection = True
                    return
                answer = outer.answer(body)
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.arrived.append(Arrived(self.path, headers, body, time.time(), answer))
                self.tell(answer)

            def tell(self, answer: int | str) -> None:
                if answer == HANG:
                    outer._released.wait(30)
                if not isinstance(answer, int):
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(answer)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def process_request(self, request: Any, client_address: Any) -> None:
                outer._connections.append(request)
                super().process_request(request, client_address)

            def handle_error(self, *_: Any) -> None:
                pass

        self._released.clear()
        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Go away: nothing listens any more, and the connections that are open are not answered."""
        self._released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        while self._connections:
            # It may have ended by itself.
            with contextlib.suppress(OSError):
                self._connections.pop().shutdown(socket.SHUT_RDWR)


class Behind(Protocol):
    """What a door hands on to: the upstream above, or a real engine."""

    @property
    def url(self) -> str: ...


def stack_keys(stack: Stack) -> dict[str, str]:
    """Return the keys of a stack's webhooks, as the door is given them."""
    keys = [(each.webhook_key, stack.webhook(each.handler).rpartition("/")[2]) for each in SEQUENCES]
    return {f"SECRET_{name}": base64_of(key) for name, key in keys}


class DoorProcess:
    """A real door, on a free port, in front of ``upstream``."""

    def __init__(self, folder: Path, upstream: Behind, *, program: str = "", **settings: str) -> None:
        """Take a folder of its own, what stands where Kestra does, and settings; ``program`` runs before the door's own."""
        self.inbox = folder / "door" / "inbox.sqlite"
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("DOOR_", "SIGNING_", "SECRET_"))
        }
        env |= {f"SECRET_{each.webhook_key}": base64_of(KEYS[each.name]) for each in HANDLERS}
        env |= {"SECRET_UNSUBSCRIBE_KEY": base64_of(UNSUBSCRIBE_KEY)}
        env |= {
            "DOOR_LISTEN": "127.0.0.1:0",
            "DOOR_KESTRA_URL": upstream.url,
            # On its own port in Kestra; the embedded engine and the stand-ins have it beside the rest.
            "DOOR_KESTRA_HEALTH_URL": f"{upstream.url}/health",
            "DOOR_INBOX": str(self.inbox),
            "DOOR_RATE": "1000000",
            **settings,
        }
        start = f"import sys\n{program}\nfrom christmas_campaign.door.__main__ import main\nsys.exit(main())"
        self.child = Child("the door", [sys.executable, "-c", start, "--child"], env=env, log=folder / "door.log")
        self.url = ""

    def __enter__(self) -> DoorProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.child.kill()

    def start(self) -> None:
        self.url = str(self.child.start(30)["url"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def resident(self) -> float:
        """The megabytes of memory that the door holds."""
        lines = Path(f"/proc/{self.child.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024

    @property
    def log(self) -> str:
        return self.child.log.read_text()

    def post(self, path: str, content: Any = b"", **headers: str) -> httpx.Response:
        """Post a JSON value, or bytes as they are."""
        plain = {"content": content} if isinstance(content, bytes) else {"json": content}
        with_dashes = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.url + path, headers=with_dashes, timeout=20, **plain)

    def logged(self, *words: str) -> str:
        """The first line of the log with all these words, once there is one."""

        def line() -> str | None:
            return next((each for each in self.log.splitlines() if all(word in each for word in words)), None)

        return until(line, f"a line of the log with {words}", 10)


def raw(port: int, sent: bytes, *, timeout: float = 10.0) -> bytes:
    """Send bytes, and return all that comes until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(sent)
        return rest(connection)


def rest(connection: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    found = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return found
        if not piece:
            return found
        found += piece
