"""A small HTTP server that stands in for the door: it records calls and answers with a chosen status."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Call:
    """A call that the server received; ``headers`` have names in lower case."""

    def __init__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        self.method, self.path, self.body = method, path, body
        self.headers = {name.lower(): value for name, value in headers.items()}


class DoorStandIn(ThreadingHTTPServer):
    """Records each call and answers with ``status``; with status 0 it closes the connection."""

    daemon_threads = True

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)

    def status_for(self, call: Call) -> int:
        """Return the status for this call."""
        self.calls.append(call)
        return self.status


class _Handler(BaseHTTPRequestHandler):
    server: DoorStandIn
    protocol_version = "HTTP/1.1"
    server_version = "a-door"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self._chunks()
        status = self.server.status_for(Call(self.command, self.path, dict(self.headers.items()), body))
        if status == 0:
            self.close_connection = True
            return
        content = b'{"status": "accepted"}'
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815  (http.server's name)

    def _chunks(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return b""
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(server: DoorStandIn) -> Iterator[None]:
    """Serve in a thread of this process."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
