from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps import conclude as conclude_step
from unit import build
from unit.steps import contexts, run

step: run.Step = conclude_step.step

LABELS = {**build.WHO, "number": "2", "kind": "delivered"}
UNAVAILABLE = build.response({"object": "error"}, 503)


def parsed_labels(outputs: Any) -> dict[str, str]:
    labels: dict[str, str] = json.loads(outputs["labels"])
    return labels


def test_written_report_is_stored() -> None:
    outputs = step(contexts.conclude(), build.NOW)
    assert json.loads(outputs["kept"])["written"] == "delivered"
    assert parsed_labels(outputs) == {"outcome": "reported", **LABELS}
    others = {name: outputs[name] for name in ("alert", "rest", "ttl", "sequence", "detail")}
    assert others == {"alert": None, "rest": 2000, "ttl": "P60D", "sequence": "signup", "detail": ""}
    assert (outputs["outcome"], outputs["reason"], type(outputs["rest"])) == ("reported", None, int)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pages": build.found(), "written": None}, "analytics_page_missing"),
        ({"pages": None, "written": None}, "notion_unreachable"),
        ({"pages": UNAVAILABLE, "written": None}, "notion_unreachable"),
        ({"pages": build.response("", 404), "written": None}, "notion_unreachable"),
        ({"written": None}, "notion_unreachable"),
        ({"pages": {"headers": {}}, "written": None}, "notion_unreachable"),
        ({"written": {"headers": {}}}, "notion_unreachable"),
        ({"written": build.response({"object": "error"}, 400)}, "notion_unreachable"),
    ],
)
def test_report_that_notion_does_not_take_is_rescheduled(changes: dict[str, Any], reason: str) -> None:
    outputs = step(contexts.conclude(tries=3, **changes), build.NOW)
    assert parsed_labels(outputs) == {"outcome": "deferred", "reason": reason, **LABELS}
    assert (outputs["tries"], outputs["alert"], outputs["reason"]) == (4, None, reason)
    assert outputs["date"].startswith("2025-11-20T15:")
    assert outputs.get("kept") is None


def test_last_try_alerts_the_team() -> None:
    outputs = step(contexts.conclude(tries=48, pages=None, written=None, page_id="page-1"), build.NOW)
    assert "https://www.notion.so/page1" in outputs["alert"]["message"]
    assert outputs["alert"]["key"] == f"{build.WHO['enrolment']}.2.notion_unreachable"
    assert parsed_labels(outputs)["outcome"] == "failed"
    assert outputs["tries"] == 48


def test_null_entries_of_the_context_may_be_missing() -> None:
    context = contexts.conclude()
    for name in ("pages", "written", "tries"):
        del context[name]
    outputs = step(context, build.NOW)
    assert (parsed_labels(outputs)["reason"], outputs["tries"]) == ("notion_unreachable", 1)


def test_response_that_is_not_json_breaks_the_step() -> None:
    with pytest.raises(UnusableContext, match="not JSON"):
        step(contexts.conclude(pages=build.response("<html>")), build.NOW)


def test_report_that_is_written_already_needs_no_request() -> None:
    context = contexts.conclude(asked=False, pages=None, written=None)
    context["kept"]["written"] = "delivered"
    outputs = step(context, build.NOW)
    assert parsed_labels(outputs) == {"outcome": "reported", **LABELS}
    assert outputs["rest"] == 0
