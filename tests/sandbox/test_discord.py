"""A Discord webhook takes what Discord takes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from christmas_campaign.local.sandbox import Sandbox


@pytest.fixture
def webhook(sandbox: Sandbox) -> str:
    return sandbox.discord_webhook()


def test_a_message_is_kept_and_answered_with_nothing(sandbox: Sandbox) -> None:
    url = sandbox.discord_webhook("Alerts")
    embed = {"title": "Crisis Zone", "description": "2 red", "color": 0xCC0000, "fields": [{"name": "a", "value": "b"}]}
    answer = httpx.post(url, json={"content": "Zoë needs you 🎄", "embeds": [embed], "username": "Kestra"})
    assert (answer.status_code, answer.content) == (204, b"")
    (alert,) = sandbox.alerts()
    assert alert["content"] == "Zoë needs you 🎄"
    assert alert["embeds"] == [embed]
    assert alert["username"] == "Kestra"
    assert alert["webhook"] == "Alerts"


def test_with_wait_the_message_comes_back(sandbox: Sandbox) -> None:
    answer = httpx.post(sandbox.discord_webhook(), params={"wait": "true"}, json={"content": "x" * 2000})
    assert answer.status_code == 200
    assert answer.json()["id"] == sandbox.alerts()[0]["id"]
    assert answer.json()["content"] == "x" * 2000


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({}, 50006),
        ({"content": ""}, 50006),
        ({"content": "  "}, 50006),
        ({"username": "x", "embeds": []}, 50006),
        ({"content": "x" * 2001}, 50035),
        ({"content": 5}, 50035),
        ({"embeds": [{"title": "x"}] * 11}, 50035),
        ({"embeds": [{"title": "x" * 257}]}, 50035),
        ({"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]}, 50035),
        ({"embeds": [{"fields": [{"name": "x", "value": ""}]}]}, 50035),
        ({"embeds": "x"}, 50035),
        ({"content": "x", "username": "x" * 81}, 50035),
        ([], 50035),
    ],
)
def test_a_message_that_discord_does_not_take(sandbox: Sandbox, message: Any, code: int) -> None:
    answer = httpx.post(sandbox.discord_webhook(), json=message)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert sandbox.alerts() == []


_SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["x", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["title", "description", "fields", "footer", "text", "name", "value"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=_SHAPES, embed=_SHAPES)
def test_no_message_is_too_odd_for_an_answer(webhook: str, plain: httpx.Client, content: Any, embed: Any) -> None:
    for message in (
        {"content": content},
        {"embeds": embed},
        {"embeds": [embed]},
        {"embeds": [{"fields": embed}]},
        embed,
    ):
        assert plain.post(webhook, json=message).status_code in (204, 400)


def test_a_webhook_that_nobody_made(sandbox: Sandbox) -> None:
    answer = httpx.post(f"{sandbox.url}/discord/api/webhooks/123456789012345678/token", json={"content": "x"})
    assert (answer.status_code, answer.json()) == (404, {"message": "Unknown Webhook", "code": 10015})


def test_a_wrong_token(sandbox: Sandbox) -> None:
    answer = httpx.post(sandbox.discord_webhook() + "x", json={"content": "x"})
    assert (answer.status_code, answer.json()["code"]) == (401, 50027)
    assert sandbox.alerts() == []


def test_the_token_is_not_in_the_log(sandbox: Sandbox) -> None:
    url = sandbox.discord_webhook()
    httpx.post(url, json={"content": "x"})
    (call,) = sandbox.requests("discord")
    assert url.rsplit("/", 1)[1] not in call.path
    assert call.path.endswith("/***")
    assert call.status == 204
