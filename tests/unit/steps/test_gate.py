from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign import gate
from christmas_campaign.steps.gate import step
from unit import build
from unit.steps import contexts, run

KEPT = {"outcome": "sent", "at": "2025-11-20T14:30:00.000Z", "reason": None, "resend_id": "re_1"}


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "gate", contexts.gate())
    assert json.loads(said["template_query"]) == gate.template_query("5-Day E2")
    assert (said["go"], said["page_path"]) == (True, "/v1/pages/page-1")


@pytest.mark.parametrize(
    ("changed", "labels", "date"),
    [
        ({"record": None}, {"outcome": "failed", "reason": "enrolment_unknown"}, None),
        ({"page_id": None}, {"outcome": "failed", "reason": "enrolment_unknown"}, None),
        ({"own": KEPT}, {"outcome": "skipped", "reason": "already_sent"}, None),
        ({"number": 3}, {"outcome": "deferred", "reason": "earlier_email_unsettled"}, "2025-11-20T16:00:00.000Z"),
        (
            {"number": 3, "before": KEPT},
            {"outcome": "deferred", "reason": "too_soon"},
            "2025-11-20T15:30:00.000Z",
        ),
    ],
)
def test_who_is_turned_away_is_labelled(changed: dict[str, Any], labels: dict[str, str], date: str | None) -> None:
    said = step(contexts.gate(**changed), build.NOW)
    assert said["go"] is False
    # Nobody knows whose run it is when its enrolment is unknown.
    who = {} if changed.get("record", build) is None else build.WHO
    assert json.loads(said["labels"]) == {**labels, **who}
    assert said.get("date") == date


def test_what_is_not_kept_may_be_left_out() -> None:
    context = {"number": 2, "settings": contexts.SETTINGS}
    assert step(context, build.NOW)["reason"] == "enrolment_unknown"


def test_the_distance_goes_by_the_settings() -> None:
    settings = {**contexts.SETTINGS, "testing_mode": "true"}
    assert step(contexts.gate(number=3, before=KEPT, settings=settings), build.NOW)["go"] is True
