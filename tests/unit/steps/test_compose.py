from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps.compose import step
from unit import build
from unit.steps import contexts, run


def test_as_a_task(tmp_path: Path) -> None:
    context = contexts.compose(record=build.record(first_name=build.AWKWARD).as_json())
    said = run.outputs(tmp_path, "compose", context)
    assert (said["send"], said["idempotency_key"]) == (True, "signup-abc-e2")
    assert "%" not in said["request"]
    assert json.loads(said["request"])["subject"] == f"{build.AWKWARD}: 100%"


def test_why_there_is_no_email() -> None:
    said = step(contexts.compose(page=build.response({"code": "object_not_found"}, 404)), build.NOW)
    assert (said["send"], said["outcome"], said["reason"]) == (False, "failed", "page_missing")
    assert "request" not in said


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"page": build.response({"code": "unauthorized"}, 401)},
            "the contact's page: Notion answered HTTP 401 (unauthorized)",
        ),
        (
            {"templates": build.response({"code": "object_not_found"}, 404)},
            "the look-up in Email Templates: Notion answered HTTP 404 (object_not_found)",
        ),
        (
            {"page": build.response("<html>a proxy</html>")},
            "an HTTP task got an answer that is not JSON: is its address right?",
        ),
    ],
)
def test_a_refusal_by_notion_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as caught:
        step(contexts.compose(**changed), build.NOW)
    assert str(caught.value) == message
