"""A real door and hostile or broken clients: malformed HTTP, endless requests, and too much of everything."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from support import address, payload, until

from christmas_campaign.door.http.json_body import MAX_BYTES
from christmas_campaign.door.routes import PUBLIC_PATHS
from door.process import DoorProcess, FakeKestra, raw, read_to_end

SIGNUP = PUBLIC_PATHS["signup"]
HEAD = f"POST {SIGNUP} HTTP/1.1\r\nHost: x\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
GET_HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

#: Lowers all limits of the door, so that the tests reach them soon.
LOW_LIMITS = """
import christmas_campaign.door.http.protocol as protocol, christmas_campaign.door.http.body_reader as body_reader
import christmas_campaign.door.server as server
protocol.HEAD_SECONDS = 0.6
protocol.MAX_CONNECTIONS = 20
protocol.MAX_CHUNKS = 200
server.IDLE_SECONDS = 1
body_reader.BODY_SECONDS = 0.8
"""


@pytest.fixture(scope="module")
def limited_door(tmp_path_factory: pytest.TempPathFactory, shared_kestra: FakeKestra) -> Iterator[DoorProcess]:
    folder = tmp_path_factory.mktemp("limited")
    with DoorProcess(folder, shared_kestra, program=LOW_LIMITS, DOOR_CONCURRENCY="2") as running:
        yield running


def valid_body(size: int = 0) -> bytes:
    """Return a body that the door accepts, padded to at least ``size`` bytes."""
    return json.dumps(payload(address())).encode().ljust(size)


def chunks(content: bytes, size: int = 65536) -> bytes:
    """Return a body in chunks, without the last chunk."""
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def with_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def connect(door: DoorProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", door.port), timeout=10)


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer, and leave the connection open. Return its status and body."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        assert piece, received
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1]), body


def send_slowly(connection: socket.socket) -> None:
    """Send a byte every tenth of a second, for two seconds or until the door closes the connection."""
    with contextlib.suppress(ConnectionError):
        for _ in range(20):
            connection.sendall(b" ")
            time.sleep(0.1)


def test_size_of_complete_headers_is_limited(door: DoorProcess) -> None:
    lines = [b"X-%d: %s\r\n" % (number, b"a" * 100) for number in range(200)]
    assert raw(door.port, HEAD + b"".join(lines) + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    allowed = HEAD + b"".join(lines[:100]) + b"Connection: close\r\n"
    assert raw(door.port, with_length(valid_body()).replace(HEAD, allowed)).startswith(b"HTTP/1.1 200 ")


def test_body_of_the_largest_size_is_accepted(door: DoorProcess) -> None:
    assert door.post(SIGNUP, valid_body(MAX_BYTES)).status_code == 200
    assert raw(door.port, CHUNKED + chunks(valid_body(MAX_BYTES)) + b"0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_client_that_is_still_sending_is_not_reset(door: DoorProcess) -> None:
    """After a reset not every client reads the answer, as httpx does on Linux."""
    with connect(door) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BYTES + 100_000))
        assert read_answer(connection)[0] == 413
        connection.sendall(bytes(MAX_BYTES // 2))
        time.sleep(0.1)
        connection.sendall(bytes(MAX_BYTES // 2 + 100_000))
        # The connection ends without a ConnectionResetError.
        assert connection.recv(1) == b""


def test_endless_body_is_cut_off(door: DoorProcess) -> None:
    sent_bytes = 0
    with connect(door) as connection:
        connection.sendall(CHUNKED)
        with contextlib.suppress(ConnectionError, TimeoutError):
            while sent_bytes < 1 << 30:
                connection.sendall(chunks(bytes(65536)))
                sent_bytes += 65536
    # The bytes that the door reads, and those in the buffers of two sockets.
    assert sent_bytes < 30_000_000


def test_number_of_chunks_is_limited(limited_door: DoorProcess) -> None:
    body = valid_body()
    assert len(body) < 200
    assert raw(limited_door.port, CHUNKED + chunks(body, 1) + b"0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert raw(limited_door.port, CHUNKED + chunks(body.ljust(201), 1) + b"0\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("trickles", [False, True])
def test_slow_body_is_refused(limited_door: DoorProcess, trickles: bool) -> None:
    with connect(limited_door) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        started = time.monotonic()
        if trickles:
            send_slowly(connection)
        assert read_answer(connection) == (408, b'{"status":"rejected","message":"the body did not come in time"}')
        assert 0.7 < time.monotonic() - started < 5
    limited_door.logged("refused signup", "408 the body did not come in time")


@pytest.mark.parametrize("first_bytes", [b"P", HEAD, HEAD + b"X-Slow: ", GET_HEALTH + b"GET /hea"])
def test_slow_head_is_cut_off(limited_door: DoorProcess, first_bytes: bytes) -> None:
    with connect(limited_door) as connection:
        connection.sendall(first_bytes)
        started = time.monotonic()
        sender = threading.Thread(target=send_slowly, args=(connection,))
        sender.start()
        assert read_to_end(connection).count(b"HTTP/1.1 ") == first_bytes.count(GET_HEALTH)
        assert time.monotonic() - started < 1.9
        sender.join()
    limited_door.logged("refused -", "408 the request did not come in time")


def test_connection_is_reused_and_closed_when_idle(limited_door: DoorProcess) -> None:
    with connect(limited_door) as connection:
        for _ in range(3):
            connection.sendall(with_length(valid_body()))
            assert read_answer(connection)[0] == 200
        started = time.monotonic()
        assert read_to_end(connection) == b""
        assert 0.5 < time.monotonic() - started < 5


def test_pipelined_requests_are_answered_one_by_one(door: DoorProcess) -> None:
    bodies = [valid_body(), valid_body()]
    last = GET_HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    answer = raw(door.port, b"".join(map(with_length, bodies)) + last)
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert [answer.count(json.loads(body)["email"].encode()) for body in bodies] == [1, 1]


def test_silent_connections_do_not_lock_out_others(limited_door: DoorProcess) -> None:
    with contextlib.ExitStack() as connections:
        first = connections.enter_context(connect(limited_door))
        first.sendall(b"P")
        for _ in range(30):
            connections.enter_context(connect(limited_door)).sendall(b"P")
        assert limited_door.post(SIGNUP, valid_body()).status_code == 200
        assert read_to_end(first) == b""
    limited_door.logged("refused -", "503 too many connections")


def test_too_many_calls_at_once_are_refused_but_not_the_health(limited_door: DoorProcess) -> None:
    with contextlib.ExitStack() as connections:
        for _ in range(2):
            connections.enter_context(connect(limited_door)).sendall(HEAD + b"Content-Length: 1000\r\n\r\n")

        def refused() -> httpx.Response | None:
            answer = limited_door.post(SIGNUP, valid_body())
            return answer if answer.status_code == 503 else None

        answer = until(refused, "a door without a free slot", 5)
        assert answer.json() == {"status": "rejected", "message": "too many calls at once"}
        assert answer.headers["retry-after"] == "1"
        assert httpx.get(f"{limited_door.url}/health").status_code == 200
    until(lambda: limited_door.post(SIGNUP, valid_body()).status_code == 200, "a free slot", 5)
