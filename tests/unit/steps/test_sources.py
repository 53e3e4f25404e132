from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps import sources as the_step
from unit import build
from unit.steps import contexts, run


def step(context: Any, now: datetime) -> dict[str, Any]:
    return dict(the_step.step(context, now))


NAMES = ("contacts", "pages", "templates", "analytics", "portals")

#: What people call each database.
TITLES = {
    "contacts": "BusinessX",
    "pages": "Email Sequence",
    "templates": "Email Templates",
    "analytics": "Email Analytics",
    "portals": "Customer Projects",
}


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "sources", contexts.sources(pages=build.database("100%")))
    assert "%" not in said["keep"]
    kept = json.loads(said["keep"])
    assert kept.pop("until") > 1_763_651_400_000
    assert kept == {
        "contacts": "source-contacts",
        "pages": "100%",
        "templates": "source-templates",
        "analytics": "source-analytics",
        "portals": "source-portals",
    }


def test_the_ids_are_kept_and_count_for_ten_minutes() -> None:
    said = step(contexts.sources(), build.NOW)
    assert list(said) == ["keep"]
    kept = json.loads(said["keep"])
    assert kept == contexts.SOURCES
    assert kept["until"] == build.NOW.timestamp() * 1000 + 600_000
    assert type(kept["until"]) is int


@pytest.mark.parametrize("missing", [NAMES, *((name,) for name in NAMES), ("contacts", "portals")])
@pytest.mark.parametrize("left_out", [True, False])
def test_nothing_is_kept_unless_notion_has_answered_every_look_up(missing: tuple[str, ...], left_out: bool) -> None:
    context = contexts.sources(**dict.fromkeys(missing))
    if left_out:
        context = {name: answer for name, answer in context.items() if answer is not None}
    assert step(context, build.NOW) == {"keep": None}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            build.response({"code": "object_not_found", "message": "zoe@example.com"}, 404),
            "Notion answered HTTP 404 (object_not_found)",
        ),
        (build.response({"code": "unauthorized"}, 401), "Notion answered HTTP 401 (unauthorized)"),
        (build.response({"data_sources": []}), "the Notion database has no data source; is its id right?"),
    ],
)
def test_a_database_that_is_not_found_is_named(name: str, answer: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as caught:
        step(contexts.sources(**{name: answer}), build.NOW)
    assert str(caught.value) == f"{TITLES[name]}: {message}"


def test_a_refusal_counts_even_if_another_look_up_was_not_answered() -> None:
    refused = build.response({"code": "restricted_resource"}, 403)
    with pytest.raises(UnusableContext) as caught:
        step(contexts.sources(contacts=None, analytics=refused), build.NOW)
    assert str(caught.value) == "Email Analytics: Notion answered HTTP 403 (restricted_resource)"
