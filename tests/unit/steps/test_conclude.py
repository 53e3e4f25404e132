from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps import conclude as conclude_step
from unit import build
from unit.steps import contexts, run

step: run.Step = conclude_step.step

LABELS = {**build.WHO, "number": "2", "kind": "delivered"}
AWAY = build.response({"object": "error"}, 503)


def labels(said: Any) -> dict[str, str]:
    found: dict[str, str] = json.loads(said["labels"])
    return found


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "conclude", contexts.conclude())
    assert json.loads(said["kept"])["written"] == "delivered"
    assert labels(said) == {"outcome": "reported", **LABELS}
    rest = {name: said[name] for name in ("alert", "rest", "ttl", "sequence", "detail")}
    assert rest == {"alert": None, "rest": 2000, "ttl": "P60D", "sequence": "signup", "detail": ""}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"pages": build.found(), "written": None}, "analytics_page_missing"),
        ({"pages": None, "written": None}, "notion_unreachable"),
        ({"pages": AWAY, "written": None}, "notion_unreachable"),
        ({"pages": build.response("", 404), "written": None}, "notion_unreachable"),
        ({"written": None}, "notion_unreachable"),
        ({"written": build.response({"object": "error"}, 400)}, "notion_unreachable"),
    ],
)
def test_it_is_put_off(changed: dict[str, Any], reason: str) -> None:
    said = step(contexts.conclude(tries=3, **changed), build.NOW)
    assert labels(said) == {"outcome": "deferred", "reason": reason, **LABELS}
    assert (said["tries"], said["alert"]) == (4, None)
    assert said.get("kept") is None


def test_the_team_is_told_when_it_is_given_up() -> None:
    said = step(contexts.conclude(tries=48, pages=None, written=None), build.NOW)
    assert said["alert"]["key"] == f"{build.WHO['enrolment']}.2.notion_unreachable"
    assert labels(said)["outcome"] == "failed"
    assert said["tries"] == 48


def test_what_is_null_may_be_left_out() -> None:
    """Kestra leaves out of a context what is null."""
    context = contexts.conclude()
    for name in ("pages", "written", "tries"):
        del context[name]
    assert labels(step(context, build.NOW))["reason"] == "notion_unreachable"


def test_an_answer_that_is_no_json_ends_the_run() -> None:
    with pytest.raises(UnusableContext, match="not JSON"):
        step(contexts.conclude(pages=build.response("<html>")), build.NOW)


def test_nothing_was_asked() -> None:
    context = contexts.conclude(asked=False, pages=None, written=None)
    context["kept"]["written"] = "delivered"
    said = step(context, build.NOW)
    assert labels(said) == {"outcome": "reported", **LABELS}
    assert said["rest"] == 0
