"""Run the repair after e-mails, stamps and tasks were lost, also twice at once and during a burst."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import SCALE, address, find_pages, runs, until

from christmas_campaign.campaign import notion_names
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema
from faults import commands
from faults.account import Expected, settle_the_account
from faults.breaking import delayed_call, lose_the_next_step
from faults.people import about_to_get_the_last, addresses


def kill_waiting(stack: Stack, emails: Sequence[str]) -> None:
    """Kill the waiting executions of these contacts, without an entry in the ledger."""
    for email in emails:
        for run in runs(stack, "send-email", email):
            stack.kestra.kill(run.id)


def repair_twice_at_once(stack: Stack) -> list[str]:
    """Run the repair twice at the same time; return both reports."""
    both = [commands.start(stack, "repair", "--apply") for _ in range(2)]
    reports = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], reports
    return reports


@pytest.mark.long
@pytest.mark.timeout(300)
def test_27_the_repair_runs_twice_at_once(stack: Stack) -> None:
    """A lost e-mail is sent once, and so is an e-mail that was not lost."""
    lost, well = addresses(3), addresses(2)
    about_to_get_the_last(stack, [*lost, *well], seconds=45)
    kill_waiting(stack, lost)
    print(*repair_twice_at_once(stack), sep="\n")
    settle_the_account(stack, [Expected(email) for email in [*lost, *well]], timeout=150)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_27_the_repair_runs_repeatedly_during_a_burst(stack: Stack) -> None:
    """The repair sends no e-mail twice, and changes no e-mail that is being sent."""
    emails = addresses(12)
    about_to_get_the_last(stack, emails, seconds=25)
    kill_waiting(stack, emails[:3])
    for _ in range(4):
        commands.repair(stack)
        time.sleep(3)
    settle_the_account(stack, [Expected(email) for email in emails], timeout=150)


def test_27_a_stamp_is_missing_and_the_repair_runs(stack: Stack) -> None:
    """The page gets the ledger's date, and no e-mail is sent for it."""
    email = address()
    about_to_get_the_last(stack, [email])
    stack.sandbox.fault("notion", "status", status=400, times=1, method="PATCH")
    settle_the_account(stack, [Expected(email)])
    commands.repair(stack)
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    assert page["properties"]["Email 5 Sent"]["date"] is not None
    settle_the_account(stack, [Expected(email)])


def running_emails(stack: Stack) -> list[Execution]:
    """Return the running executions of `send-email`."""
    return stack.kestra.executions(namespace="christmas", flow_id="send-email", states=["RUNNING"])


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("task", "method"), [("page", "GET"), ("stamp", "PATCH")])
def test_33_a_kill_between_two_commits_makes_kestra_lose_the_next_task(tmp_path: Path, task: str, method: str) -> None:
    """The repair ends that execution. Its e-mail goes out, unless it was sent before. The other e-mails in the lane
    continue."""
    emails = addresses(3)
    with Stack(tmp_path, time_scale=SCALE) as stack:
        about_to_get_the_last(stack, emails, seconds=15)
        with delayed_call(stack, "notion", when="after", method=method, path="/v1/pages/") as wait:
            wait()
            (stuck,) = until(
                lambda: running if len(running := running_emails(stack)) == 1 else None, "the end of the others"
            )
            stack.engine.kill()
        before, began = len(stack.sandbox.mails()), datetime.now(UTC) - timedelta(minutes=1)
        lose_the_next_step(stack, stuck.id, task, ago=timedelta(minutes=6))
        stack.engine.start()
        # Other interrupted work continues after twelve seconds, but not this execution.
        time.sleep(20)
        assert stack.kestra.execution(stuck.id).changed < began
        assert len(stack.sandbox.mails()) == before == 2 + (task == "stamp")
        assert f"The execution {stuck.id} of send-email has had no running task" in commands.repair(stack)
        until(lambda: stack.kestra.execution(stuck.id).state == "KILLED", "the end of the execution")
        # The next repair schedules the e-mail again if it was not sent.
        assert ("is not settled, and no execution waits to send it" in commands.repair(stack)) == (task == "page")
        settle_the_account(stack, [Expected(email) for email in emails], timeout=120)
