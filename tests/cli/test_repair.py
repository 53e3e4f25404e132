"""`christmas repair` on the real engine: each thing that can be wrong is made wrong, and mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from support import (
    address,
    enrolled,
    mails,
    numbers,
    page_of,
    payload,
    post,
    runs,
    scheduled,
    sign_up,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import times
from christmas_campaign.cli.main import main
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.operations import repair_apply
from christmas_campaign.repair import decide
from cli.operator import christmas, christmas_json

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, in which e-mails wait for their days: a repair is for everybody."""
    with Stack(tmp_path_factory.mktemp("repair"), time_scale=1) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_left(stack: Stack) -> None:
    stack.sandbox.clear_faults()
    stack.kestra.kv_delete("paused")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No enrolment and no queue is given any time."""
    for name in ("ENROL_LIMIT", "QUEUE_LIMIT"):
        monkeypatch.setattr(decide, name, timedelta(0))


def signed_up(stack: Stack, due: timedelta = timedelta(days=1)) -> tuple[str, str]:
    """Sign a contact up whose E2 is due in so long; returns the address and the enrolment's id."""
    email = address()
    anchor = datetime.now(UTC) + due - timedelta(days=1)
    sign_up(stack, email, email_1_sent_at=anchor.isoformat())
    run = enrolled(stack, email)
    # It has a word to say yet, and Kestra counts it until then.
    until(lambda: not stack.kestra.execution(run.id).live, "the end of the enrolment")
    return email, run.labels["enrolment"]


def waiting(stack: Stack, email: str) -> dict[int, Execution]:
    """The runs of `send-email` that have not ended, by number."""
    return {int(run.inputs["number"]): run for run in runs(stack, "send-email", email) if run.live}


def labels(run: Execution) -> dict[str, str]:
    """The labels of a run, Kestra's own and what became of it left out."""
    return {name: value for name, value in run.labels.items() if name != "outcome" and not name.startswith("system.")}


def counted(stack: Stack, flow: str) -> int:
    """How many runs of a flow Kestra counts."""
    return next(lane.running for lane in stack.kestra.concurrency_limits() if lane.flow == flow)


def kill(stack: Stack, run: Execution) -> None:
    stack.kestra.kill(run.id)
    until(lambda: stack.kestra.execution(run.id).state == "KILLED", "the end of the run", 30)


def test_where_all_is_well_it_says_so(stack: Stack) -> None:
    email, _ = signed_up(stack)
    before = scheduled(stack, email)
    for words in ([], ["--apply"]):
        result = christmas(stack, "repair", *words)
        assert result.exit_code == 0
        assert result.stdout.endswith("Nothing needs repair.\n")
    assert scheduled(stack, email) == before


def test_an_email_whose_run_vanished_is_scheduled_again(stack: Stack) -> None:
    email, enrolment = signed_up(stack)
    before = waiting(stack, email)
    kill(stack, before[3])

    dry = christmas(stack, "repair")
    assert dry.exit_code == 1
    assert f"E-mail 3 of {enrolment} is not settled, and no execution waits to send it" in dry.stdout
    assert email not in dry.stdout
    assert 3 not in waiting(stack, email), "a dry run changes nothing"

    wet = christmas(stack, "repair", "--apply")
    assert wet.exit_code == 0, wet.output
    assert wet.stdout.endswith("1 repair was made.\n")
    again = waiting(stack, email)[3]
    assert labels(again) == labels(before[3])
    assert again.inputs["enrolment"] == enrolment
    assert again.scheduled is not None
    assert before[3].scheduled is not None
    assert abs(again.scheduled - before[3].scheduled) < timedelta(milliseconds=2)
    assert "Nothing needs repair." in christmas(stack, "repair", "--apply").stdout


@pytest.mark.long
def test_one_that_is_overdue_arrives_once(stack: Stack) -> None:
    email, _ = signed_up(stack, timedelta(seconds=15))
    kill(stack, waiting(stack, email)[2])
    until(lambda: "2" in _overdue(stack, email), "the moment when it was due", 30)
    # Twice at once: a second run finds it sent.
    argv = [sys.executable, "-m", "christmas_campaign.cli.main", "repair", "--apply", "--env-file"]
    both = [subprocess.Popen([*argv, str(stack.environment_file)]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert numbers(wait_for_mails(stack, email, 1)) == [2]
    until(lambda: 2 not in waiting(stack, email), "the end of all its runs")
    assert numbers(mails(stack, email)) == [2]
    assert "Nothing needs repair." in christmas(stack, "repair").stdout


def _overdue(stack: Stack, email: str) -> list[str]:
    now = datetime.now(UTC)
    return [str(number) for number, due in scheduled(stack, email).items() if due < now]


@pytest.mark.usefixtures("at_once")
def test_an_enrolment_that_was_not_finished_is_run_again(stack: Stack) -> None:
    email, enrolment = signed_up(stack)
    for run in waiting(stack, email).values():
        kill(stack, run)
    stack.kestra.kv_delete(f"enrolled.{enrolment}")
    first = runs(stack, "enroll", email)
    result = christmas(stack, "repair", "--apply")
    assert f"The enrolment {enrolment} is unfinished" in result.stdout
    second = until(lambda: [run for run in runs(stack, "enroll", email) if run.id != first[0].id], "the enrolment")[0]
    until(lambda: stack.kestra.execution(second.id).state == "SUCCESS", "its end")
    assert labels(second) == labels(first[0])
    assert second.inputs["event"] == first[0].inputs["event"]
    assert set(waiting(stack, email)) == {2, 3, 4, 5}
    assert page_of(stack, email)["Email"] == email, "it is the same page"
    assert "Nothing needs repair." in christmas(stack, "repair").stdout


@pytest.mark.usefixtures("at_once")
def test_an_enrolment_that_failed_waits_for_a_person(stack: Stack) -> None:
    email = address()
    refused = {"object": "error", "status": 400, "code": "validation_error", "message": "no"}
    stack.sandbox.fault("notion", "status", status=400, times=1, path="/v1/pages", body=refused)
    post(stack, payload(email))
    run = until(lambda: [each for each in runs(stack, "enroll", email) if not each.live], "the failure")[0]
    assert run.state == "FAILED"
    assert stack.kestra.kv_get(f"enrolment.{run.labels['enrolment']}") is not None
    assert "Nothing needs repair." in christmas(stack, "repair", "--apply").stdout


def test_a_stamp_that_was_not_written_is_written(stack: Stack) -> None:
    email, enrolment = signed_up(stack, -timedelta(days=9))
    wait_for_mails(stack, email, 1)
    until(lambda: page_of(stack, email)["Email 2 Sent"], "the stamp")
    until(lambda: 2 not in waiting(stack, email), "the end of the run")
    page_id = stack.kestra.kv_get(f"page.{enrolment}")
    with stack.notion() as notion:
        notion.update_page(page_id, schema.SEQUENCE_PAGES, {"Email 2 Sent": None})
    assert page_of(stack, email)["Email 2 Sent"] is None
    dry = christmas(stack, "repair")
    assert f"The page of {enrolment} lacks what the ledger says: Email 2 Sent is written." in dry.stdout
    assert christmas(stack, "repair", "--apply").exit_code == 0
    stamped = page_values.moment(page_of(stack, email)["Email 2 Sent"])
    assert stamped == times.parse(stack.kestra.kv_get(f"mail.{enrolment}.2")["at"])
    assert page_of(stack, email)["Sequence Completed"] is False

    with stack.notion() as notion:
        notion.update_page(page_id, schema.SEQUENCE_PAGES, {"Email 2 Sent": None})
        notion.archive_page(page_id)
    assert "Nothing needs repair." in christmas(stack, "repair").stdout


@pytest.mark.long
def test_a_completed_sequence_is_completed(stack: Stack) -> None:
    email, enrolment = signed_up(stack)
    for number, run in waiting(stack, email).items():
        kill(stack, run)
        said = {"outcome": "sent", "at": f"2025-11-2{number}T15:00:00.000Z", "reason": None, "resend_id": "x"}
        stack.kestra.kv_put(f"mail.{enrolment}.{number}", said)
    report = christmas_json(stack, "repair", "--apply")
    assert report["done"] == report["found"]
    assert len(report["done"]) == 1
    page = page_of(stack, email)
    assert page["Sequence Completed"] is True
    stamps = [page_values.moment(page[f"Email {number} Sent"]) for number in (2, 5)]
    assert stamps == [times.parse("2025-11-22T15:00:00Z"), times.parse("2025-11-25T15:00:00Z")]


@pytest.mark.long
@pytest.mark.usefixtures("at_once")
def test_a_queue_that_stands_still_moves_again(stack: Stack) -> None:
    """As after a kill -9 between the end of one and the start of the next: Kestra counts one that is not there."""
    signed_up(stack)
    stack.kestra.set_concurrency("christmas", "enroll", 1)
    email = address()
    post(stack, payload(email))
    queued = until(lambda: [run for run in runs(stack, "enroll", email) if run.state == "QUEUED"], "the queue")[0]
    other = address()
    post(stack, payload(other))
    until(lambda: [run for run in runs(stack, "enroll", other) if run.state == "QUEUED"], "the queue")
    result = christmas(stack, "repair", "--apply")
    assert (
        f"Executions of enroll wait for one that does not exist: the oldest, {queued.id}, is started." in result.stdout
    )
    enrolled(stack, email)
    enrolled(stack, other)
    until(lambda: counted(stack, "enroll") == 0, "the end of both")


@pytest.mark.long
@pytest.mark.usefixtures("at_once")
def test_a_count_of_what_is_not_there_is_set_right(stack: Stack) -> None:
    signed_up(stack)
    stack.kestra.set_concurrency("christmas", "enroll", 1)
    report = christmas_json(stack, "repair", "--apply")
    assert report["done"] == ["Kestra counts executions of enroll that do not exist: the count is set to 0."]
    enrolled(stack, signed_up(stack)[0])


NARROW = """
id: narrow
namespace: christmas
description: One at a time, two seconds each.
concurrency: {limit: 1, behavior: QUEUE}
tasks:
  - {id: sleep, type: io.kestra.plugin.core.flow.Sleep, duration: PT2S}
"""


def narrow(stack: Stack, state: str) -> list[Execution]:
    """The runs of that flow in this state."""
    return stack.kestra.executions(namespace="christmas", flow_id="narrow", states=[state])


def test_lane_that_kills_of_ended_runs_made_too_wide_is_narrow_again(stack: Stack, tmp_path: Path) -> None:
    """A kill from Kestra's pages goes to sub-flows too; of a run that has ended it starts the next one in the queue."""
    file = tmp_path / "narrow.yml"
    file.write_text(NARROW)
    stack.kestra.import_flows([file])
    ended = [stack.kestra.run("narrow") for _ in range(2)]
    until(lambda: len(narrow(stack, "SUCCESS")) == 2, "the end of both", 30)
    for _ in range(20):
        stack.kestra.run("narrow")
    until(lambda: len(narrow(stack, "QUEUED")) == 19, "the queue", 30)
    assert len(narrow(stack, "RUNNING")) <= 1
    for execution in ended:
        answer = httpx.delete(f"{stack.kestra.url}/api/v1/main/executions/{execution}/kill", timeout=30)
        assert answer.status_code == 202
    until(lambda: len(narrow(stack, "RUNNING")) >= 2, "two at a time, as in Kestra", 10)

    result = christmas(stack, "repair", "--apply")
    assert "More executions of narrow are running than Kestra counts: the count is set to" in result.stdout
    until(lambda: len(narrow(stack, "RUNNING")) == 1 == counted(stack, "narrow"), "one at a time", 30)
    since = datetime.now(UTC)
    later = until(
        lambda: [run for run in narrow(stack, "SUCCESS") if run.started and run.started > since][2:], "three more", 60
    )
    assert later
    spans = sorted((run.started, run.ended) for run in narrow(stack, "SUCCESS") if run.started and run.started > since)
    assert all(ended <= started for (_, ended), (started, _) in pairwise(spans) if ended and started)
    for run in narrow(stack, "QUEUED"):
        stack.kestra.kill(run.id)
    until(lambda: not any(narrow(stack, state) for state in ("QUEUED", "RUNNING")), "the end of all", 30)
    assert "Nothing needs repair." in christmas(stack, "repair").stdout


@pytest.mark.usefixtures("at_once")
def test_an_email_that_was_held_when_all_were_let_go_goes_on(stack: Stack) -> None:
    """As when it looked just before `christmas resume`, and was held just after."""
    stack.kestra.kv_put("paused", {"since": "2025-11-20T15:00:00.000Z"})
    email, _ = signed_up(stack, -timedelta(days=9))
    until(lambda: [run.state for run in runs(stack, "email-follow-up", email)] == ["PAUSED"], "the pause")
    assert "Nothing needs repair." in christmas(stack, "repair").stdout
    stack.kestra.kv_delete("paused")
    assert "is paused, but e-mails are not: it is resumed." in christmas(stack, "repair", "--apply").stdout
    assert numbers(wait_for_mails(stack, email, 1)) == [2]


@pytest.mark.long
def test_a_run_that_does_not_go_on_is_ended_and_what_it_was_to_do_is_done(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing counts as a task at work here: any run that is in the middle of something is as good as stuck."""
    email, _ = signed_up(stack, timedelta(seconds=10))
    stack.sandbox.fault("notion", "latency", seconds=20, times=1, path="/v1/pages")
    run = waiting(stack, email)[2]
    until(lambda: any(each.task == "page" for each in stack.kestra.execution(run.id).tasks), "the page", 30)
    with monkeypatch.context() as patched:
        patched.setattr(decide, "_ACTIVE", ())
        patched.setattr(decide, "LANE_IDLE_LIMIT", timedelta(0))
        patched.setattr(repair_apply, "SECOND_LOOK", 0.1)
        result = christmas(stack, "repair", "--apply")
    assert f"The execution {run.id} of send-email has had no running task since" in result.stdout
    until(lambda: stack.kestra.execution(run.id).state == "KILLED", "its end")
    assert mails(stack, email) == []
    stack.sandbox.clear_faults()
    assert "E-mail 2 of" in christmas(stack, "repair", "--apply").stdout
    assert numbers(wait_for_mails(stack, email, 1)) == [2]


@pytest.mark.long
def test_without_notion_the_engine_is_repaired_and_the_rest_is_said(stack: Stack) -> None:
    sent, _ = signed_up(stack, -timedelta(days=9))
    wait_for_mails(stack, sent, 1)
    until(lambda: 2 not in waiting(stack, sent), "the end of the run")
    email, _ = signed_up(stack)
    kill(stack, waiting(stack, email)[4])
    stack.sandbox.fault("notion", "status", status=500)
    report = christmas_json(stack, "repair", "--apply", code=2)
    (problem,) = report["problems"]
    assert problem.startswith("The pages cannot be read: Notion ")
    assert 4 in waiting(stack, email)


def test_what_cannot_be_read_stops_nothing(stack: Stack) -> None:
    email, _ = signed_up(stack)
    kill(stack, waiting(stack, email)[4])
    stack.kestra.kv_put("enrolment.a-wrong-one", {"event": "someone@example.com"})
    try:
        report = christmas_json(stack, "repair", "--apply", code=2)
    finally:
        stack.kestra.kv_delete("enrolment.a-wrong-one")
    assert report["problems"] == ["The KV entries of a-wrong-one cannot be read (KeyError)."]
    assert 4 in waiting(stack, email)


@pytest.mark.long
def test_it_looks_at_so_many_and_goes_on_with_the_others(stack: Stack) -> None:
    pairs = sorted((signed_up(stack) for _ in range(3)), key=lambda pair: pair[1])
    for email, _ in pairs:
        kill(stack, waiting(stack, email)[5])
    mended, looks = 0, 0
    while mended < 3:
        report: dict[str, Any] = christmas_json(stack, "repair", "--apply", "--most", "2")
        assert report["looked_at"]["enrolments"] <= 2
        mended += len(report["done"])
        looks += 1
        assert looks < 30
    assert all(5 in waiting(stack, email) for email, _ in pairs)


def test_a_setting_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHRISTMAS_ENV_FILE", raising=False)
    for name in ("SECRET_NOTION_EMAIL_SEQUENCE_DB_ID", "SECRET_NOTION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(main, ["repair"])
    assert result.exit_code == 2
    assert "SECRET_NOTION_EMAIL_SEQUENCE_DB_ID is missing" in result.stderr


# the flow


def task_outputs(stack: Stack, *command: str) -> Any:
    """Run a command as the flow's task does, with the settings in its environment; returns the outputs it hands to Kestra."""
    environment = {**os.environ, **Environment.read(stack.environment_file).values}
    argv = [sys.executable, "-m", *command]
    result = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=True)
    words, line = result.stdout.rstrip().rsplit("\n", 1)
    assert words.startswith("Looked at ")
    assert (line[:2], line[-2:]) == ("::", "::")
    return json.loads(line[2:-2])["outputs"]


def test_command_of_older_flows_gives_the_same_outputs(stack: Stack) -> None:
    email, enrolment = signed_up(stack)
    kill(stack, waiting(stack, email)[4])
    today = task_outputs(stack, "christmas_campaign.operations.repair")
    older = task_outputs(stack, "christmas_campaign.cli.main", "repair", "--outputs")
    assert {**older, "looked_at": None} == {**today, "looked_at": None}
    assert [enrolment in sentence for sentence in today["found"]] == [True]
    assert (today["done"], today["mended"]) == (None, 0)

    applied = task_outputs(stack, "christmas_campaign.cli.main", "repair", "--outputs", "--apply")
    assert applied["done"] == today["found"]
    well = task_outputs(stack, "christmas_campaign.operations.repair", "--apply")
    assert (well["found"], well["done"], well["mended"]) == ([], [], 0)


def test_missing_setting_ends_the_task_with_an_error() -> None:
    environment = {"PATH": os.environ["PATH"]}
    argv = [sys.executable, "-m", "christmas_campaign.operations.repair"]
    result = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("christmas: SECRET_NOTION_EMAIL_SEQUENCE_DB_ID is missing in the environment")


def by_hand(stack: Stack, **inputs: Any) -> Execution:
    execution_id = stack.kestra.run("repair", inputs)
    return until(lambda: None if (found := stack.kestra.execution(execution_id)).live else found, "the repair", 60)


def test_the_flow_does_it_and_tells_the_team(stack: Stack) -> None:
    email, enrolment = signed_up(stack)
    kill(stack, waiting(stack, email)[4])
    dry = by_hand(stack)
    assert dry.state == "SUCCESS", [line.message for line in stack.kestra.logs(dry.id)]
    assert (len(dry.outputs["found"]), dry.outputs.get("done")) == (1, None)
    assert 4 not in waiting(stack, email)

    wet = by_hand(stack, apply=True)
    assert wet.state == "SUCCESS"
    assert wet.outputs["done"] == dry.outputs["found"]
    assert 4 in waiting(stack, email)
    logged = [line.message for line in stack.kestra.logs(wet.id)]
    assert any(f"E-mail 4 of {enrolment}" in message for message in logged)
    (told,) = stack.kestra.executions(namespace="christmas", flow_id="tell", parent=wet.id)
    assert told.inputs["message"] == "The repair made 1 correction (schedule): the log of its execution lists them."
    assert not any(email in message for message in logged)

    well = by_hand(stack, apply=True)
    assert (well.state, well.outputs["found"]) == ("SUCCESS", [])
    assert stack.kestra.executions(namespace="christmas", flow_id="tell", parent=well.id) == []


def test_the_flow_fails_where_it_could_not_look(stack: Stack) -> None:
    stack.kestra.kv_put("enrolment.a-wrong-one", {"event": "someone@example.com"})
    try:
        run = by_hand(stack, apply=True)
    finally:
        stack.kestra.kv_delete("enrolment.a-wrong-one")
    assert run.state == "FAILED"
