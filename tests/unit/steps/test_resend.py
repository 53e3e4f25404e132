from __future__ import annotations

import json
from pathlib import Path

import pytest

from christmas_campaign.campaign import times
from christmas_campaign.campaign.settings import InvalidSetting
from christmas_campaign.steps import resend as resend_step
from unit import build
from unit.steps import contexts, run

step: run.Step = resend_step.step

WHO = {**build.WHO, "number": "2"}


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "resend", contexts.resend(payload=build.resend("email.complained")))
    assert (said["outcome"], said["stop"]) == ("accepted", "complained")


def test_a_report() -> None:
    said = step(contexts.resend(), build.NOW)
    assert json.loads(str(said["report"])) == build.report().as_json()
    assert json.loads(str(said["labels"])) == {"outcome": "accepted", "kind": "delivered", **WHO}
    rest = {name: value for name, value in said.items() if name not in ("report", "labels")}
    assert rest == {**build.WHO, "outcome": "accepted", "reason": None, "number": 2, "stop": None}


def test_a_bounce_stops_at_once() -> None:
    bounced = build.resend("email.bounced", bounce={"type": "Permanent"})
    assert step(contexts.resend(payload=bounced), build.NOW)["stop"] == "bounced"


@pytest.mark.parametrize(
    ("payload", "reason"), [(build.resend(tags={}), "not_ours"), (build.resend("email.opened"), "not_of_interest")]
)
def test_what_is_no_matter_of_this_systems(payload: object, reason: str) -> None:
    said = dict(step(contexts.resend(payload=payload), build.NOW))
    assert json.loads(said.pop("labels")) == {"outcome": "skipped", "reason": reason}
    nothing = dict.fromkeys(("report", "enrolment", "number", "contact", "sequence", "stop"))
    assert said == {"outcome": "skipped", "reason": reason, **nothing}


def test_nothing_that_may_be_null_has_to_be_there() -> None:
    assert step({"settings": {}}, build.NOW)["reason"] == "not_of_interest"


def test_reading_counts_where_it_is_wanted() -> None:
    opened = contexts.resend(payload=build.resend("email.opened"), settings={"resend_opens": "true"})
    assert step(opened, build.NOW)["outcome"] == "accepted"
    with pytest.raises(InvalidSetting, match="ENV_RESEND_OPENS"):
        step(contexts.resend(settings={"resend_opens": "perhaps"}), build.NOW)


def test_a_report_without_a_time_happened_when_the_door_got_it() -> None:
    at = times.text(build.NOW - build.HOUR)
    said = step(contexts.resend(payload=build.resend(at=None), received_at=at), build.NOW)
    assert json.loads(str(said["report"]))["at"] == at
