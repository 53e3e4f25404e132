"""A real door and clients that mean no good, or know no better: what is no HTTP, what never ends, what is too much."""

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
from door.process import DoorProcess, Upstream, raw, rest

SIGNUP = PUBLIC_PATHS["signup"]
HEAD = f"POST {SIGNUP} HTTP/1.1\r\nHost: x\r\n".encode()

#: A door in which everything that takes seconds takes less.
HURRIED = """
import christmas_campaign.door.http.protocol as protocol, christmas_campaign.door.http.body_reader as reading
import christmas_campaign.door.server as server
protocol.HEAD_SECONDS = 0.6
server.IDLE_SECONDS = 1
protocol.MAX_CONNECTIONS = 20
protocol.MAX_CHUNKS = 200
reading.BODY_SECONDS = 0.8
"""


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory, shared_upstream: Upstream) -> Iterator[DoorProcess]:
    folder = tmp_path_factory.mktemp("hurried")
    with DoorProcess(folder, shared_upstream, program=HURRIED, DOOR_CONCURRENCY="2") as running:
        yield running


def body(size: int = 0) -> bytes:
    """A good body, of this size at least."""
    return json.dumps(payload(address())).encode().ljust(size)


def chunked(content: bytes, size: int = 65536) -> bytes:
    """The bytes of a body in chunks, without its end."""
    pieces = (content[place : place + size] for place in range(0, len(content), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def connected(door: DoorProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", door.port), timeout=10)


def answer_of(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer, and leave the connection open; returns the status and the body."""
    found = b""
    while b"\r\n\r\n" not in found:
        piece = connection.recv(65536)
        assert piece, found
        found += piece
    head, _, content = found.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    while len(content) < length:
        content += connection.recv(65536)
    return int(head.split()[1]), content


NO_HTTP = {
    "garbage": b"\x16\x03\x01\x02\x00\x01",
    "not_even_a_line": b"hello\r\n\r\n",
    "http_2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no_host": f"POST {SIGNUP} HTTP/1.1\r\n\r\n".encode(),
    "two_hosts": HEAD + b"Host: y\r\n\r\n",
    "two_lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a_length_that_is_none": HEAD + b"Content-Length: +2\r\n\r\n{}",
    "a_negative_length": HEAD + b"Content-Length: -2\r\n\r\n{}",
    "an_unknown_encoding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a_space_before_the_colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a_nul": HEAD + b"X: a\x00b\r\n\r\n",
    "a_bare_return": HEAD + b"X: a\rContent-Length: 5\r\n\r\n",
    "letters_in_the_path": b"GET /h\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
    "endless_headers": HEAD + b"X: " + b"a" * 20_000,
    "a_chunk_of_no_size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "length_and_chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks_and_length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "chunks_in_http_1_0": f"POST {SIGNUP} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
}


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP)
def test_what_is_no_proper_http_is_refused_and_the_connection_ends(door: DoorProcess, sent: bytes) -> None:
    """A second request behind it, which another reader might take for its body, is not looked at."""
    answer = raw(door.port, sent + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    head, _, content = answer.partition(b"\r\n\r\n")
    assert json.loads(content)["status"] == "rejected"
    for line in (b"content-type: application/json", b"cache-control: no-store", b"x-content-type-options: nosniff"):
        assert line in head.lower()
    assert b"server:" not in head.lower()


def test_headers_that_come_in_one_go_are_bounded_too(door: DoorProcess) -> None:
    large = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 100) for number in range(200))
    assert raw(door.port, HEAD + large + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    small = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 100) for number in range(100))
    sent = body()
    length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(sent)
    assert raw(door.port, HEAD + small + length + sent).startswith(b"HTTP/1.1 200 ")


def test_a_request_for_a_websocket_is_any_request(door: DoorProcess) -> None:
    asked = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    assert raw(door.port, asked % SIGNUP.encode()).startswith(b"HTTP/1.1 405 ")


def test_a_body_of_just_the_largest_size_is_taken(door: DoorProcess) -> None:
    assert door.post(SIGNUP, body(MAX_BYTES)).status_code == 200
    assert raw(
        door.port,
        HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunked(body(MAX_BYTES)) + b"0\r\n\r\n",
    ).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("size", [MAX_BYTES + 1, MAX_BYTES * 3 // 2, 2 * MAX_BYTES])
def test_a_body_that_is_too_large_is_told_so(door: DoorProcess, size: int) -> None:
    """Its sender, still busy with it, gets the answer and no reset."""
    for _ in range(5):
        answer = door.post(SIGNUP, body(size))
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")
        answer = httpx.post(door.url + SIGNUP, content=iter([body(size)]))
        assert answer.status_code == 413


def test_a_sender_that_is_still_busy_with_its_body_is_not_reset(door: DoorProcess) -> None:
    """Not every client looks for an answer after a reset, as httpx on Linux does."""
    with connected(door) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BYTES + 100_000))
        assert answer_of(connection)[0] == 413
        connection.sendall(bytes(MAX_BYTES // 2))
        time.sleep(0.1)
        connection.sendall(bytes(MAX_BYTES // 2 + 100_000))
        # The end, and no ConnectionResetError.
        assert connection.recv(1) == b""


def test_a_body_that_says_it_is_too_large_is_not_read(door: DoorProcess) -> None:
    with connected(door) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % (1 << 40))
        status, content = answer_of(connection)
        assert (status, json.loads(content)["message"]) == (413, f"the body is larger than {MAX_BYTES} bytes")
        began = time.monotonic()
        assert rest(connection) == b""
        assert time.monotonic() - began < 5


def test_an_endless_body_is_cut_off(door: DoorProcess) -> None:
    sent = 0
    with connected(door) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError, TimeoutError):
            while sent < 1 << 30:
                connection.sendall(chunked(bytes(65536)))
                sent += 65536
    # What the door reads of it, and what lies in the buffers of two sockets.
    assert sent < 30_000_000


def test_a_body_of_single_bytes_is_cut_off(hurried: DoorProcess) -> None:
    content = body()
    assert len(content) < 200
    end = b"0\r\n\r\n"
    head = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert raw(hurried.port, head + chunked(content, 1) + end).startswith(b"HTTP/1.1 200 ")
    assert raw(hurried.port, head + chunked(content.ljust(201), 1) + end).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_does_not_come_in_time(hurried: DoorProcess) -> None:
    with connected(hurried) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        began = time.monotonic()
        assert answer_of(connection) == (408, b'{"status":"rejected","message":"the body did not come in time"}')
        assert 0.7 < time.monotonic() - began < 5
        assert rest(connection) == b""
    hurried.logged("refused signup", "408 the body did not come in time")


def test_a_byte_now_and_then_does_not_make_the_body_last_for_ever(hurried: DoorProcess) -> None:
    with connected(hurried) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        trickle(connection)
        assert answer_of(connection)[0] == 408


def trickle(connection: socket.socket) -> None:
    """Send a byte ten times a second, for two seconds or until nobody takes it."""
    with contextlib.suppress(ConnectionError):
        for _ in range(20):
            connection.sendall(b" ")
            time.sleep(0.1)


@pytest.mark.parametrize("begun", [b"P", HEAD, HEAD + b"X-Slow: "])
def test_a_byte_now_and_then_does_not_hold_a_connection_for_ever(hurried: DoorProcess, begun: bytes) -> None:
    with connected(hurried) as connection:
        connection.sendall(begun)
        began = time.monotonic()
        trickling = threading.Thread(target=trickle, args=(connection,))
        trickling.start()
        assert rest(connection) == b""
        assert time.monotonic() - began < 1.9
        trickling.join()
    hurried.logged("refused -", "408 the request did not come in time")


def test_a_connection_without_a_word_ends(hurried: DoorProcess) -> None:
    with connected(hurried) as connection:
        assert rest(connection) == b""


def test_a_connection_is_used_again_and_ends_when_it_is_idle(hurried: DoorProcess) -> None:
    with connected(hurried) as connection:
        for _ in range(3):
            content = body()
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content)
            assert answer_of(connection)[0] == 200
        began = time.monotonic()
        assert rest(connection) == b""
        assert 0.5 < time.monotonic() - began < 5


def test_a_slow_second_request_ends_too(hurried: DoorProcess) -> None:
    with connected(hurried) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer_of(connection)[0] == 200
        connection.sendall(b"GET /hea")
        began = time.monotonic()
        assert rest(connection) == b""
        assert time.monotonic() - began < 5


def test_requests_that_come_together_are_answered_one_by_one(door: DoorProcess) -> None:
    first, second = body(), body()
    sent = b"".join(HEAD + b"Content-Length: %d\r\n\r\n" % len(each) + each for each in (first, second))
    last = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(door.port, sent + last)
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert [answer.count(json.loads(each)["email"].encode()) for each in (first, second)] == [1, 1]


def test_what_was_not_read_of_a_body_is_no_second_request(door: DoorProcess) -> None:
    hidden = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    sent = b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n" + hidden
    answer = raw(door.port, sent)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_silent_connections_do_not_shut_the_others_out(hurried: DoorProcess) -> None:
    with contextlib.ExitStack() as held:
        first = held.enter_context(connected(hurried))
        first.sendall(b"P")
        for _ in range(30):
            held.enter_context(connected(hurried)).sendall(b"P")
        assert hurried.post(SIGNUP, body()).status_code == 200
        assert rest(first) == b""
    hurried.logged("refused -", "503 too many connections")


def test_too_many_at_once_and_the_health_is_answered_still(hurried: DoorProcess) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(2):
            held.enter_context(connected(hurried)).sendall(HEAD + b"Content-Length: 1000\r\n\r\n")

        def busy() -> httpx.Response | None:
            answer = hurried.post(SIGNUP, body())
            return answer if answer.status_code == 503 else None

        answer = until(busy, "a door without a place", 5)
        assert answer.json() == {"status": "rejected", "message": "too many calls at once"}
        assert answer.headers["retry-after"] == "1"
        assert httpx.get(f"{hurried.url}/health").status_code == 200
    # Those went away in the middle of their bodies: their places are free again.
    until(lambda: hurried.post(SIGNUP, body()).status_code == 200, "a free place", 5)


def test_senders_that_go_away_leave_nothing_behind(hurried: DoorProcess) -> None:
    for _ in range(50):
        with connected(hurried) as connection:
            connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
    until(lambda: hurried.post(SIGNUP, body()).status_code == 200, "a free place", 5)


def test_large_and_deep_bodies_leave_the_memory_as_it_was(door: DoorProcess) -> None:
    hostile = [
        body(MAX_BYTES + 1),
        b"[" * MAX_BYTES,
        b"[[]," * 200_000,
        b'{"a":' * 200_000,
        bytes(MAX_BYTES),
        b"1" * MAX_BYTES,
    ]
    for _ in range(2):
        for each in hostile:
            assert door.post(SIGNUP, each).status_code in (413, 422)
    before = door.resident
    for _ in range(8):
        for each in hostile:
            assert door.post(SIGNUP, each).status_code in (413, 422)
    assert door.resident - before < 40
