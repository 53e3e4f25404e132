from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.steps import mark as mark_step
from christmas_campaign.stops import rules
from unit import build
from unit.steps import contexts, run

step: run.Step = mark_step.step


def test_stop_is_marked_on_the_page() -> None:
    outputs = step(contexts.mark(), build.NOW)
    (update,) = outputs["updates"]
    assert update["path"] == "/v1/pages/page-1"
    note = build.text_of(json.loads(update["body"])["properties"]["Stop Reason"])
    assert note == "unsubscribed since 2025-11-20T10:00:00-05:00"
    assert outputs["outcome"] == "reported"
    assert json.loads(outputs["labels"]) == {"outcome": "reported", "contact": build.WHO["contact"]}
    # In milliseconds: two requests, at one a second.
    assert (outputs["rest"], type(outputs["rest"])) == (2_000, int)


def test_outputs_have_the_retry_of_an_update_that_fails() -> None:
    later = step(contexts.mark(), build.NOW)["later"]
    assert (later["outcome"], later["date"], later["tries"]) == ("deferred", "2025-11-20T15:01:00.000Z", 1)
    last = step(contexts.mark(tries=48), build.NOW)["later"]
    assert (last["outcome"], last["reason"]) == ("failed", "notion_unreachable")
    assert json.loads(last["labels"]) == {
        "outcome": "failed",
        "reason": "notion_unreachable",
        "contact": build.WHO["contact"],
    }
    first = contexts.mark()
    del first["tries"]
    assert step(first, build.NOW)["later"]["tries"] == 1


@pytest.mark.parametrize(
    "pages", [None, {"headers": {}}, build.response({"object": "error", "code": "unauthorized"}, 401)]
)
def test_query_without_an_answer_is_rescheduled(pages: Any) -> None:
    outputs = step(contexts.mark(pages=pages), build.NOW)
    assert (outputs["outcome"], outputs["updates"]) == ("deferred", [])


def test_contact_without_stored_pages_is_skipped() -> None:
    outputs = step(contexts.mark(known=False, pages=None), build.NOW)
    assert (outputs["outcome"], outputs["updates"], outputs["rest"]) == ("skipped", [], 0)


def test_lifted_stop_clears_the_mark() -> None:
    page = build.sequence_page({"Stop Reason": "unsubscribed since 2025-11-20T10:00:00-05:00"})
    outputs = step(contexts.mark(pages=build.found(page), stopped=rules.as_json([])), build.NOW)
    assert [json.loads(update["body"]) for update in outputs["updates"]] == [
        {"properties": {"Stop Reason": {"rich_text": []}}}
    ]
