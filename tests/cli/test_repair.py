"""``christmas repair`` on the real engine: each kind of damage is done on purpose and repaired.

``tests/unit/repair`` holds the decisions. These tests hold the reads and writes in Kestra and Notion.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from door.process import DoorProcess, FakeKestra
from support import (
    address,
    enrolled,
    free_port,
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

from christmas_campaign.clients.kestra import Execution
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.door.inbox.store import Call, Inbox
from christmas_campaign.local.stack import Stack
from christmas_campaign.repair import decide
from cli.operator import christmas, christmas_json

NOTHING = "Nothing needs repair."


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorProcess]:
    """A door that the repair asks. It keeps its port, and its Kestra answers 500 to every call."""
    kestra = FakeKestra()
    kestra.answer = lambda _: 500
    kestra.start()
    with DoorProcess(tmp_path_factory.mktemp("door"), kestra, DOOR_LISTEN=f"127.0.0.1:{free_port()}") as running:
        yield running
    kestra.stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, door: DoorProcess) -> Iterator[Stack]:
    """A separate stack in real time: a repair looks at all contacts."""
    settings = {"ENV_DOOR_URL": door.url}
    with Stack(tmp_path_factory.mktemp("repair"), time_scale=1, settings=settings) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_faults(stack: Stack) -> Iterator[None]:
    yield
    stack.sandbox.clear_faults()
    for key in ("paused", "enrolment.malformed"):
        stack.kestra.kv_delete(key)


@pytest.fixture
def without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repair unfinished enrolments and blocked queues at once."""
    for name in ("ENROL_LIMIT", "QUEUE_LIMIT"):
        monkeypatch.setattr(decide, name, timedelta(0))


def sign_up_contact(stack: Stack, due: timedelta = timedelta(days=1)) -> tuple[str, str]:
    """Sign up a contact whose E2 is due after ``due``; return the address and the enrolment's id."""
    email = address()
    sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) + due - timedelta(days=1)).isoformat())
    run = enrolled(stack, email)
    # Until the execution ends, Kestra counts it in its lane.
    until(lambda: not stack.kestra.execution(run.id).live, "the end of the enrolment")
    return email, run.labels["enrolment"]


def waiting(stack: Stack, email: str) -> dict[int, Execution]:
    """Return a contact's live executions of ``send-email`` by number."""
    return {int(run.inputs["number"]): run for run in runs(stack, "send-email", email) if run.live}


def labels(run: Execution) -> dict[str, str]:
    """Return the labels that an execution starts with, without Kestra's own."""
    return {name: value for name, value in run.labels.items() if name != "outcome" and not name.startswith("system.")}


def counted(stack: Stack, flow: str) -> int:
    """Return how many executions of a flow Kestra counts in its lane."""
    return next(lane.running for lane in stack.kestra.concurrency_limits() if lane.flow == flow)


def kill(stack: Stack, run: Execution) -> None:
    stack.kestra.kill(run.id)
    until(lambda: stack.kestra.execution(run.id).state == "KILLED", "the end of the execution", 30)


def repair(stack: Stack) -> str:
    """Run ``christmas repair --apply``; return its output."""
    result = christmas(stack, "repair", "--apply")
    assert result.exit_code == 0, result.output
    return result.stdout


def test_missing_email_is_scheduled_again(stack: Stack) -> None:
    email, enrolment = sign_up_contact(stack)
    before, dates = waiting(stack, email), scheduled(stack, email)
    for words in ([], ["--apply"]):
        assert christmas(stack, "repair", *words).stdout.endswith(f"{NOTHING}\n")
    assert scheduled(stack, email) == dates
    kill(stack, before[3])
    (failure,) = christmas_json(stack, "failures", code=1)
    assert (failure["reason"], failure["number"], failure["address"]) == ("killed", 3, email)

    dry = christmas(stack, "repair")
    assert dry.exit_code == 1
    assert f"E-mail 3 of {enrolment} is not settled, and no execution waits to send it" in dry.stdout
    assert email not in dry.stdout
    assert 3 not in waiting(stack, email), "a dry run changes nothing"

    assert repair(stack).endswith("1 repair was made.\n")
    again = waiting(stack, email)[3]
    assert labels(again) == labels(before[3])
    assert again.inputs["enrolment"] == enrolment
    assert abs(scheduled(stack, email)[3] - dates[3]) < timedelta(milliseconds=2)
    assert NOTHING in repair(stack)
    assert christmas_json(stack, "failures") == []


@pytest.mark.usefixtures("without_patience")
def test_unfinished_enrolment_is_run_again(stack: Stack) -> None:
    email, enrolment = sign_up_contact(stack)
    for run in waiting(stack, email).values():
        kill(stack, run)
    stack.kestra.kv_delete(f"enrolled.{enrolment}")
    (first,) = runs(stack, "enroll", email)
    assert f"The enrolment {enrolment} is unfinished" in repair(stack)
    second = until(lambda: next((run for run in runs(stack, "enroll", email) if run.id != first.id), None), "enroll")
    until(lambda: stack.kestra.execution(second.id).state == "SUCCESS", "its end")
    assert (labels(second), second.inputs["event"]) == (labels(first), first.inputs["event"])
    assert set(waiting(stack, email)) == {2, 3, 4, 5}
    assert page_of(stack, email)["Email"] == email, "there is one page"
    assert NOTHING in repair(stack)


@pytest.mark.long
@pytest.mark.usefixtures("without_patience")
def test_blocked_queue_moves_again(stack: Stack) -> None:
    """A killed Kestra counts an execution in the lane that has ended, and starts no other."""
    sign_up_contact(stack)
    stack.kestra.set_concurrency("christmas", "enroll", 1)
    emails = [address(), address()]
    for email in emails:
        post(stack, payload(email))

    def queued() -> list[Execution]:
        return [run for email in emails for run in runs(stack, "enroll", email) if run.state == "QUEUED"]

    oldest = until(lambda: lane[0] if len(lane := queued()) == 2 else None, "the queue")
    assert f"the oldest, {oldest.id}, is started." in repair(stack)
    for email in emails:
        enrolled(stack, email)
    until(lambda: counted(stack, "enroll") == 0, "the end of both")
    stack.kestra.set_concurrency("christmas", "enroll", 1)
    report = christmas_json(stack, "repair", "--apply")
    assert report["done"] == ["Kestra counts executions of enroll that do not exist: the count is set to 0."]


@pytest.mark.usefixtures("without_patience")
def test_email_that_is_still_paused_after_a_resume_is_sent(stack: Stack) -> None:
    """The e-mail read the pause before ``christmas resume``, and paused after it."""
    stack.kestra.kv_put("paused", {"since": "2025-11-20T15:00:00.000Z"})
    email, _ = sign_up_contact(stack, -timedelta(days=9))
    until(lambda: [run.state for run in runs(stack, "email-follow-up", email)] == ["PAUSED"], "the pause")
    assert NOTHING in christmas(stack, "repair").stdout
    stack.kestra.kv_delete("paused")
    assert "is paused, but e-mails are not: it is resumed." in repair(stack)
    assert numbers(wait_for_mails(stack, email, 1)) == [2]


@pytest.mark.parametrize(
    "problem", ["The KV entries of malformed cannot be read (KeyError).", "The pages cannot be read: Notion "]
)
def test_problem_is_reported_and_the_rest_is_repaired(stack: Stack, problem: str) -> None:
    email, enrolment = sign_up_contact(stack)
    kill(stack, waiting(stack, email)[4])
    if "Notion" in problem:
        # A repair reads the pages of enrolments with a sent e-mail.
        stack.kestra.kv_put(f"mail.{enrolment}.2", {"outcome": "sent", "at": "2025-11-22T15:00:00.000Z"})
        stack.kestra.delete_execution(waiting(stack, email)[2].id)
        stack.sandbox.fault("notion", "status", status=500)
    else:
        stack.kestra.kv_put("enrolment.malformed", {"event": "someone@example.com"})
    report = christmas_json(stack, "repair", "--apply", code=2)
    assert [text.startswith(problem) for text in report["problems"]] == [True]
    assert 4 in waiting(stack, email)
    # The page gets its moment once Notion works again: the next test needs a stack without damage.
    stack.sandbox.clear_faults()
    stack.kestra.kv_delete("enrolment.malformed")
    repair(stack)


# the flow


def run_task(stack: Stack | None, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the flow's task does, with the settings in its environment."""
    settings = Environment.read(stack.environment_file).values if stack else {}
    environment = {**os.environ, **settings} if stack else {"PATH": os.environ["PATH"]}
    argv = [sys.executable, "-m", *command]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)


def task_outputs(stack: Stack, *command: str) -> Any:
    """Return the outputs that the task hands to Kestra."""
    result = run_task(stack, *command)
    assert result.returncode == 0, result.stderr
    words, line = result.stdout.rstrip().rsplit("\n", 1)
    assert words.startswith("Looked at ")
    assert (line[:2], line[-2:]) == ("::", "::")
    return json.loads(line[2:-2])["outputs"]


def test_command_of_older_flows_has_the_same_outputs(stack: Stack) -> None:
    email, enrolment = sign_up_contact(stack)
    kill(stack, waiting(stack, email)[4])
    current = task_outputs(stack, "christmas_campaign.operations.repair")
    older = task_outputs(stack, "christmas_campaign.cli.main", "repair", "--outputs")
    assert {**older, "looked_at": None} == {**current, "looked_at": None}
    assert [enrolment in sentence for sentence in current["found"]] == [True]
    applied = task_outputs(stack, "christmas_campaign.cli.main", "repair", "--outputs", "--apply")
    assert (current["done"], applied["done"]) == (None, current["found"])


@pytest.mark.parametrize("command", [["operations.repair"], ["cli.main", "repair"]], ids=" ".join)
def test_missing_setting_ends_with_2(command: list[str]) -> None:
    result = run_task(None, f"christmas_campaign.{command[0]}", *command[1:])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("christmas: SECRET_NOTION_EMAIL_SEQUENCE_DB_ID is missing in the environment")


def run_flow(stack: Stack, **inputs: Any) -> Execution:
    execution_id = stack.kestra.run("repair", inputs)
    return until(lambda: None if (run := stack.kestra.execution(execution_id)).live else run, "the repair", 60)


def test_flow_repairs_and_sends_one_alert(stack: Stack) -> None:
    email, enrolment = sign_up_contact(stack)
    kill(stack, waiting(stack, email)[4])
    dry = run_flow(stack)
    assert dry.state == "SUCCESS", [line.message for line in stack.kestra.logs(dry.id)]
    assert (len(dry.outputs["found"]), dry.outputs.get("done")) == (1, None)
    assert 4 not in waiting(stack, email)

    applied = run_flow(stack, apply=True)
    assert (applied.state, applied.outputs["done"]) == ("SUCCESS", dry.outputs["found"])
    assert 4 in waiting(stack, email)
    messages = [line.message for line in stack.kestra.logs(applied.id)]
    assert any(f"E-mail 4 of {enrolment}" in message for message in messages)
    assert not any(email in message for message in messages)
    (alert,) = stack.kestra.executions(namespace="christmas", flow_id="tell", parent=applied.id)
    assert alert.inputs["message"] == "The repair made 1 correction (schedule): the log of its execution lists them."

    nothing = run_flow(stack, apply=True)
    assert (nothing.state, nothing.outputs["found"]) == ("SUCCESS", [])
    assert stack.kestra.executions(namespace="christmas", flow_id="tell", parent=nothing.id) == []


def test_flow_sends_one_alert_about_calls_that_wait_at_the_door(stack: Stack, door: DoorProcess) -> None:
    arrived = datetime.now(UTC) - timedelta(minutes=11)
    door.child.stop()
    inbox = Inbox(door.inbox, max_calls=10)
    inbox.store([Call("late", "signup", b"{}", arrived, None)])
    inbox.close()
    door.start()
    (first, second) = (run_flow(stack, apply=True) for _ in range(2))
    assert (first.state, second.state) == ("SUCCESS", "SUCCESS")
    (alert,) = stack.kestra.executions(namespace="christmas", flow_id="tell", parent=first.id)
    assert alert.inputs["message"].startswith("Kestra has not taken calls that reached the door since ")
    until(lambda: told(stack, alert.inputs["message"]), "the alert")
    (again,) = stack.kestra.executions(namespace="christmas", flow_id="tell", parent=second.id)
    until(lambda: stack.kestra.execution(again.id).ended, "the second execution")
    assert told(stack, alert.inputs["message"]) == 1

    door.child.stop()
    result = christmas_json(stack, "repair", code=2)
    assert result["problems"] == [f"The door at {door.url} does not answer (ConnectError)."]
    assert run_flow(stack, apply=True).state == "FAILED"


def told(stack: Stack, message: str) -> int:
    """Return how often Discord got a message."""
    return [alert["content"] for alert in stack.sandbox.alerts()].count(message)
