"""One hostile connection: the bytes, what may be answered to them, and what the door may hand on because of them."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

#: After how many silent seconds a connection counts as forgotten by the door. They are counted one by one, so that a test that
#: was stopped for a while, and its door with it, does not take that for silence.
PATIENCE = 30


class End(Enum):
    """What the sender does when all is sent."""

    READ = "reads to the end"
    HALF = "closes its half, and reads"
    LEAVE = "goes away"
    RESET = "goes away with a reset"


@dataclass(frozen=True)
class Shot:
    """One connection.

    ``pieces`` are sent one by one, ``pause`` seconds apart. ``told`` are the statuses that are right, ``answers`` the most
    there may be of them; ``silent`` says that none at all is right too. ``calls`` are the sequence and the body of each
    call that may reach Kestra because of it: nothing that is hidden in the bytes is among them.
    """

    kind: str
    pieces: tuple[bytes, ...]
    told: frozenset[int]
    answers: int = 1
    silent: bool = False
    pause: float = 0.0
    end: End = End.READ
    calls: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Answer:
    """What the door answered: the status, the headers with their names in small letters, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Forgotten(Exception):
    """The door neither answered nor ended a connection."""


def fire(shot: Shot, port: int) -> list[Answer]:
    """Send a shot and return what was answered. Raises ``Forgotten``; ``ValueError`` for an answer that is no HTTP."""
    with socket.create_connection(("127.0.0.1", port), timeout=float(PATIENCE)) as connection:
        # The door may have had enough before all is sent.
        with suppress(ConnectionError):
            for number, piece in enumerate(shot.pieces):
                if number and shot.pause:
                    time.sleep(shot.pause)
                connection.sendall(piece)
            if shot.end is End.HALF:
                connection.shutdown(socket.SHUT_WR)
        if shot.end is End.LEAVE:
            return []
        if shot.end is End.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return []
        return parse(_rest(connection))


def _rest(connection: socket.socket) -> bytes:
    found = b""
    silent = 0
    connection.settimeout(1.0)
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionError:
            return found
        except TimeoutError:
            silent += 1
            if silent == PATIENCE:
                raise Forgotten(f"after {len(found)} bytes of an answer") from None
            continue
        if not piece:
            return found
        found += piece
        silent = 0


def parse(raw: bytes) -> list[Answer]:
    """Return the answers in all that came over one connection, "100 Continue" not among them. Raises ``ValueError``."""
    found = []
    while raw:
        head, blank, raw = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        if not blank or not first.startswith("HTTP/1.1 "):
            raise ValueError("an answer that is no HTTP")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split(" ")[1])
        # What answers HEAD has a length and no body.
        length = 0 if raw.startswith(b"HTTP/1.1 ") else int(headers.get("content-length", "0"))
        if status != 100:
            found.append(Answer(status, headers, raw[:length]))
        raw = raw[length:]
    return found


def faults(shot: Shot, answers: list[Answer]) -> list[str]:
    """Return what is wrong with the answers to a shot, in words."""
    found = []
    if not answers and not shot.silent and shot.end in (End.READ, End.HALF):
        found.append("no answer")
    if len(answers) > shot.answers:
        found.append(f"{len(answers)} answers")
    for each in answers:
        if each.status == 503:
            if "retry-after" not in each.headers and b'"unhealthy"' not in each.body:
                found.append("503 without Retry-After")
        elif each.status not in shot.told:
            found.append(f"{each.status} {each.body[:200]!r}")
        found += _wrong_form(each)
    return found


def _wrong_form(answer: Answer) -> list[str]:
    found = []
    if answer.headers.get("cache-control") != "no-store" or answer.headers.get("x-content-type-options") != "nosniff":
        found.append(f"{answer.status} without its headers")
    if "server" in answer.headers:
        found.append("it says what it is made of")
    if answer.body and answer.headers.get("content-type") == "text/html; charset=utf-8":
        if "content-security-policy" not in answer.headers or not answer.body.startswith(b"<!DOCTYPE html>"):
            found.append(f"{answer.status} is no page")
    elif answer.body:
        try:
            whole = isinstance(json.loads(answer.body), dict)
        except ValueError:
            whole = False
        if not whole or answer.headers.get("content-type") != "application/json":
            found.append(f"{answer.status} is no JSON")
    return found
