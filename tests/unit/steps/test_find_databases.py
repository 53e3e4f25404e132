from __future__ import annotations

import json

import pytest

from christmas_campaign.notion import schema
from christmas_campaign.steps import UnusableContext, find_databases
from unit import build
from unit.steps import contexts, run

step: run.Step = find_databases.step


def test_all_databases_are_kept_under_the_names_of_the_look_ups() -> None:
    assert json.loads(step(contexts.find_databases(), build.NOW)["kept"]) == {
        "contact": f"source-{schema.CONTACTS.setting}",
        "pages": f"source-{schema.SEQUENCE_PAGES.setting}",
        "templates": f"source-{schema.TEMPLATES.setting}",
        "analytics": f"source-{schema.ANALYTICS.setting}",
        "portals": f"source-{schema.PORTALS.setting}",
    }


@pytest.mark.parametrize("response", [None, {"headers": {}}])
def test_missing_response_keeps_nothing(response: object) -> None:
    answers = {**contexts.find_databases()["answers"], schema.PORTALS.setting: response}
    assert step({"answers": answers}, build.NOW) == {"kept": ""}


def test_refused_look_up_names_the_database() -> None:
    refused = build.response({"code": "object_not_found"}, 404)
    answers = {**contexts.find_databases()["answers"], schema.PORTALS.setting: refused}
    with pytest.raises(UnusableContext, match=f"^{schema.PORTALS.title}: Notion answered HTTP 404"):
        step({"answers": answers}, build.NOW)
