"""Each subflow keeps its own ``scheduleDate``: Kestra 2.0 gets this wrong, the pinned version gets it right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from support import until

from christmas_campaign.clients.kestra import Execution, Kestra
from engine.runs import NAMESPACE


def children(kestra: Kestra, dates: list[datetime]) -> list[Execution]:
    """Run ``parent``, which schedules a child for each date; return the children in the order of the dates."""
    parent = kestra.run("parent", {"dates": [date.isoformat() for date in dates]}, namespace=NAMESPACE)
    executions = until(
        lambda: runs if len(runs := kestra.executions(parent=parent)) == len(dates) else None, "children", 20
    )
    assert kestra.execution(parent).state in ("RUNNING", "SUCCESS")
    return sorted(executions, key=lambda child: datetime.fromisoformat(child.inputs["date"]))


def test_every_child_of_every_parent_has_its_own_date(kestra: Kestra) -> None:
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    for parent in range(2):
        dates = [tomorrow + timedelta(hours=10 * parent + child) for child in range(3)]
        executions = children(kestra, dates)
        assert [child.scheduled for child in executions] == dates
        assert {(child.state, child.started) for child in executions} == {("CREATED", None)}
