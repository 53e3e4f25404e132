"""The command line itself: help, version, the demo, and ``up`` with Ctrl-C."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support import until

from christmas_campaign.local import running_stack
from christmas_campaign.local.demo import PLAYED
from christmas_campaign.local.stack import PROJECT

COMMAND = [sys.executable, "-m", "christmas_campaign.cli.main"]


def run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without coverage: that makes steps of flows slow."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, cwd=PROJECT, env=env)


@pytest.mark.alone
def test_demo_without_a_terminal_ends_with_0(tmp_path: Path) -> None:
    result = run([*COMMAND, "demo", "--data", str(tmp_path / "demo"), "--time-scale", "28800"])
    assert result.returncode == 0, result.stdout + result.stderr
    arrivals = [line.split()[3:5] for line in result.stdout.splitlines() if "due +" in line]
    assert {name: [number for other, number in arrivals if other == name] for name, _ in arrivals} == {
        sequence.name: [f"E{email.number}" for email in sequence.emails] for sequence in PLAYED
    }
    assert "All 13 e-mails arrived, in order" in result.stdout


@pytest.mark.long
def test_up_starts_again_at_the_same_addresses_and_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    settings = running_stack.environment_file(tmp_path / "up")
    addresses = []
    for _ in range(2):
        with run_up(tmp_path / "up") as (process, lines):
            words = [line.split() for line in lines]
            addresses.append({line[0]: line[-1] for line in words if line and line[-1].startswith("http")})
            assert settings.stat().st_mode & 0o777 == 0o600
            source = next(line.strip() for line in lines if line.startswith("  . "))
            assert run_in_shell(f"{source}; christmas failures") == "Nothing failed.\n"
            second = run([*COMMAND, "up", "--data", str(tmp_path / "up")])
            assert (second.returncode, "is in use" in second.stderr) == (2, True)
            if len(addresses) == 1:
                check_unsubscribe_link(addresses[0], source)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        until(lambda: not process_mentions(str(tmp_path)), "the end of all children", 10)
        assert not settings.exists()
    assert {"inbox", "signup", "precall"} < addresses[0].keys()
    assert addresses[0] == addresses[1]


@contextmanager
def run_up(data: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run ``christmas up``, and yield the process and its lines once it is ready. It does not outlive a failed test."""
    argv = [*COMMAND, "up", "--data", str(data)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=PROJECT, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            yield process, list(itertools.takewhile(lambda line: "Ctrl-C" not in line, process.stdout))
        finally:
            process.kill()


def run_in_shell(commands: str) -> str:
    """Run commands of a shell outside of the project's folder, and return their output."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    result = subprocess.run(
        ["sh", "-c", commands], capture_output=True, text=True, timeout=120, check=False, cwd="/", env={"PATH": path}
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def check_unsubscribe_link(addresses: Mapping[str, str], source: str) -> None:
    """Post a missed call, and unsubscribe with the link in its first e-mail."""
    event = json.loads((PROJECT / "examples" / "noshow.json").read_text())
    assert httpx.post(addresses["noshow"], json=event).json()["status"] == "accepted"
    mails = until(lambda: httpx.get(f"{addresses['inbox']}_sandbox/mails").json(), "the e-mail")
    (link,) = re.findall(r"<(http:[^>]*)>", mails[0]["headers"]["List-Unsubscribe"])
    assert link in mails[0]["text"]
    assert "You are unsubscribed" in httpx.post(link, data={"List-Unsubscribe": "One-Click"}).text
    until(lambda: "unsubscribed" in run_in_shell(f"{source}; christmas stopped {event['email']}"), "the stop")


def process_mentions(text: str) -> bool:
    """Return whether another process has this text in its arguments."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = file.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in arguments and int(file.parent.name) != os.getpid():
            return True
    return False
