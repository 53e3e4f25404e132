from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.steps import template_query
from unit import build
from unit.steps import contexts, run

step: run.Step = template_query.step


def test_query_names_the_template_of_this_release() -> None:
    outputs = step(contexts.template_query(), build.NOW)
    assert outputs["path"] == "/v1/data_sources/source-templates/query"
    assert json.loads(outputs["body"]) == {
        "filter": {
            "and": [
                {"property": "Template Name", "title": {"equals": "5-Day E2"}},
                {"property": "Status", "select": {"equals": "Active"}},
            ]
        }
    }


def withdrawn_record() -> dict[str, Any]:
    record: dict[str, Any] = build.record().as_json()
    record["event"]["sequence"] = "winback"
    return record


@pytest.mark.parametrize("changes", [{"record": None}, {"number": 9}, {"record": withdrawn_record()}])
def test_unknown_email_has_no_query(changes: dict[str, Any]) -> None:
    assert step(contexts.template_query(**changes), build.NOW) == {"path": "", "body": ""}
