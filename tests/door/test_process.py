"""The door as a process: what was answered 200 is handed on whatever happens to it, and nothing private is written down."""

from __future__ import annotations

import json
import re
import signal
import ssl
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest
from support import address, payload, until

from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.door.routes import KESTRA_PATHS, PUBLIC_PATHS
from christmas_campaign.local.child_process import ChildError
from door.process import HANG, KEYS, DoorProcess, Upstream, addresses, base64_of

SIGNUP = PUBLIC_PATHS["signup"]

#: There is no TLS here, and reading the certificates takes longer than a call.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def emails(upstream: Upstream) -> list[str]:
    """The addresses of the calls that Kestra's place has taken, in order."""
    return [json.loads(body)["email"] for body in upstream.taken]


def test_killed_between_the_answer_and_the_handing_on(tmp_path: Path, upstream: Upstream) -> None:
    upstream.stop()
    door = DoorProcess(tmp_path, upstream)
    with door:
        answered = []
        for number in range(40):
            email = address(f"n{number}")
            name = list(KEYS)[number % 4]
            assert door.post(addresses(name)[number % 2], payload(email, name)).json()["status"] == "accepted"
            answered.append(email)
        door.child.kill()
        assert len(list_entries(door.inbox)) == 40
        upstream.start()
        door.start()
        until(lambda: len(upstream.taken) >= 40 and not list_entries(door.inbox), "all calls", 30)
    assert emails(upstream) == answered
    # Each at its own handler.
    for number, arrived in enumerate(upstream.arrived):
        name = list(KEYS)[number % 4]
        assert arrived.path == KESTRA_PATHS[name] + KEYS[name]


def test_killed_again_and_again_under_steady_calls(tmp_path: Path, upstream: Upstream) -> None:
    answered: list[str] = []
    door = DoorProcess(tmp_path, upstream, DOOR_LISTEN="127.0.0.1:0")
    stop = threading.Event()

    def caller(number: int) -> None:
        while not stop.is_set():
            email = address(f"c{number}")
            try:
                answer = httpx.post(door.url + SIGNUP, json=payload(email), timeout=5)
            except httpx.HTTPError:
                # The door is away; the sender calls again, as a good one does.
                time.sleep(0.05)
                continue
            assert answer.status_code == 200
            answered.append(email)

    def reached(count: int) -> bool:
        return len(answered) >= count

    with door, ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(caller, number) for number in range(4)]
        for _ in range(3):
            until(partial(reached, len(answered) + 30), "thirty more calls", 20)
            door.child.kill()
            door.start()
        stop.set()
        for each in callers:
            each.result(30)
        until(lambda: not list_entries(door.inbox), "an empty inbox", 60)
    taken = emails(upstream)
    assert set(answered) <= set(taken)
    # Twice only what was on its way when the door was killed: Kestra knows the event then.
    assert len(taken) - len(set(taken)) <= 3
    assert all(taken[place] == taken[place - 1] for place in range(len(taken)) if taken[place] in taken[:place])


def test_a_kestra_that_dies_while_calls_come_in(tmp_path: Path, upstream: Upstream) -> None:
    with DoorProcess(tmp_path, upstream) as door:
        answered = []
        for number in range(60):
            if number == 20:
                upstream.stop()
            if number == 40:
                # The twenty calls take less time than the door takes to see that nobody is there.
                door.logged("not taken signup", "ConnectError, again in")
                upstream.start()
            answered.append(address(f"n{number}"))
            assert door.post(SIGNUP, payload(answered[-1])).status_code == 200
        until(lambda: not list_entries(door.inbox), "an empty inbox", 60)
        assert emails(upstream) == answered
        door.logged("not taken signup", "again in 1 s")


def test_a_kestra_that_hangs_holds_up_no_answer(tmp_path: Path, upstream: Upstream) -> None:
    upstream.answer = lambda _: HANG
    with DoorProcess(tmp_path, upstream) as door:
        for _ in range(5):
            began = time.monotonic()
            assert door.post(SIGNUP, payload(address())).status_code == 200
            assert time.monotonic() - began < 5
        assert len(list_entries(door.inbox)) == 5
        assert len(upstream.arrived) <= 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_on_a_signal(tmp_path: Path, upstream: Upstream, number: signal.Signals) -> None:
    with DoorProcess(tmp_path, upstream) as door, httpx.Client(base_url=door.url) as client:
        # A connection that is kept open does not hold it up.
        client.get("/health")
        process = door.child._process
        assert process is not None
        process.send_signal(number)
        assert process.wait(10) == 0
    assert "Traceback" not in door.log


def test_a_child_ends_with_its_input_and_another_does_not(tmp_path: Path, upstream: Upstream) -> None:
    with DoorProcess(tmp_path, upstream) as door:
        process = door.child._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
    env = door.child.env
    argv = [sys.executable, "-m", "christmas_campaign.door"]
    with subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as alone:
        assert alone.stdout is not None
        url = json.loads(alone.stdout.readline().removeprefix("READY "))["url"]
        assert httpx.get(f"{url}/health").status_code == 200
        assert alone.poll() is None
        alone.terminate()
        assert alone.wait(10) == 0


def test_two_doors_on_one_inbox(tmp_path: Path, upstream: Upstream) -> None:
    with DoorProcess(tmp_path, upstream) as door:
        second = DoorProcess(tmp_path, upstream)
        with pytest.raises(ChildError, match="in use: does another door run on it"):
            second.start()
        assert door.post(SIGNUP, payload(address())).status_code == 200


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SECRET_WEBHOOK_KEY_SIGNUP": ""}, "door: SECRET_WEBHOOK_KEY_SIGNUP is missing"),
        ({"DOOR_LISTEN": "192.0.2.1:0"}, "door: cannot listen at the address in DOOR_LISTEN"),
        ({"DOOR_INBOX": "/proc/nowhere/inbox.sqlite"}, "door: the inbox /proc/nowhere/inbox.sqlite cannot be made"),
    ],
)
def test_what_has_to_be_mended_is_said_plainly(
    tmp_path: Path, upstream: Upstream, settings: dict[str, str], said: str
) -> None:
    door = DoorProcess(tmp_path, upstream, **settings)
    with pytest.raises(ChildError, match="exit code 2") as caught:
        door.start()
    assert said in str(caught.value)
    assert "Traceback" not in door.log


def test_a_port_that_is_taken_is_said_plainly(tmp_path: Path, upstream: Upstream, door: DoorProcess) -> None:
    second = DoorProcess(tmp_path, upstream, DOOR_LISTEN=f"127.0.0.1:{door.port}")
    with pytest.raises(ChildError, match="cannot listen at the address in DOOR_LISTEN: Address already in use"):
        second.start()


def test_nothing_private_is_written_down(tmp_path: Path, upstream: Upstream) -> None:
    """Every way of being refused, each with a word in every place where there is one; then the log is searched."""
    word = "VeryPrivate"
    settings = {
        "SIGNING_WEBSITE": f"{word}Signing",
        "SIGNING_CALENDLY": f"{word}Calendly",
        "SECRET_NOTION_TOKEN": base64_of(f"{word}Token"),
        "DOOR_RATE": "12",
        "DOOR_PROXIES": "127.0.0.0/8",
    }
    upstream.answer = lambda _: 422 if len(upstream.arrived) else 500
    with DoorProcess(tmp_path, upstream, **settings) as door:
        headers = {"x_forwarded_for": "203.0.113.77", "cookie": word, "authorization": word, "user_agent": word}
        body = json.dumps(
            {"email": f"{word}@example.com", f"{word}-field": word, "variables": {f"{word}!": word}}
        ).encode()
        refused = 0
        for path, sent in [
            (f"/{word}?{word}", body),
            (f"{KESTRA_PATHS['signup']}{word}", body),
            (f"{SIGNUP}?{word}", body),
            (PUBLIC_PATHS["noshow"], body),
            (PUBLIC_PATHS["postcall"], body),
            (PUBLIC_PATHS["postcall"], word.encode()),
            (PUBLIC_PATHS["postcall"], word.encode() + b"\xff"),
            (PUBLIC_PATHS["postcall"], f'{{"{word}": 1, "{word}": 1}}'.encode()),
            (PUBLIC_PATHS["onboarding"], word.encode() * 200_000),
        ]:
            signature = {"webhook_id": word, "webhook_timestamp": word, "webhook_signature": f"v1,{word}"}
            assert door.post(path, sent, **headers, **signature).status_code >= 400
            refused += 1
        assert httpx.request("BREW", f"{door.url}{SIGNUP}?{word}", headers={"x": word}).status_code == 405
        for _ in range(2):
            assert (
                door.post(PUBLIC_PATHS["postcall"], payload(f"{word}@example.com".lower(), "postcall")).status_code
                == 200
            )
        until(
            lambda: door.post(PUBLIC_PATHS["postcall"], body, **headers).status_code == 429,
            "a sender that calls too often",
            10,
        )
        door.logged("not taken postcall", "HTTP 500, again in 1 s")
        door.logged("refused by Kestra postcall")
        door.child.stop()
    lines = door.log.splitlines()
    assert len([line for line in lines if " refused " in line and "203.0.113.0/24" in line]) >= refused
    for line in lines:
        assert re.match(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (refused|not taken) ", line), line
    keys = [*KEYS.values(), *map(base64_of, KEYS.values())]
    for secret in (word, word.lower(), base64_of(f"{word}Token"), "203.0.113.77", *keys):
        assert secret not in door.log
    for name in ("inbox.sqlite", "inbox.sqlite.lock"):
        assert b"Signing" not in (door.inbox.parent / name).read_bytes()


def test_its_secrets_are_not_among_its_arguments(door: DoorProcess) -> None:
    arguments = Path(f"/proc/{door.child.pid}/cmdline").read_bytes()
    assert KEYS["signup"].encode() not in arguments
    assert base64_of(KEYS["signup"]).encode() not in arguments


@pytest.mark.alone
def test_how_long_an_answer_takes_at_twenty_a_second(door: DoorProcess) -> None:
    taken: list[float] = []

    def one(due: float) -> None:
        time.sleep(max(0.0, due - time.monotonic()))
        with httpx.Client(verify=NO_TLS) as client:
            began = time.monotonic()
            assert client.post(door.url + SIGNUP, json=payload(address())).status_code == 200
        taken.append(time.monotonic() - began)

    start = time.monotonic() + 0.2
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, [start + number / 20 for number in range(100)]))
    cuts = statistics.quantiles(taken, n=100)
    print(f"\nthe door at 20 calls a second: p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms")
    assert cuts[49] < 0.1
