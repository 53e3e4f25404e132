"""The sandbox process: it starts and stops cleanly, listens on this machine only, and keeps its data across restarts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import notion_client
import pytest

from christmas_campaign.local.child_process import ChildError
from christmas_campaign.local.sandbox import Sandbox
from sandbox.contract import NO_TLS, NOTION_TOKEN, PARENT, RESEND_KEY

COMMAND = [sys.executable, "-m", "christmas_campaign.sandbox", "--data"]
SECRETS = {"SANDBOX_NOTION_TOKEN": NOTION_TOKEN, "SANDBOX_RESEND_KEY": RESEND_KEY}


@pytest.fixture
def child(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The sandbox as another program starts it, and its address from the READY line."""
    command, env = [*COMMAND, str(tmp_path / "s.sqlite")], {**os.environ, **SECRETS}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        word, _, rest = process.stdout.readline().partition(" ")
        ready = json.loads(rest)
        assert (word, ready["pid"]) == ("READY", process.pid)
        yield process, ready["url"]
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_it_during_a_slow_call(child: tuple[subprocess.Popen[str], str], number: signal.Signals) -> None:
    process, url = child
    slow = {"service": "notion", "kind": "latency", "seconds": 60}
    with httpx.Client(base_url=url) as client:
        client.post("/_sandbox/faults", json=slow)
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}/notion/v1/users/me", timeout=0.2)
        process.send_signal(number)
        assert process.wait(10) == 0


def test_end_of_input_stops_it(child: tuple[subprocess.Popen[str], str]) -> None:
    process, url = child
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/_sandbox/health")


def test_it_listens_on_this_machine_only_and_has_no_secret_in_its_arguments(
    child: tuple[subprocess.Popen[str], str],
) -> None:
    port = f":{int(child[1].rsplit(':', 1)[1]):04X}"
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert {fields[1] for fields in sockets if fields[3] == "0A" and fields[1].endswith(port)} == {f"0100007F{port}"}
    assert b"for_tests" not in Path(f"/proc/{child[0].pid}/cmdline").read_bytes()


def test_missing_secrets_are_named(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name not in SECRETS}
    ended = subprocess.run([*COMMAND, str(tmp_path / "s.sqlite")], env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "SANDBOX_NOTION_TOKEN and SANDBOX_RESEND_KEY" in ended.stderr
    assert not (tmp_path / "s.sqlite").exists()


def test_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sandbox = Sandbox(tmp_path / "s.sqlite", port=server.getsockname()[1], notion_token="n", resend_key="r")
        with pytest.raises(ChildError, match="Address already in use"):
            sandbox.start()


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox for one test alone, not yet started."""
    sandbox = Sandbox(tmp_path / "own.sqlite", notion_token=NOTION_TOKEN, resend_key=RESEND_KEY)
    yield sandbox
    sandbox.kill()


def test_all_data_is_there_after_a_kill(own_sandbox: Sandbox, letter: dict[str, Any]) -> None:
    own_sandbox.start()
    http = httpx.Client(verify=NO_TLS)
    keyed = {"Authorization": f"Bearer {RESEND_KEY}", "Idempotency-Key": "k"}

    def notion() -> Any:
        return notion_client.Client(auth=NOTION_TOKEN, base_url=own_sandbox.notion_url, client=http)

    def send() -> str:
        return str(httpx.post(f"{own_sandbox.resend_url}/emails", json=letter, headers=keyed).json()["id"])

    def new_page() -> Any:
        return notion().pages.create(parent={"data_source_id": source}, properties={"S": {"select": {"name": "new"}}})

    with http:
        schema: dict[str, Any] = {"Name": {"title": {}}, "S": {"select": {}}}
        database = notion().databases.create(parent=PARENT, initial_data_source={"properties": schema})
        source = database["data_sources"][0]["id"]
        first, mail = new_page(), send()
        webhook = own_sandbox.discord_webhook().removeprefix(own_sandbox.url)
        httpx.post(own_sandbox.url + webhook, json={"content": "before"})
        own_sandbox.advance(3600)
        calls = len(own_sandbox.requests())
        own_sandbox.kill()
        own_sandbox.start()
        assert [stored.id for stored in own_sandbox.mails()] == [mail]
        assert [alert["content"] for alert in own_sandbox.alerts()] == ["before"]
        assert (len(own_sandbox.requests()), own_sandbox.health()["advanced_seconds"]) == (calls, 3600)
        assert notion().pages.retrieve(first["id"])["properties"] == first["properties"]
        second = new_page()
        assert second["properties"] == first["properties"]
        # The order of old and new pages is still right after another restart.
        own_sandbox.kill()
        own_sandbox.start()
        assert [page["id"] for page in notion().data_sources.query(source)["results"]] == [second["id"], first["id"]]
        assert send() == mail
        assert httpx.post(own_sandbox.url + webhook, json={"content": "after"}).status_code == 204
