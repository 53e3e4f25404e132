from __future__ import annotations

import json
from pathlib import Path

from christmas_campaign.campaign.outcomes import Kind
from christmas_campaign.steps import report as report_step
from unit import build
from unit.steps import contexts, run

step: run.Step = report_step.step


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "report", contexts.report())
    assert json.loads(said["kept"]).keys() == {"kinds"}
    assert json.loads(said["page"]["update"])["properties"]["Status"] == {"select": {"name": "delivered"}}
    assert json.loads(said["page"]["query"])["page_size"] == 1
    assert said["page"]["path"] == "/v1/data_sources/source-analytics/query"
    rest = {name: said[name] for name in ("bounces", "stop", "alert", "ttl", "bounces_ttl")}
    assert rest == {"bounces": None, "stop": None, "alert": None, "ttl": "P60D", "bounces_ttl": "P365D"}


def test_what_is_null_may_be_left_out() -> None:
    """Kestra leaves out of a context what is null."""
    said = step({"report": build.report().as_json()}, build.NOW)
    assert said["page"] is None
    assert json.loads(said["kept"])["kinds"].keys() == {"delivered"}


def test_what_is_kept_is_gone_on_with() -> None:
    before = {**json.loads(step(contexts.report(), build.NOW)["kept"]), "written": "delivered"}
    soft = build.report(Kind.SOFT_BOUNCED)
    said = step(contexts.report(report=soft.as_json(), kept=before, bounces=["a", "b", "c", "d"]), build.NOW)
    assert json.loads(said["kept"])["kinds"].keys() == {"delivered", "soft_bounced"}
    assert json.loads(said["bounces"]) == ["a", "b", "c", "d", soft.email]
    assert said["stop"] == "bounced"
    assert step(contexts.report(kept=before), build.NOW)["page"] is None
