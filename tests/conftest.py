"""The stack (sandbox and real engine) that most tests share, because it takes ten seconds to start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optional_programs import record_skipped_tests
from support import SCALE, delete_waiting_emails

from christmas_campaign.local.engine import Engine
from christmas_campaign.local.stack import Stack


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-expected``, which rewrites the expected files of the journeys. Review their changes before a commit."""
    parser.addoption("--update-expected", action="store_true", help="Rewrite the expected files.")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Record the tests that were skipped for a missing program; ``scripts/test`` prints them in its last line."""
    if file := os.environ.get("SKIPPED_TESTS"):
        skipped = terminalreporter.stats.get("skipped", [])
        record_skipped_tests(Path(file), ((report.nodeid, str(report.longrepr)) for report in skipped))


@pytest.fixture(scope="session", autouse=True)
def _unmeasured_steps() -> Iterator[None]:
    """Turn coverage off in the engines if ``MEASURE_STEPS=no``: it takes longer than a step's own work."""
    if os.environ.get("MEASURE_STEPS") != "no":
        yield
        return
    original = Engine.__init__

    def without_coverage(self: Engine, *arguments: Any, env: dict[str, str], **options: Any) -> None:
        env = {name: value for name, value in env.items() if not name.startswith("COVERAGE_")}
        original(self, *arguments, env=env, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "__init__", without_coverage)
        yield


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The shared stack, in which five days take half a minute. Each test uses its own e-mail addresses."""
    with Stack(tmp_path_factory.mktemp("stack"), time_scale=SCALE, lasting=True) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_emails_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Delete the e-mails that still wait after a test with scaled time: they would keep the machine busy when they are due."""
    yield
    running = request.getfixturevalue("stack") if "stack" in request.fixturenames else None
    if running is not None and running.engine.running and running.time_scale >= SCALE:
        delete_waiting_emails(running)
