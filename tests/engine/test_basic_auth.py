"""An engine with basic auth on answers as Kestra's own server does, and the product works with it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from cli.operator import christmas
from support import address, enrolled, sign_up, until

from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.local.stack import Stack

AUTH = ("owner@example.com", "Kestra-Pass-19$")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose engine asks for a user and a password."""
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
        assert kestra.health(), "health is open"


def test_webhooks_are_open_and_the_commands_log_in(stack: Stack) -> None:
    email = address()
    sign_up(stack, email)
    enrolled(stack, email)
    for command in ("pause", "resume", "failures", "repair"):
        result = christmas(stack, command)
        assert result.exit_code == 0, (command, result.output)


def test_repair_flow_logs_in(stack: Stack) -> None:
    run_id = stack.kestra.run("repair", {"apply": True})
    run = until(lambda: None if (run := stack.kestra.execution(run_id)).live else run, "the end of the repair", 60)
    assert run.state == "SUCCESS"
