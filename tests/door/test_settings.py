"""The settings of the door: their values and defaults, and errors that name the variable without showing its value."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from christmas_campaign.campaign.unsubscribe_link import keys
from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.door.settings import InvalidSetting, Settings, read
from door.process import KEYS, UNSUBSCRIBE_KEY, UNSUBSCRIBE_KEYS, base64_of

REQUIRED = {
    **{f"SECRET_{handler.webhook_key}": base64_of(KEYS[handler.name]) for handler in HANDLERS},
    "SECRET_UNSUBSCRIBE_KEY": base64_of(UNSUBSCRIBE_KEY),
}


TWO_KEYS = keys(f"{UNSUBSCRIBE_KEY}x,{UNSUBSCRIBE_KEY}")


def settings(**variables: str) -> Settings:
    return read({**REQUIRED, **variables})


def test_defaults() -> None:
    assert settings() == Settings(
        keys=KEYS,
        secrets=dict.fromkeys(("signup", "noshow", "postcall", "onboarding", "precall", "unsubscribe", "resend"), ()),
        unsubscribe_keys=UNSUBSCRIBE_KEYS,
        sender="Sang Le - BusOS",
        kestra_url="http://127.0.0.1:8080",
        kestra_health_url="http://127.0.0.1:8081/health",
        listen=("127.0.0.1", 8000),
        inbox=Path(".data/door/inbox.sqlite"),
        inbox_most=10_000,
        origins=frozenset(),
        rate=120,
        concurrency=64,
        proxies=(),
        environment={
            "testing_mode": "false",
            "notion_configured": False,
            "resend_configured": False,
            "discord_configured": False,
        },
    )


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("SENDER_NAME", " Sang ", "sender", "Sang"),
        ("SECRET_UNSUBSCRIBE_KEY", base64_of(f"{UNSUBSCRIBE_KEY}x,{UNSUBSCRIBE_KEY}"), "unsubscribe_keys", TWO_KEYS),
        ("DOOR_KESTRA_URL", "http://kestra:8080/", "kestra_url", "http://kestra:8080"),
        ("DOOR_KESTRA_URL", "https://a.example/base", "kestra_health_url", "https://a.example:8081/health"),
        ("DOOR_KESTRA_URL", "http://[::1]:8080", "kestra_health_url", "http://[::1]:8081/health"),
        ("DOOR_KESTRA_HEALTH_URL", "http://kestra:8081/up", "kestra_health_url", "http://kestra:8081/up"),
        ("DOOR_LISTEN", "[::1]:0", "listen", ("::1", 0)),
        ("DOOR_INBOX", "/data/inbox.sqlite", "inbox", Path("/data/inbox.sqlite")),
        ("DOOR_INBOX_MOST", "7", "inbox_most", 7),
        ("DOOR_ORIGINS", "https://a.example,http://localhost:3000", "origins", {"https://a.example", "http://localhost:3000"}),
        ("DOOR_RATE", "30", "rate", 30),
        ("DOOR_CONCURRENCY", "2", "concurrency", 2),
        ("DOOR_PROXIES", "172.18.0.0/16, ::1", "proxies", tuple(map(ipaddress.ip_network, ("172.18.0.0/16", "::1")))),
    ],
)  # fmt: skip
def test_variable_sets_one_field(variable: str, text: str, field: str, value: object) -> None:
    assert getattr(settings(**{variable: text}), field) == value


def test_signing_secrets_are_texts_or_base64() -> None:
    secrets = settings(SIGNING_WEBSITE="whsec_c2VjcmV0, plain one ,", SIGNING_RESEND="whsec_cmVzZW5k").secrets
    assert secrets == {**dict.fromkeys(KEYS, ()), "signup": (b"secret", b"plain one"), "resend": (b"resend",)}


def test_environment_is_read_from_the_secrets_unless_the_door_has_its_own_variables() -> None:
    secrets = {
        "SECRET_TESTING_MODE": base64_of("true"),
        "SECRET_RESEND_API_KEY": base64_of("re_x"),
        "SECRET_DISCORD_WEBHOOK_URL": base64_of("https://example.com"),
    }
    assert list(settings(**secrets).environment.values()) == ["true", False, True, True]
    own = {"DOOR_TESTING_MODE": "false", "DOOR_NOTION_CONFIGURED": "true", "DOOR_RESEND_CONFIGURED": "false"}
    assert list(settings(**secrets, **own).environment.values()) == ["false", True, False, True]


def test_printed_settings_show_no_secret() -> None:
    text = repr(settings(SIGNING_WEBSITE="the-signing-secret", DOOR_KESTRA_URL="http://user:pass@kestra:8080"))
    for secret in ("the-signing-secret", "pass", KEYS["signup"], UNSUBSCRIBE_KEY):
        assert secret not in text


INVALID = {
    "is missing": {"SECRET_WEBHOOK_KEY_SIGNUP": [""], "SECRET_UNSUBSCRIBE_KEY": [""]},
    "must be base64": {
        "SECRET_WEBHOOK_KEY_NOSHOW": ["not base64!", "/w=="],
        "SECRET_UNSUBSCRIBE_KEY": ["not base64!"],
        "SECRET_TESTING_MODE": ["true?"],
    },
    "line break": {"SECRET_WEBHOOK_KEY_POSTCALL": [base64_of("key\n")]},
    "must be letters": {"SECRET_WEBHOOK_KEY_ONBOARDING": [base64_of("a/b"), base64_of("..")]},
    "must have keys of 24 characters or more": {"SECRET_UNSUBSCRIBE_KEY": [base64_of("short")]},
    "does not continue in base64": {"SIGNING_DOCUSIGN": ["good,whsec_not base64"], "SIGNING_CALENDLY": ["whsec_"]},
    "complete URL": {"DOOR_KESTRA_URL": ["kestra:8080", "http://[::1"], "DOOR_KESTRA_HEALTH_URL": ["http://kestra/?x"]},
    "a host and a port": {"DOOR_LISTEN": ["8000", "127.0.0.1:70000", ":8000"]},
    "from 1 to": {"DOOR_INBOX_MOST": ["0", "many"], "DOOR_RATE": ["-1", "1000001"], "DOOR_CONCURRENCY": ["1.5"]},
    "origins such as": {"DOOR_ORIGINS": ["*", "null", "https://www.example.com/"]},
    "addresses or networks": {"DOOR_PROXIES": ["caddy"]},
    "true or false": {"DOOR_TESTING_MODE": ["maybe"], "DOOR_NOTION_CONFIGURED": ["yes"]},
}


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [(name, value, problem) for problem, names in INVALID.items() for name in names for value in names[name]],
)
def test_invalid_setting_is_named_but_not_shown(name: str, value: str, problem: str) -> None:
    with pytest.raises(InvalidSetting, match=problem) as caught:
        settings(**{name: value})
    assert str(caught.value) == f"{caught.value.name} {caught.value.problem}"
    assert caught.value.name == name
    if name.startswith("SECRET_") and value:
        assert value not in str(caught.value)
