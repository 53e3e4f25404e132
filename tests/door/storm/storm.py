"""The storm: a number of shots, drawn from one seed and sent by several clients at the same time."""

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

from door.storm import shots
from door.storm.aim import Aim
from door.storm.shot import Answer, Forgotten, Shot, faults, fire

#: The number of clients, each with one connection at a time.
CLIENTS = 16

#: How often each kind of shot comes. Kinds that cost megabytes or seconds are rare.
WEIGHTS: dict[Callable[[Aim], st.SearchStrategy[Shot]], int] = {
    shots.whole: 30,
    shots.oversized: 6,
    shots.chunked: 6,
    shots.malformed: 20,
    shots.garbage: 4,
    shots.wrong_length: 6,
    shots.pipelined: 5,
    shots.slow: 3,
    shots.paths: 30,
}
_KINDS = tuple(kind for kind, weight in WEIGHTS.items() for _ in range(weight))


def digest(sequence: str, body: bytes) -> bytes:
    """Return a short form of a call, whose body may have a megabyte."""
    return hashlib.sha256(sequence.encode() + b"\x00" + body).digest()


@dataclass
class Outcome:
    """The outcome of a storm: shots by kind, answers by status, and the faults.

    ``allowed`` has the digests of the calls that may reach Kestra, ``emails`` their addresses, and ``accepted`` the
    addresses in the door's answers "accepted".
    """

    kinds: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    allowed: set[bytes] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    accepted: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        statuses = ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items()))
        return f"{self.kinds.total()} shots in {self.seconds:.0f} s; answers: {statuses}; {len(self.accepted)} accepted"


@st.composite
def any_shot(draw: st.DrawFn, aim: Aim) -> Shot:
    return draw(draw(st.sampled_from(_KINDS))(aim))


def run_storm(
    port: int, aim: Aim, count: int, *, number: int = 0, after_tenth: Callable[[], None] = lambda: None
) -> Outcome:
    """Send ``count`` shots, drawn with the seed ``number``, to the door at ``port``.

    ``after_tenth`` is called after each tenth of the shots, while no shot is under way.
    """
    outcome = Outcome()
    lock = threading.Lock()
    queue_slots = threading.Semaphore(4 * CLIENTS)
    running: set[Future[None]] = set()

    def fire_one(place: int, shot: Shot) -> None:
        answers: list[Answer] = []
        try:
            answers = fire(shot, port)
            problems = faults(shot, answers)
        except (Forgotten, ValueError, OSError) as error:
            problems = [f"{type(error).__name__} {error}"]
        finally:
            queue_slots.release()
        with lock:
            outcome.kinds[shot.kind] += 1
            outcome.statuses.update(answer.status for answer in answers)
            outcome.faults += [f"{place} {shot.kind}: {problem} to {_describe(shot)}" for problem in problems]
            outcome.accepted += [email for answer in answers if (email := _accepted_email(answer)) is not None]

    with ThreadPoolExecutor(CLIENTS) as pool:
        sent = 0

        @seed(number)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(any_shot(aim))
        def send(shot: Shot) -> None:
            nonlocal sent
            if sent == count:
                return
            outcome.allowed.update(digest(*call) for call in shot.calls)
            outcome.emails.update(json.loads(body)["email"] for _, body in shot.calls)
            queue_slots.acquire()
            running.add(pool.submit(fire_one, sent, shot))
            running.difference_update([future for future in running if future.done()])
            sent += 1
            if sent % max(1, count // 10) == 0:
                wait(running)
                after_tenth()

        started = time.monotonic()
        send()
        wait(running)
        outcome.seconds = time.monotonic() - started
    return outcome


def _accepted_email(answer: Answer) -> str | None:
    if answer.status != 200 or b'"accepted"' not in answer.body:
        return None
    body = json.loads(answer.body)
    return str(body["email"]) if body["status"] == "accepted" else None


def _describe(shot: Shot) -> str:
    sent = b"".join(shot.pieces)
    return f"{sent[:600]!r}… ({len(sent)} bytes, {shot.end.value})"
