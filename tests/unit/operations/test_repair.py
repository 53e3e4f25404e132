"""The report of a repair: its lines, its JSON, its exit code and the outputs of the flow's task."""

import json

import pytest

from christmas_campaign.operations.repair import RepairReport, report
from christmas_campaign.operations.repair_apply import ActionResult
from christmas_campaign.operations.repair_snapshot import Inspection
from christmas_campaign.repair.actions import Action, Release, Schedule
from christmas_campaign.repair.decide import Snapshot
from unit import build

SCHEDULE = Schedule("signup-1", 3, build.NOW, {})
RELEASE = Release("send-email", "run-1")
NOTHING = Inspection(Snapshot(build.NOW, []), 7, "signup-1", ())


def repaired(*results: ActionResult, needed: tuple[Action, ...] = (SCHEDULE, RELEASE)) -> RepairReport:
    return report(NOTHING, results)._replace(needed=needed)


def dry_run(*needed: Action) -> RepairReport:
    return report(NOTHING, None)._replace(needed=needed)


def outputs(result: RepairReport) -> dict[str, object]:
    line = result.as_task_output()
    assert (line[:2], line[-2:]) == ("::", "::")
    task_outputs: dict[str, object] = json.loads(line[2:-2])["outputs"]
    return task_outputs


def test_dry_run_lists_needed_actions_and_did_nothing() -> None:
    result = dry_run(SCHEDULE)
    assert result.as_json() == {
        "looked_at": {"runs": 0, "enrolments": 0, "enrolments_in_all": 7, "pages": 0},
        "found": [SCHEDULE.sentence],
        "done": None,
        "not_done": [],
        "problems": [],
        "calls_wait_since": None,
    }
    assert (outputs(result)["mended"], outputs(result)["message"]) == (0, "")
    assert [*result.lines()] == [
        "Looked at 0 executions and at 0 of 7 enrolments.",
        f"  {SCHEDULE.sentence}",
        "Nothing was changed: run it again with --apply to make these repairs.",
    ]


def test_applied_report_separates_done_failed_and_unneeded_actions() -> None:
    result = repaired(ActionResult(SCHEDULE), ActionResult(RELEASE, "HTTP 409"), ActionResult(RELEASE, needed=False))
    assert result.as_json()["done"] == [SCHEDULE.sentence]
    assert result.as_json()["not_done"] == [{"mend": RELEASE.sentence, "problem": "HTTP 409"}]
    assert [*result.lines()][1:] == [
        f"  {SCHEDULE.sentence}",
        f"  Not done: {RELEASE.sentence} HTTP 409",
        "1 repair was made.",
    ]


def test_task_outputs_are_the_report_with_message_and_key() -> None:
    result = repaired(ActionResult(SCHEDULE), ActionResult(RELEASE))
    assert outputs(result) == {
        **result.as_json(),
        "mended": 2,
        "message": "The repair made 2 corrections (release, schedule): the log of its execution lists them.",
        # The key since version 0.3.0: the team gets one alert about the same actions in any order, at any time.
        "key": "repair.39d0cb237beb70daa9e327cf",
    }
    later = SCHEDULE._replace(date=build.NOW + build.HOUR)
    assert outputs(repaired(ActionResult(RELEASE), ActionResult(later)))["key"] == outputs(result)["key"]


WAITING = (
    "Kestra has not taken calls that reached the door since Thursday, November 20, 2025 at 10:00 AM EST: "
    "`christmas inbox` lists them with Kestra's last answer."
)


def test_waiting_calls_are_reported_and_told_once_an_hour() -> None:
    result = dry_run()._replace(calls_wait_since=build.NOW)
    assert [*result.lines()][1:] == [f"  {WAITING}", "Nothing needs repair."]
    assert result.as_json()["calls_wait_since"] == "2025-11-20T15:00:00.000Z"
    told = outputs(result)
    assert (told["mended"], told["message"]) == (0, WAITING)
    same_hour, next_hour = (
        outputs(result._replace(calls_wait_since=build.NOW + build.HOUR * hours))["key"] for hours in (0.9, 1)
    )
    assert (same_hour == told["key"], next_hour == told["key"]) == (True, False)
    both = outputs(repaired(ActionResult(SCHEDULE))._replace(calls_wait_since=build.NOW))
    assert both["message"] == f"The repair made 1 correction (schedule): the log of its execution lists them. {WAITING}"
    assert both["key"] != told["key"]


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (dry_run(), 0),
        (dry_run(SCHEDULE), 1),
        (repaired(ActionResult(SCHEDULE)), 0),
        (repaired(ActionResult(SCHEDULE))._replace(calls_wait_since=build.NOW), 1),
        (repaired(ActionResult(SCHEDULE, "HTTP 500")), 1),
        (report(NOTHING._replace(problems=("Notion does not answer.",)), []), 2),
    ],
)
def test_exit_code_says_whether_all_is_repaired(result: RepairReport, code: int) -> None:
    assert result.exit_code == code
