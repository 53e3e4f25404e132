"""`christmas smoke`: the real keys are tried only where it was asked for, and what they meet here is the sandbox."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import httpx
import pytest
from click.testing import CliRunner, Result

from christmas_campaign.cli.main import main
from christmas_campaign.notion.schema import DATABASES, TEMPLATES
from christmas_campaign.operations import smoke as the_smoke
from cli.notion_world import World

WANTED = {"SMOKE": "yes", "CI": ""}


@pytest.fixture
def keys(whole: World) -> World:
    """An installation with all that it takes."""
    whole.secret("RESEND_API_KEY", "re_for_tests")
    whole.settings |= {
        "ENV_RESEND_URL": whole.sandbox.resend_url,
        "ENV_SENDER_ADDRESS": "value@mail.example.com",
        "ENV_SENDER_NAME": "Sang Le - BusOS",
    }
    return whole


def smoke(world: World, *words: str, environment: Mapping[str, str] = WANTED) -> Result:
    world.file.write_text("".join(f"{name}={value}\n" for name, value in world.settings.items()), encoding="utf-8")
    world.sandbox.reset_log()
    result = CliRunner(env=environment).invoke(main, ["smoke", "--env-file", str(world.file), *words])
    assert "for_tests" not in result.output
    return result


def test_each_database_is_read_once_and_one_mail_goes_to_the_test_address(keys: World) -> None:
    result = smoke(keys)
    assert result.exit_code == 0, result.output
    (mail,) = keys.sandbox.mails()
    assert mail.to == ("delivered@resend.dev",)
    assert mail.sender == "Sang Le - BusOS <value@mail.example.com>"
    assert result.output == (
        f"Notion: {len(DATABASES)} databases were read, 0 faults.\n"
        f"Resend: an e-mail to delivered@resend.dev was accepted, {mail.id}.\n"
    )
    read = [call.path for call in keys.sandbox.requests("notion") if "/databases/" in call.path]
    assert sorted(read) == sorted(
        f"/notion/v1/databases/{keys.ids[each.setting].replace('-', '')}" for each in DATABASES
    )
    assert keys.changes() == []


def test_the_file_in_plain_words_will_do(keys: World) -> None:
    plain = {
        name.removeprefix("SECRET_"): base64.b64decode(value).decode()
        for name, value in keys.settings.items()
        if name.startswith("SECRET_")
    }
    plain |= {name.removeprefix("ENV_"): value for name, value in keys.settings.items() if name.startswith("ENV_")}
    keys.settings = plain
    result = smoke(keys)
    assert result.exit_code == 0, result.output
    assert len(keys.sandbox.mails()) == 1


def test_a_second_run_is_a_second_mail(keys: World) -> None:
    smoke(keys)
    smoke(keys)
    assert len({mail.idempotency_key for mail in keys.sandbox.mails()}) == 2


@pytest.mark.parametrize(
    "environment",
    [{"SMOKE": "yes", "CI": "true"}, {"SMOKE": "yes", "CI": "1"}, {"SMOKE": "", "CI": ""}, {"SMOKE": "true", "CI": ""}],
)
def test_nothing_is_called_where_it_was_not_asked_for(keys: World, environment: dict[str, str]) -> None:
    result = smoke(keys, environment=environment)
    assert result.exit_code == 2
    assert ("CI is set" if environment["CI"] else "SMOKE=yes") in result.output
    assert keys.sandbox.requests() == []


def test_what_is_wrong_in_notion_is_said_and_the_mail_is_tried_all_the_same(keys: World) -> None:
    keys.secret(TEMPLATES.setting, "0" * 32)
    result = smoke(keys, "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert [fault["database"] for fault in said["faults"]] == [TEMPLATES.title]
    assert said["mail"] == keys.sandbox.mails()[0].id


@pytest.mark.parametrize("missing", ["SECRET_NOTION_TOKEN", "SECRET_RESEND_API_KEY", "ENV_SENDER_ADDRESS"])
def test_a_missing_setting_is_named_before_anything_is_called(keys: World, missing: str) -> None:
    del keys.settings[missing]
    result = smoke(keys)
    assert result.exit_code == 2
    assert f"{missing} is missing" in result.output
    assert keys.sandbox.requests() == []


def test_a_key_that_resend_does_not_know_is_resends_own_sentence(keys: World) -> None:
    keys.secret("RESEND_API_KEY", "re_another_key")
    result = smoke(keys)
    assert result.exit_code == 2
    assert result.output == "christmas: Resend answered 403: API key is invalid.\n"
    assert keys.sandbox.mails() == []


def test_a_key_that_no_header_can_hold_is_not_shown(keys: World) -> None:
    keys.secret("RESEND_API_KEY", "re_ge\u2028heim")
    result = smoke(keys)
    assert result.exit_code == 2
    assert "heim" not in result.output
    assert "copy it again" in result.output


def test_a_resend_that_does_not_answer(keys: World) -> None:
    keys.settings["ENV_RESEND_URL"] = "http://127.0.0.1:9"
    result = smoke(keys)
    assert result.exit_code == 2
    assert "Resend at http://127.0.0.1:9 does not answer" in result.output


def test_an_answer_that_is_no_json_is_no_mail(keys: World) -> None:
    keys.sandbox.fault("resend", "status", status=502, body="<html>")
    result = smoke(keys)
    assert result.exit_code == 2
    assert result.output == "christmas: Resend answered 502: without a reason\n"


def test_the_addresses_are_the_real_ones() -> None:
    assert httpx.URL(the_smoke.RESEND_URL).host == "api.resend.com"
    assert the_smoke.RECIPIENT == "delivered@resend.dev"
