"""Subflows with a date: what Kestra 2.0 got wrong and the pinned version gets right."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from christmas_campaign.clients.kestra import Execution, Kestra

NAMESPACE = "engine.test"


def children(kestra: Kestra, parent: str, count: int, timeout: float = 20) -> list[Execution]:
    """The children of an execution, once there are ``count``."""
    deadline = time.monotonic() + timeout
    while len(found := kestra.executions(parent=parent)) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} children"
        time.sleep(0.1)
    return found


@pytest.mark.long
def test_every_child_of_every_parent_has_its_own_date(kestra: Kestra) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    wanted = [[begin + timedelta(hours=10 * parent + child) for child in range(3)] for parent in range(2)]
    parents = [
        kestra.run("parent", {"dates": [date.isoformat() for date in dates]}, namespace=NAMESPACE) for dates in wanted
    ]
    for parent, dates in zip(parents, wanted, strict=True):
        found = children(kestra, parent, 3)
        assert sorted(child.scheduled for child in found if child.scheduled) == dates
        for child in found:
            assert child.scheduled == datetime.fromisoformat(child.inputs["date"])
            assert (child.state, child.started) == ("CREATED", None)
        assert kestra.execution(parent).state in ("RUNNING", "SUCCESS")


def test_a_date_in_the_past_runs_at_once_and_one_to_come_on_time(kestra: Kestra) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    soon = datetime.now(UTC) + timedelta(seconds=5)
    parent = kestra.run("parent", {"dates": [past.isoformat(), soon.isoformat()]}, namespace=NAMESPACE)
    deadline = time.monotonic() + 20
    while True:
        found = children(kestra, parent, 2)
        if all(child.ended for child in found):
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    by_date = {child.inputs["date"]: child for child in found}
    first, second = by_date[past.isoformat()], by_date[soon.isoformat()]
    assert first.started is not None
    assert first.started - first.created < timedelta(seconds=4)
    assert second.started is not None
    assert timedelta(0) <= second.started - soon < timedelta(seconds=3)
