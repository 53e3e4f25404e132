"""The door as a process: it forwards every call that it answered with 200, and writes nothing private to its log."""

from __future__ import annotations

import json
import re
import signal
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
from door.process import KEYS, DoorProcess, FakeKestra, base64_of

SIGNUP = PUBLIC_PATHS["signup"]


def emails(kestra: FakeKestra) -> list[str]:
    """Return the addresses of the calls that Kestra has accepted, in order."""
    return [json.loads(body)["email"] for body in kestra.accepted]


def empty(door: DoorProcess) -> None:
    """Wait until the inbox is empty."""
    until(lambda: not list_entries(door.inbox), "an empty inbox", 60)


def test_no_call_is_lost_when_the_door_is_killed_under_load(tmp_path: Path, kestra: FakeKestra) -> None:
    answered: list[str] = []
    door = DoorProcess(tmp_path, kestra)
    stop = threading.Event()

    def send_calls(number: int) -> None:
        while not stop.is_set():
            email = address(f"c{number}")
            try:
                answer = httpx.post(door.url + SIGNUP, json=payload(email), timeout=5)
            except httpx.HTTPError:
                # The door is down; a good sender calls again.
                time.sleep(0.05)
                continue
            assert answer.status_code == 200
            answered.append(email)

    def has_answered(count: int) -> bool:
        return len(answered) >= count

    with door, ThreadPoolExecutor(4) as pool:
        senders = [pool.submit(send_calls, number) for number in range(4)]
        for _ in range(3):
            until(partial(has_answered, len(answered) + 30), "thirty more calls", 20)
            door.child.kill()
            door.start()
        stop.set()
        for sender in senders:
            sender.result(30)
        empty(door)
    forwarded = emails(kestra)
    assert set(answered) <= set(forwarded)
    # Only a call that was being forwarded at a kill arrives twice, in a row: Kestra recognises its event.
    assert len(forwarded) - len(set(forwarded)) <= 3
    assert all(forwarded[at] == forwarded[at - 1] for at in range(len(forwarded)) if forwarded[at] in forwarded[:at])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_door_with_exit_code_0(tmp_path: Path, kestra: FakeKestra, number: signal.Signals) -> None:
    # The client's open connection does not hold up the stop.
    with DoorProcess(tmp_path, kestra) as door, httpx.Client(base_url=door.url) as client:
        client.get("/health")
        process = door.child._process
        assert process is not None
        process.send_signal(number)
        assert process.wait(10) == 0
    assert "Traceback" not in door.log


def test_only_a_child_stops_at_the_end_of_its_input(tmp_path: Path, kestra: FakeKestra) -> None:
    with DoorProcess(tmp_path, kestra) as door:
        process = door.child._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
    argv = [sys.executable, "-m", "christmas_campaign.door"]
    with subprocess.Popen(
        argv, env=door.child.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as alone:
        assert alone.stdout is not None
        url = json.loads(alone.stdout.readline().removeprefix("READY "))["url"]
        assert httpx.get(f"{url}/health").status_code == 200
        assert alone.poll() is None
        alone.terminate()
        assert alone.wait(10) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"SECRET_WEBHOOK_KEY_SIGNUP": ""}, "door: SECRET_WEBHOOK_KEY_SIGNUP is missing"),
        ({"DOOR_LISTEN": "192.0.2.1:0"}, "door: cannot listen at the address in DOOR_LISTEN"),
        ({"DOOR_INBOX": "/proc/nowhere/inbox.sqlite"}, "door: the inbox /proc/nowhere/inbox.sqlite cannot be made"),
    ],
)
def test_unusable_setting_ends_with_one_plain_sentence(
    tmp_path: Path, kestra: FakeKestra, settings: dict[str, str], message: str
) -> None:
    door = DoorProcess(tmp_path, kestra, **settings)
    with pytest.raises(ChildError, match="exit code 2") as caught:
        door.start()
    assert message in str(caught.value)
    assert "Traceback" not in door.log


def test_log_has_nothing_private(tmp_path: Path, kestra: FakeKestra) -> None:
    """Every kind of refusal, with a private word in every part of the request. The log must not have the word."""
    word = "VeryPrivate"
    settings = {
        "SIGNING_WEBSITE": f"{word}Signing",
        "SIGNING_CALENDLY": f"{word}Calendly",
        "SECRET_NOTION_TOKEN": base64_of(f"{word}Token"),
        "DOOR_RATE": "12",
        "DOOR_PROXIES": "127.0.0.0/8",
    }
    postcall = PUBLIC_PATHS["postcall"]
    kestra.answer = lambda _: 422 if kestra.calls else 500
    headers = {"x_forwarded_for": "203.0.113.77", "cookie": word, "authorization": word, "user_agent": word}
    signature = {"webhook_id": word, "webhook_timestamp": word, "webhook_signature": f"v1,{word}"}
    fields = {"email": f"{word}@example.com", f"{word}-field": word, "variables": {f"{word}!": word}}
    body = json.dumps(fields).encode()
    requests = [
        (f"/{word}?{word}", body),
        (f"{KESTRA_PATHS['signup']}{word}", body),
        (f"{SIGNUP}?{word}", body),
        (PUBLIC_PATHS["noshow"], body),
        (postcall, body),
        (postcall, word.encode() + b"\xff"),
        (postcall, f'{{"{word}": 1, "{word}": 1}}'.encode()),
        (PUBLIC_PATHS["onboarding"], word.encode() * 200_000),
    ]
    with DoorProcess(tmp_path, kestra, **settings) as door:
        for path, content in requests:
            assert door.post(path, content, **headers, **signature).status_code >= 400
        assert httpx.request("BREW", f"{door.url}{SIGNUP}?{word}", headers={"x": word}).status_code == 405
        for _ in range(2):
            assert door.post(postcall, payload(f"{word}@example.com".lower(), "postcall")).status_code == 200
        until(lambda: door.post(postcall, body, **headers).status_code == 429, "a sender above the rate limit", 10)
        door.logged("not taken postcall", "HTTP 500, again in 1 s")
        door.logged("refused by Kestra postcall")
    lines = door.log.splitlines()
    assert len([line for line in lines if " refused " in line and "203.0.113.0/24" in line]) >= len(requests)
    for line in lines:
        assert re.match(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (refused|not taken) ", line), line
    keys = [*KEYS.values(), *map(base64_of, KEYS.values())]
    for secret in (word, word.lower(), base64_of(f"{word}Token"), "203.0.113.77", *keys):
        assert secret not in door.log
    assert b"Signing" not in door.inbox.read_bytes()
