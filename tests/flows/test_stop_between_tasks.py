"""A stop that arrives between any two tasks of `send-email` before the e-mail is sent holds.

The flow is deployed with a task more, which sleeps at that place. Everything else is as it is.
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
    "description": "Put in by the test.",
    "duration": "PT6S",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, for its flow is changed."""
    with Stack(tmp_path_factory.mktemp("stack"), time_scale=SCALE) as running:
        yield running


def tasks() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(FLOW.read_text(encoding="utf-8"))["tasks"]
    return found


BEFORE_THE_SEND = [task["id"] for task in tasks()][: [task["id"] for task in tasks()].index("send")]


def deploy_with_a_sleep(stack: Stack, folder: Path, after: str) -> None:
    flow = yaml.safe_load(FLOW.read_text(encoding="utf-8"))
    place = [task["id"] for task in flow["tasks"]].index(after) + 1
    flow["tasks"].insert(place, SLEEP)
    file = folder / "send-email.yml"
    file.write_text(yaml.safe_dump(flow, sort_keys=False, allow_unicode=True, width=10_000), encoding="utf-8")
    stack.kestra.import_flows([file])


def sleeps(stack: Stack, email: str) -> bool:
    found = [task for run in runs(stack, "send-email", email) for task in run.tasks if task.task == SLEEP["id"]]
    return any(task.state == "RUNNING" for task in found)


@pytest.mark.parametrize("after", BEFORE_THE_SEND)
def test_stop_between_two_tasks_holds(stack: Stack, tmp_path: Path, after: str) -> None:
    deploy_with_a_sleep(stack, tmp_path, after)
    email = address()
    about_to_get_the_last(stack, [email], seconds=3)
    until(lambda: sleeps(stack, email), f"the sleep after `{after}`", PATIENCE)
    assert christmas(stack, "stop", email, "--reason", "complained", "--yes").exit_code == 0
    (run,) = ended(stack, email, 1)
    assert (run.state, run.labels["outcome"], run.labels["reason"]) == ("SUCCESS", "skipped", "complained")
    assert mails(stack, email) == []
    assert page_of(stack, email)["Email 5 Sent"] is None
    assert page_of(stack, email)["Stop Reason"].startswith("complained since ")


def test_change_of_the_stops_that_does_not_stop_the_email_puts_it_off(stack: Stack, tmp_path: Path) -> None:
    deploy_with_a_sleep(stack, tmp_path, "claim")
    email = address()
    about_to_get_the_last(stack, [email], seconds=3)
    until(lambda: sleeps(stack, email), "the sleep", PATIENCE)
    # As after a stop that was lifted.
    lifted = {**rules.as_json([]), "changed": times.text(datetime.now(UTC))}
    stack.kestra.kv_put(f"stop.{opaque_ids.contact_id(email)}", lifted)
    first, second = ended(stack, email, 2)
    assert (first.state, first.labels["outcome"], first.labels["reason"]) == ("SUCCESS", "deferred", "stops_changed")
    assert (second.state, second.labels["outcome"]) == ("SUCCESS", "sent")
    assert len(mails(stack, email)) == 1
