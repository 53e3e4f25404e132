"""A suppression that arrives between two tasks of `send-email`, before the task `send`, prevents the e-mail.

Each test deploys the flow with one more task, which sleeps between those two tasks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.operator import christmas
from faults.people import about_to_get_the_last
from support import PATIENCE, SCALE, address, ended, mails, page_of, runs, until

from christmas_campaign.campaign import times
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.stops import rules

FLOW = PROJECT / "flows/christmas-send-email.yml"

SLEEP = {
    "id": "wait_for_the_stop",
    "type": "io.kestra.plugin.core.flow.Sleep",
    "description": "The test adds this task.",
    "duration": "PT6S",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack that no other test uses, because the tests change its flow `send-email`."""
    with Stack(tmp_path_factory.mktemp("stack"), time_scale=SCALE) as running:
        yield running


def tasks() -> list[dict[str, Any]]:
    """Return the tasks of the flow `send-email`."""
    flow_tasks: list[dict[str, Any]] = yaml.safe_load(FLOW.read_text(encoding="utf-8"))["tasks"]
    return flow_tasks


BEFORE_THE_SEND = [task["id"] for task in tasks()][: [task["id"] for task in tasks()].index("send")]


def deploy_with_a_sleep(stack: Stack, folder: Path, after: str) -> None:
    """Deploy `send-email` with the task ``SLEEP`` after the task ``after``."""
    flow = yaml.safe_load(FLOW.read_text(encoding="utf-8"))
    place = [task["id"] for task in flow["tasks"]].index(after) + 1
    flow["tasks"].insert(place, SLEEP)
    file = folder / "send-email.yml"
    file.write_text(yaml.safe_dump(flow, sort_keys=False, allow_unicode=True, width=10_000), encoding="utf-8")
    stack.kestra.import_flows([file])


def is_sleeping(stack: Stack, email: str) -> bool:
    """Return whether an execution of `send-email` for a contact is in the task ``SLEEP``."""
    sleeps = [task for run in runs(stack, "send-email", email) for task in run.tasks if task.task == SLEEP["id"]]
    return any(task.state == "RUNNING" for task in sleeps)


@pytest.mark.parametrize("after", BEFORE_THE_SEND)
def test_suppression_between_two_tasks_prevents_the_email(stack: Stack, tmp_path: Path, after: str) -> None:
    deploy_with_a_sleep(stack, tmp_path, after)
    email = address()
    about_to_get_the_last(stack, [email], seconds=3)
    until(lambda: is_sleeping(stack, email), f"the sleep after `{after}`", PATIENCE)
    assert christmas(stack, "stop", email, "--reason", "complained", "--yes").exit_code == 0
    (run,) = ended(stack, email, 1)
    assert (run.state, run.labels["outcome"], run.labels["reason"]) == ("SUCCESS", "skipped", "complained")
    assert mails(stack, email) == []
    assert page_of(stack, email)["Email 5 Sent"] is None
    assert page_of(stack, email)["Stop Reason"].startswith("complained since ")


def test_lifted_suppression_reschedules_the_email(stack: Stack, tmp_path: Path) -> None:
    deploy_with_a_sleep(stack, tmp_path, "claim")
    email = address()
    about_to_get_the_last(stack, [email], seconds=3)
    until(lambda: is_sleeping(stack, email), "the sleep", PATIENCE)
    # The KV entry after a suppression was lifted: no stops, and the time of the change.
    lifted = {**rules.as_json([]), "changed": times.text(datetime.now(UTC))}
    stack.kestra.kv_put(f"stop.{opaque_ids.contact_id(email)}", lifted)
    first, second = ended(stack, email, 2)
    assert (first.state, first.labels["outcome"], first.labels["reason"]) == ("SUCCESS", "deferred", "stops_changed")
    assert (second.state, second.labels["outcome"]) == ("SUCCESS", "sent")
    assert len(mails(stack, email)) == 1
