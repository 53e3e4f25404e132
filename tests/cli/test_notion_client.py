"""The client for Notion's API: how it waits, how it reads long lists, and what it says when something is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from christmas_campaign.clients.notion import TRIES, Notion, NotionError
from christmas_campaign.notion.schema import CONTACTS, TEMPLATES
from cli.notion_world import World


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client has slept, each time that it did; nobody really waits."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda pause: pauses.append(pause) if pause else None)
    return pauses


def test_a_call_that_is_refused_for_its_pace_is_made_again_after_as_long_as_notion_asks(
    whole: World, slept: list[float]
) -> None:
    whole.sandbox.fault("notion", "status", status=429, retry_after=7, times=TRIES - 1)
    assert whole.client.databases_titled("BusinessX") == [whole.ids[CONTACTS.setting]]
    assert slept == [7.0] * (TRIES - 1)


def test_it_is_not_made_again_for_ever(whole: World, slept: list[float]) -> None:
    whole.sandbox.reset_log()
    whole.sandbox.fault("notion", "status", status=429, retry_after=1, times=None)
    with pytest.raises(NotionError, match="HTTP 429") as refused:
        whole.client.databases_titled("BusinessX")
    assert refused.value.status == 429
    assert [call.status for call in whole.sandbox.requests("notion")] == [429] * TRIES
    assert slept == [1.0] * (TRIES - 1)


def test_a_wait_that_nobody_would_sit_through_is_an_error(whole: World, slept: list[float]) -> None:
    whole.sandbox.fault("notion", "status", status=429, retry_after=61)
    with pytest.raises(NotionError, match="HTTP 429"):
        whole.client.databases_titled("BusinessX")
    assert slept == []


@pytest.mark.parametrize("header", [{}, {"Retry-After": "soon"}, {"Retry-After": "-3"}])
def test_a_429_that_does_not_say_how_long(header: dict[str, str], slept: list[float], answers: Answers) -> None:
    client = answers(httpx.Response(429, headers=header), httpx.Response(200, json={"id": "x"}))
    assert client.database("x") == {"id": "x"}
    assert slept == ([] if "-3" in header.values() else [1.0])


def test_nothing_else_is_made_again(whole: World, slept: list[float]) -> None:
    whole.sandbox.fault("notion", "status", status=503, retry_after=1)
    with pytest.raises(NotionError, match="HTTP 503"):
        whole.client.databases_titled("BusinessX")
    assert slept == []


def test_no_more_calls_a_second_than_were_agreed(whole: World) -> None:
    whole.sandbox.limit(notion=3)
    whole.client.pace(3)
    for _ in range(7):
        whole.client.database(whole.ids[CONTACTS.setting])
    assert whole.sandbox.limits()["notion"].refused == 0


def test_a_list_is_read_to_its_end(whole: World) -> None:
    for number in range(203):
        whole.add(TEMPLATES, {"Template Name": f"{number:03}"})
    whole.sandbox.reset_log()
    found = list(whole.client.pages(whole.source(TEMPLATES)))
    assert len({page["id"] for page in found}) == 203
    assert [call.path.rsplit("/", 1)[1] for call in whole.sandbox.requests("notion")][-3:] == ["query"] * 3


def test_a_list_that_notion_does_not_give_out_whole_is_an_error(answers: Answers) -> None:
    cut = {"results": [{"id": "a"}], "has_more": False, "request_status": {"type": "incomplete"}}
    client = answers(httpx.Response(200, json=cut))
    with pytest.raises(NotionError, match="more pages than Notion returns for one query"):
        list(client.pages("x"))


def test_a_database_is_found_by_its_whole_name_alone(whole: World) -> None:
    twin = CONTACTS._replace(title="BusinessX old")
    whole.make(twin, setting=False)
    found = whole.client.databases_titled("BusinessX")
    assert len(found) == 1
    database: Any = whole.client.database(found[0])
    assert database["title"][0]["plain_text"] == "BusinessX"


def test_a_database_without_a_data_source_is_a_plain_error(answers: Answers) -> None:
    with pytest.raises(NotionError, match="no data source"):
        answers(httpx.Response(200, json={"id": "x", "data_sources": []})).data_source("x")


def test_an_id_is_one_part_of_the_path_whatever_it_holds(whole: World) -> None:
    whole.sandbox.reset_log()
    for ask in (whole.client.database, whole.client.describe, whole.client.page):
        with pytest.raises(NotionError):
            ask("../users/me?x=1")
    assert [call.status for call in whole.sandbox.requests("notion")] == [400] * 3
    assert [call.query for call in whole.sandbox.requests("notion")] == [""] * 3


def test_an_answer_that_is_no_json_is_named(answers: Answers) -> None:
    with pytest.raises(NotionError, match=r"the answer is not Notion's; is ENV_NOTION_URL right\?"):
        answers(httpx.Response(200, text="<html>")).database("x")


def test_a_refusal_without_a_reason(answers: Answers) -> None:
    with pytest.raises(NotionError, match="HTTP 502: no reason given") as refused:
        answers(httpx.Response(502, text="<html>")).database("x")
    assert (refused.value.status, refused.value.reason) == (502, "no reason given")


@pytest.mark.parametrize("token", ["two words", "with\nline", "hübsch"])
def test_a_token_that_is_none_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(NotionError, match="the token for Notion has a character") as refused:
        Notion("http://127.0.0.1:1", token)
    assert token not in str(refused.value)


Answers = Callable[..., Notion]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Make a client that gets these answers, one after the other, instead of asking anybody."""

    def make(*given: httpx.Response) -> Notion:
        left = list(given)

        def request(*_: Any, **__: Any) -> httpx.Response:
            return left.pop(0)

        monkeypatch.setattr(httpx.Client, "request", request)
        return Notion("http://127.0.0.1:1", "ntn_for_tests")

    return make
