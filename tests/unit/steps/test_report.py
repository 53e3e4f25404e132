from __future__ import annotations

import json

from christmas_campaign.campaign.outcomes import Kind
from christmas_campaign.steps import report as report_step
from unit import build
from unit.steps import contexts, run

step: run.Step = report_step.step


def test_first_report_updates_the_analytics_page() -> None:
    outputs = step(contexts.report(), build.NOW)
    assert json.loads(outputs["kept"]).keys() == {"kinds"}
    assert json.loads(outputs["page"]["update"])["properties"]["Status"] == {"select": {"name": "delivered"}}
    assert json.loads(outputs["page"]["query"])["page_size"] == 1
    assert outputs["page"]["path"] == "/v1/data_sources/source-analytics/query"
    others = {name: outputs[name] for name in ("bounces", "stop", "alert", "ttl", "bounces_ttl")}
    assert others == {"bounces": None, "stop": None, "alert": None, "ttl": "P60D", "bounces_ttl": "P365D"}


def test_null_entries_of_the_context_may_be_missing() -> None:
    outputs = step({"report": build.report().as_json()}, build.NOW)
    assert outputs["page"] is None
    assert json.loads(outputs["kept"])["kinds"].keys() == {"delivered"}


def test_report_is_added_to_the_earlier_ones() -> None:
    before = {**json.loads(step(contexts.report(), build.NOW)["kept"]), "written": "delivered"}
    soft = build.report(Kind.SOFT_BOUNCED)
    outputs = step(contexts.report(report=soft.as_json(), kept=before, bounces=["a", "b", "c", "d"]), build.NOW)
    assert json.loads(outputs["kept"])["kinds"].keys() == {"delivered", "soft_bounced"}
    assert json.loads(outputs["bounces"]) == ["a", "b", "c", "d", soft.email]
    assert outputs["stop"] == "bounced"
    assert step(contexts.report(kept=before), build.NOW)["page"] is None


def test_alert_and_its_words_name_the_email_and_the_page() -> None:
    failed = build.report(Kind.FAILED)
    outputs = step(contexts.report(report=failed.as_json(), page_id="page-1"), build.NOW)
    assert outputs["about"] == {
        "subject": "signup, e-mail 2 of 5 (template 5-Day E2)",
        "contact": f"Contact of the enrolment {failed.enrolment}: https://www.notion.so/page1",
    }
    assert outputs["alert"] is not None
    assert f"{outputs['about']['contact']}." in outputs["alert"]["message"]
