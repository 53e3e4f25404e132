"""What an operator does to runs by the API: resume, replay, let one out of its queue. Kestra's own client reads the answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from kestrapy import Configuration, KestraClient
from support import until

from christmas_campaign.clients.kestra import Execution, Kestra, KestraError, Lane
from christmas_campaign.local.engine import Engine

NAMESPACE = "engine.test"

# Its generated models shadow names of pydantic's, and say so.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydantic", "ignore::DeprecationWarning:kestrapy")


@pytest.fixture(scope="module")
def original(engine: Engine) -> Any:
    return KestraClient(Configuration(host=engine.url, username="any", password="any"))


def in_state(kestra: Kestra, execution_id: str, state: str) -> Execution:
    """An execution, once it is in this state."""

    def seen() -> Execution | None:
        found = kestra.execution(execution_id)
        return found if found.state == state else None

    return until(seen, state, 30)


@pytest.fixture
def held(kestra: Kestra) -> Iterator[str]:
    """The id of a run that has the lane and is paused; afterwards nothing is left in the lane."""
    execution_id = kestra.run("lane", {"name": "first"}, namespace=NAMESPACE)
    in_state(kestra, execution_id, "PAUSED")
    yield execution_id
    for state in ("QUEUED", "PAUSED"):
        for each in kestra.executions(flow_id="lane", states=[state]):
            kestra.kill(each.id)
    until(lambda: not [each for each in kestra.executions(flow_id="lane") if each.live], "an empty lane", 30)


def running(kestra: Kestra) -> int:
    """What Kestra counts in the lane."""
    return next(lane.running for lane in kestra.concurrency_limits() if lane.flow == "lane")


def test_a_paused_run_goes_on_and_knows_where_the_engine_is(
    kestra: Kestra, original: Any, held: str, engine: Engine
) -> None:
    original.executions.resume_execution(held, "main")
    ended = in_state(kestra, held, "SUCCESS")
    assert ended.outputs["said"] == {"name": "first", "url": engine.url}


def test_only_a_paused_run_can_be_resumed(kestra: Kestra, held: str) -> None:
    kestra.resume(held)
    in_state(kestra, held, "SUCCESS")
    with pytest.raises(KestraError, match="not paused") as refused:
        kestra.resume(held)
    assert refused.value.status == 409
    with pytest.raises(KestraError) as unknown:
        kestra.resume("none")
    assert unknown.value.status == 404


def test_what_waits_in_the_lane_goes_on_when_it_is_free(kestra: Kestra, held: str) -> None:
    second = kestra.run("lane", {"name": "second"}, namespace=NAMESPACE)
    in_state(kestra, second, "QUEUED")
    assert running(kestra) == 1
    kestra.resume(held)
    in_state(kestra, second, "PAUSED")


def test_a_queued_run_is_let_go_once(kestra: Kestra, original: Any, held: str) -> None:
    second = kestra.run("lane", {"name": "second"}, namespace=NAMESPACE)
    in_state(kestra, second, "QUEUED")
    answer = original.executions.unqueue_execution(second, "main", "RUNNING")
    assert (answer.id, answer.state.current.value) == (second, "RUNNING")
    with pytest.raises(KestraError, match="QUEUED") as refused:
        kestra.unqueue(second)
    assert refused.value.status == 422
    in_state(kestra, second, "PAUSED")
    kestra.resume(second)
    in_state(kestra, second, "SUCCESS")
    assert kestra.execution(held).state == "PAUSED"


def test_the_count_of_a_lane_is_read_and_set(kestra: Kestra, original: Any, held: str) -> None:
    assert kestra.execution(held).live
    (lane,) = (each for each in original.flows.search_concurrency_limits("main").results if each.flow_id == "lane")
    assert (lane.namespace, lane.running) == (NAMESPACE, 1)
    lane.running = 7
    assert original.flows.update_concurrency_limit(NAMESPACE, "lane", "main", lane).running == 7
    assert running(kestra) == 7
    kestra.set_concurrency(NAMESPACE, "lane", 1)
    assert Lane(NAMESPACE, "lane", 1) in kestra.concurrency_limits()
    with pytest.raises(KestraError) as unknown:
        kestra.set_concurrency(NAMESPACE, "nothing", 1)
    assert unknown.value.status == 404


def test_a_replay_is_a_run_of_its_own_with_the_same_inputs(kestra: Kestra, original: Any) -> None:
    first = kestra.run("child", {"date": "then"}, namespace=NAMESPACE, labels={"team": "one"})
    done = in_state(kestra, first, "SUCCESS")
    again = in_state(kestra, kestra.replay(first), "SUCCESS")
    assert again.id != first
    assert (again.inputs, again.original, again.labels["team"]) == ({"date": "then"}, first, "one")
    assert len(again.tasks) == len(done.tasks)
    by_original = original.executions.replay_execution(first, "main", task_run_id=done.tasks[0].id)
    assert in_state(kestra, by_original.id, "SUCCESS").original == first
    with pytest.raises(KestraError) as unknown:
        kestra.replay("none")
    assert unknown.value.status == 404


def test_a_replayed_webhook_has_the_same_body(kestra: Kestra) -> None:
    body = {"code": 202, "text": "Lệ {{ x }}"}
    httpx.post(kestra.webhook_url("echo", "the key of the tests", NAMESPACE), json=body, timeout=30)
    first = kestra.last_ended("echo", NAMESPACE)
    assert first is not None
    assert first.trigger["body"] == body
    again = in_state(kestra, kestra.replay(first.id), "SUCCESS")
    assert again.trigger["body"] == body
    assert again.outputs == first.outputs


def test_what_ended_last(kestra: Kestra) -> None:
    for _ in range(2):
        last = kestra.run("child", {"date": "now"}, namespace=NAMESPACE)
        in_state(kestra, last, "SUCCESS")
    found = kestra.last_ended("child", NAMESPACE)
    assert found is not None
    assert found.id == last
    assert kestra.last_ended("disabled", NAMESPACE) is None
