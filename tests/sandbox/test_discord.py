"""A Discord webhook stores the messages that Discord accepts, and refuses the others."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given

from christmas_campaign.local.sandbox import Sandbox
from sandbox.contract import NO_TLS, REQUESTS, json_values


def test_message_is_stored_as_an_alert_and_its_token_is_not_logged(sandbox: Sandbox) -> None:
    url = sandbox.discord_webhook("Alerts")
    embed = {"title": "Crisis Zone", "description": "2 red", "color": 0xCC0000, "fields": [{"name": "a", "value": "b"}]}
    message = {"content": "Zoë needs you 🎄", "embeds": [embed], "username": "Kestra"}
    answer = httpx.post(url, json=message)
    assert (answer.status_code, answer.content) == (204, b"")
    (alert,) = sandbox.alerts()
    assert {name: alert[name] for name in message} == message
    assert alert["webhook"] == "Alerts"
    (call,) = sandbox.requests("discord")
    assert call.path.endswith("/***")
    answer = httpx.post(url, params={"wait": "true"}, json={"content": "x" * 2000})
    assert (answer.status_code, answer.json()["content"]) == (200, "x" * 2000)
    assert answer.json()["id"] == sandbox.alerts()[1]["id"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({}, 50006),
        ({"content": "  ", "embeds": []}, 50006),
        ([], 50035),
        ({"content": "x" * 2001}, 50035),
        ({"content": "x", "username": "x" * 81}, 50035),
        ({"embeds": [{"title": "x"}] * 11}, 50035),
        ({"embeds": [{"title": "x" * 257}]}, 50035),
        ({"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]}, 50035),
        ({"embeds": [{"fields": [{"name": "x", "value": ""}]}]}, 50035),
    ],
)
def test_invalid_message_is_refused(sandbox: Sandbox, message: Any, code: int) -> None:
    answer = httpx.post(sandbox.discord_webhook(), json=message)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert sandbox.alerts() == []


def test_invalid_request_is_refused(sandbox: Sandbox) -> None:
    url = sandbox.discord_webhook()
    unknown = f"{sandbox.url}/discord/api/webhooks/123456789012345678/token"
    answers = [
        httpx.post(unknown, json={"content": "x"}),
        httpx.post(url + "x", json={"content": "x"}),
        httpx.post(url, content=b"{"),
        httpx.get(url),
        httpx.get(f"{sandbox.url}/discord/api/users"),
    ]
    codes = [(404, 10015), (401, 50027), (400, 50109), (405, 0), (404, 0)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == codes
    assert sandbox.alerts() == []


@REQUESTS
@given(shape=json_values("title", "description", "fields", "footer", "text", "name", "value", "x", ""))
def test_any_json_is_answered_with_204_or_400(sandbox: Sandbox, shape: Any) -> None:
    url = sandbox.discord_webhook()
    with httpx.Client(timeout=10.0, verify=NO_TLS) as client:
        for message in (shape, {"content": shape}, {"embeds": [shape]}, {"embeds": [{"fields": shape}]}):
            assert client.post(url, json=message).status_code in (204, 400)
