"""The report of a repair: its words, its JSON, its exit code and the outputs of the flow's task."""

import json
from datetime import UTC, datetime

import pytest

from christmas_campaign.operations.repair import RepairReport, report
from christmas_campaign.operations.repair_apply import ActionResult
from christmas_campaign.operations.repair_snapshot import Inspection
from christmas_campaign.repair.actions import Release, Schedule
from christmas_campaign.repair.decide import Snapshot

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SCHEDULE = Schedule("signup-1", 3, NOW, {})
RELEASE = Release("send-email", "run-1")


def look(*problems: str) -> Inspection:
    return Inspection(Snapshot(NOW, []), 7, "signup-1", problems)


def outputs(result: RepairReport) -> dict[str, object]:
    line = result.as_task_output()
    assert (line[:2], line[-2:]) == ("::", "::")
    read: dict[str, object] = json.loads(line[2:-2])["outputs"]
    return read


def test_dry_run_has_no_done_and_nothing_mended() -> None:
    result = report(look(), None)._replace(needed=(SCHEDULE,))
    assert result.as_json() == {
        "looked_at": {"runs": 0, "enrolments": 0, "enrolments_in_all": 7, "pages": 0},
        "found": [SCHEDULE.sentence],
        "done": None,
        "not_done": [],
        "problems": [],
    }
    assert outputs(result)["mended"] == 0
    assert list(result.lines()) == [
        "Looked at 0 executions and at 0 of 7 enrolments.",
        f"  {SCHEDULE.sentence}",
        "Nothing was changed: run it again with --apply to make these repairs.",
    ]


def test_applied_report_parts_mended_failed_and_needless() -> None:
    done = [ActionResult(SCHEDULE), ActionResult(RELEASE, "HTTP 409"), ActionResult(RELEASE, needed=False)]
    result = report(look(), done)._replace(needed=(SCHEDULE, RELEASE))
    assert (result.done, [each.problem for each in result.failures]) == ((SCHEDULE,), ["HTTP 409"])
    assert result.as_json()["not_done"] == [{"mend": RELEASE.sentence, "problem": "HTTP 409"}]
    assert list(result.lines())[1:] == [
        f"  {SCHEDULE.sentence}",
        f"  Not done: {RELEASE.sentence} HTTP 409",
        "1 repair was made.",
    ]


def test_task_outputs_are_the_report_with_message_and_key() -> None:
    result = report(look(), [ActionResult(SCHEDULE), ActionResult(RELEASE)])._replace(needed=(SCHEDULE, RELEASE))
    read = outputs(result)
    assert {name: read[name] for name in result.as_json()} == result.as_json()
    assert read["message"] == "The repair made 2 corrections (release, schedule): the log of its execution lists them."
    # As every version since 0.3.0 has written it: the alert about the same mends is sent once.
    assert read["key"] == "repair.39d0cb237beb70daa9e327cf"


def test_key_does_not_depend_on_order_or_time() -> None:
    later = SCHEDULE._replace(date=NOW.replace(hour=13))
    first, second = (
        report(look(), [ActionResult(SCHEDULE), ActionResult(RELEASE)]),
        report(look(), [ActionResult(RELEASE), ActionResult(later)]),
    )
    assert outputs(first)["key"] == outputs(second)["key"]


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (report(look(), None), 0),
        (report(look(), None)._replace(needed=(SCHEDULE,)), 1),
        (report(look(), [ActionResult(SCHEDULE)])._replace(needed=(SCHEDULE,)), 0),
        (report(look(), [ActionResult(SCHEDULE, "HTTP 500")])._replace(needed=(SCHEDULE,)), 1),
        (report(look("Notion does not answer."), []), 2),
    ],
)
def test_exit_code_says_what_is_left(result: RepairReport, code: int) -> None:
    assert result.exit_code == code
