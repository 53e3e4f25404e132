"""What an operator does to executions by the API: resume, replay, unqueue, and correct the count of a lane."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support import until

from christmas_campaign.clients.kestra import Kestra, Lane
from christmas_campaign.local.engine import Engine
from engine.runs import NAMESPACE, WEBHOOK_KEY, in_state

# The models of the official client shadow names of pydantic's, which causes these warnings.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydantic", "ignore::DeprecationWarning:kestrapy")


@pytest.fixture
def paused(kestra: Kestra) -> Iterator[str]:
    """The id of a paused execution that occupies the lane. Afterwards the lane is empty."""
    execution = kestra.run("lane", {"name": "first"}, namespace=NAMESPACE)
    in_state(kestra, execution, "PAUSED")
    yield execution
    for state in ("QUEUED", "PAUSED"):
        for waiting in kestra.executions(flow_id="lane", states=[state]):
            kestra.kill(waiting.id)
    until(lambda: not [run for run in kestra.executions(flow_id="lane") if run.live], "an empty lane", 30)


def queue(kestra: Kestra) -> str:
    """Start another execution in the occupied lane; return its id once it is queued."""
    execution = kestra.run("lane", {"name": "second"}, namespace=NAMESPACE)
    in_state(kestra, execution, "QUEUED")
    return execution


def test_resumed_execution_continues_with_the_address_of_the_engine(
    kestra: Kestra, official: Any, paused: str, engine: Engine
) -> None:
    official.executions.resume_execution(paused, "main")
    assert in_state(kestra, paused, "SUCCESS").outputs["said"] == {"name": "first", "url": engine.url}


def test_queued_execution_starts_when_the_lane_is_free(kestra: Kestra, paused: str) -> None:
    second = queue(kestra)
    assert Lane(NAMESPACE, "lane", 1) in kestra.concurrency_limits()
    kestra.resume(paused)
    in_state(kestra, second, "PAUSED")


def test_unqueued_execution_runs_beside_the_first(kestra: Kestra, official: Any, paused: str) -> None:
    second = queue(kestra)
    answer = official.executions.unqueue_execution(second, "main", "RUNNING")
    assert (answer.id, answer.state.current.value) == (second, "RUNNING")
    in_state(kestra, second, "PAUSED")
    kestra.resume(second)
    in_state(kestra, second, "SUCCESS")
    assert kestra.execution(paused).state == "PAUSED"


@pytest.mark.usefixtures("paused")
def test_count_of_a_lane_can_be_read_and_set(kestra: Kestra, official: Any) -> None:
    (lane,) = (limit for limit in official.flows.search_concurrency_limits("main").results if limit.flow_id == "lane")
    assert (lane.namespace, lane.running) == (NAMESPACE, 1)
    lane.running = 7
    assert official.flows.update_concurrency_limit(NAMESPACE, "lane", "main", lane).running == 7
    assert Lane(NAMESPACE, "lane", 7) in kestra.concurrency_limits()
    kestra.set_concurrency(NAMESPACE, "lane", 1)
    assert Lane(NAMESPACE, "lane", 1) in kestra.concurrency_limits()


def test_replay_is_a_new_execution_with_the_same_inputs(kestra: Kestra, official: Any) -> None:
    first = kestra.run("child", {"date": "then"}, namespace=NAMESPACE, labels={"team": "one"})
    tasks = in_state(kestra, first, "SUCCESS").tasks
    replay = in_state(kestra, kestra.replay(first), "SUCCESS")
    assert replay.id != first
    assert (replay.inputs, replay.original, replay.labels["team"]) == ({"date": "then"}, first, "one")
    assert len(replay.tasks) == len(tasks)
    by_official = official.executions.replay_execution(first, "main", task_run_id=tasks[0].id)
    assert in_state(kestra, by_official.id, "SUCCESS").original == first


def test_replayed_webhook_has_the_same_body(kestra: Kestra) -> None:
    body = {"code": 202, "text": "Lệ {{ x }}"}
    httpx.post(kestra.webhook_url("echo", WEBHOOK_KEY, NAMESPACE), json=body, timeout=30)
    first = kestra.last_ended("echo", NAMESPACE)
    assert first is not None
    assert first.trigger["body"] == body
    replay = in_state(kestra, kestra.replay(first.id), "SUCCESS")
    assert (replay.trigger["body"], replay.outputs) == (body, first.outputs)


def test_last_ended_is_the_latest_execution_or_none(kestra: Kestra) -> None:
    for _ in range(2):
        last = kestra.run("child", {"date": "now"}, namespace=NAMESPACE)
        in_state(kestra, last, "SUCCESS")
    execution = kestra.last_ended("child", NAMESPACE)
    assert execution is not None
    assert execution.id == last
    assert kestra.last_ended("disabled", NAMESPACE) is None
