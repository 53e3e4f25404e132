from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps import sources as sources_step
from unit import build
from unit.steps import contexts, run

step: run.Step = sources_step.step


#: The title of each database in Notion.
TITLES = {
    "contacts": "BusinessX",
    "pages": "Email Sequence",
    "templates": "Email Templates",
    "analytics": "Email Analytics",
    "portals": "Customer Projects",
}
NAMES = tuple(TITLES)


def test_ids_of_the_data_sources_are_valid_for_ten_minutes() -> None:
    outputs = step(contexts.sources(), build.NOW)
    assert list(outputs) == ["keep"]
    stored = json.loads(outputs["keep"])
    assert stored == contexts.SOURCES
    assert stored["until"] == build.NOW.timestamp() * 1000 + 600_000
    assert type(stored["until"]) is int
    assert "%" not in step(contexts.sources(pages=build.database("100%")), build.NOW)["keep"]


@pytest.mark.parametrize("missing", [NAMES, *((name,) for name in NAMES)])
def test_missing_answer_of_notion_stores_nothing(missing: tuple[str, ...]) -> None:
    context = contexts.sources(**dict.fromkeys(missing))
    assert step(context, build.NOW) == {"keep": None}
    assert step(contexts.as_kestra_hands_over(context), build.NOW) == {"keep": None}


NOT_FOUND = build.response({"code": "object_not_found", "message": "zoe@example.com"}, 404)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(
            ({name: NOT_FOUND}, f"{title}: Notion answered HTTP 404 (object_not_found)")
            for name, title in TITLES.items()
        ),
        (
            {"pages": build.response({"data_sources": []})},
            "Email Sequence: the Notion database has no data source; is its id right?",
        ),
        # The error comes before a missing answer.
        ({"contacts": None, "analytics": NOT_FOUND}, "Email Analytics: Notion answered HTTP 404 (object_not_found)"),
    ],
)
def test_database_with_an_error_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as error:
        step(contexts.sources(**changes), build.NOW)
    assert str(error.value) == message
