"""Helpers of the door's tests: a door process, and a server in the place of Kestra."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import httpx
from standardwebhooks import Webhook
from support import until

from christmas_campaign.campaign.unsubscribe_link import keys
from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.door.routes import KESTRA_PATHS, PUBLIC_PATHS
from christmas_campaign.local.child_process import Child
from christmas_campaign.local.stack import Stack
from christmas_campaign.sequences.registry import SEQUENCES

#: The webhook keys by handler name.
KEYS = {handler.name: f"key-of-{handler.name}-0123456789" for handler in HANDLERS}

#: The key of the unsubscribe links.
UNSUBSCRIBE_KEY = "key-of-the-links-0123456789"
UNSUBSCRIBE_KEYS = keys(UNSUBSCRIBE_KEY)

#: Instead of a status, FakeKestra can wait for a long time, or cut the connection.
HANG, DIE = "hang", "die"


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def addresses(name: str) -> tuple[str, str]:
    """Return both paths of a sequence: the public one and Kestra's own."""
    return PUBLIC_PATHS[name], KESTRA_PATHS[name] + KEYS[name]


@dataclass(frozen=True)
class ForwardedCall:
    """A call that reached FakeKestra, and how FakeKestra answered."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    answer: int | str


class FakeKestra:
    """A server that answers as the test wants. It can stop, and start again on the same port."""

    def __init__(self) -> None:
        self.calls: list[ForwardedCall] = []
        self.answer: Callable[[bytes], int | str] = lambda _: 200
        self.health_answer: int | str = 200
        self.health_requests = 0
        self.port = 0
        self._server: ThreadingHTTPServer | None = None
        self._stopped = threading.Event()
        self._connections: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def accepted(self) -> list[bytes]:
        """The bodies of the calls that were answered 200, in order."""
        return [call.body for call in self.calls if call.answer == 200]

    def start(self) -> None:
        kestra = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                kestra.health_requests += 1
                self.respond(kestra.health_answer)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    # The sender was killed half-way: this is not a call.
                    self.close_connection = True
                    return
                answer = kestra.answer(body)
                headers = {name.lower(): value for name, value in self.headers.items()}
                kestra.calls.append(ForwardedCall(self.path, headers, body, answer))
                self.respond(answer)

            def respond(self, answer: int | str) -> None:
                if answer == HANG:
                    kestra._stopped.wait(30)
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
                kestra._connections.append(request)
                super().process_request(request, client_address)

            def handle_error(self, *_: Any) -> None:
                pass

        self._stopped.clear()
        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening, and cut all connections."""
        self._stopped.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        while self._connections:
            # The client may have closed the connection already.
            with contextlib.suppress(OSError):
                self._connections.pop().shutdown(socket.SHUT_RDWR)


class HasUrl(Protocol):
    """The Kestra behind a door: FakeKestra or a real engine."""

    @property
    def url(self) -> str: ...


def stack_keys(stack: Stack) -> dict[str, str]:
    """Return the door's settings with the keys of a stack's webhooks."""
    webhook_keys = [
        (sequence.webhook_key, stack.webhook(sequence.handler).rpartition("/")[2]) for sequence in SEQUENCES
    ]
    return {f"SECRET_{name}": base64_of(key) for name, key in webhook_keys}


def signature_headers(sequence: str, body: bytes, secret: str) -> dict[str, str]:
    """Return the headers with which the sender of a sequence signs a body now."""
    now = datetime.now(UTC)
    seconds = int(now.timestamp())
    if sequence == "noshow":
        signature = hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
        return {"Calendly-Webhook-Signature": f"t={seconds},v1={signature}"}
    if sequence == "onboarding":
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        return {"X-DocuSign-Signature-1": base64.b64encode(digest).decode()}
    signature = Webhook(secret if secret.startswith("whsec_") else secret.encode()).sign("msg_1", now, body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(seconds), "webhook-signature": signature}


class DoorProcess:
    """A real door on a free port."""

    def __init__(self, folder: Path, kestra: HasUrl, *, program: str = "", **settings: str) -> None:
        """``folder`` is for the inbox and the log; the Python code ``program`` runs before the door starts."""
        self.inbox = folder / "door" / "inbox.sqlite"
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("DOOR_", "SIGNING_", "SECRET_"))
        }
        env |= {f"SECRET_{handler.webhook_key}": base64_of(KEYS[handler.name]) for handler in HANDLERS}
        env |= {
            "SECRET_UNSUBSCRIBE_KEY": base64_of(UNSUBSCRIBE_KEY),
            "DOOR_LISTEN": "127.0.0.1:0",
            "DOOR_KESTRA_URL": kestra.url,
            # Kestra has its health on another port; the embedded engine and FakeKestra do not.
            "DOOR_KESTRA_HEALTH_URL": f"{kestra.url}/health",
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
        # Not killed: a door that stops writes down which of its lines have run.
        self.child.stop()

    def start(self) -> None:
        self.url = str(self.child.start(30)["url"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def resident(self) -> float:
        """The memory of the door, in megabytes."""
        lines = Path(f"/proc/{self.child.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024

    @property
    def log(self) -> str:
        return self.child.log.read_text()

    def post(self, path: str, content: Any = b"", **headers: str) -> httpx.Response:
        """Post bytes as they are, or another value as JSON."""
        body = {"content": content} if isinstance(content, bytes) else {"json": content}
        with_dashes = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.url + path, headers=with_dashes, timeout=20, **body)

    def logged(self, *words: str) -> str:
        """Wait for a line of the log with all these words, and return it."""

        def find_line() -> str | None:
            return next((line for line in self.log.splitlines() if all(word in line for word in words)), None)

        return until(find_line, f"a line of the log with {words}", 10)


def raw(port: int, request: bytes, *, timeout: float = 10.0) -> bytes:
    """Send bytes, and return all bytes of the answer until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(request)
        return read_to_end(connection)


def read_to_end(connection: socket.socket) -> bytes:
    """Return all bytes until the connection ends, or is reset."""
    received = b""
    while True:
        try:
            chunk = connection.recv(65536)
        except ConnectionResetError:
            return received
        if not chunk:
            return received
        received += chunk


class Clock:
    """A clock in seconds that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now
