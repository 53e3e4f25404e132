from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.enrolment import Record
from christmas_campaign.settings import InvalidSetting
from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps.plan import step
from unit import build
from unit.steps import contexts, run

ENROLLED = build.sequence_page({"Template Type": "5-Day Sequence"})


def test_as_a_task(tmp_path: Path) -> None:
    context = contexts.plan()
    context["event"]["fields"]["business_name"] = "100% {% raw %}"
    said = run.outputs(tmp_path, "plan", context)
    assert said["go"] is True
    assert [email["number"] for email in said["emails"]] == [2, 3, 4, 5]
    page = json.loads(said["page"]["body"])
    assert build.text_of(page["properties"]["Business Name"]) == "100% {% raw %}"
    assert not any("%" in text for text in (said["record"], said["page"]["body"], said["contact"]["body"]))


def test_what_is_written_is_handed_over_ready_made() -> None:
    said = step(contexts.plan(), build.NOW)
    assert Record.from_json(json.loads(said["record"])).event == build.event()
    assert Record.from_json(json.loads(said["record"])).sources == build.SOURCES
    assert json.loads(said["page"]["body"])["parent"] == {"type": "data_source_id", "data_source_id": "source-pages"}
    assert json.loads(said["contact"]["body"])["properties"]["Assessment Score"] == {"number": 52}
    assert said["contact"]["path"] == "/v1/pages/contact-1"
    assert json.loads(said["labels"]) == {"outcome": "enrolled", **build.WHO}


def test_without_a_contact_nothing_is_updated() -> None:
    assert step(contexts.plan(contacts=build.found()), build.NOW)["contact"] is None


def test_the_same_event_again_is_labelled() -> None:
    said = step(contexts.plan(pages=build.found(ENROLLED)), build.NOW)
    assert said["go"] is False
    assert json.loads(said["labels"]) == {"outcome": "skipped", "reason": "already_in_sequence", **build.WHO}


def test_an_enrolment_that_was_recorded_and_not_finished_goes_on() -> None:
    said = step(contexts.plan(pages=build.found(ENROLLED), record=build.record().as_json()), build.NOW)
    assert (said["go"], said["page"]["method"]) == (True, "PATCH")


def test_an_entry_of_the_kv_store_that_is_not_there_may_be_left_out() -> None:
    context = contexts.plan()
    del context["record"]
    assert step(context, build.NOW)["go"] is True


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"contacts": build.response({"code": "unauthorized"}, 401)},
            "the look-up in BusinessX: Notion answered HTTP 401 (unauthorized)",
        ),
        (
            {"pages": build.response({"code": "validation_error", "message": "zoe@example.com"}, 400)},
            "the look-up in Email Sequence: Notion answered HTTP 400 (validation_error)",
        ),
        (
            {"pages_database": build.response({"code": "object_not_found"}, 404)},
            "Email Sequence: Notion answered HTTP 404 (object_not_found)",
        ),
        (
            {"templates_database": build.response({"code": "object_not_found"}, 404)},
            "Email Templates: Notion answered HTTP 404 (object_not_found)",
        ),
        (
            {"analytics_database": build.response({"code": "restricted_resource"}, 403)},
            "Email Analytics: Notion answered HTTP 403 (restricted_resource)",
        ),
        (
            {"pages_database": build.response({"data_sources": []})},
            "Email Sequence: the Notion database has no data source; is its id right?",
        ),
    ],
)
def test_a_refusal_by_notion_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as caught:
        step(contexts.plan(**changed), build.NOW)
    assert str(caught.value) == message


def test_settings_that_cannot_be_used_stop_the_enrolment() -> None:
    with pytest.raises(InvalidSetting):
        step(contexts.plan(settings={"time_scale": "60"}), build.NOW)
