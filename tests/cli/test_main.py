"""The command line: help for everything, plain errors, exit codes."""

from __future__ import annotations

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


def test_the_version_is_the_packages() -> None:
    assert __version__ in CliRunner().invoke(main, ["--version"]).output


def run(*words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would, its output caught; without coverage, which costs a step more than its own work."""
    argv = [sys.executable, "-m", "christmas_campaign.cli.main", *words]
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False, cwd=PROJECT, env=env)


@pytest.mark.alone
def test_the_demo_ends_well_by_itself_without_a_terminal(tmp_path: Path) -> None:
    result = run("demo", "--data", str(tmp_path / "demo"))
    assert result.returncode == 0, result.stdout + result.stderr
    shown = [line.split()[3:5] for line in result.stdout.splitlines() if "due +" in line]
    assert {name: [number for each, number in shown if each == name] for name, _ in shown} == {
        each.name: [f"E{email.number}" for email in each.emails] for each in PLAYED
    }
    assert "All 13 e-mails arrived, in order" in result.stdout


@pytest.mark.long
def test_the_demo_ends_with_1_when_an_email_is_missing(tmp_path: Path) -> None:
    """With links that the templates name left out, no e-mail can be composed."""
    argv = [sys.executable, "-m", "christmas_campaign.cli.main", "demo", "--data", str(tmp_path / "demo")]
    argv += ["--time-scale", "144000", "--only", "signup"]
    code = (
        "import sys, christmas_campaign.local.stack as stack; stack.SANDBOX_SETTINGS.pop('ENV_CALENDLY_LINK');"
        "from christmas_campaign.cli.main import main; sys.argv[0] = 'christmas'; main()"
    )
    argv[1:3] = ["-c", code]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, cwd=PROJECT)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "signup: expected the e-mails [2, 3, 4, 5] in this order, got []" in result.stderr
    assert "failed, value_missing" in result.stderr
    assert "no value for {{calendly_link}}" in result.stderr


@pytest.mark.long
def test_ctrl_c_leaves_nothing_running_and_a_second_run_works(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "christmas_campaign.cli.main", "up", "--data", str(tmp_path / "up")]
    addresses = []
    for _ in range(2):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=PROJECT, start_new_session=True) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "Ctrl-C" in line:
                    break
            addresses.append(next(line.split()[-1] for line in lines if line.strip().startswith("signup")))
            busy = run("up", "--data", str(tmp_path / "up"))
            assert busy.returncode == 2
            assert "is in use" in busy.stderr
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        until(lambda: not _running(str(tmp_path)), "the end of all children", 10)
    assert addresses[0].rsplit("/", 1)[1] == addresses[1].rsplit("/", 1)[1], "the webhook's key is kept"


def _running(what: str) -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = file.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if what in arguments and int(file.parent.name) != os.getpid():
            found.append(arguments)
    return found
