"""What the steps share."""

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


def test_what_an_http_task_got_is_read() -> None:
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
def test_what_cannot_be_used_is_named_without_a_customers_data(response: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as caught:
        steps.response_object(response, "the page")
    assert str(caught.value) == message


@pytest.mark.parametrize("sources", [None, []])
def test_a_database_without_a_data_source_is_named(sources: Any) -> None:
    with pytest.raises(UnusableContext, match=r"^contacts: the Notion database has no data source; is its id right\?$"):
        steps.data_source(build.response({"data_sources": sources}), "contacts")


def test_a_step_gets_its_context_and_the_present_in_utc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context.json").write_text('{"name": "Lệ"}', encoding="utf-8")
    seen: list[tuple[Mapping[str, Any], datetime]] = []

    def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        seen.append((context, now))
        return {"name": context["name"], "a": {"b": [1, None]}}

    assert steps.run(step) == 0
    assert capsys.readouterr() == ('::{"outputs": {"name": "L\\u1ec7", "a": {"b": [1, null]}}}::\n', "")
    ((context, now),) = seen
    assert context == {"name": "Lệ"}
    assert now.utcoffset() == timedelta(0)


@pytest.mark.parametrize("error", [InvalidSetting("ENV_X is wrong"), UnusableContext("ENV_X is wrong")])
def test_what_can_be_mended_is_said(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context.json").write_text("{}")

    def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:  # noqa: ARG001
        raise error

    assert steps.run(step) == 1
    assert capsys.readouterr() == ("", "ENV_X is wrong\n")


def test_an_unforeseen_error_says_where_it_came_from_and_nothing_of_the_customer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context.json").write_text('{"email": "zoe@example.com"}')

    def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:  # noqa: ARG001
        raise KeyError(context["email"])

    assert steps.run(step) == 1
    said = capsys.readouterr()
    line = step.__code__.co_firstlineno + 1
    assert said == ("", f"KeyError in test_init.py, line {line}\n")


@pytest.mark.parametrize("text", [None, "", "{", '{"email": "zoe@example.com",}', "[" * 100_000])
def test_a_context_that_is_missing_or_broken_is_an_error_without_its_text(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "context.json").write_text(text)
    assert steps.run(lambda context, now: {}) == 1  # noqa: ARG005
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.split(" ")[0] in ("FileNotFoundError", "JSONDecodeError", "RecursionError")
    assert "zoe" not in said.err


def test_an_error_that_was_never_raised_comes_from_nowhere() -> None:
    assert steps._origin(ValueError("zoe@example.com")) == "from nowhere"
