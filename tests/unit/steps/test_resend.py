from __future__ import annotations

import json

import pytest

from christmas_campaign.campaign import times
from christmas_campaign.campaign.settings import InvalidSetting
from christmas_campaign.steps import resend as resend_step
from unit import build
from unit.steps import contexts, run

step: run.Step = resend_step.step

WHO = {**build.WHO, "number": "2"}


def test_delivery_report_is_accepted() -> None:
    outputs = step(contexts.resend(), build.NOW)
    assert json.loads(str(outputs["report"])) == build.report().as_json()
    assert json.loads(str(outputs["labels"])) == {"outcome": "accepted", "kind": "delivered", **WHO}
    others = {name: value for name, value in outputs.items() if name not in ("report", "labels")}
    assert others == {**build.WHO, "outcome": "accepted", "reason": None, "number": 2, "stop": None}


def test_bounce_and_complaint_stop_the_contact() -> None:
    assert step(contexts.resend(payload=build.resend("email.complained")), build.NOW)["stop"] == "complained"
    bounced = build.resend("email.bounced", bounce={"type": "Permanent"})
    assert step(contexts.resend(payload=bounced), build.NOW)["stop"] == "bounced"


@pytest.mark.parametrize(
    ("payload", "reason"), [(build.resend(tags={}), "not_ours"), (build.resend("email.opened"), "not_of_interest")]
)
def test_report_about_something_else_is_skipped(payload: object, reason: str) -> None:
    outputs = dict(step(contexts.resend(payload=payload), build.NOW))
    assert json.loads(outputs.pop("labels")) == {"outcome": "skipped", "reason": reason}
    empty = dict.fromkeys(("report", "enrolment", "number", "contact", "sequence", "stop"))
    assert outputs == {"outcome": "skipped", "reason": reason, **empty}


def test_null_entries_of_the_context_may_be_missing() -> None:
    assert step({"settings": {}}, build.NOW)["reason"] == "not_of_interest"


def test_setting_decides_whether_opened_emails_count() -> None:
    opened = contexts.resend(payload=build.resend("email.opened"), settings={"resend_opens": "true"})
    assert step(opened, build.NOW)["outcome"] == "accepted"
    with pytest.raises(InvalidSetting, match="ENV_RESEND_OPENS"):
        step(contexts.resend(settings={"resend_opens": "perhaps"}), build.NOW)


def test_report_without_a_time_gets_the_time_of_its_arrival() -> None:
    at = times.text(build.NOW - build.HOUR)
    outputs = step(contexts.resend(payload=build.resend(at=None), received_at=at), build.NOW)
    assert json.loads(str(outputs["report"]))["at"] == at
