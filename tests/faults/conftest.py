"""Every fault test begins with an empty inbox and no faults, and is put into the table of results when there is to be one."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from christmas_campaign.clients.kestra import KestraError
from christmas_campaign.local.stack import Stack
from faults.account import living


@pytest.fixture(autouse=True)
def _begin_clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """The tests that do not kill the engine share one stack: each begins with an empty inbox, and leaves nothing that lives."""
    if "stack" not in request.fixturenames:
        yield
        return
    stack: Stack = request.getfixturevalue("stack")
    stack.sandbox.reset()
    yield
    stack.sandbox.clear_faults()
    stack.sandbox.limit(notion=None, resend=None)
    for run in living(stack):
        # One that has ended meanwhile can no longer be killed: it is out of the way too.
        try:
            stack.kestra.kill(run.id)
        except KestraError:
            continue


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what became of a test, a JSON object a line, in the file that ``scripts/faults`` names."""
    report = yield
    kept = os.environ.get("FAULTS_RESULTS")
    if kept and isinstance(item, pytest.Function) and (report.when == "call" or report.outcome != "passed"):
        said = {
            "test": item.originalname,
            "case": item.name,
            "holds": (item.function.__doc__ or "").strip().split("\n\n")[0],
            "outcome": report.outcome,
            "seconds": round(report.duration, 1),
        }
        with Path(kept).open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")
    return report
