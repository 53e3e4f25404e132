"""The command line itself: help, version, the demo, and ``up`` with Ctrl-C."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import until

from christmas_campaign import __version__
from christmas_campaign.cli.main import main
from christmas_campaign.local.demo import PLAYED
from christmas_campaign.local.stack import PROJECT

COMMAND = [sys.executable, "-m", "christmas_campaign.cli.main"]


def test_version_is_the_version_of_the_package() -> None:
    assert __version__ in CliRunner().invoke(main, ["--version"]).output


def run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without coverage: that makes steps of flows slow."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, cwd=PROJECT, env=env)


@pytest.mark.alone
def test_demo_without_a_terminal_ends_with_0(tmp_path: Path) -> None:
    result = run([*COMMAND, "demo", "--data", str(tmp_path / "demo")])
    assert result.returncode == 0, result.stdout + result.stderr
    arrivals = [line.split()[3:5] for line in result.stdout.splitlines() if "due +" in line]
    assert {name: [number for other, number in arrivals if other == name] for name, _ in arrivals} == {
        sequence.name: [f"E{email.number}" for email in sequence.emails] for sequence in PLAYED
    }
    assert "All 13 e-mails arrived, in order" in result.stdout


@pytest.mark.long
def test_demo_ends_with_1_if_an_email_is_missing(tmp_path: Path) -> None:
    code = (
        "import sys, christmas_campaign.local.stack as stack; stack.SANDBOX_SETTINGS.pop('ENV_CALENDLY_LINK');"
        "from christmas_campaign.cli.main import main; sys.argv[0] = 'christmas'; main()"
    )
    words = ["demo", "--data", str(tmp_path / "demo"), "--time-scale", "144000", "--only", "signup"]
    result = run([sys.executable, "-c", code, *words])
    assert result.returncode == 1, result.stdout + result.stderr
    for part in ("signup: expected the e-mails [2, 3, 4, 5] in this order, got []", "no value for {{calendly_link}}"):
        assert part in result.stderr


@pytest.mark.long
def test_ctrl_c_ends_every_process_and_the_next_run_works(tmp_path: Path) -> None:
    argv = [*COMMAND, "up", "--data", str(tmp_path / "up")]
    webhooks = []
    for _ in range(2):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=PROJECT, start_new_session=True) as process:
            assert process.stdout is not None
            lines = list(itertools.takewhile(lambda line: "Ctrl-C" not in line, process.stdout))
            webhooks.append(next(line.split()[-1] for line in lines if line.strip().startswith("signup")))
            second = run(argv)
            assert (second.returncode, "is in use" in second.stderr) == (2, True)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        until(lambda: not process_mentions(str(tmp_path)), "the end of all children", 10)
    assert webhooks[0].rsplit("/", 1)[1] == webhooks[1].rsplit("/", 1)[1], "the webhook has the same key again"


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
