from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps.unsubscribe import step
from unit import build
from unit.steps import contexts

CONTACT = build.WHO["contact"]
AT = "2025-11-20T15:00:00.000Z"


def outputs_without_labels(context: dict[str, Any]) -> dict[str, Any]:
    """Return all outputs of the step but ``labels``."""
    return {name: value for name, value in step(context, build.NOW).items() if name != "labels"}


def test_labels_name_outcome_reason_and_contact() -> None:
    outputs = step(contexts.unsubscribe(), build.NOW)
    labels = {"outcome": "accepted", "reason": "unsubscribed", "contact": CONTACT}
    assert json.loads(outputs["labels"]) == labels
    taken_back = step(contexts.unsubscribe(payload={**contexts.unsubscribe()["payload"], "wish": "go_on"}), build.NOW)
    assert json.loads(taken_back["labels"]) == {"outcome": "accepted", "contact": CONTACT}
    refused = step(contexts.unsubscribe(payload=None), build.NOW)
    assert json.loads(refused["labels"]) == {"outcome": "rejected", "reason": "invalid_payload"}


def test_wish_becomes_the_inputs_of_the_flow_stop() -> None:
    accepted = {"code": 200, "status": "accepted", "outcome": "accepted", "contact": CONTACT, "at": AT}
    outputs = outputs_without_labels(contexts.unsubscribe())
    assert outputs == {**accepted, "reason": "unsubscribed", "lift": ""}
    payload = {**contexts.unsubscribe()["payload"], "wish": "go_on"}
    assert outputs_without_labels(contexts.unsubscribe(payload=payload)) == {
        **accepted,
        "reason": "",
        "lift": "unsubscribed",
    }


def test_refused_request_has_no_contact() -> None:
    assert outputs_without_labels(contexts.unsubscribe(payload=None)) == {
        "code": 422,
        "status": "rejected",
        "outcome": "rejected",
        "contact": None,
        "reason": "invalid_payload",
        "lift": "",
        "at": "",
    }


def test_time_is_when_the_door_received_the_request() -> None:
    assert step(contexts.unsubscribe(), build.NOW)["at"] == "2025-11-20T15:00:00.000Z"
    received = contexts.unsubscribe(received_at="2025-11-20T14:00:00.000Z")
    assert step(received, build.NOW)["at"] == "2025-11-20T14:00:00.000Z"


def test_context_without_a_payload_is_refused() -> None:
    context = contexts.unsubscribe()
    del context["payload"], context["received_at"]
    assert step(context, build.NOW)["code"] == 422


@pytest.mark.parametrize("key", ["", "short", None])
def test_invalid_key_breaks_the_step(key: str | None) -> None:
    with pytest.raises(UnusableContext) as error:
        step(contexts.unsubscribe(unsubscribe_key=key), build.NOW)
    problem = "must have keys of 24 characters or more, separated by commas"
    assert str(error.value) == f"SECRET_UNSUBSCRIBE_KEY {problem} (as base64)"
