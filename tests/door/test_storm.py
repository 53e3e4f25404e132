"""A storm of hostile requests at a real door. ``HOSTILE=10000`` sends more."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from support import address, payload, until

from christmas_campaign.campaign import times
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.door.routes import KESTRA_PATHS, PUBLIC_PATHS
from door.process import KEYS, DoorProcess, FakeKestra
from door.storm.aim import MARK, SHORT_LIMITS, SIGNING, Aim
from door.storm.storm import Outcome, digest, run_storm

COUNT = int(os.environ.get("HOSTILE", "600"))

#: Only the body of a call may reach Kestra: the door sets all headers itself.
FORWARDED_HEADERS = {
    "host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length", "x-received-at",
}  # fmt: skip

#: The most megabytes of the door, and by how many the second half of a storm may exceed the first: the C library does not
#: return all free memory to the system.
MAX_MEGABYTES, MORE_MEGABYTES = 160.0, 30.0

#: By how many of Python's memory blocks the second half may exceed the first: less than one for each shot.
MORE_BLOCKS = 1_000 + COUNT // 4

#: Makes the door write its number of memory blocks to a file on SIGUSR1.
COUNT_BLOCKS = """
import gc, os, signal
def count(*_):
    gc.collect()
    with open({path!r} + ".new", "w") as file:
        file.write(str(sys.getallocatedblocks()))
    os.rename({path!r} + ".new", {path!r})
signal.signal(signal.SIGUSR1, count)
"""

# After a client has left, its address is 0.0.0.0.
_LINE = re.compile(
    r"\S+Z not taken [a-z]+ [0-9a-f]{32} no answer in time, again in [0-9]+ s|"
    r"\S+Z refused (-|health|signup|noshow|postcall|onboarding|precall|unsubscribe) (?:127|0)\.0\.0\.0/24 "
    r"(400|401|404|405|408|413|422|431|503) [^\"{}@%\\]*"
)


class Storm:
    """A storm that is over: the door, the Kestra behind it, the outcome, and the memory after each tenth."""

    def __init__(
        self, door: DoorProcess, kestra: FakeKestra, outcome: Outcome, memory: list[tuple[float, int]]
    ) -> None:
        self.door, self.kestra, self.outcome, self.memory = door, kestra, outcome, memory


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    folder = tmp_path_factory.mktemp("storm")
    block_count = folder / "blocks"
    program = SHORT_LIMITS + COUNT_BLOCKS.format(path=str(block_count))
    memory: list[tuple[float, int]] = []
    kestra = FakeKestra()
    kestra.start()
    with DoorProcess(folder, kestra, program=program, DOOR_CONCURRENCY="12", **SIGNING) as door:

        def measure() -> None:
            block_count.unlink(missing_ok=True)
            os.kill(door.child.pid, signal.SIGUSR1)
            until(block_count.exists, "the number of blocks")
            memory.append((door.resident, int(block_count.read_text())))

        outcome = run_storm(door.port, Aim(KEYS), COUNT, after_tenth=measure)
        until(lambda: not list_entries(door.inbox), "an empty inbox")
        print(f"\n{outcome}; {len(kestra.calls)} forwarded; by tenths {memory}")
        yield Storm(door, kestra, outcome, memory)
    kestra.stop()


pytestmark = pytest.mark.timeout(180 + COUNT // 10)


def test_every_shot_gets_an_allowed_answer(storm: Storm) -> None:
    assert not storm.outcome.faults, "\n".join(storm.outcome.faults[:20])
    assert storm.outcome.kinds.total() == COUNT
    # A small storm may have no shot that is too large.
    too_large = {413} if storm.outcome.kinds["oversized"] else set()
    assert {200, 400, 401, 404, 405, 422} | too_large <= set(storm.outcome.statuses)


def test_only_valid_calls_reach_kestra(storm: Storm) -> None:
    names = {KESTRA_PATHS[name] + KEYS[name]: name for name in KESTRA_PATHS}
    assert storm.kestra.calls
    now = datetime.now(UTC)
    for call in storm.kestra.calls:
        assert digest(names[call.path], call.body) in storm.outcome.allowed, call.body[:500]
        assert set(call.headers) <= FORWARDED_HEADERS
        assert call.headers["content-type"] == "application/json"
        assert now - timedelta(hours=1) < times.parse(call.headers["x-received-at"]) <= now


def test_every_accepted_call_reaches_kestra(storm: Storm) -> None:
    assert storm.outcome.accepted
    forwarded = b"\n".join(call.body for call in storm.kestra.calls)
    assert not [email for email in storm.outcome.accepted if email.encode() not in forwarded]


def test_memory_does_not_grow(storm: Storm) -> None:
    megabytes, blocks = zip(*storm.memory, strict=True)
    assert max(megabytes) < MAX_MEGABYTES
    assert max(megabytes[5:]) - max(megabytes[:5]) < MORE_MEGABYTES
    assert max(blocks[5:]) - max(blocks[:5]) < MORE_BLOCKS


def test_log_has_only_the_doors_own_words(storm: Storm) -> None:
    lines = storm.door.log.splitlines()
    assert len(lines) > COUNT // 4
    assert not [line for line in lines if not _LINE.fullmatch(line)][:5]
    for secret in (MARK, "example.com", *KEYS.values()):
        assert secret not in storm.door.log


def test_door_works_after_the_storm(storm: Storm) -> None:
    body = payload(address(), "postcall")
    assert storm.door.post(PUBLIC_PATHS["postcall"], body).json()["status"] == "accepted"
    until(lambda: body["email"].encode() in storm.kestra.calls[-1].body, "the call")
    assert httpx.get(f"{storm.door.url}/health").status_code == 200
