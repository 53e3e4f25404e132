"""The storm itself: so many shots, drawn from one seed, sent by several senders side by side."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from door.storm import framing, heads, paths
from door.storm.aim import Aim
from door.storm.shot import Answer, Forgotten, Shot, faults, fire

#: The senders, each with one connection at a time.
SENDERS = 16

#: How often each kind comes: those that cost megabytes or seconds come seldom.
KINDS: tuple[tuple[Callable[[Aim], st.SearchStrategy[Shot]], int], ...] = (
    (framing.whole, 12),
    (framing.oversized, 2),
    (framing.chunked, 6),
    (framing.broken_chunks, 6),
    (framing.two_lengths, 10),
    (framing.pipelined, 5),
    (framing.repeated, 3),
    (framing.wrong_length, 4),
    (framing.slow, 3),
    (paths.paths, 14),
    (paths.raw_paths, 6),
    (paths.keys, 6),
    (paths.methods, 6),
    (paths.pages, 6),
    (heads.headers, 9),
    (heads.signatures, 10),
    (heads.no_http, 6),
)
_DRAWN = tuple(kind for kind, often in KINDS for _ in range(often))


def digest(sequence: str, body: bytes) -> bytes:
    """What stands for a call: bodies may be a megabyte."""
    return hashlib.sha256(sequence.encode() + b"\x00" + body).digest()


@dataclass
class Outcome:
    """What became of a storm: shots by kind, answers by status, all that was wrong, the calls that may be handed on
    (``digest``) with the addresses in them, and the addresses that were told that theirs is."""

    kinds: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    may: set[bytes] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    accepted: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        statuses = ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items()))
        return f"{self.kinds.total()} shots in {self.seconds:.0f} s; answers: {statuses}; {len(self.accepted)} accepted"


@st.composite
def shots(draw: st.DrawFn, aim: Aim) -> Shot:
    """A shot of any kind."""
    return draw(draw(st.sampled_from(_DRAWN))(aim))


def rage(port: int, aim: Aim, count: int, *, number: int = 0, look: Callable[[], None] = lambda: None) -> Outcome:
    """Send ``count`` shots to the door at a port, and return what became of them; ``number`` is the seed of what is drawn.

    ``look`` is called after each tenth of them, when all have been answered and no other is on its way.
    """
    outcome = Outcome()
    lock = threading.Lock()
    room = threading.Semaphore(4 * SENDERS)
    flying: set[Future[None]] = set()

    def one(place: int, shot: Shot) -> None:
        answers: list[Answer] = []
        try:
            answers = fire(shot, port)
            found = faults(shot, answers)
        except (Forgotten, ValueError, OSError) as error:
            found = [f"{type(error).__name__} {error}"]
        finally:
            room.release()
        with lock:
            outcome.kinds[shot.kind] += 1
            outcome.statuses.update(answer.status for answer in answers)
            outcome.faults += [f"{place} {shot.kind}: {fault} to {_shown(shot)}" for fault in found]
            outcome.accepted += [email for answer in answers if (email := _accepted(answer)) is not None]

    with ThreadPoolExecutor(SENDERS) as pool:
        sent = 0

        @seed(number)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(shots(aim))
        def each(shot: Shot) -> None:
            nonlocal sent
            if sent == count:
                return
            outcome.may.update(digest(*call) for call in shot.calls)
            outcome.emails.update(json.loads(body)["email"] for _, body in shot.calls)
            room.acquire()
            flying.add(pool.submit(one, sent, shot))
            flying.difference_update([future for future in flying if future.done()])
            sent += 1
            if sent % max(1, count // 10) == 0:
                wait(flying)
                look()

        began = time.monotonic()
        each()
        wait(flying)
        outcome.seconds = time.monotonic() - began
    return outcome


def _accepted(answer: Answer) -> str | None:
    """The address that was told that its call is taken on."""
    if answer.status != 200 or b'"accepted"' not in answer.body:
        return None
    said = json.loads(answer.body)
    return str(said["email"]) if said["status"] == "accepted" else None


def _shown(shot: Shot) -> str:
    sent = b"".join(shot.pieces)
    return f"{sent[:600]!r}… ({len(sent)} bytes, {shot.end.value})"
