"""The steps as processes: how they are called, what they say when they fail, and how little they load."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

import christmas_campaign
from christmas_campaign.steps import __main__ as main
from unit import build
from unit.steps import contexts, run

USAGE = (
    "usage: python -m christmas_campaign.steps "
    "{intake,sources,plan,gate,compose,settle,template_query,prepare_email,settle_email,settle_enrolment,find_databases,"
    "stop,mark,unsubscribe,resend,report,conclude,booking,booked}\n"
)


@pytest.mark.parametrize("arguments", [[], ["none"], ["intake", "plan"], ["--help"], [""]])
def test_a_wrong_call_says_how_to_call(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(arguments) == 2
    assert capsys.readouterr() == ("", USAGE)


def test_a_wrong_call_of_the_process_too(tmp_path: Path) -> None:
    done = run.process(tmp_path, "none")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", USAGE)


#: One of the outputs that each step has, and no other.
OUTPUT = {
    "intake": "body_if_known",
    "sources": "keep",
    "plan": "emails",
    "gate": "template_query",
    "compose": "request",
    "settle": "ledger",
    "template_query": "path",
    "prepare_email": "stop_version",
    "settle_email": "rest",
    "settle_enrolment": "page_id",
    "find_databases": "kept",
    "stop": "kept",
    "mark": "updates",
    "unsubscribe": "contact",
    "resend": "report",
    "report": "bounces_ttl",
    "conclude": "rest",
    "booking": "note",
    "booked": "stops",
}


@pytest.mark.parametrize("step", main.NAMES)
def test_every_step_can_be_called(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context.json").write_text(json.dumps(contexts.ALL[step]()))
    assert main.main([step]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert OUTPUT[step] in json.loads(said.out.splitlines()[-1].strip(":"))["outputs"]


@pytest.mark.parametrize(
    "step", ["intake", "plan", "gate", "settle", "stop", "mark", "resend", "report", "conclude", "booking"]
)
def test_a_context_without_what_a_step_cannot_do_without_is_an_error(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context.json").write_text("{}")
    assert main.main([step]) == 1
    assert capsys.readouterr().err.startswith("KeyError in ")


def test_an_unforeseen_error_prints_no_customers_data(tmp_path: Path) -> None:
    event = {**build.event().as_json(), "received_at": "zoe@example.com"}
    done = run.process(tmp_path, "plan", context=contexts.plan(event=event))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"ValueError in times\.py, line \d+\n", done.stderr)


def test_a_refusal_by_notion_is_named(tmp_path: Path) -> None:
    refusal = build.response({"object": "error", "code": "restricted_resource", "message": "zoe@example.com"}, 403)
    done = run.process(tmp_path, "plan", context=contexts.plan(contacts=refusal))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "the look-up in BusinessX: Notion answered HTTP 403 (restricted_resource)\n"


def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    done = run.process(tmp_path, "gate", context=contexts.gate(settings={"testing_mode": "perhaps"}))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "SECRET_TESTING_MODE must be true or false (as base64)\n"


#: An engine whose machine knows ASCII alone, and a Python that does not help itself.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_a_context_is_read_as_utf_8_whatever_the_machine_speaks(tmp_path: Path) -> None:
    event = {**build.event().as_json(), "fields": {**build.event().fields, "business_name": "Bảo Sang – \U0001f384"}}
    context = contexts.plan(event={**contexts.plan()["event"], **event})
    done = run.process(tmp_path, "plan", context=context, env={**os.environ, **ASCII})
    assert (done.returncode, done.stderr) == (0, "")
    page = json.loads(json.loads(done.stdout.strip().strip(":"))["outputs"]["page"]["body"])
    assert build.text_of(page["properties"]["Business Name"]) == "Bảo Sang – \U0001f384"


HEAVY = {
    "asyncio",
    "dataclasses",
    "email",
    "http",
    "inspect",
    "logging",
    "socket",
    "ssl",
    "subprocess",
    "urllib.request",
}


@pytest.mark.parametrize("step", main.NAMES)
def test_a_step_stays_light(step: str, tmp_path: Path) -> None:
    """Start-up is most of what a step costs. Without ``site`` there is no third party module to load at all."""
    source = str(Path(christmas_campaign.__file__).parents[1])
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "PYTHON"))}
    done = run.process(
        tmp_path,
        step,
        context=contexts.ALL[step](),
        python=("-S", "-X", "importtime"),
        env={**env, "PYTHONPATH": source},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("::{")
    loaded = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "json" in loaded
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.split(".")[0] in HEAVY}
    assert not {name for name in loaded if name.startswith(("christmas_campaign.cli", "christmas_campaign.sandbox"))}
