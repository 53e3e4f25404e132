"""The functions that all steps share: reading a context, running a step, printing its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign import steps
from christmas_campaign.campaign.settings import InvalidSetting
from christmas_campaign.steps import UnusableContext
from unit import build


def test_response_of_an_http_task_is_read() -> None:
    assert steps.parse_json(None) is None
    assert steps.parse_json('{"a": 1}') == {"a": 1}
    assert steps.result_pages(build.found({"id": "a"}), "x") == [{"id": "a"}]
    assert steps.result_pages(build.response({"results": None}), "x") == []
    assert steps.data_source(build.database("source-9"), "x") == "source-9"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (build.response("<html>"), "an HTTP task received a response that is not JSON: is its address right?"),
        (build.response(""), "an HTTP task received a response that is not JSON: is its address right?"),
        ({"code": 200}, "the page: Notion's answer is not a JSON object"),
        (build.response([]), "the page: Notion's answer is not a JSON object"),
        ({"code": 401, "body": None}, "the page: Notion answered HTTP 401"),
        (build.response([], 400), "the page: Notion answered HTTP 400"),
        (build.response({"code": "rate_limited"}, 429), "the page: Notion answered HTTP 429 (rate_limited)"),
        (build.response({"code": "zoe@example.com"}, 400), "the page: Notion answered HTTP 400"),
        (build.response({"code": 5}, 400), "the page: Notion answered HTTP 400"),
        ({}, "the page: Notion answered HTTP None"),
    ],
)
def test_unusable_response_is_named_without_customer_data(response: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as caught:
        steps.response_object(response, "the page")
    assert str(caught.value) == message


@pytest.mark.parametrize("sources", [None, []])
def test_database_without_a_data_source_is_named(sources: Any) -> None:
    with pytest.raises(UnusableContext, match=r"^contacts: the Notion database has no data source; is its id right\?$"):
        steps.data_source(build.response({"data_sources": sources}), "contacts")


def test_step_receives_its_context_and_the_present_in_utc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context.json").write_text('{"name": "Lệ"}', encoding="utf-8")
    calls: list[tuple[Mapping[str, Any], datetime]] = []

    def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        calls.append((context, now))
        return {"name": context["name"], "a": {"b": [1, None]}}

    assert steps.run(step) == 0
    assert capsys.readouterr() == ('::{"outputs": {"name": "L\\u1ec7", "a": {"b": [1, null]}}}::\n', "")
    ((context, now),) = calls
    assert context == {"name": "Lệ"}
    assert now.utcoffset() == timedelta(0)


@pytest.mark.parametrize("error", [InvalidSetting("ENV_X is wrong"), UnusableContext("ENV_X is wrong")])
def test_error_that_the_owner_can_correct_is_printed(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context.json").write_text("{}")

    def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:  # noqa: ARG001
        raise error

    assert steps.run(step) == 1
    assert capsys.readouterr() == ("", "ENV_X is wrong\n")


def test_unexpected_error_prints_its_place_without_customer_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context.json").write_text('{"email": "zoe@example.com"}')

    def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:  # noqa: ARG001
        raise KeyError(context["email"])

    assert steps.run(step) == 1
    output = capsys.readouterr()
    line = step.__code__.co_firstlineno + 1
    assert output == ("", f"KeyError in test_init.py, line {line}\n")


@pytest.mark.parametrize("text", [None, "", "{", '{"email": "zoe@example.com",}', "[" * 100_000])
def test_invalid_context_is_an_error_without_customer_data(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "context.json").write_text(text)
    assert steps.run(lambda context, now: {}) == 1  # noqa: ARG005
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.split(" ")[0] in ("FileNotFoundError", "JSONDecodeError", "RecursionError")
    assert "zoe" not in output.err


def test_error_that_was_never_raised_has_no_place() -> None:
    assert steps._origin(ValueError("zoe@example.com")) == "from nowhere"
