"""Stop the engine, deploy flows, purge executions, and repeat executions and tasks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from support import address, mails, numbers, page_of, runs, sign_up, until

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.operations import stop
from faults.account import ENDED, Expected, settle_the_account
from faults.breaking import delayed_call
from faults.people import SIGNUP, about_to_get_the_last, anchored, settled, wait_until_enrolled


def wait_for_end(stack: Stack, execution_id: str) -> Execution:
    """Wait until an execution has ended, and return it."""

    def ended() -> Execution | None:
        execution = stack.kestra.execution(execution_id)
        return execution if execution.state in ENDED else None

    return until(ended, "the end of an execution")


def replay(stack: Stack, execution: str) -> str:
    """Replay a whole execution, as the button in Kestra does; return the id of the new one."""
    answer = httpx.post(f"{stack.kestra.url}/api/v1/main/executions/{execution}/replay", timeout=30)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


@pytest.mark.long
@pytest.mark.timeout(240)
def test_21_kestra_is_down_over_three_due_times_of_one_contact(tmp_path: Path) -> None:
    """The e-mails go out when the engine is back, in order, and at least the spacing apart."""
    # Slow enough to measure the spacing, which is a second.
    with Stack(tmp_path, time_scale=3600) as stack:
        email = address()
        spacing = timedelta(hours=1) / stack.time_scale
        due = datetime.now(UTC) + timedelta(seconds=76)
        sign_up(stack, email, **anchored(stack, due, number=5))
        wait_until_enrolled(stack, email)
        settled(stack, email, 2)
        stack.engine.kill()
        time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()) + 1)
        stack.engine.start()
        settle_the_account(stack, [Expected(email, SIGNUP)])
        received = mails(stack, email)
        assert numbers(received) == [2, 3, 4, 5]
        assert received[0].received_at < due
        assert all(mail.received_at > due for mail in received[1:])
        for before, after in pairwise(received):
            assert after.received_at - before.received_at >= spacing


@pytest.fixture
def new_flows(stack: Stack, tmp_path: Path) -> Iterator[Path]:
    """The flows with changed descriptions; afterwards the project's flows are imported again."""
    folder = tmp_path / "flows"
    shutil.copytree(PROJECT / "flows", folder)
    for file in folder.glob("*.yml"):
        text = file.read_text(encoding="utf-8")
        assert "description: |\n" in text
        file.write_text(
            text.replace("description: |\n", "description: |\n  As it was deployed today.\n", 1), encoding="utf-8"
        )
    yield folder
    stack.kestra.import_flows(sorted((PROJECT / "flows").glob("*.yml")))


def test_22_the_flows_are_deployed_again_while_emails_wait(stack: Stack, new_flows: Path) -> None:
    """Waiting e-mails go out as scheduled. Later e-mails use the new revision."""
    first, later = address(), address()
    about_to_get_the_last(stack, [first], seconds=10)
    before = stack.kestra.flow("christmas", "send-email").revision
    stack.kestra.import_flows(sorted(new_flows.glob("*.yml")))
    after = stack.kestra.flow("christmas", "send-email").revision
    assert after > before
    about_to_get_the_last(stack, [later], seconds=6)
    settle_the_account(stack, [Expected(first), Expected(later)])
    assert {run.revision for run in runs(stack, "send-email", first)} == {before}
    assert {run.revision for run in runs(stack, "send-email", later)} == {after}


@pytest.mark.long
def test_23_a_purge_deletes_every_ended_execution_while_emails_wait(stack: Stack) -> None:
    """Ended executions are deleted. Waiting e-mails stay and go out on time. The same event is still known."""
    email, other = address(), address()
    about_to_get_the_last(stack, [other])
    settle_the_account(stack, [Expected(other)])
    about_to_get_the_last(stack, [email], seconds=15)
    (waiting,) = runs(stack, "send-email", email)
    gone = runs(stack, "send-email", other)[0]
    assert wait_for_end(stack, stack.kestra.run("purge", {"older_than": "PT0S"})).state == "SUCCESS"
    assert [run.id for run in runs(stack, "send-email", email)] == [waiting.id]
    assert gone.id not in [run.id for run in runs(stack, "send-email", other)]
    settle_the_account(stack, [Expected(email), Expected(other)])


def test_24_a_person_restarts_and_replays_a_failed_email_in_kestra(stack: Stack) -> None:
    """A restart does no harm. A replay sends the failed e-mail once."""
    email = address()
    about_to_get_the_last(stack, [email])
    stack.sandbox.fault("resend", "status", status=422, times=1)
    settle_the_account(stack, [Expected(email, sent=(), missing={5: "refused_by_resend"})])
    (failed,) = runs(stack, "send-email", email)
    stack.kestra.restart(failed.id)
    until(lambda: stack.kestra.execution(failed.id).ended != failed.ended, "the restart")
    wait_for_end(stack, failed.id)
    again = replay(stack, failed.id)
    wait_for_end(stack, again)
    settle_the_account(stack, [Expected(email)])
    assert page_of(stack, email)["Email 5 Sent"] is not None


def test_24_a_person_replays_ended_executions_in_kestra(stack: Stack) -> None:
    """A second execution of an e-mail or an enrolment sends nothing, and has the reason."""
    email = address()
    about_to_get_the_last(stack, [email])
    settle_the_account(stack, [Expected(email)])
    (sent,) = runs(stack, "send-email", email)
    (enrolment,) = runs(stack, "enroll", email)
    for finished, reason in ((sent, "already_sent"), (enrolment, "already_in_sequence")):
        run = wait_for_end(stack, replay(stack, finished.id))
        assert (run.state, run.labels["outcome"], run.labels["reason"]) == ("SUCCESS", "skipped", reason)
    settle_the_account(stack, [Expected(email)])


def replay_from(stack: Stack, run: Execution, task: str) -> str:
    """Make Kestra repeat an execution from a task, with the outputs before it; return the id of the new execution.

    After a crash Kestra does the same by itself, even with a task that ended long ago: Kestra may store that a task is running
    after it has ended, and does not correct that.
    """
    return stack.kestra.replay(run.id, next(task_run.id for task_run in run.tasks if task_run.task == task))


@pytest.mark.long
def test_24_kestra_repeats_a_write_long_after_its_execution(stack: Stack) -> None:
    """The ledger and the contact's stops keep their newer values."""
    email = address()
    about_to_get_the_last(stack, [email])
    settle_the_account(stack, [Expected(email)])
    (sent,) = runs(stack, "send-email", email)
    ledger = f"mail.{Expected(email).enrolment}.5"
    entry = stack.kestra.kv_get(ledger)
    with delayed_call(stack, "resend", when="before", method="POST") as wait:
        again = replay_from(stack, sent, "claim")
        wait()
        assert stack.kestra.kv_get(ledger) == entry
    assert wait_for_end(stack, again).state == "SUCCESS"

    contact = opaque_ids.contact_id(email)
    stop.stop(stack.kestra, contact, Reason.STOPPED_BY_PERSON)
    stop.lift(stack.kestra, contact)
    both = stack.kestra.executions(namespace="christmas", flow_id="stop", labels={"contact": contact})
    stopping, lifting = sorted(both, key=lambda run: run.created)
    assert wait_for_end(stack, replay_from(stack, stopping, "keep")).state == "SUCCESS"
    assert stop.read_stops(stack.kestra, contact).stops == ()
    now = stop.stop(stack.kestra, contact, Reason.STOPPED_BY_PERSON)
    assert wait_for_end(stack, replay_from(stack, lifting, "keep")).state == "SUCCESS"
    assert stop.read_stops(stack.kestra, contact) == now
    assert [contact_stop.reason for contact_stop in now.stops] == [Reason.STOPPED_BY_PERSON]
    settle_the_account(stack, [Expected(email)])
