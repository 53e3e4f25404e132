"""The Caddyfile in the real Caddy, in front of a stand-in of the door."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from optional_programs import require_programs
from support import free_port

from deploy.conftest import DEPLOY
from deploy.http_server import DoorStandIn, serving

CADDYFILE = DEPLOY / "Caddyfile"
KEY = "a-webhooks-key-that-no-log-may-hold"
SIGNUP = "/webhook/christmas-signup"
MIB = 1024 * 1024


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def run_caddy(*words: object, **env: str) -> str:
    done = subprocess.run(
        [*require_programs("caddy"), *map(str, words)],
        env={"PATH": os.environ["PATH"], **env}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


class Proxy:
    """Caddy with the Caddyfile; ``port`` is that of TLS, ``plain`` that of plain HTTP, ``health`` that of the health check."""

    def __init__(self, door: DoorStandIn, door_port: int, folder: Path) -> None:
        self.door, self.door_port, self.folder = door, door_port, folder
        self.port, self.plain, self.health = free_port(), free_port(), free_port()
        self.env = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}

    def configuration(self) -> dict[str, Any]:
        """Return the Caddyfile as Caddy reads it, with other ports and shorter time limits."""
        text = run_caddy("adapt", "--adapter", "caddyfile", "--config", CADDYFILE, DOMAIN="localhost", **self.env)
        text = text.replace('"door:8000"', f'"127.0.0.1:{self.door_port}"')
        text = text.replace('":443"', f'":{self.port}"').replace('"127.0.0.1:2020"', f'"127.0.0.1:{self.health}"')
        configuration: dict[str, Any] = json.loads(text)
        configuration["apps"]["http"] |= {"http_port": self.plain, "https_port": self.port}
        # Caddy's own certificate for localhost; the machine's list of trusted certificates does not change.
        configuration["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
        for server in configuration["apps"]["http"]["servers"].values():
            server["read_header_timeout"] = 10**9
            server["read_timeout"] = 2 * 10**9
        return configuration

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run Caddy; it answers on the TLS port."""
        file = self.folder / "caddy.json"
        file.write_text(json.dumps(self.configuration()), encoding="utf-8")
        env = {"PATH": os.environ["PATH"], **self.env}
        with (self.folder / "caddy.log").open("wb") as log:
            process = subprocess.Popen(["caddy", "run", "--config", str(file)], env=env, stdout=log, stderr=log)
        try:
            end = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError):
                    self.call("GET", "/")
                    break
                assert process.poll() is None, self.log()
                assert time.monotonic() < end, self.log()
                time.sleep(0.05)
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0, self.log()
        finally:
            process.kill()
            process.wait()

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, timeout=20, context=unverified())

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Call the public side; return the status, the headers in lower case, and the body."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()

    def health_status(self, headers: Mapping[str, str] | None = None) -> int:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.health, timeout=10)) as connection:
            connection.request("GET", f"/?{KEY}", headers=dict(headers or {}))
            return connection.getresponse().status

    def log(self) -> str:
        return (self.folder / "caddy.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    door = DoorStandIn()
    proxy = Proxy(door, door.server_port, tmp_path_factory.mktemp("caddy"))
    with serving(door), proxy.running():
        yield proxy


@pytest.fixture
def caddy(proxy: Proxy) -> Iterator[Proxy]:
    proxy.door.calls.clear()
    proxy.door.status = 200
    yield proxy
    assert KEY not in proxy.log()


def test_caddyfile_is_valid_and_formatted(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "DOMAIN": "x.example.com"}
    run_caddy("validate", "--adapter", "caddyfile", "--config", CADDYFILE, **env)
    assert run_caddy("fmt", CADDYFILE, **env) == CADDYFILE.read_text(encoding="utf-8")


def all_values(configuration: Any, name: str) -> list[Any]:
    """Return the values under a name, anywhere in a configuration."""
    if isinstance(configuration, list):
        return [value for item in configuration for value in all_values(item, name)]
    if not isinstance(configuration, dict):
        return []
    below = [value for item in configuration.values() for value in all_values(item, name)]
    return [configuration[name], *below] if name in configuration else below


def test_only_the_door_is_behind_caddy(caddy: Proxy) -> None:
    text = run_caddy("adapt", "--adapter", "caddyfile", "--config", CADDYFILE, DOMAIN="mail.example.com", **caddy.env)
    configuration = json.loads(text)
    assert set(all_values(configuration, "dial")) == {"door:8000"}
    assert {tuple(hosts) for hosts in all_values(configuration, "host")} == {("mail.example.com",), ("127.0.0.1",)}
    assert set(all_values(configuration, "handler")) <= {
        "subroute", "headers", "request_body", "reverse_proxy", "rewrite", "static_response",
    }  # fmt: skip
    assert configuration["admin"] == {"disabled": True}
    assert set(configuration["apps"]) == {"http"}
    for server in configuration["apps"]["http"]["servers"].values():
        assert (server["read_header_timeout"], server["read_timeout"]) == (10 * 10**9, 15 * 10**9)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{SIGNUP}?{KEY}", b'{"email": "ana@example.com"}'),
        ("POST", f"/api/v1/main/executions/webhook/christmas/signup-handler/{KEY}", b"{}"),
        ("GET", f"/unsubscribe/7ece2a81c666152c41fce3d8.{KEY}", b""),
        ("POST", "/a//b/..;/%2e%2e/c%00", b"{}"),
        ("POST", SIGNUP, bytes(range(256)) * 100),
        # The door itself refuses a body of more than a mebibyte.
        ("POST", SIGNUP, b" " * (MIB + 1)),
    ],
    ids=range(6),
)
def test_call_reaches_the_door_unchanged(caddy: Proxy, method: str, path: str, body: bytes) -> None:
    signatures = {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1764000000",
        "webhook-signature": "v1,abc v1,def",
        "x-docusign-signature-1": "x=",
    }
    status, _, answer = caddy.call(method, path, body, signatures)
    assert (status, json.loads(answer)) == (200, {"status": "accepted"})
    (call,) = caddy.door.calls
    assert (call.method, call.path, call.body) == (method, path, body)
    assert signatures.items() <= call.headers.items()


def test_caller_cannot_claim_another_address(caddy: Proxy) -> None:
    claims = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "http"}
    caddy.call("GET", "/health", headers=claims)
    (call,) = caddy.door.calls
    assert call.headers["x-forwarded-for"] in ("127.0.0.1", "::1")
    assert call.headers["x-forwarded-proto"] == "https"
    assert "evil" not in call.headers["x-forwarded-host"]


@pytest.mark.parametrize("status", [200, 422, 503])
def test_answer_of_the_door_reaches_the_caller(caddy: Proxy, status: int) -> None:
    caddy.door.status = status
    answer, headers, body = caddy.call("POST", SIGNUP, b"{}")
    assert (answer, json.loads(body)) == (status, {"status": "accepted"})
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert "server" not in headers


@pytest.mark.parametrize(("chunked", "size"), [(False, 2_100_000), (True, 12_000_000)])
def test_too_large_body_is_refused(caddy: Proxy, chunked: bool, size: int) -> None:
    body = b" " * size
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:50_000], body[50_000:])) + b"0\r\n\r\n"
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    answer = b""
    with contextlib.closing(raw_connection(caddy)) as connection, contextlib.suppress(OSError):
        connection.sendall(f"POST {SIGNUP} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            # An announced length is refused before the body. A chunked body may be cut off while it is sent.
            connection.sendall(chunks if chunked else b"")
        while b"too large" not in answer and (part := connection.recv(65536)):
            answer += part
    # Never a 5xx, after which the sender would post it again.
    assert (chunked and answer == b"") or (answer.startswith(b"HTTP/1.1 413 ") and b"too large" in answer), answer
    assert not [call for call in caddy.door.calls if len(call.body) > 2_000_000]


def raw_connection(caddy: Proxy) -> socket.socket:
    connection = caddy.connect()
    connection.connect()
    assert connection.sock is not None
    return connection.sock


def test_too_long_header_is_refused(caddy: Proxy) -> None:
    assert caddy.call("GET", "/health", headers={"X-Long": "x" * 40_000})[0] == 431
    assert caddy.door.calls == []


@pytest.mark.parametrize(
    "start",
    ["GET / HTTP/1.1\r\nHost: localhost\r\nX: ", f"POST {SIGNUP} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n"],
    ids=["header", "body"],
)  # fmt: skip
def test_slow_sender_is_cut_off(caddy: Proxy, start: str) -> None:
    began = time.monotonic()
    with contextlib.closing(raw_connection(caddy)) as connection, contextlib.suppress(OSError):
        connection.sendall(start.encode())
        while time.monotonic() - began < 9:
            connection.sendall(b"x")
            time.sleep(0.1)
    assert time.monotonic() - began < 8
    # The stand-in records a truncated body too; the door does not.
    assert [call for call in caddy.door.calls if call.method == "GET" or len(call.body) == 999] == []


def test_plain_http_is_redirected_and_its_body_dropped(caddy: Proxy) -> None:
    with contextlib.closing(http.client.HTTPConnection("localhost", caddy.plain, timeout=10)) as connection:
        connection.request("POST", SIGNUP, b"{}")
        response = connection.getresponse()
        assert (response.status, (response.getheader("Location") or "")[:17]) == (308, "https://localhost")
    assert caddy.door.calls == []


def test_other_host_name_gets_nothing(caddy: Proxy) -> None:
    with (
        contextlib.closing(socket.create_connection(("localhost", caddy.port), timeout=10)) as connection,
        pytest.raises(ssl.SSLError),
    ):
        unverified().wrap_socket(connection, server_hostname="other.example.com")
    assert caddy.call("GET", "/health", headers={"Host": "other.example.com"})[2] == b""
    assert caddy.door.calls == []


def test_without_a_door_the_answer_is_503_and_the_log_has_no_key(caddy: Proxy, tmp_path: Path) -> None:
    without_door = Proxy(caddy.door, free_port(), tmp_path)
    with without_door.running():
        path = f"/api/v1/main/executions/webhook/christmas/signup-handler/{KEY}"
        status, headers, body = without_door.call("POST", path, b"{}", {"webhook-signature": KEY})
        assert (status, headers["retry-after"], json.loads(body)) == (503, "5", {"status": "unavailable"})
        assert "server" not in headers
        assert without_door.health_status({"webhook-signature": KEY}) >= 500
        assert "connection refused" in without_door.log()
        assert KEY not in without_door.log()


def test_health_check_asks_the_door(caddy: Proxy) -> None:
    for status in (200, 503):
        caddy.door.status = status
        assert caddy.health_status() == 200
    assert [call.path for call in caddy.door.calls] == [f"/health?{KEY}"] * 2
