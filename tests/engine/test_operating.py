"""What an operator does to executions by the API: resume one in a lane, and replay a webhook."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from support import until

from christmas_campaign.clients.kestra import Kestra, Lane
from engine.runs import NAMESPACE, WEBHOOK_KEY, in_state


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


def test_queued_execution_starts_when_the_lane_is_free(kestra: Kestra, paused: str) -> None:
    second = kestra.run("lane", {"name": "second"}, namespace=NAMESPACE)
    in_state(kestra, second, "QUEUED")
    assert Lane(NAMESPACE, "lane", 1) in kestra.concurrency_limits()
    kestra.resume(paused)
    in_state(kestra, second, "PAUSED")


def test_replayed_webhook_has_the_same_body(kestra: Kestra) -> None:
    body = {"code": 202, "text": "Lệ {{ x }}"}
    httpx.post(kestra.webhook_url("echo", WEBHOOK_KEY, NAMESPACE), json=body, timeout=30)
    first = kestra.last_ended("echo", NAMESPACE)
    assert first is not None
    assert first.trigger["body"] == body
    replay = in_state(kestra, kestra.replay(first.id), "SUCCESS")
    assert (replay.trigger["body"], replay.outputs) == (body, first.outputs)
