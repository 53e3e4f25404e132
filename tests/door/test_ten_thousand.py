"""A storm of hostile requests at a real door: ``HOSTILE=10000`` for the whole of it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from support import address, payload, until

from christmas_campaign.campaign import times
from christmas_campaign.door.http import json_body
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.door.routes import KESTRA_PATHS, PUBLIC_PATHS
from christmas_campaign.events import intake
from christmas_campaign.sequences.registry import SEQUENCES
from door.process import KEYS, DoorProcess, Upstream
from door.storm.aim import HURRIED, MARK, SIGNING, Aim
from door.storm.storm import Outcome, digest, rage

COUNT = int(os.environ.get("HOSTILE", "600"))

#: Nothing of a call but its body reaches Kestra: these headers are the door's own.
OWN_HEADERS = {
    "host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length", "x-received-at",
}  # fmt: skip

#: How many megabytes the door may hold, and how many more in the second half than in the first: what the C library has not
#: given back moves by that much.
MOST, MORE = 160.0, 30.0

#: How many of Python's blocks of memory the second half may leave: less than one for each call.
BLOCKS = 1_000 + COUNT // 4

#: Has the door say how many blocks it holds, on SIGUSR1: that does not move with what was once needed.
COUNTED = """
import gc, os, signal
def count(*_):
    gc.collect()
    with open({path!r} + ".new", "w") as file:
        file.write(str(sys.getallocatedblocks()))
    os.rename({path!r} + ".new", {path!r})
signal.signal(signal.SIGUSR1, count)
"""

# Of whoever has gone already, the address is no longer known.
_LINE = re.compile(
    r"\S+Z not taken [a-z]+ [0-9a-f]{32} no answer in time, again in [0-9]+ s|"
    r"\S+Z refused (-|health|signup|noshow|postcall|onboarding|precall|unsubscribe) (?:127|0)\.0\.0\.0/24 "
    r"(400|401|404|405|408|413|422|431|503) [^\"{}@%\\]*"
)


class Storm:
    """A storm that has passed: its door, what stood behind it, and what became of it."""

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        """Let it pass."""
        self.upstream = upstream
        self.began = datetime.now(UTC)
        self.counted = folder / "blocks"
        program = HURRIED + COUNTED.format(path=str(self.counted))
        self.door = DoorProcess(folder, upstream, program=program, DOOR_CONCURRENCY="12", **SIGNING)
        #: The megabytes and the blocks that the door held after each tenth.
        self.memory: list[float] = []
        self.blocks: list[int] = []

    def __enter__(self) -> Storm:
        self.door.__enter__()
        self.outcome: Outcome = rage(self.door.port, Aim(KEYS), COUNT, look=self._look)
        until(lambda: not list_entries(self.door.inbox), "an empty inbox")
        print(
            f"\n{self.outcome}; {len(self.upstream.arrived)} reached Kestra's place; "
            f"by tenths {', '.join(f'{each:.0f}' for each in self.memory)} MB and {self.blocks} blocks"
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.door.__exit__()

    def _look(self) -> None:
        self.memory.append(self.door.resident)
        self.counted.unlink(missing_ok=True)
        os.kill(self.door.child.pid, signal.SIGUSR1)
        until(self.counted.exists, "the count")
        self.blocks.append(int(self.counted.read_text()))


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    upstream = Upstream()
    upstream.start()
    try:
        with Storm(tmp_path_factory.mktemp("storm"), upstream) as passed:
            yield passed
    finally:
        upstream.stop()


pytestmark = pytest.mark.timeout(180 + COUNT // 10)


def test_each_is_answered_as_it_deserves(storm: Storm) -> None:
    """No 5xx but the meant 503, no answer that another shot should have had, and no connection that is forgotten."""
    assert not storm.outcome.faults, "\n".join(storm.outcome.faults[:20])
    assert storm.outcome.kinds.total() == COUNT
    # What a seed draws depends on the modules that are loaded: a small storm may have nothing in it that is too large.
    too_large = {413} if storm.outcome.kinds["oversized"] else set()
    assert {200, 400, 401, 404, 405, 422} | too_large <= set(storm.outcome.statuses)


def test_only_what_intake_takes_reaches_kestra(storm: Storm) -> None:
    by_path = {KESTRA_PATHS[each.name] + KEYS[each.name]: each.name for each in SEQUENCES}
    assert storm.upstream.arrived
    for each in storm.upstream.arrived:
        name = by_path[each.path]
        assert digest(name, each.body) in storm.outcome.may, each.body[:500]
        answer = intake.answer(json_body.read(each.body), name, datetime.now(UTC), None)
        assert not isinstance(answer, intake.Rejected)
        assert set(each.headers) <= OWN_HEADERS
        assert each.headers["content-type"] == "application/json"
        received = times.parse(each.headers["x-received-at"])
        assert storm.began - timedelta(seconds=1) <= received <= datetime.now(UTC)


def test_whoever_was_told_so_was_handed_on(storm: Storm) -> None:
    assert storm.outcome.accepted
    arrived = b"\n".join(each.body for each in storm.upstream.arrived)
    assert not [email for email in storm.outcome.accepted if email.encode() not in arrived]


def test_the_memory_stays_as_it_was(storm: Storm) -> None:
    assert max(storm.memory) < MOST
    assert max(storm.memory[5:]) - max(storm.memory[:5]) < MORE
    assert max(storm.blocks[5:]) - max(storm.blocks[:5]) < BLOCKS


def test_the_log_has_lines_of_its_own_and_nothing_of_the_calls(storm: Storm) -> None:
    lines = storm.door.log.splitlines()
    assert len(lines) > COUNT // 4
    assert not [line for line in lines if not _LINE.fullmatch(line)][:5]
    for secret in (MARK, "example.com", *KEYS.values()):
        assert secret not in storm.door.log


def test_a_good_call_is_taken_after_it(storm: Storm) -> None:
    body = payload(address(), "postcall")
    assert storm.door.post(PUBLIC_PATHS["postcall"], body).json()["status"] == "accepted"
    until(lambda: body["email"].encode() in storm.upstream.arrived[-1].body, "the call")
    assert httpx.get(f"{storm.door.url}/health").status_code == 200
