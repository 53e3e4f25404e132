"""The sandbox as a process: it keeps what it was given, is reachable from here alone, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import notion_client
import pytest

from christmas_campaign.local.child_process import ChildError
from christmas_campaign.local.sandbox import Sandbox

ENV = {**os.environ, "SANDBOX_NOTION_TOKEN": "ntn_for_tests", "SANDBOX_RESEND_KEY": "re_for_tests"}
RESEND = {"Authorization": "Bearer re_for_tests"}
PARENT = {"type": "page_id", "page_id": "b55c9c91384d452b81dbd1ef79372b75"}


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program as another program starts it, and its address."""
    argv = [sys.executable, "-m", "christmas_campaign.sandbox", "--data", str(tmp_path / "s.sqlite"), "--port", "0"]
    with subprocess.Popen(argv, env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        word, _, rest = process.stdout.readline().partition(" ")
        assert word == "READY"
        ready = json.loads(rest)
        assert ready["pid"] == process.pid
        yield process, ready["url"]
        process.kill()


def test_it_can_be_used_the_moment_it_says_so(bare: tuple[subprocess.Popen[str], str]) -> None:
    assert httpx.get(f"{bare[1]}/_sandbox/health").json()["status"] == "ok"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_on_a_signal(bare: tuple[subprocess.Popen[str], str], number: signal.Signals) -> None:
    process, url = bare
    with httpx.Client(base_url=url) as client:
        # A connection that is kept open does not hold it up.
        client.get("/_sandbox/health")
        process.send_signal(number)
        assert process.wait(10) == 0


def test_it_stops_when_its_input_ends(bare: tuple[subprocess.Popen[str], str]) -> None:
    process, url = bare
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/_sandbox/health")


def test_it_stops_in_the_middle_of_a_slow_call(bare: tuple[subprocess.Popen[str], str]) -> None:
    process, url = bare
    httpx.post(f"{url}/_sandbox/faults", json={"service": "notion", "kind": "latency", "seconds": 60})
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{url}/notion/v1/users/me", timeout=0.2)
    process.terminate()
    assert process.wait(10) == 0


def test_it_is_not_reachable_from_other_machines(bare: tuple[subprocess.Popen[str], str]) -> None:
    port = int(bare[1].rsplit(":", 1)[1])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {fields[1] for fields in listening if fields[3] == "0A" and fields[1].endswith(f":{port:04X}")}
    assert addresses == {f"0100007F:{port:04X}"}


def test_secrets_are_not_among_its_arguments(bare: tuple[subprocess.Popen[str], str]) -> None:
    assert b"for_tests" not in Path(f"/proc/{bare[0].pid}/cmdline").read_bytes()


def test_without_its_secrets_it_says_which_are_missing(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "christmas_campaign.sandbox", "--data", str(tmp_path / "s.sqlite")]
    env = {name: value for name, value in ENV.items() if not name.startswith("SANDBOX_")}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "SANDBOX_NOTION_TOKEN and SANDBOX_RESEND_KEY" in done.stderr
    assert not (tmp_path / "s.sqlite").exists()


def test_a_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sandbox = Sandbox(tmp_path / "s.sqlite", port=port, notion_token="n", resend_key="r")
        with pytest.raises(ChildError, match="Address already in use"):
            sandbox.start()


def fill(sandbox: Sandbox, letter: dict[str, Any]) -> tuple[str, str, str, str]:
    """A mail with a key, a webhook with an alert, a page; the ids and addresses."""
    headers = {**RESEND, "Idempotency-Key": "k"}
    mail = httpx.post(f"{sandbox.resend_url}/emails", json=letter, headers=headers).json()["id"]
    webhook = sandbox.discord_webhook().removeprefix(sandbox.url)
    httpx.post(sandbox.url + webhook, json={"content": "before"})
    with notion_client.Client(auth="ntn_for_tests", base_url=sandbox.notion_url) as notion:
        database = notion.databases.create(
            parent=PARENT, initial_data_source={"properties": {"Name": {"title": {}}, "S": {"select": {}}}}
        )
        source = database["data_sources"][0]["id"]
        page = notion.pages.create(parent={"data_source_id": source}, properties={"S": {"select": {"name": "new"}}})
    return mail, webhook, source, page["id"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_everything_is_still_there_after_a_restart(another: Sandbox, letter: dict[str, Any], how: str) -> None:
    another.start()
    mail, webhook, source, page = fill(another, letter)
    calls = len(another.requests())
    another.advance(3600)
    getattr(another, how)()
    another.start()
    assert [held.id for held in another.mails()] == [mail]
    assert [alert["content"] for alert in another.alerts()] == ["before"]
    assert len(another.requests()) == calls
    assert another.health()["advanced_seconds"] == 3600
    with notion_client.Client(auth="ntn_for_tests", base_url=another.notion_url) as notion:
        assert notion.pages.retrieve(page)["properties"]["S"]["select"]["name"] == "new"
        assert [found["id"] for found in notion.data_sources.query(source)["results"]] == [page]
        late = notion.pages.create(parent={"data_source_id": source}, properties={})
        assert [found["id"] for found in notion.data_sources.query(source)["results"]] == [late["id"], page]
        options = notion.data_sources.retrieve(source)["properties"]["S"]["select"]["options"]
        assert [option["name"] for option in options] == ["new"]
    # What was added after one restart still comes after what was there before, after another.
    getattr(another, how)()
    another.start()
    with notion_client.Client(auth="ntn_for_tests", base_url=another.notion_url) as notion:
        assert [found["id"] for found in notion.data_sources.query(source)["results"]] == [late["id"], page]
    headers = {**RESEND, "Idempotency-Key": "k"}
    assert httpx.post(f"{another.resend_url}/emails", json=letter, headers=headers).json()["id"] == mail
    assert httpx.post(another.url + webhook, json={"content": "after"}).status_code == 204


def test_two_hundred_connections_at_once(another: Sandbox, letter: dict[str, Any]) -> None:
    another.start()
    source = fill(another, letter)[2]
    notion = {"Authorization": "Bearer ntn_for_tests", "Notion-Version": "2025-09-03"}
    another.fault("resend", "latency", seconds=1.0, times=200)

    async def call(client: httpx.AsyncClient, number: int) -> tuple[int, int]:
        select = {"name": str(number % 7)}
        page = {"parent": {"data_source_id": source}, "properties": {"S": {"select": select}}}
        sent, made = await asyncio.gather(
            client.post(f"{another.resend_url}/emails", json={**letter, "subject": str(number)}, headers=RESEND),
            client.post(f"{another.notion_url}/v1/pages", json=page, headers=notion),
        )
        return sent.status_code, made.status_code

    async def all_at_once() -> set[tuple[int, int]]:
        limits, no_tls = httpx.Limits(max_connections=400), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with httpx.AsyncClient(timeout=30.0, limits=limits, verify=no_tls) as client:
            return set(await asyncio.gather(*(call(client, number) for number in range(200))))

    began = time.monotonic()
    assert asyncio.run(all_at_once()) == {(200, 200)}
    # Two hundred calls that each take a second are open at the same time, or this would take minutes.
    assert time.monotonic() - began < 20
    assert len({mail.subject for mail in another.mails()}) == 201
    assert another.health()["pages"] == 201
    assert {call.status for call in another.requests()} == {200, 204}
