"""The flow `purge`: what has ended goes, what waits stays."""

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
    """A stack of its own in which e-mails wait for their days: a purge is for everybody."""
    with Stack(tmp_path_factory.mktemp("purge"), time_scale=1) as running:
        yield running


def purge(stack: Stack, **inputs: str) -> Execution:
    """Run the flow, and return it when it has ended."""
    execution_id = stack.kestra.run("purge", inputs)

    def ended() -> Execution | None:
        found = stack.kestra.execution(execution_id)
        return None if found.live else found

    found = until(ended, "the end of the purge", 60)
    assert found.state == "SUCCESS", [line.message for line in stack.kestra.logs(execution_id)]
    return found


def gone(stack: Stack, execution_id: str) -> bool:
    return execution_id not in {run.id for run in stack.kestra.executions(namespace="christmas")}


def test_what_ended_goes_and_what_waits_stays(stack: Stack, tmp_path: Path) -> None:
    held = tmp_path / "held.yml"
    held.write_text(
        "id: held\nnamespace: christmas\nconcurrency: {limit: 1, behavior: QUEUE}\n"
        "tasks:\n  - {id: hold, type: io.kestra.plugin.core.flow.Pause}\n"
    )
    stack.kestra.import_flows([held])
    email = address()
    add_contact(stack, email)
    post_event(stack, "noshow", email)
    enrolls = enrolled(stack, email, "noshow")
    before = scheduled(stack, email, "noshow")
    assert set(before) == {1, 2, 3}
    paused = stack.kestra.run("held")
    until(lambda: stack.kestra.execution(paused).state == "PAUSED", "the pause")
    queued = stack.kestra.run("held")
    until(lambda: stack.kestra.execution(queued).state == "QUEUED", "the queue")
    stack.kestra.kv_put("mail.soon_gone", 1, ttl="PT1S")
    unsubscribed = rules.as_json([Stop(Reason.UNSUBSCRIBED, datetime(2020, 1, 1, tzinfo=UTC), Source.CONTACT)])
    stack.kestra.kv_put("stop.long_ago", unsubscribed)
    killed = stack.kestra.run("held", scheduled=datetime.now(UTC) + timedelta(hours=1))
    stack.kestra.kill(killed)
    until(lambda: stack.kestra.execution(killed).state == "KILLED", "the end by hand")
    stack.kestra.resume(paused)
    until(lambda: stack.kestra.execution(queued).state == "PAUSED", "the next one")

    purge(stack)
    assert [run.id for run in runs(stack, "enroll", email, "noshow")] == [enrolls.id], "it is not thirty days old"
    assert not gone(stack, paused)
    assert not gone(stack, killed)

    purge(stack, older_than="PT0S")
    assert runs(stack, "enroll", email, "noshow") == []
    assert gone(stack, paused)
    assert gone(stack, killed)
    assert stack.kestra.execution(queued).state == "PAUSED"
    assert scheduled(stack, email, "noshow") == before
    assert stack.kestra.kv_get(f"enrolled.{enrolls.labels['enrolment']}") == enrolls.id, "what is known is known"
    assert stack.kestra.kv_get("stop.long_ago") == unsubscribed, "who unsubscribed stays unsubscribed"

    # They can still go: the oldest wait is ended by hand, and what it was waits nowhere else.
    stack.kestra.resume(queued)
    until(lambda: stack.kestra.execution(queued).state == "SUCCESS", "the end")


def test_one_that_failed_is_kept_for_longer(stack: Stack) -> None:
    fails = stack.kestra.run("send-email", {"enrolment": "unknown", "number": 2})
    until(lambda: stack.kestra.execution(fails).state == "FAILED", "the failure")
    assert stack.kestra.logs(fails)
    purge(stack, older_than="PT0S")
    assert not gone(stack, fails)
    assert stack.kestra.logs(fails)
    purge(stack, older_than="PT0S", failed_older_than="PT0S")
    assert gone(stack, fails)
    assert stack.kestra.logs(fails) == []


def test_a_purge_is_answered_like_any_run_and_webhooks_go_on(stack: Stack) -> None:
    purge(stack, older_than="PT0S", failed_older_than="PT0S")
    email = address()
    code, answer = post(stack, {"email": email, "first_name": "Ana", "assessment_score": 50})
    assert (code, answer["status"]) == (200, "accepted")
    enrolled(stack, email)
