from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.steps import mark as the_step
from christmas_campaign.stops import rules
from unit import build
from unit.steps import contexts, run


def step(context: Any, now: datetime) -> dict[str, Any]:
    return dict(the_step.step(context, now))


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "mark", contexts.ALL["mark"]())
    (update,) = said["updates"]
    assert update["path"] == "/v1/pages/page-1"
    words = build.text_of(json.loads(update["body"])["properties"]["Stop Reason"])
    assert words == "unsubscribed since 2025-11-20T10:00:00-05:00"
    assert said["outcome"] == "reported"
    assert json.loads(said["labels"]) == {"outcome": "reported", "contact": build.WHO["contact"]}
    # Two calls at a third of three a second.
    assert said["rest"] == 2_000


def test_later_is_there_for_an_update_that_notion_does_not_take() -> None:
    later = step(contexts.mark(), build.NOW)["later"]
    assert (later["outcome"], later["date"], later["tries"]) == ("deferred", "2025-11-20T15:01:00.000Z", 1)
    last = step(contexts.mark(tries=48), build.NOW)["later"]
    assert (last["outcome"], last["reason"]) == ("failed", "notion_unreachable")
    assert json.loads(last["labels"])["reason"] == "notion_unreachable"


@pytest.mark.parametrize("pages", [None, build.response({"object": "error", "code": "unauthorized"}, 401)])
def test_query_without_an_answer_is_put_off(pages: Any) -> None:
    said = step(contexts.mark(pages=pages), build.NOW)
    assert (said["outcome"], said["updates"]) == ("deferred", [])


def test_contact_whose_pages_are_not_known_is_skipped() -> None:
    said = step(contexts.mark(known=False, pages=None), build.NOW)
    assert (said["outcome"], said["updates"], said["rest"]) == ("skipped", [], 0)


def test_lifted_stop_clears_the_mark() -> None:
    page = build.sequence_page({"Stop Reason": "unsubscribed since 2025-11-20T10:00:00-05:00"})
    said = step(contexts.mark(pages=build.found(page), stopped=rules.as_json([])), build.NOW)
    assert [json.loads(each["body"]) for each in said["updates"]] == [
        {"properties": {"Stop Reason": {"rich_text": []}}}
    ]
