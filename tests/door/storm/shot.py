"""One hostile connection: the bytes to send, the allowed answers, and the calls that may reach Kestra because of it."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

#: After so many silent seconds the door has forgotten a connection. They are counted one by one: otherwise a machine that
#: was suspended would look like a silent door.
SILENT_SECONDS = 30


class End(Enum):
    """How the client ends."""

    READ = "reads to the end"
    HALF = "closes its half, and reads"
    LEAVE = "closes the connection"
    RESET = "resets the connection"


@dataclass(frozen=True)
class Shot:
    """One connection.

    The client sends ``pieces`` with ``pause`` seconds between them. The door may give ``max_answers`` answers with one of
    ``statuses``, and none at all if ``silent``. ``calls`` are the sequences and bodies that may reach Kestra.
    """

    kind: str
    pieces: tuple[bytes, ...]
    statuses: frozenset[int]
    max_answers: int = 1
    silent: bool = False
    pause: float = 0.0
    end: End = End.READ
    calls: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Answer:
    """An answer of the door; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Forgotten(Exception):
    """The door neither answers nor closes a connection."""


def fire(shot: Shot, port: int) -> list[Answer]:
    """Send a shot and return the answers. Raises ``Forgotten``, or ``ValueError`` for an answer that is not HTTP."""
    with socket.create_connection(("127.0.0.1", port), timeout=float(SILENT_SECONDS)) as connection:
        # The door may close the connection before everything is sent.
        with suppress(ConnectionError):
            for number, piece in enumerate(shot.pieces):
                if number and shot.pause:
                    time.sleep(shot.pause)
                connection.sendall(piece)
            if shot.end is End.HALF:
                connection.shutdown(socket.SHUT_WR)
        if shot.end is End.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if shot.end in (End.LEAVE, End.RESET):
            return []
        return parse(_read_to_end(connection))


def _read_to_end(connection: socket.socket) -> bytes:
    received = b""
    silent_seconds = 0
    connection.settimeout(1.0)
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionError:
            return received
        except TimeoutError:
            silent_seconds += 1
            if silent_seconds == SILENT_SECONDS:
                raise Forgotten(f"after {len(received)} bytes of an answer") from None
            continue
        if not piece:
            return received
        received += piece
        silent_seconds = 0


def parse(raw: bytes) -> list[Answer]:
    """Return the answers of one connection, without "100 Continue". Raises ``ValueError``."""
    answers = []
    while raw:
        head, blank, raw = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        if not blank or not first.startswith("HTTP/1.1 "):
            raise ValueError("the answer is not HTTP")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split(" ")[1])
        # The answer to HEAD has a length but no body.
        length = 0 if raw.startswith(b"HTTP/1.1 ") else int(headers.get("content-length", "0"))
        if status != 100:
            answers.append(Answer(status, headers, raw[:length]))
        raw = raw[length:]
    return answers


def faults(shot: Shot, answers: list[Answer]) -> list[str]:
    """Return descriptions of the wrong answers to a shot."""
    problems = []
    if not answers and not shot.silent and shot.end in (End.READ, End.HALF):
        problems.append("no answer")
    if len(answers) > shot.max_answers:
        problems.append(f"{len(answers)} answers")
    for answer in answers:
        is_busy = answer.status == 503 and ("retry-after" in answer.headers or b'"unhealthy"' in answer.body)
        if answer.status not in shot.statuses and not is_busy:
            problems.append(f"{answer.status} {answer.body[:200]!r}")
        if not _has_the_doors_form(answer):
            problems.append(f"{answer.status} has a wrong header or body: {answer.headers}")
    return problems


def _has_the_doors_form(answer: Answer) -> bool:
    """Return whether an answer has the headers of every answer, and is a JSON object or a page."""
    headers, body = answer.headers, answer.body
    if headers.get("cache-control") != "no-store" or headers.get("x-content-type-options") != "nosniff":
        return False
    if "server" in headers or not body:
        return "server" not in headers
    if headers["content-type"] == "text/html; charset=utf-8":
        return "content-security-policy" in headers and body.startswith(b"<!DOCTYPE html>")
    return headers["content-type"] == "application/json" and body.startswith(b"{") and body.endswith(b"}")
