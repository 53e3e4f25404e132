from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.steps.settle import step
from unit import build
from unit.steps import contexts, run


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "settle", contexts.settle())
    assert (said["outcome"], said["reason"], said["detail"]) == ("sent", None, "")
    assert json.loads(said["ledger"])["resend_id"] == "re_1"
    assert list(json.loads(said["stamp"])["properties"]) == ["Email 2 Sent"]
    assert json.loads(said["labels"]) == {"outcome": "sent", **build.WHO}


def test_what_is_written_is_handed_over_ready_made_with_its_time_to_live() -> None:
    said = step(contexts.settle(), build.NOW)
    assert json.loads(said["ledger"]) == {
        "outcome": "sent",
        "at": "2025-11-20T15:00:00.000Z",
        "reason": None,
        "resend_id": "re_1",
    }
    assert json.loads(said["stamp"]) == {
        "properties": {"Email 2 Sent": {"date": {"start": "2025-11-20T15:00:00.000Z"}}}
    }
    assert json.loads(said["analytics"])["parent"] == {"type": "data_source_id", "data_source_id": "source-analytics"}
    # The last e-mail is due in five days; thirty more.
    assert said["ttl"] == "PT3024000S"


NOT_SENT = {"send": False, "outcome": "failed", "reason": "value_missing", "detail": "no value for {{x}}: 100%"}


@pytest.mark.parametrize(
    ("changed", "labels"),
    [
        ({"composed": NOT_SENT, "answer": None}, {"outcome": "failed", "reason": "value_missing"}),
        ({"answer": None}, {"outcome": "failed", "reason": "resend_unreachable"}),
        ({"answer": build.response({"name": "x"}, 422)}, {"outcome": "failed", "reason": "refused_by_resend"}),
        ({"answer": build.response({"name": "invalid_idempotent_request"}, 409)}, {"outcome": "sent"}),
        ({"answer": {"code": 200, "body": None}}, {"outcome": "sent"}),
        (
            {"answer": build.response({"name": "concurrent_idempotent_requests"}, 409)},
            {"outcome": "deferred", "reason": "send_in_progress"},
        ),
    ],
)
def test_what_became_of_an_email_is_labelled(changed: dict[str, Any], labels: dict[str, str]) -> None:
    assert json.loads(step(contexts.settle(**changed), build.NOW)["labels"]) == {**labels, **build.WHO}


def test_no_answer_may_be_left_out() -> None:
    context = contexts.settle()
    del context["answer"]
    assert step(context, build.NOW)["reason"] == "resend_unreachable"


def test_why_nothing_was_sent_stands_in_the_analytics() -> None:
    said = step(contexts.settle(composed=NOT_SENT, answer=None), build.NOW)
    properties = json.loads(said["analytics"])["properties"]
    assert build.text_of(properties["Error Message"]) == "value_missing: no value for {{x}}: 100%"
    assert "%" not in said["analytics"]
    assert said["stamp"] is None


def test_an_email_that_is_put_off_writes_nothing_down() -> None:
    answer = build.response({"name": "concurrent_idempotent_requests"}, 409)
    said = step(contexts.settle(answer=answer), build.NOW)
    assert said["date"] == "2025-11-20T15:01:00.000Z"
    assert not {"ledger", "analytics", "stamp"} & set(said)


def test_a_page_that_is_gone_gets_no_stamp() -> None:
    page = build.response({"code": "object_not_found"}, 404)
    assert step(contexts.settle(page=page), build.NOW)["stamp"] is None
