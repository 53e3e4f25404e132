"""The door's settings: what they mean, and an error that names the variable and not its value."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from christmas_campaign.campaign.unsubscribe_link import keys
from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.door.settings import InvalidSetting, Settings, read
from door.process import KEYS, UNSUBSCRIBE_KEY, UNSUBSCRIBE_KEYS, base64_of

LEAST = {
    **{f"SECRET_{each.webhook_key}": base64_of(KEYS[each.name]) for each in HANDLERS},
    "SECRET_UNSUBSCRIBE_KEY": base64_of(UNSUBSCRIBE_KEY),
}


def settings(**more: str) -> Settings:
    return read({**LEAST, **more})


def test_what_counts_when_only_the_keys_are_given() -> None:
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


def test_everything_given() -> None:
    found = settings(
        SIGNING_WEBSITE="whsec_c2VjcmV0, plain one ,",
        SIGNING_CRM="crm",
        SIGNING_RESEND="whsec_cmVzZW5k",
        SENDER_NAME=" Sang ",
        SECRET_UNSUBSCRIBE_KEY=base64_of(f"{UNSUBSCRIBE_KEY}x,{UNSUBSCRIBE_KEY}"),
        DOOR_KESTRA_URL="http://kestra:8080/",
        DOOR_KESTRA_HEALTH_URL="http://kestra:8081/health",
        DOOR_LISTEN="[::1]:0",
        DOOR_INBOX="/data/inbox.sqlite",
        DOOR_INBOX_MOST="7",
        DOOR_ORIGINS="https://www.example.com,http://localhost:3000",
        DOOR_RATE="30",
        DOOR_CONCURRENCY="2",
        DOOR_PROXIES="172.18.0.0/16, ::1",
        DOOR_TESTING_MODE="true",
        DOOR_NOTION_CONFIGURED="true",
        DOOR_RESEND_CONFIGURED="false",
        SECRET_RESEND_API_KEY=base64_of("re_x"),
        SECRET_DISCORD_WEBHOOK_URL=base64_of("https://example.com"),
    )
    assert (found.sender, found.unsubscribe_keys) == ("Sang", keys(f"{UNSUBSCRIBE_KEY}x,{UNSUBSCRIBE_KEY}"))
    signing = {"signup": (b"secret", b"plain one"), "postcall": (b"crm",), "resend": (b"resend",)}
    assert found.secrets == {**dict.fromkeys(KEYS, ()), **signing}
    assert (found.kestra_url, found.kestra_health_url) == ("http://kestra:8080", "http://kestra:8081/health")
    assert (found.listen, found.inbox, found.inbox_most) == (("::1", 0), Path("/data/inbox.sqlite"), 7)
    assert found.origins == {"https://www.example.com", "http://localhost:3000"}
    assert (found.rate, found.concurrency) == (30, 2)
    assert found.proxies == (ipaddress.ip_network("172.18.0.0/16"), ipaddress.ip_network("::1"))
    # What the door is told counts before what it can see.
    assert found.environment == {
        "testing_mode": "true",
        "notion_configured": True,
        "resend_configured": False,
        "discord_configured": True,
    }


@pytest.mark.parametrize(
    ("kestra", "health"),
    [
        ("http://kestra:8080", "http://kestra:8081/health"),
        ("https://kestra.example.com/base", "https://kestra.example.com:8081/health"),
        ("http://[::1]:8080", "http://[::1]:8081/health"),
    ],
)
def test_health_is_on_the_management_port_of_kestras_host(kestra: str, health: str) -> None:
    assert settings(DOOR_KESTRA_URL=kestra).kestra_health_url == health


def test_testing_mode_as_kestra_has_it() -> None:
    assert settings(SECRET_TESTING_MODE=base64_of("true")).environment["testing_mode"] == "true"
    assert (
        settings(DOOR_TESTING_MODE="false", SECRET_TESTING_MODE=base64_of("true")).environment["testing_mode"]
        == "false"
    )


def test_no_secret_is_in_what_is_printed_of_the_settings() -> None:
    shown = repr(settings(SIGNING_WEBSITE="the-signing-secret", DOOR_KESTRA_URL="http://user:pass@kestra:8080"))
    assert "the-signing-secret" not in shown
    assert "pass" not in shown
    assert KEYS["signup"] not in shown
    assert UNSUBSCRIBE_KEY not in shown


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECRET_WEBHOOK_KEY_SIGNUP", "", "is missing"),
        ("SECRET_WEBHOOK_KEY_NOSHOW", "not base64!", "must be base64"),
        ("SECRET_WEBHOOK_KEY_NOSHOW", "/w==", "must be base64"),
        ("SECRET_WEBHOOK_KEY_POSTCALL", base64_of("key\n"), "line break"),
        ("SECRET_WEBHOOK_KEY_ONBOARDING", base64_of("a/b"), "must be letters"),
        ("SECRET_WEBHOOK_KEY_ONBOARDING", base64_of(".."), "must be letters"),
        ("SECRET_UNSUBSCRIBE_KEY", "", "is missing"),
        ("SECRET_UNSUBSCRIBE_KEY", base64_of("short"), "must have keys of 24 characters or more"),
        ("SECRET_UNSUBSCRIBE_KEY", "not base64!", "must be base64"),
        ("SIGNING_DOCUSIGN", "good,whsec_not base64", "does not continue in base64"),
        ("SIGNING_CALENDLY", "whsec_", "does not continue in base64"),
        ("DOOR_KESTRA_URL", "kestra:8080", "complete URL"),
        ("DOOR_KESTRA_URL", "http://[::1", "complete URL"),
        ("DOOR_KESTRA_HEALTH_URL", "http://kestra/?x", "complete URL"),
        ("DOOR_LISTEN", "8000", "a host and a port"),
        ("DOOR_LISTEN", "127.0.0.1:70000", "a host and a port"),
        ("DOOR_LISTEN", ":8000", "a host and a port"),
        ("DOOR_INBOX_MOST", "0", "from 1 to"),
        ("DOOR_INBOX_MOST", "many", "from 1 to"),
        ("DOOR_RATE", "-1", "from 1 to"),
        ("DOOR_RATE", "1000001", "from 1 to"),
        ("DOOR_CONCURRENCY", "1.5", "from 1 to"),
        ("DOOR_ORIGINS", "*", "origins such as"),
        ("DOOR_ORIGINS", "null", "origins such as"),
        ("DOOR_ORIGINS", "https://www.example.com/", "origins such as"),
        ("DOOR_PROXIES", "caddy", "addresses or networks"),
        ("DOOR_TESTING_MODE", "maybe", "true or false"),
        ("SECRET_TESTING_MODE", base64_of("maybe"), "true or false"),
        ("SECRET_TESTING_MODE", "true?", "must be base64"),
        ("DOOR_NOTION_CONFIGURED", "yes", "true or false"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_not_shown(name: str, value: str, said: str) -> None:
    with pytest.raises(InvalidSetting, match=said) as caught:
        settings(**{name: value})
    assert name in str(caught.value)
    assert str(caught.value) == f"{caught.value.name} {caught.value.problem}"
    assert caught.value.name == ("DOOR_TESTING_MODE" if value == base64_of("maybe") else name)
    if name.startswith("SECRET_") and value:
        assert value not in str(caught.value)
