"""``christmas smoke`` tries the real keys, and only where the owner asks for it. Here the sandbox answers."""

from __future__ import annotations

import json

import httpx
import pytest
from click.testing import CliRunner, Result

from christmas_campaign.cli.main import main
from christmas_campaign.notion.schema import DATABASES, TEMPLATES
from christmas_campaign.operations import smoke as smoke_operation
from cli.notion_world import World

CONSENT = {"SMOKE": "yes", "CI": ""}


@pytest.fixture
def keys(notion: World) -> World:
    """An installation with all settings that the command needs."""
    notion.secret("RESEND_API_KEY", "re_for_tests")
    notion.settings |= {
        "ENV_RESEND_URL": notion.sandbox.resend_url,
        "ENV_SENDER_ADDRESS": "value@mail.example.com",
        "ENV_SENDER_NAME": "Sang Le - BusOS",
    }
    return notion


def smoke(world: World, *words: str, environment: dict[str, str] = CONSENT) -> Result:
    """Run the command with an empty log of calls. No key may be in its output."""
    world.file.write_text("".join(f"{name}={value}\n" for name, value in world.settings.items()), encoding="utf-8")
    world.sandbox.reset_log()
    result = CliRunner(env=environment).invoke(main, ["smoke", "--env-file", str(world.file), *words])
    assert "for_tests" not in result.output
    return result


def test_smoke_reads_each_database_once_and_sends_one_mail(keys: World) -> None:
    result = smoke(keys)
    assert result.exit_code == 0, result.output
    (mail,) = keys.sandbox.mails()
    assert (mail.to, mail.sender) == (("delivered@resend.dev",), "Sang Le - BusOS <value@mail.example.com>")
    assert result.output == (
        f"Notion: {len(DATABASES)} databases were read, 0 faults.\n"
        f"Resend: an e-mail to delivered@resend.dev was accepted, {mail.id}.\n"
    )
    paths = [call.path for call in keys.sandbox.requests("notion") if "/databases/" in call.path]
    assert sorted(paths) == sorted(f"/notion/v1/databases/{i.replace('-', '')}" for i in keys.ids.values())
    assert keys.changes() == []
    smoke(keys)
    assert len({mail.idempotency_key for mail in keys.sandbox.mails()}) == 2


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"SMOKE": "yes", "CI": "1"}, "CI is set"),
        ({"SMOKE": "", "CI": ""}, "SMOKE=yes"),
    ],
)
def test_nothing_is_called_without_consent(keys: World, environment: dict[str, str], reason: str) -> None:
    result = smoke(keys, environment=environment)
    assert (result.exit_code, reason in result.output) == (2, True)
    assert keys.sandbox.requests() == []


def test_json_has_the_faults_of_notion_and_the_mail(keys: World) -> None:
    keys.secret(TEMPLATES.setting, "0" * 32)
    result = smoke(keys, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert [fault["database"] for fault in report["faults"]] == [TEMPLATES.title]
    assert report["mail"] == keys.sandbox.mails()[0].id


def test_missing_setting_is_named_before_any_call(keys: World) -> None:
    del keys.settings["SECRET_RESEND_API_KEY"]
    result = smoke(keys)
    assert (result.exit_code, "SECRET_RESEND_API_KEY is missing" in result.output) == (2, True)
    assert keys.sandbox.requests() == []


@pytest.mark.parametrize(
    ("key", "url", "error"),
    [
        ("re_another_key", None, "Resend answered 403: API key is invalid."),
        ("re_ge\u2028heim", None, "copy it again"),
        ("re_for_tests", "http://127.0.0.1:9", "Resend at http://127.0.0.1:9 does not answer"),
        ("re_for_tests", None, "Resend answered 502: without a reason"),
    ],
)
def test_refusal_of_resend_ends_with_2(keys: World, key: str, url: str | None, error: str) -> None:
    keys.secret("RESEND_API_KEY", key)
    if url:
        keys.settings["ENV_RESEND_URL"] = url
    elif key == "re_for_tests":
        keys.sandbox.fault("resend", "status", status=502, body="<html>")
    result = smoke(keys)
    assert (result.exit_code, error in result.output) == (2, True), result.output
    assert "heim" not in result.output
    assert keys.sandbox.mails() == []


def test_addresses_are_the_real_ones() -> None:
    assert httpx.URL(smoke_operation.RESEND_URL).host == "api.resend.com"
    assert smoke_operation.RECIPIENT == "delivered@resend.dev"
