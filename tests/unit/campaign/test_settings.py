from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.settings import InvalidSetting, Settings
from christmas_campaign.campaign.unsubscribe_link import Keys
from christmas_campaign.sequences.registry import sequence

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SANDBOX = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"testing_mode": "", "time_scale": None, "sender_name": "  ", "calendly_link": "", "postal_address": " ,\\n, "},
    ],
)
def test_missing_settings_have_defaults(raw: dict[str, Any]) -> None:
    assert settings.read(raw) == Settings(
        testing_mode=False,
        time_scale=1.0,
        notion_rate=3.0,
        resend_rate=2.0,
        expires_after_days=7.0,
        sender_name="Sang Le - BusOS",
        sender_address=None,
        unsubscribe_address=None,
        public_url=None,
        unsubscribe_keys=None,
        postal_address=None,
        links={},
        resend_opens=False,
    )


def test_every_setting_is_read() -> None:
    raw = {
        "testing_mode": "FALSE",
        "time_scale": " 14400 ",
        "resend_url": SANDBOX,
        "notion_rate": " 2.5 ",
        "resend_rate": "10",
        "expires_after_days": " 2.5 ",
        "sender_name": " Sang ",
        "sender_address": " Value@Example.org ",
        "unsubscribe_address": "stop@example.org",
        "public_url": " https://campaign.example.org:8443/x/ ",
        "unsubscribe_key": f"{'n' * 24}, {'o' * 24}",
        "postal_address": "BusOS",
        "calendly_link": "https://calendly.com/x",
        "pdf_download_link": "http://example.org/x.pdf",
        "resend_opens": " True ",
        "unknown": "ignored",
    }
    assert settings.read(raw) == Settings(
        time_scale=14_400.0,
        notion_rate=2.5,
        resend_rate=10.0,
        expires_after_days=2.5,
        sender_name="Sang",
        sender_address="value@example.org",
        unsubscribe_address="stop@example.org",
        public_url="https://campaign.example.org:8443/x",
        unsubscribe_keys=Keys((b"n" * 24, b"o" * 24)),
        postal_address="BusOS",
        links={"calendly_link": "https://calendly.com/x", "pdf_download_link": "http://example.org/x.pdf"},
        resend_opens=True,
    )


@pytest.mark.parametrize(("value", "expected"), [(" True\n", True), (True, True), (False, False)])
def test_testing_mode_is_read_in_any_case_and_with_a_scale_of_one(value: object, expected: bool) -> None:
    assert settings.read({"testing_mode": value, "time_scale": "1.0"}).testing_mode is expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("BusOS\\n1 Main St\\nToronto", "BusOS, 1 Main St, Toronto"),
        ("BusOS\n1 Main St,\r\n Toronto ", "BusOS, 1 Main St, Toronto"),
        ("BusOS,\\n\\n , \\n,Toronto,", "BusOS, Toronto"),
    ],
)
def test_postal_address_is_put_on_one_line(text: str, line: str) -> None:
    assert settings.read({"postal_address": text}) == Settings(postal_address=line)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("notion_rate", ["0.1", "1e2", "1000"]),
        ("resend_rate", [0.1, 3, "1000"]),
        ("expires_after_days", ["1", "365"]),
        ("time_scale", ["1", "1.5", "1000000"]),
    ],
)
def test_numbers_are_read_within_their_limits(name: str, values: list[Any]) -> None:
    for value in values:
        assert getattr(settings.read({name: value, "resend_url": SANDBOX}), name) == float(value)


# Invalid settings.


def assert_invalid(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings.read(raw)
    assert str(caught.value) == message, raw


@pytest.mark.parametrize(
    ("name", "limits", "values"),
    [
        ("time_scale", "from 1 to 1000000", ["fast", "0.5", "1000001", "nan", "inf"]),
        ("notion_rate", "from 0.1 to 1000", ["0.0999", "1000.01", "nan", "-inf", "3 a second", "3,5", "0x10"]),
        ("resend_rate", "from 0.1 to 1000", ["0.0999", "1000.01"]),
        ("expires_after_days", "from 1 to 365", ["0.9", "366", "never"]),
    ],
)
def test_number_outside_its_limits_is_refused(name: str, limits: str, values: list[str]) -> None:
    for value in values:
        assert_invalid({name: value, "resend_url": SANDBOX}, f"ENV_{name.upper()} must be a number {limits}")


PUBLIC_URL = "ENV_PUBLIC_URL must be the door's address, such as https://campaign.example.com"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"testing_mode": "yes"}, "SECRET_TESTING_MODE must be true or false (as base64)"),
        ({"resend_opens": "yes"}, "ENV_RESEND_OPENS must be true or false"),
        (
            {"time_scale": "60", "resend_url": SANDBOX, "testing_mode": "true"},
            "ENV_TIME_SCALE must not be set together with SECRET_TESTING_MODE=true: choose one",
        ),
        ({"sender_address": "zoe"}, "ENV_SENDER_ADDRESS is not an e-mail address: it has no @"),
        ({"unsubscribe_address": "zoe"}, "ENV_UNSUBSCRIBE_ADDRESS is not an e-mail address: it has no @"),
        ({"public_url": "http://127.0.0.1:8000"}, PUBLIC_URL),
        ({"public_url": "http://campaign.example.org", "resend_url": SANDBOX}, PUBLIC_URL),
        *(
            ({"public_url": url}, PUBLIC_URL)
            for url in (
                "http://campaign.example.org",
                "https://campaign.example.org/?x",
                "https://campaign.example.org/#x",
                "https://me@campaign.example.org",
            )
        ),
        (
            {"unsubscribe_key": "n" * 24 + ",short"},
            "SECRET_UNSUBSCRIBE_KEY must have keys of 24 characters or more, separated by commas (as base64)",
        ),
    ],
)
def test_invalid_setting_is_named(raw: dict[str, Any], message: str) -> None:
    assert_invalid(raw, message)


def test_public_url_on_this_machine_may_be_http_with_the_sandbox() -> None:
    raw = {"public_url": "http://127.0.0.1:8000/", "resend_url": SANDBOX}
    assert settings.read(raw).public_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "url", ["https://[x", "//api.resend.com", "api.resend.com", "https://", "ftp://127.0.0.1", "javascript:x"]
)
@pytest.mark.parametrize("name", ["calendly_link", "pdf_download_link", "public_url", "resend_url"])
def test_incomplete_url_is_refused(name: str, url: str) -> None:
    scale = {"time_scale": "60"} if name == "resend_url" else {}
    assert_invalid({name: url, **scale}, f"ENV_{name.upper()} must be a complete URL that begins with https://")


@pytest.mark.parametrize(
    "url",
    [None, "", "https://api.resend.com", "http://key@api.resend.com", "https://API.Resend.com.:443/v1"],
)
def test_time_scale_is_refused_with_the_real_resend(url: str | None) -> None:
    message = "ENV_TIME_SCALE must not be set with the real Resend: real contacts would get all e-mails at once"
    assert_invalid({"time_scale": "60", "resend_url": url}, message)


@pytest.mark.parametrize("url", ["https://api.resend.com.example.org", "https://not-api.resend.com"])
def test_time_scale_is_read_with_another_host(url: str) -> None:
    assert settings.read({"time_scale": "60", "resend_url": url}).time_scale == 60.0


def test_url_of_resend_is_ignored_without_a_time_scale() -> None:
    assert settings.read({"resend_url": "https://[x"}) == Settings()


# Computed settings.

TESTING, DEMO = Settings(testing_mode=True), Settings(time_scale=14_400)


@pytest.mark.parametrize(
    ("changed", "name", "expected"),
    [
        (Settings(), "expires_after", timedelta(days=7)),
        (TESTING, "expires_after", timedelta(days=7)),
        (Settings(expires_after_days=1, time_scale=12), "expires_after", 2 * HOUR),
        (DEMO, "expires_after", HOUR),
        (Settings(), "spacing", HOUR),
        (TESTING, "spacing", MINUTE),
        (DEMO, "spacing", timedelta(seconds=0.25)),
        # The slower provider: three calls to Notion at three a second, or one to Resend at two a second.
        (Settings(), "pace", timedelta(seconds=1)),
        (Settings(notion_rate=12), "pace", timedelta(seconds=0.5)),
        (Settings(notion_rate=12, resend_rate=10), "pace", timedelta(seconds=0.25)),
        (Settings(resend_rate=0.5), "pace", timedelta(seconds=2)),
        (Settings(time_scale=4), "pace", timedelta(seconds=0.25)),
    ],
)
def test_durations_are_computed_and_scaled(changed: Settings, name: str, expected: timedelta) -> None:
    assert getattr(changed, name) == expected


def test_delays_of_a_sequence_are_scaled() -> None:
    signup = sequence("signup")
    assert signup.delays(Settings()) == {2: 24 * HOUR, 3: 72 * HOUR, 4: 96 * HOUR, 5: 120 * HOUR}
    assert [delay.total_seconds() for delay in signup.delays(DEMO).values()] == [6, 18, 24, 30]
    assert signup.delays(TESTING) == {2: MINUTE, 3: 2 * MINUTE, 4: 3 * MINUTE, 5: 4 * MINUTE}
