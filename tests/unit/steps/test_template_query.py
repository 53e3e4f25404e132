from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.email import gate
from christmas_campaign.steps import template_query
from unit import build
from unit.steps import contexts, run

step: run.Step = template_query.step


def test_query_names_the_template_of_this_release() -> None:
    outputs = step(contexts.template_query(), build.NOW)
    assert outputs["path"] == "/v1/data_sources/source-templates/query"
    assert json.loads(outputs["body"]) == gate.template_query("5-Day E2")


def withdrawn() -> dict[str, Any]:
    record: dict[str, Any] = build.record().as_json()
    record["event"]["sequence"] = "winback"
    return record


@pytest.mark.parametrize("changed", [{"record": None}, {"number": 9}, {"record": withdrawn()}])
def test_nothing_is_asked_for_an_email_that_there_is_not(changed: dict[str, Any]) -> None:
    assert step(contexts.template_query(**changed), build.NOW) == {"path": "", "body": ""}
