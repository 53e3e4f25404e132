from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps.unsubscribe import step
from unit import build
from unit.steps import contexts, run

CONTACT = build.WHO["contact"]
AT = "2025-11-20T15:00:00.000Z"


def outputs(context: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs of the step but for the labels."""
    return {name: value for name, value in step(context, build.NOW).items() if name != "labels"}


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "unsubscribe", contexts.unsubscribe())
    assert (said["code"], said["contact"], said["reason"]) == (200, CONTACT, "unsubscribed")


def test_what_the_run_is_labelled_with() -> None:
    said = step(contexts.unsubscribe(), build.NOW)
    labels = {"outcome": "accepted", "reason": "unsubscribed", "contact": CONTACT}
    assert json.loads(said["labels"]) == labels
    back = step(contexts.unsubscribe(payload={**contexts.unsubscribe()["payload"], "wish": "go_on"}), build.NOW)
    assert json.loads(back["labels"]) == {"outcome": "accepted", "contact": CONTACT}
    wrong = step(contexts.unsubscribe(payload=None), build.NOW)
    assert json.loads(wrong["labels"]) == {"outcome": "rejected", "reason": "invalid_payload"}


def test_call_becomes_the_inputs_of_the_flow_stop() -> None:
    accepted = {"code": 200, "status": "accepted", "outcome": "accepted", "contact": CONTACT, "at": AT}
    said = outputs(contexts.unsubscribe())
    assert said == {**accepted, "reason": "unsubscribed", "lift": ""}
    payload = {**contexts.unsubscribe()["payload"], "wish": "go_on"}
    assert outputs(contexts.unsubscribe(payload=payload)) == {**accepted, "reason": "", "lift": "unsubscribed"}


def test_refused_call_has_no_contact() -> None:
    assert outputs(contexts.unsubscribe(payload=None)) == {
        "code": 422,
        "status": "rejected",
        "outcome": "rejected",
        "contact": None,
        "reason": "invalid_payload",
        "lift": "",
        "at": "",
    }


def test_the_time_that_counts_is_when_the_door_got_it() -> None:
    assert step(contexts.unsubscribe(), build.NOW)["at"] == "2025-11-20T15:00:00.000Z"
    received = contexts.unsubscribe(received_at="2025-11-20T14:00:00.000Z")
    assert step(received, build.NOW)["at"] == "2025-11-20T14:00:00.000Z"


def test_what_kestra_leaves_out_is_nothing() -> None:
    context = contexts.unsubscribe()
    del context["payload"], context["received_at"]
    assert step(context, build.NOW)["code"] == 422


@pytest.mark.parametrize("key", ["", "short", None])
def test_without_a_key_the_run_fails(key: str | None) -> None:
    with pytest.raises(UnusableContext) as error:
        step(contexts.unsubscribe(unsubscribe_key=key), build.NOW)
    problem = "must have keys of 24 characters or more, separated by commas"
    assert str(error.value) == f"SECRET_UNSUBSCRIBE_KEY {problem} (as base64)"
