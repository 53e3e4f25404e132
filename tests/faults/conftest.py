"""Start every fault test with an empty inbox and without faults, and record its result for `docs/reliability.md`."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from christmas_campaign.clients.kestra import KestraError
from christmas_campaign.local.stack import Stack
from faults.account import live_executions


@pytest.fixture(autouse=True)
def _begin_clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty the inbox before a test, and end its executions after it: tests that do not kill the engine share one stack."""
    if "stack" not in request.fixturenames:
        yield
        return
    stack: Stack = request.getfixturevalue("stack")
    stack.sandbox.reset()
    yield
    stack.sandbox.clear_faults()
    stack.sandbox.limit(notion=None, resend=None)
    for execution in live_executions(stack):
        # Kestra refuses to kill an execution that has ended meanwhile.
        try:
            stack.kestra.kill(execution.id)
        except KestraError:
            continue


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Append the result of a test, one JSON object a line, to the file that ``scripts/faults`` names."""
    report = yield
    results_file = os.environ.get("FAULTS_RESULTS")
    if results_file and isinstance(item, pytest.Function) and (report.when == "call" or report.outcome != "passed"):
        result = {
            "test": item.originalname,
            "case": item.name,
            "holds": (item.function.__doc__ or "").strip().split("\n\n")[0],
            "outcome": report.outcome,
            "seconds": round(report.duration, 1),
        }
        with Path(results_file).open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
    return report
