"""Calls that Notion turns away before it looks at any value: headers, addresses, ids, bodies, paging."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from christmas_campaign.local.sandbox import Sandbox


def error(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    assert body["object"] == "error"
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"], body["message"]


@pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer wrong", "Basic ntn_for_tests", "ntn_for_tests"])
def test_without_the_token_nobody_gets_in(sandbox: Sandbox, token: str | None) -> None:
    headers = {"Notion-Version": "2025-09-03"} | ({} if token is None else {"Authorization": token})
    answer = httpx.get(f"{sandbox.notion_url}/v1/users/me", headers=headers)
    assert error(answer) == (401, "unauthorized", "API token is invalid.")


def test_the_version_must_be_named_and_be_the_right_one(sandbox: Sandbox) -> None:
    headers = {"Authorization": "Bearer ntn_for_tests"}
    url = f"{sandbox.notion_url}/v1/users/me"
    assert error(httpx.get(url, headers=headers))[:2] == (400, "missing_version")
    old = error(httpx.get(url, headers={**headers, "Notion-Version": "2022-06-28"}))
    assert old[:2] == (400, "validation_error")
    assert "2025-09-03" in old[2]


def test_a_body_that_is_no_json(raw: httpx.Client, source: str) -> None:
    for body in ("{", "NaN", '{"page_size": Infinity}', "\xff"):
        answer = raw.post(f"/v1/data_sources/{source}/query", content=body.encode("latin-1"))
        assert error(answer)[:2] == (400, "invalid_json"), body
    assert error(raw.post(f"/v1/data_sources/{source}/query", json=[]))[1] == "validation_error"


def test_a_body_above_500_kilobytes(raw: httpx.Client) -> None:
    answer = raw.post("/v1/pages", content=b'{"parent": {}, "x": "' + b"x" * 512_000 + b'"}')
    status, code, message = error(answer)
    assert (status, code) == (400, "validation_error")
    assert "512000" in message


@pytest.mark.parametrize("path", ["/v1/pages/nope", "/v1/pages/1234", "/v1/data_sources/%20"])
def test_an_id_that_is_no_uuid(raw: httpx.Client, path: str) -> None:
    status, code, message = error(raw.get(path))
    assert (status, code) == (400, "validation_error")
    assert "should be a valid uuid" in message


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/nothing"), ("GET", "/v1"), ("PUT", "/v1/pages"), ("GET", "")]
)
def test_an_address_that_notion_does_not_have(raw: httpx.Client, method: str, path: str) -> None:
    assert error(raw.request(method, path))[:2] == (400, "invalid_request_url")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"parent": {}},
        {"parent": {"data_source_id": "nope"}},
        {"parent": "x"},
        {"parent": None, "properties": {}},
    ],
)
def test_a_page_without_a_parent(raw: httpx.Client, body: dict[str, Any]) -> None:
    status, code, message = error(raw.post("/v1/pages", json=body))
    assert (status, code) == (400, "validation_error")
    assert "body.parent" in message


def test_a_field_that_the_endpoint_does_not_know(raw: httpx.Client, source: str) -> None:
    query = raw.post(f"/v1/data_sources/{source}/query", json={"filters": {}})
    assert "body.filters should be not present" in error(query)[2]
    old = raw.post("/v1/databases", json={"parent": {"page_id": source}, "properties": {"Name": {"title": {}}}})
    assert "body.properties should be not present" in error(old)[2]


@pytest.mark.parametrize("size", [0, -1, 101, "10", 1.5, True])
def test_a_page_size_that_notion_does_not_take(raw: httpx.Client, source: str, size: Any) -> None:
    answer = raw.post(f"/v1/data_sources/{source}/query", json={"page_size": size})
    assert error(answer)[:2] == (400, "validation_error")


def test_a_cursor_that_leads_nowhere(raw: httpx.Client, source: str) -> None:
    for cursor in ("nope", source):
        answer = raw.post(f"/v1/data_sources/{source}/query", json={"start_cursor": cursor})
        assert error(answer)[:2] == (400, "validation_error")
