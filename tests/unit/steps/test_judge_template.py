from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.email.verdict import Verdict, digest
from christmas_campaign.steps import UnusableContext, judge_template, kept_verdicts, prepare_email
from christmas_campaign.templates import html_verdict
from unit import build
from unit.steps import contexts, run

step: run.Step = judge_template.step

#: A template whose link to unsubscribe is dead in a browser, although the e-mail has the words of the placeholder.
DEAD = build.template("s", "<p>{{mail_reason}} {{postal_address}} <a href=”{{unsubscribe_url}}”>x</a></p>", footer="")


def test_verdict_is_about_the_template_that_notion_has_returned() -> None:
    assert step(contexts.judge_template(), build.NOW) == {"verdict": contexts.VERDICT}
    dead = step(contexts.judge_template(template=build.found(DEAD)), build.NOW)["verdict"]
    assert dead["lacks"] == ["unsubscribe_url"]


@pytest.mark.parametrize("template", [build.found(), build.found(build.template(), build.template())])
def test_without_exactly_one_template_there_is_no_verdict(template: dict[str, Any]) -> None:
    assert step(contexts.judge_template(template=template), build.NOW) == {"verdict": None}


def test_response_that_is_no_json_is_named() -> None:
    response = {"code": 200, "body": "[]"}
    with pytest.raises(UnusableContext, match=r"^the look-up in Email Templates: "):
        step(contexts.judge_template(template=response), build.NOW)


def test_template_without_html_has_a_verdict() -> None:
    outputs = step(contexts.judge_template(template=build.found(build.template("s", None, footer=""))), build.NOW)
    assert outputs["verdict"]["digest"] == digest("")


# What ``prepare_email`` does with it.


@pytest.mark.parametrize("verdict", [..., None, html_verdict.judge("another text").as_json()])
def test_step_without_a_verdict_for_this_text_makes_one(verdict: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def judge(html: str) -> Verdict:
        made.append(html)
        return original(html)

    original = html_verdict.judge
    monkeypatch.setattr(html_verdict, "judge", judge)
    template = {"until": 0, **build.found(build.template()), **({} if verdict is ... else {"verdict": verdict})}
    assert prepare_email.step(contexts.prepare_email(template=template), build.NOW)["send"] is True
    assert len(made) == 1


def test_kept_verdict_is_used_as_it_is() -> None:
    kept = {**html_verdict.judge("x").as_json(), "lacks": ["mail_reason"]}
    assert kept_verdicts.judge(kept)("x").lacks == ("mail_reason",)


def test_process_makes_a_verdict_of_an_older_copy(tmp_path: Path) -> None:
    """In a process of its own, as in Kestra: the step itself imports the parser."""
    context = {**contexts.ALL["prepare_email"](), "template": {"until": 0, **build.found(DEAD)}}
    outputs = run.outputs(tmp_path, "prepare_email", context)
    assert (outputs["send"], outputs["refusal"]["reason"]) == (False, "template_without_footer")
