"""A test that needs a missing program is skipped with the line that installs it; in CI it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import optional_programs
import pytest

PROJECT = Path(__file__).resolve().parents[2]

TESTS = """\
from optional_programs import require_programs

def test_proxy():
    require_programs("caddy")

def test_browser():
    require_programs("chromedriver", "chromium")

def test_present():
    require_programs("sqlite3")
"""


def run_tests(folder: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``TESTS`` where ``sqlite3`` is the only program, with the project's own hook that records skipped tests."""
    (folder / "bin").mkdir()
    (folder / "bin" / "sqlite3").touch(mode=0o755)
    (folder / "test_it.py").write_text(TESTS, encoding="utf-8")
    hook = "from conftest import pytest_terminal_summary  # noqa"
    (folder / "hook.py").write_text(hook, encoding="utf-8")
    argv = [sys.executable, "-m", "pytest", "-c", "/dev/null", f"--rootdir={folder}", "-p", "hook", "-ra", *options]
    env = {"PATH": str(folder / "bin"), "PYTHONPATH": f"{folder}:{PROJECT / 'tests'}", **env}
    env["SKIPPED_TESTS"] = str(folder / "skipped")
    return subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one process", "two processes"])
def test_missing_programs_skip_their_tests_and_the_last_line_names_them(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    done = run_tests(tmp_path, *options, CI="")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 2 skipped" in done.stdout
    assert "needs caddy: apt install caddy" in done.stdout
    assert "needs chromedriver, chromium: apt install chromium chromium-driver" in done.stdout
    assert optional_programs.summary(tmp_path / "skipped") == (
        "2 tests were skipped, without caddy, chromedriver, chromium: apt install caddy chromium chromium-driver"
    )


def test_missing_programs_fail_in_ci(tmp_path: Path) -> None:
    done = run_tests(tmp_path, CI="true")
    assert done.returncode == 1
    assert "1 passed" in done.stdout
    assert "2 failed" in done.stdout
    assert "needs caddy: apt install caddy" in done.stdout


def test_nothing_skipped_is_said_too(tmp_path: Path) -> None:
    assert optional_programs.summary(tmp_path / "none") == "No test was skipped for a missing program."


def test_packages_of_all_missing_programs_are_printed_for_ci(tmp_path: Path) -> None:
    script = PROJECT / "tests" / "optional_programs.py"
    done = subprocess.run(
        [sys.executable, script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    packages = {"caddy", "chromium", "chromium-driver", "gcc", "libc6-dev", "nodejs", "postgresql-client", "sqlite3"}
    # A server of PostgreSQL is found outside the PATH too.
    assert set(done.stdout.split()) - {"postgresql"} == packages
