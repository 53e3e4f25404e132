"""One stack (sandbox and real engine) for all tests that need no other: starting it takes ten seconds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optional_programs import record_skipped_tests
from support import SCALE, drop_emails

from christmas_campaign.local.engine import Engine
from christmas_campaign.local.stack import Stack


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-expected`` writes the expected files of the journeys anew; look at what changed before you keep it."""
    parser.addoption("--update-expected", action="store_true", help="Write the expected files anew.")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """For the last line of ``scripts/test``, record which tests were skipped for a missing program."""
    if file := os.environ.get("SKIPPED_TESTS"):
        skipped = terminalreporter.stats.get("skipped", [])
        record_skipped_tests(Path(file), ((report.nodeid, str(report.longrepr)) for report in skipped))


@pytest.fixture(scope="session", autouse=True)
def _unmeasured_steps() -> Iterator[None]:
    """Keep coverage out of the engines where ``scripts/test`` asks for it: there it costs a step more than its own work."""
    if os.environ.get("MEASURE_STEPS") != "no":
        yield
        return
    given = Engine.__init__

    def without_coverage(self: Engine, *words: Any, env: dict[str, str], **more: Any) -> None:
        given(self, *words, env={name: env[name] for name in env if not name.startswith("COVERAGE_")}, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "__init__", without_coverage)
        yield


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack in which five days are half a minute. Tests share it: each has its own addresses."""
    with Stack(tmp_path_factory.mktemp("stack"), time_scale=SCALE, lasting=True) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_emails_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Drop what still waits after a test where time is squeezed: nobody looks at it any more, and each e-mail that comes due
    would keep the machine busy."""
    yield
    for name in ("stack", "behind"):
        running = request.getfixturevalue(name) if name in request.fixturenames else None
        if running is not None and running.engine.running and running.time_scale >= SCALE:
            drop_emails(running)
