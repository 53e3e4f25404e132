"""The command of the steps: its arguments, its errors, and the modules that it loads."""

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
    "{intake,sources,plan,gate,compose,settle,template_query,judge_template,prepare_email,settle_email,settle_enrolment,"
    "find_databases,stop,mark,unsubscribe,resend,report,conclude,booking,booked}\n"
)


@pytest.mark.parametrize("arguments", [[], ["none"], ["intake", "plan"], ["--help"], [""]])
def test_wrong_arguments_print_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(arguments) == 2
    assert capsys.readouterr() == ("", USAGE)


def test_process_with_wrong_arguments_prints_the_usage(tmp_path: Path) -> None:
    process = run.process(tmp_path, "none")
    assert (process.returncode, process.stdout, process.stderr) == (2, "", USAGE)


#: One output of each step.
OUTPUT = {
    "intake": "body_if_known",
    "sources": "keep",
    "plan": "emails",
    "gate": "template_query",
    "compose": "request",
    "settle": "ledger",
    "template_query": "path",
    "judge_template": "verdict",
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
    output = capsys.readouterr()
    assert output.err == ""
    assert OUTPUT[step] in json.loads(output.out.splitlines()[-1].strip(":"))["outputs"]


@pytest.mark.parametrize(
    "step", ["intake", "plan", "gate", "settle", "stop", "mark", "resend", "report", "conclude", "booking"]
)
def test_empty_context_is_an_error(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context.json").write_text("{}")
    assert main.main([step]) == 1
    assert capsys.readouterr().err.startswith("KeyError in ")


def test_unexpected_error_prints_no_customer_data(tmp_path: Path) -> None:
    event = {**build.event().as_json(), "received_at": "zoe@example.com"}
    process = run.process(tmp_path, "plan", context=contexts.plan(event=event))
    assert (process.returncode, process.stdout) == (1, "")
    assert re.fullmatch(r"ValueError in times\.py, line \d+\n", process.stderr)


def test_refused_request_to_notion_is_named(tmp_path: Path) -> None:
    refusal = build.response({"object": "error", "code": "restricted_resource", "message": "zoe@example.com"}, 403)
    process = run.process(tmp_path, "plan", context=contexts.plan(contacts=refusal))
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == "the look-up in BusinessX: Notion answered HTTP 403 (restricted_resource)\n"


def test_invalid_setting_is_named(tmp_path: Path) -> None:
    process = run.process(tmp_path, "gate", context=contexts.gate(settings={"testing_mode": "perhaps"}))
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == "SECRET_TESTING_MODE must be true or false (as base64)\n"


#: The environment of a machine with the encoding ASCII, where Python does not switch to UTF-8.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_context_is_read_as_utf_8_on_every_machine(tmp_path: Path) -> None:
    event = {**build.event().as_json(), "fields": {**build.event().fields, "business_name": "Bảo Sang – \U0001f384"}}
    context = contexts.plan(event={**contexts.plan()["event"], **event})
    process = run.process(tmp_path, "plan", context=context, env={**os.environ, **ASCII})
    assert (process.returncode, process.stderr) == (0, "")
    page = json.loads(json.loads(process.stdout.strip().strip(":"))["outputs"]["page"]["body"])
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


@pytest.mark.parametrize("step", [name for name in main.NAMES if name != "judge_template"])
def test_step_loads_no_heavy_module(step: str, tmp_path: Path) -> None:
    """A step spends most of its time on start-up. Without ``site`` Python finds no third-party module.

    ``judge_template`` is for loading the HTML parser. Where there is a verdict, the other steps do not load it.
    """
    source = str(Path(christmas_campaign.__file__).parents[1])
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "PYTHON"))}
    process = run.process(
        tmp_path,
        step,
        context=contexts.ALL[step](),
        python=("-S", "-X", "importtime"),
        env={**env, "PYTHONPATH": source},
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1].startswith("::{")
    loaded = {line.rsplit("|", 1)[1].strip() for line in process.stderr.splitlines() if line.startswith("import time:")}
    assert "json" in loaded
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.split(".")[0] in HEAVY}
    assert not {name for name in loaded if name.startswith(("christmas_campaign.cli", "christmas_campaign.sandbox"))}
