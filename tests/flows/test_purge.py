"""The flow `purge`: it deletes old executions that have ended, and keeps every execution that waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import add_contact, address, enrolled, post, post_event, runs, scheduled, until

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.local.stack import Stack
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Source, Stop


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack in real time, so that e-mails wait for days.

    Only these tests use it, because a purge deletes executions of all contacts.
    """
    with Stack(tmp_path_factory.mktemp("purge"), time_scale=1) as running:
        yield running


def purge(stack: Stack, **inputs: str) -> Execution:
    """Run the flow `purge` with these inputs; return its execution once it has ended."""
    execution_id = stack.kestra.run("purge", inputs)

    def ended() -> Execution | None:
        execution = stack.kestra.execution(execution_id)
        return None if execution.live else execution

    execution = until(ended, "the end of the purge", 60)
    assert execution.state == "SUCCESS", [line.message for line in stack.kestra.logs(execution_id)]
    return execution


def is_deleted(stack: Stack, execution_id: str) -> bool:
    """Return whether Kestra no longer lists an execution."""
    return execution_id not in {run.id for run in stack.kestra.executions(namespace="christmas")}


def test_purge_deletes_ended_executions_and_keeps_waiting_ones(stack: Stack, tmp_path: Path) -> None:
    pausing_flow = tmp_path / "pausing.yml"
    pausing_flow.write_text(
        "id: pausing\nnamespace: christmas\nconcurrency: {limit: 1, behavior: QUEUE}\n"
        "tasks:\n  - {id: pause, type: io.kestra.plugin.core.flow.Pause}\n"
    )
    stack.kestra.import_flows([pausing_flow])
    email = address()
    add_contact(stack, email)
    post_event(stack, "noshow", email)
    enrolment_run = enrolled(stack, email, "noshow")
    due_before = scheduled(stack, email, "noshow")
    assert set(due_before) == {1, 2, 3}
    paused = stack.kestra.run("pausing")
    until(lambda: stack.kestra.execution(paused).state == "PAUSED", "the pause")
    queued = stack.kestra.run("pausing")
    until(lambda: stack.kestra.execution(queued).state == "QUEUED", "the queued execution")
    stack.kestra.kv_put("mail.soon_gone", 1, ttl="PT1S")
    unsubscribed = rules.as_json([Stop(Reason.UNSUBSCRIBED, datetime(2020, 1, 1, tzinfo=UTC), Source.CONTACT)])
    stack.kestra.kv_put("stop.long_ago", unsubscribed)
    killed = stack.kestra.run("pausing", scheduled=datetime.now(UTC) + timedelta(hours=1))
    stack.kestra.kill(killed)
    until(lambda: stack.kestra.execution(killed).state == "KILLED", "the killed execution")
    stack.kestra.resume(paused)
    until(lambda: stack.kestra.execution(queued).state == "PAUSED", "the start of the queued execution")

    purge(stack)
    assert [run.id for run in runs(stack, "enroll", email, "noshow")] == [enrolment_run.id], (
        "the enrolment is less than 30 days old"
    )
    assert not is_deleted(stack, paused)
    assert not is_deleted(stack, killed)

    purge(stack, older_than="PT0S")
    assert runs(stack, "enroll", email, "noshow") == []
    assert is_deleted(stack, paused)
    assert is_deleted(stack, killed)
    assert stack.kestra.execution(queued).state == "PAUSED"
    assert scheduled(stack, email, "noshow") == due_before
    assert stack.kestra.kv_get(f"enrolled.{enrolment_run.labels['enrolment']}") == enrolment_run.id, (
        "a purge keeps the KV entries of enrolments"
    )
    assert stack.kestra.kv_get("stop.long_ago") == unsubscribed, "a purge keeps the suppressions of contacts"

    # The execution that waited through the purge can still end.
    stack.kestra.resume(queued)
    until(lambda: stack.kestra.execution(queued).state == "SUCCESS", "the end of the execution that waited")


def test_failed_execution_is_kept_until_its_own_age_limit(stack: Stack) -> None:
    failed = stack.kestra.run("send-email", {"enrolment": "unknown", "number": 2})
    until(lambda: stack.kestra.execution(failed).state == "FAILED", "the failure")
    assert stack.kestra.logs(failed)
    purge(stack, older_than="PT0S")
    assert not is_deleted(stack, failed)
    assert stack.kestra.logs(failed)
    purge(stack, older_than="PT0S", failed_older_than="PT0S")
    assert is_deleted(stack, failed)
    assert stack.kestra.logs(failed) == []


def test_webhooks_accept_events_after_a_purge(stack: Stack) -> None:
    purge(stack, older_than="PT0S", failed_older_than="PT0S")
    email = address()
    code, answer = post(stack, {"email": email, "first_name": "Ana", "assessment_score": 50})
    assert (code, answer["status"]) == (200, "accepted")
    enrolled(stack, email)
