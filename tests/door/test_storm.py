"""Hostile, broken and valid requests from many senders at once. ``ROUNDS=50`` sends more."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from support import payload, until

from christmas_campaign.door.http.json_body import MAX_BYTES
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.door.routes import KESTRA_PATHS, PUBLIC_PATHS
from christmas_campaign.sequences.registry import SEQUENCES
from door import hostile
from door.hostile import MARK, SIGNING, length, request, signed
from door.process import KEYS, DoorProcess, FakeKestra, addresses, read_to_end

ROUNDS = int(os.environ.get("ROUNDS", "4"))

#: Only the body of a call may reach Kestra: the door sets all headers itself.
FORWARDED_HEADERS = {
    "host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length", "x-received-at",
}  # fmt: skip

#: The most megabytes of the door. The C library does not return all free memory to the system.
MAX_MEGABYTES = 160.0

#: By how many of Python's memory blocks a round may exceed the first.
MORE_BLOCKS = 2_000

#: Shortens the time limits of the door, and makes it write its number of memory blocks to a file on SIGUSR1.
PROGRAM = """
import gc, os, signal
import christmas_campaign.door.http.protocol as protocol, christmas_campaign.door.http.body_reader as body_reader
protocol.HEAD_SECONDS = body_reader.BODY_SECONDS = 0.8
body_reader.LINGER_SECONDS = 0.3
def count(*_):
    gc.collect()
    with open({path!r} + ".new", "w") as file:
        file.write(str(sys.getallocatedblocks()))
    os.rename({path!r} + ".new", {path!r})
signal.signal(signal.SIGUSR1, count)
"""

# After a client has left, its address is 0.0.0.0.
_LINE = re.compile(
    r"\S+Z refused (-|health|signup|noshow|postcall|onboarding|precall|unsubscribe) (?:127|0)\.0\.0\.0/24 "
    r"(400|401|404|405|408|413|422|431) [^\"{}@%\\]*"
)


class Shot(NamedTuple):
    """The bytes of a request, the statuses that its answer may have (none: the client leaves), and the call in it."""

    sent: bytes
    statuses: frozenset[int]
    call: tuple[str, bytes] | None = None


def event(number: int, name: str = "postcall", text: str = "Ana") -> bytes:
    fields = payload(f"{MARK}-{number}@example.com", name, first_name=f"A{text}", unknown=[MARK])
    return json.dumps(fields, ensure_ascii=number % 2 == 0).encode()


def shots() -> Iterator[Shot]:
    """Yield all kinds of requests. Those that are refused for their form have a valid call in them or behind them."""
    body = event(0)
    path, native = addresses("postcall")
    lines = [length(body)]
    hidden = request(path, lines, body)

    def refused(*statuses: int, sent: bytes) -> Shot:
        return Shot(sent, frozenset(statuses))

    number = 0
    for sequence in SEQUENCES:
        for text, line in zip(hostile.TEXTS, hostile.HARMLESS_LINES, strict=False):
            number += 1
            valid = event(number, sequence.name, text)
            head = [line, length(valid), *signed(sequence.name, valid)]
            call = (sequence.name, valid)
            yield Shot(request(addresses(sequence.name)[number % 2], head, valid), frozenset({200}), call)
            if number % 10 == 0:
                yield Shot(request(path, head, valid)[:-number], frozenset())
    for name in hostile.SECRETS:
        for signature in ([], signed(name, body, secret="another")):
            yield refused(401, sent=request(PUBLIC_PATHS[name], [*lines, *signature], body))
    for wrong in hostile.ambiguous_bodies(body):
        yield refused(422, sent=request(path, [length(wrong)], wrong))
    for broken in hostile.BROKEN_LINES:
        yield refused(400, sent=request(path, [broken], b"0\r\n\r\n" + hidden, close=False))
    for chunk in hostile.BROKEN_CHUNKS:
        yield refused(400, sent=request(path, [hostile.CHUNKED], chunk + hidden))
    for version in hostile.WRONG_VERSIONS:
        yield refused(400, sent=request(path, lines, body, version=version))
    yield refused(400, sent=request(path, [hostile.CHUNKED], b"0\r\n\r\n", version=b"HTTP/1.0"))
    yield refused(400, sent=request(path, lines, body, host=()))
    for garbage in (
        request("/h\xe9", method=b"GET"),
        b"\x16\x03\x01\x02\x00\x01",
        b"hello\r\n\r\n",
        b"X: " + b"a" * 20_000,
    ):
        yield refused(400, sent=garbage)
    for method in hostile.METHODS:
        yield refused(405, sent=request(path, lines, body, method=method))
    near_misses = (
        f"{path}/",
        f"/{path}",
        f"{path}%00",
        path.upper(),
        f"/x/..{path}",
        path[:-1],
        f"{native}x",
        native[:-1],
    )
    for other in (*near_misses, *hostile.OTHER_PATHS):
        yield refused(404, sent=request(other, lines, body))
    yield refused(413, sent=request(path, [b"Content-Length: %d" % (MAX_BYTES + 1)], body))
    yield refused(413, sent=request(path, [length(body.ljust(2 * MAX_BYTES))], body.ljust(2 * MAX_BYTES)))
    yield refused(400, 431, sent=request(path, [b"X: " + b"a" * 60_000, *lines], body))
    yield refused(408, sent=request(path, [b"Content-Length: %d" % (len(body) + 1)], body))


def fault(shot: Shot, port: int) -> str | None:
    """Send a request; return what is wrong with the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        # The door may close the connection before everything is sent.
        with suppress(ConnectionError):
            connection.sendall(shot.sent)
        if not shot.statuses:
            return None
        head, _, body = read_to_end(connection).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    status, named = int(head[9:12] or 0), head.lower()
    has_form = b"cache-control: no-store" in named and b"server:" not in named and b"HTTP/1.1" not in body
    return None if status in shot.statuses and has_form else f"{head!r} {body[:200]!r} to {shot.sent[:300]!r}"


class Storm(NamedTuple):
    """A storm that is over: the door, its shots, the faults of its answers, and the memory after each round."""

    door: DoorProcess
    shots: list[Shot]
    faults: list[str]
    memory: list[tuple[float, int]]


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory, shared_kestra: FakeKestra) -> Iterator[Storm]:
    folder = tmp_path_factory.mktemp("storm")
    block_count = folder / "blocks"
    memory: list[tuple[float, int]] = []
    faults: list[str] = []
    every_shot = list(shots())
    settings = {"DOOR_CONCURRENCY": "40", **SIGNING}
    with DoorProcess(folder, shared_kestra, program=PROGRAM.format(path=str(block_count)), **settings) as door:
        for number in range(ROUNDS):
            random.Random(number).shuffle(every_shot)
            with ThreadPoolExecutor(16) as pool:
                faults += [problem for problem in pool.map(lambda shot: fault(shot, door.port), every_shot) if problem]
            until(lambda: not list_entries(door.inbox), "an empty inbox")
            memory.append(measure(door, block_count))
        yield Storm(door, every_shot, faults, memory)


def measure(door: DoorProcess, block_count: Path) -> tuple[float, int]:
    """Return the megabytes of the door and its number of memory blocks."""
    block_count.unlink(missing_ok=True)
    os.kill(door.child.pid, signal.SIGUSR1)
    until(block_count.exists, "the number of blocks")
    return door.resident, int(block_count.read_text())


def test_every_request_gets_an_allowed_answer(storm: Storm) -> None:
    assert not storm.faults, "\n".join(storm.faults[:20])


def test_all_valid_calls_reach_kestra_and_no_others(storm: Storm, shared_kestra: FakeKestra) -> None:
    names = {KESTRA_PATHS[name] + KEYS[name]: name for name in KESTRA_PATHS}
    calls = [call for call in shared_kestra.calls if MARK.encode() in call.body]
    forwarded = {(names[call.path], call.body) for call in calls}
    assert forwarded == {shot.call for shot in storm.shots if shot.call}
    assert {name for call in calls for name in call.headers} <= FORWARDED_HEADERS
    assert {call.headers["content-type"] for call in calls} == {"application/json"}


def test_memory_does_not_grow(storm: Storm) -> None:
    megabytes, blocks = zip(*storm.memory, strict=True)
    print(f"\n{ROUNDS} rounds of {len(storm.shots)} requests: {megabytes} MB")
    assert max(megabytes) < MAX_MEGABYTES
    assert max(blocks) - blocks[0] < MORE_BLOCKS


def test_log_has_only_the_doors_own_words(storm: Storm) -> None:
    lines = storm.door.log.splitlines()
    assert len(lines) > 100
    assert not [line for line in lines if not _LINE.fullmatch(line)][:5]
    for secret in (MARK, "example.com", *KEYS.values()):
        assert secret not in storm.door.log


def test_door_works_after_the_storm(storm: Storm) -> None:
    assert storm.door.post(PUBLIC_PATHS["postcall"], event(-1)).json()["status"] == "accepted"
    assert httpx.get(f"{storm.door.url}/health").status_code == 200
