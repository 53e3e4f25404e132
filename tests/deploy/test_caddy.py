"""The Caddyfile in the real Caddy, in front of a small server that stands where the door does."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from optional_programs import require_programs
from support import free_port

from deploy.conftest import DEPLOY

CADDYFILE = DEPLOY / "Caddyfile"
KEY = "a-webhooks-key-that-no-log-may-hold"
MIB = 1024 * 1024


class Call:
    """One call as the door gets it."""

    def __init__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        self.method, self.path, self.body = method, path, body
        self.headers = {name.lower(): value for name, value in headers.items()}


class StandIn(ThreadingHTTPServer):
    """Stands where the door does: keeps each call, and answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"
    server_version = "a-door"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self._chunks()
        self.server.calls.append(Call(self.command, self.path, dict(self.headers.items()), body))
        self.send_response(self.server.status)
        content = json.dumps({"status": "accepted"}).encode()
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


class Proxy:
    """A running Caddy; ``port`` is that of TLS, ``plain`` that of plain HTTP, ``health`` the one of the health check."""

    def __init__(self, door: StandIn, folder: Path) -> None:
        self.door, self.door_port = door, door.server_port
        self.port, self.plain, self.health = free_port(), free_port(), free_port()
        self.log = folder / "caddy.log"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "DOMAIN": "localhost",
        }

    def configuration(self) -> dict[str, Any]:
        """The Caddyfile as Caddy reads it; the ports alone are others, for 443 may be taken on this machine."""
        adapted = subprocess.run(
            [*require_programs("caddy"), "adapt", "--adapter", "caddyfile", "--config", CADDYFILE],
            env=self.env, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert adapted.returncode == 0, adapted.stderr
        text = adapted.stdout.replace('"door:8000"', f'"127.0.0.1:{self.door_port}"')
        text = text.replace('":443"', f'":{self.port}"').replace('"127.0.0.1:2020"', f'"127.0.0.1:{self.health}"')
        found: dict[str, Any] = json.loads(text)
        found["apps"]["http"] |= {"http_port": self.plain, "https_port": self.port}
        # A certificate of Caddy's own for localhost; the machine's list of trusted ones is left alone.
        found["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
        for server in found["apps"]["http"]["servers"].values():
            # Nobody waits ten seconds here; that it is ten there is looked at by a test of its own.
            server["read_header_timeout"] = 10**9
            server["read_timeout"] = 2 * 10**9
        return found

    def run(self, folder: Path) -> subprocess.Popen[bytes]:
        file = folder / "caddy.json"
        file.write_text(json.dumps(self.configuration()), encoding="utf-8")
        with self.log.open("wb") as log:
            return subprocess.Popen(
                ["caddy", "run", "--config", str(file)], env=self.env, stdout=log, stderr=log, cwd=folder
            )

    def connect(self) -> http.client.HTTPSConnection:
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("localhost", self.port, timeout=20, context=unverified)

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        """Call the world's side; returns the status, the headers in lower case, and the body."""
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers or {}), **more)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def words(self) -> str:
        return self.log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("caddy")
    door = StandIn()
    threading.Thread(target=door.serve_forever, daemon=True).start()
    proxy = Proxy(door, folder)
    process = proxy.run(folder)
    try:
        end = time.monotonic() + 30
        while True:
            try:
                proxy.call("GET", "/")
                break
            except OSError:
                pass
            assert process.poll() is None, proxy.words()
            assert time.monotonic() < end, proxy.words()
            time.sleep(0.05)
        yield proxy
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0, proxy.words()
    finally:
        process.kill()
        process.wait()
        door.shutdown()
        door.server_close()


@pytest.fixture
def caddy(running: Proxy) -> Iterator[Proxy]:
    running.door.calls.clear()
    running.door.status = 200
    yield running
    assert KEY not in running.words()


def test_caddy_finds_no_fault_in_it(tmp_path: Path) -> None:
    for words in (["validate", "--adapter", "caddyfile", "--config", str(CADDYFILE)], ["fmt", str(CADDYFILE)]):
        done = subprocess.run(
            [*require_programs("caddy"), *words],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "DOMAIN": "x.example.com"},
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert done.stdout == CADDYFILE.read_text(encoding="utf-8")


def test_the_link_to_unsubscribe_comes_to_the_door_as_it_is(caddy: Proxy) -> None:
    path, form = f"/unsubscribe/7ece2a81c666152c41fce3d8.{KEY}", {"Content-Type": "application/x-www-form-urlencoded"}
    assert caddy.call("GET", path)[0] == 200
    assert caddy.call("POST", path, b"List-Unsubscribe=One-Click", form)[0] == 200
    assert [(each.method, each.path, each.body) for each in caddy.door.calls] == [
        ("GET", path, b""),
        ("POST", path, b"List-Unsubscribe=One-Click"),
    ]


def everywhere(value: Any, name: str) -> list[Any]:
    """What stands under a name, anywhere in a configuration."""
    if isinstance(value, list):
        return [found for each in value for found in everywhere(each, name)]
    if not isinstance(value, dict):
        return []
    below = [found for each in value.values() for found in everywhere(each, name)]
    return [value[name], *below] if name in value else below


def test_only_the_door_is_behind_it(caddy: Proxy) -> None:
    found = caddy.configuration()
    assert set(everywhere(found, "dial")) == {f"127.0.0.1:{caddy.door.server_port}"}
    assert set(everywhere(found, "handler")) <= {
        "subroute", "headers", "request_body", "reverse_proxy", "rewrite", "static_response",
    }  # fmt: skip
    assert found["admin"] == {"disabled": True}
    assert set(found["apps"]) - {"pki"} == {"http"}


def test_as_it_is_it_calls_composes_door_and_answers_to_one_name(caddy: Proxy) -> None:
    adapted = subprocess.run(
        ["caddy", "adapt", "--adapter", "caddyfile", "--config", CADDYFILE],
        env={**caddy.env, "DOMAIN": "mail.example.com"},
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    found = json.loads(adapted.stdout)
    assert set(everywhere(found, "dial")) == {"door:8000"}
    assert {tuple(hosts) for hosts in everywhere(found, "host")} == {("mail.example.com",), ("127.0.0.1",)}
    servers = found["apps"]["http"]["servers"].values()
    assert {server["read_header_timeout"] for server in servers} == {10 * 10**9}
    assert {server["read_timeout"] for server in servers} == {15 * 10**9}


@pytest.mark.parametrize(
    "path",
    [
        f"/webhook/christmas-signup?{KEY}",
        f"/api/v1/main/executions/webhook/christmas/signup-handler/{KEY}",
        "/health",
        "/ui/",
        "/api/v1/main/flows/search",
        "/a//b/..;/%2e%2e/c%00",
    ],
)
def test_every_path_reaches_the_door_as_it_is(caddy: Proxy, path: str) -> None:
    status, _, body = caddy.call("POST", path, b'{"email": "ana@example.com"}')
    assert (status, json.loads(body)) == (200, {"status": "accepted"})
    (call,) = caddy.door.calls
    assert (call.method, call.path, call.body) == ("POST", path, b'{"email": "ana@example.com"}')


def test_the_bytes_and_the_signature_are_not_touched(caddy: Proxy) -> None:
    body = bytes(range(256)) * 100
    signed = {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1764000000",
        "webhook-signature": "v1,abc v1,def",
        "X-DocuSign-Signature-1": "x=",
    }
    caddy.call("POST", "/webhook/christmas-signup", body, signed)
    (call,) = caddy.door.calls
    assert call.body == body
    assert signed.items() <= {**call.headers, "X-DocuSign-Signature-1": call.headers["x-docusign-signature-1"]}.items()


def test_a_caller_cannot_say_that_he_is_another(caddy: Proxy) -> None:
    claims = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "http"}
    caddy.call("GET", "/health", headers=claims)
    (call,) = caddy.door.calls
    assert call.headers["x-forwarded-for"] in ("127.0.0.1", "::1")
    assert call.headers["x-forwarded-proto"] == "https"
    assert "evil" not in call.headers["x-forwarded-host"]


@pytest.mark.parametrize("status", [200, 401, 404, 422, 429, 503])
def test_the_doors_answer_comes_through(caddy: Proxy, status: int) -> None:
    caddy.door.status = status
    answer, headers, body = caddy.call("POST", "/webhook/christmas-signup", b"{}")
    assert (answer, json.loads(body)) == (status, {"status": "accepted"})
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert "server" not in headers


def test_the_door_decides_about_a_body_of_a_mebibyte_and_a_little_more(caddy: Proxy) -> None:
    for size in (MIB, MIB + 1):
        assert caddy.call("POST", "/webhook/christmas-signup", b" " * size)[0] == 200
    assert [len(call.body) for call in caddy.door.calls] == [MIB, MIB + 1]


@pytest.mark.parametrize("megabytes", [2.1, 5, 12])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_without_an_end_is_refused(caddy: Proxy, chunked: bool, megabytes: float) -> None:
    body = b" " * int(megabytes * 1e6)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:50_000], body[50_000:])) + b"0\r\n\r\n"
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    connection = caddy.connect()
    connection.connect()
    assert connection.sock is not None
    connection.sock.sendall(f"POST /webhook/christmas-signup HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode())
    with contextlib.suppress(OSError):
        # Said in advance it is refused before a byte of it comes; else it may be cut off while it still talks.
        connection.sock.sendall(chunks if chunked else b"")
    answer = b""
    with contextlib.suppress(OSError):
        while part := connection.sock.recv(65536):
            answer += part
            if b"too large" in answer:
                break
    connection.close()
    # Never 5xx, after which it would be posted again.
    assert (chunked and answer == b"") or (answer.startswith(b"HTTP/1.1 413 ") and b"too large" in answer), answer
    assert not [call for call in caddy.door.calls if len(call.body) > 2_000_000]


def test_a_header_without_an_end_is_refused(caddy: Proxy) -> None:
    assert caddy.call("GET", "/health", headers={"X-Long": "x" * 40_000})[0] == 431
    assert caddy.door.calls == []


def test_who_dribbles_his_header_is_cut_off(caddy: Proxy) -> None:
    connection = caddy.connect()
    connection.connect()
    assert connection.sock is not None
    began = time.monotonic()
    connection.sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
    with contextlib.suppress(OSError):
        while time.monotonic() - began < 8:
            connection.sock.sendall(b"x")
            time.sleep(0.1)
    assert time.monotonic() - began < 7
    connection.close()
    assert caddy.door.calls == []


def test_who_dribbles_his_body_is_cut_off(caddy: Proxy) -> None:
    connection = caddy.connect()
    connection.connect()
    assert connection.sock is not None
    connection.sock.sendall(
        b"POST /webhook/christmas-signup HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    )
    began = time.monotonic()
    connection.sock.settimeout(10)
    try:
        for _ in range(100):
            connection.sock.sendall(b" ")
            time.sleep(0.1)
    except OSError:
        pass
    assert time.monotonic() - began < 8
    connection.close()
    # The stand-in takes a body that broke off for one; the door does not.
    assert [call for call in caddy.door.calls if len(call.body) == 1000] == []


def test_plain_http_is_sent_to_tls_and_its_body_goes_nowhere(caddy: Proxy) -> None:
    connection = http.client.HTTPConnection("localhost", caddy.plain, timeout=10)
    connection.request("POST", "/webhook/christmas-signup", b"{}")
    answer = connection.getresponse()
    assert answer.status == 308
    assert (answer.getheader("Location") or "").startswith("https://localhost")
    connection.close()
    assert caddy.door.calls == []


def test_another_name_gets_nothing(caddy: Proxy) -> None:
    connection = socket.create_connection(("localhost", caddy.port), timeout=10)
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(ssl.SSLError):
        unverified.wrap_socket(connection, server_hostname="other.example.com")
    connection.close()
    assert caddy.call("GET", "/health", headers={"Host": "other.example.com"})[2] == b""
    assert caddy.door.calls == []


def test_a_door_that_is_away_is_503_and_come_again_and_no_key_is_in_the_log(caddy: Proxy, tmp_path: Path) -> None:
    away = Proxy(caddy.door, tmp_path)
    away.door_port = free_port()
    with away.run(tmp_path) as process:
        try:
            end = time.monotonic() + 30
            while True:
                try:
                    path = f"/api/v1/main/executions/webhook/christmas/signup-handler/{KEY}"
                    status, headers, body = away.call("POST", path, b"{}", {"webhook-signature": KEY})
                    break
                except OSError:
                    assert time.monotonic() < end, away.words()
                    time.sleep(0.05)
            assert (status, headers["retry-after"], json.loads(body)) == (503, "5", {"status": "unavailable"})
            assert "server" not in headers
            health = http.client.HTTPConnection("127.0.0.1", away.health, timeout=10)
            health.request("GET", f"/?{KEY}", headers={"webhook-signature": KEY})
            assert health.getresponse().status >= 500
            health.close()
            # It does say that something is wrong; of the call it says neither address nor headers.
            assert "connection refused" in away.words()
            assert KEY not in away.words()
        finally:
            process.kill()


@pytest.mark.parametrize("status", [200, 503])
def test_the_health_check_asks_the_door(caddy: Proxy, status: int) -> None:
    caddy.door.status = status
    connection = http.client.HTTPConnection("127.0.0.1", caddy.health, timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()
    assert [call.path for call in caddy.door.calls] == ["/health"]
