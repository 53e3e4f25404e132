"""An engine with basic auth answers as Kestra's server does, and the product works with it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from cli.operator import christmas
from support import address, enrolled, sign_up

from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.local.stack import Stack
from engine.runs import ended

AUTH = ("owner@example.com", "Kestra-Pass-19$")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose engine requires a user and a password."""
    with Stack(tmp_path_factory.mktemp("auth"), auth=AUTH) as running:
        yield running


@pytest.mark.parametrize("path", ["flows/christmas", "no/such/path", "executions/webhook"])
@pytest.mark.parametrize("auth", [None, (AUTH[0], "wrong"), ("wrong", AUTH[1])])
def test_wrong_password_is_401_without_a_body(stack: Stack, path: str, auth: tuple[str, str] | None) -> None:
    answer = httpx.get(f"{stack.engine.url}/api/v1/main/{path}", auth=auth)
    assert (answer.status_code, answer.content, answer.headers["WWW-Authenticate"]) == (401, b"", "Basic")


def test_wrong_password_is_explained(stack: Stack) -> None:
    with Kestra(stack.engine.url, auth=(AUTH[0], "wrong")) as kestra:
        with pytest.raises(KestraError, match="refused the user or the password") as refused:
            kestra.flows()
        assert refused.value.status == 401
        assert kestra.health(), "health needs no password"


def test_webhooks_are_open_and_commands_and_flows_log_in(stack: Stack) -> None:
    email = address()
    sign_up(stack, email)
    enrolled(stack, email)
    for command in ("pause", "resume", "failures", "repair"):
        result = christmas(stack, command)
        assert result.exit_code == 0, (command, result.output)
    assert ended(stack.kestra, stack.kestra.run("repair", {"apply": True})).state == "SUCCESS"
