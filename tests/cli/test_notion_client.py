"""The client for Notion's API: when it retries, how it reads long lists, and what its errors say."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from christmas_campaign.clients.notion import TRIES, Notion, NotionError
from christmas_campaign.notion.schema import CONTACTS
from cli.notion_world import World

ClientOf = Callable[..., Notion]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each pause of the client; nothing really waits."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda pause: seconds.append(pause) if pause else None)
    return seconds


@pytest.fixture
def client_of(monkeypatch: pytest.MonkeyPatch) -> ClientOf:
    """Return a function that makes a client which receives these responses, in this order."""

    def client(*responses: httpx.Response) -> Notion:
        remaining = iter(responses)
        monkeypatch.setattr(httpx.Client, "request", lambda *_, **__: next(remaining))
        return Notion("http://127.0.0.1:1", "ntn_for_tests")

    return client


@pytest.mark.parametrize(
    ("status", "retry_after", "refusals", "expected"),
    [
        (429, 7, TRIES - 1, [7.0] * (TRIES - 1)),
        (429, 1, TRIES, [1.0] * (TRIES - 1)),
        # Too long to wait for.
        (429, 61, 1, []),
        (503, 1, 1, []),
    ],
)
def test_only_429_is_retried_after_the_pause_that_notion_names(
    notion: World, pauses: list[float], status: int, retry_after: int, refusals: int, expected: list[float]
) -> None:
    notion.sandbox.fault("notion", "status", status=status, retry_after=retry_after, times=refusals)
    if refusals == TRIES - 1:
        assert notion.client.databases_titled("BusinessX") == [notion.ids[CONTACTS.setting]]
    else:
        with pytest.raises(NotionError, match=f"HTTP {status}") as error:
            notion.client.databases_titled("BusinessX")
        assert error.value.status == status
    assert pauses == expected


@pytest.mark.parametrize(
    ("header", "expected"), [({}, [1.0]), ({"Retry-After": "soon"}, [1.0]), ({"Retry-After": "-3"}, [])]
)
def test_429_without_a_usable_pause_is_retried(
    header: dict[str, str], expected: list[float], pauses: list[float], client_of: ClientOf
) -> None:
    client = client_of(httpx.Response(429, headers=header), httpx.Response(200, json={"id": "x"}))
    assert client.database("x") == {"id": "x"}
    assert pauses == expected


def test_id_cannot_change_the_path(notion: World) -> None:
    notion.sandbox.reset_log()
    for read in (notion.client.database, notion.client.describe, notion.client.page):
        with pytest.raises(NotionError):
            read("../users/me?x=1")
    assert [(call.status, call.query) for call in notion.sandbox.requests("notion")] == [(400, "")] * 3


@pytest.mark.parametrize(
    ("response", "read", "error"),
    [
        (httpx.Response(200, text="<html>"), Notion.database, r"is ENV_NOTION_URL right\?"),
        (httpx.Response(502, text="<html>"), Notion.database, "HTTP 502: no reason given"),
        (httpx.Response(200, json={"id": "x", "data_sources": []}), Notion.data_source, "no data source"),
        (
            httpx.Response(200, json={"results": [], "has_more": False, "request_status": {"type": "incomplete"}}),
            lambda client, _: list(client.pages("x")),
            "more pages than Notion returns for one query",
        ),
    ],
)
def test_unusable_response_is_an_error(
    client_of: ClientOf, response: httpx.Response, read: Callable[[Notion, str], Any], error: str
) -> None:
    with pytest.raises(NotionError, match=error):
        read(client_of(response), "x")


@pytest.mark.parametrize("token", ["two words", "with\nline", "hübsch"])
def test_malformed_token_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(NotionError, match="the token for Notion has a character") as error:
        Notion("http://127.0.0.1:1", token)
    assert token not in str(error.value)
