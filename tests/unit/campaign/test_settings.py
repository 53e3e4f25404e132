from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.settings import InvalidSetting, Settings
from christmas_campaign.campaign.unsubscribe_link import Keys
from christmas_campaign.sequences.registry import sequence

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SANDBOX = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"testing_mode": "", "time_scale": None, "sender_name": "  ", "sender_address": "", "calendly_link": ""},
        {"notion_rate": "", "resend_rate": None},
        {"notion_rate": "3", "resend_rate": "2.0"},
    ],
)
def test_what_is_not_given_has_its_default(raw: dict[str, Any]) -> None:
    found = settings.read(raw)
    assert found == Settings(
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
    assert found.spacing == HOUR
    assert found.pace == timedelta(seconds=1)


@pytest.mark.parametrize(
    ("given", "late"),
    [
        (Settings(), timedelta(days=7)),
        (Settings(testing_mode=True), timedelta(days=7)),
        (Settings(expires_after_days=1, time_scale=12), 2 * HOUR),
        (Settings(expires_after_days=365, time_scale=14_400), HOUR),
    ],
)
def test_how_late_an_email_may_be(given: Settings, late: timedelta) -> None:
    assert given.expires_after == late


@pytest.mark.parametrize("days", ["1", "365"])
def test_the_most_and_the_least_days(days: str) -> None:
    assert settings.read({"expires_after_days": days}).expires_after_days == float(days)


def test_all_settings() -> None:
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
        links={"calendly_link": "https://calendly.com/x", "pdf_download_link": "http://example.org/x.pdf"},
        resend_opens=True,
    )


@pytest.mark.parametrize(("given", "expected"), [("true", True), (" True\n", True), (True, True), (False, False)])
def test_testing_mode_is_read_in_any_case(given: object, expected: bool) -> None:
    assert settings.read({"testing_mode": given}).testing_mode is expected


PUBLIC_URL = "ENV_PUBLIC_URL must be the door's address, such as https://campaign.example.com"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"testing_mode": "yes"}, "SECRET_TESTING_MODE must be true or false (as base64)"),
        ({"testing_mode": "1"}, "SECRET_TESTING_MODE must be true or false (as base64)"),
        ({"time_scale": "fast", "resend_url": SANDBOX}, "ENV_TIME_SCALE must be a number from 1 to 1000000"),
        ({"time_scale": "0", "resend_url": SANDBOX}, "ENV_TIME_SCALE must be a number from 1 to 1000000"),
        ({"time_scale": "0.5", "resend_url": SANDBOX}, "ENV_TIME_SCALE must be a number from 1 to 1000000"),
        ({"time_scale": "-5", "resend_url": SANDBOX}, "ENV_TIME_SCALE must be a number from 1 to 1000000"),
        ({"time_scale": "1000001", "resend_url": SANDBOX}, "ENV_TIME_SCALE must be a number from 1 to 1000000"),
        ({"time_scale": "nan", "resend_url": SANDBOX}, "ENV_TIME_SCALE must be a number from 1 to 1000000"),
        ({"time_scale": "inf", "resend_url": SANDBOX}, "ENV_TIME_SCALE must be a number from 1 to 1000000"),
        (
            {"time_scale": "60", "resend_url": SANDBOX, "testing_mode": "true"},
            "ENV_TIME_SCALE must not be set together with SECRET_TESTING_MODE=true: choose one",
        ),
        ({"resend_opens": "yes"}, "ENV_RESEND_OPENS must be true or false"),
        ({"expires_after_days": "0.9"}, "ENV_EXPIRES_AFTER_DAYS must be a number from 1 to 365"),
        ({"expires_after_days": "366"}, "ENV_EXPIRES_AFTER_DAYS must be a number from 1 to 365"),
        ({"expires_after_days": "never"}, "ENV_EXPIRES_AFTER_DAYS must be a number from 1 to 365"),
        ({"sender_address": "zoe"}, "ENV_SENDER_ADDRESS is not an e-mail address: it has no @"),
        (
            {"unsubscribe_address": "a@b"},
            "ENV_UNSUBSCRIBE_ADDRESS is not an e-mail address: the part after the @ is not a domain",
        ),
        ({"public_url": "campaign.example.org"}, "ENV_PUBLIC_URL must be a complete URL that begins with https://"),
        ({"public_url": "http://campaign.example.org"}, PUBLIC_URL),
        ({"public_url": "https://campaign.example.org/?x"}, PUBLIC_URL),
        ({"public_url": "https://campaign.example.org/#x"}, PUBLIC_URL),
        ({"public_url": "https://me@campaign.example.org"}, PUBLIC_URL),
        (
            {"unsubscribe_key": "n" * 24 + ",short"},
            "SECRET_UNSUBSCRIBE_KEY must have keys of 24 characters or more, separated by commas (as base64)",
        ),
        ({"calendly_link": "calendly.com/x"}, "ENV_CALENDLY_LINK must be a complete URL that begins with https://"),
        ({"calendly_link": "javascript:x"}, "ENV_CALENDLY_LINK must be a complete URL that begins with https://"),
        ({"pdf_download_link": "https://"}, "ENV_PDF_DOWNLOAD_LINK must be a complete URL that begins with https://"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings.read(raw)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("BusOS, 1 Main St, Toronto", "BusOS, 1 Main St, Toronto"),
        ("BusOS\\n1 Main St\\nToronto", "BusOS, 1 Main St, Toronto"),
        ("BusOS\n1 Main St,\r\n Toronto ", "BusOS, 1 Main St, Toronto"),
        ("BusOS,\\n\\n , \\n,Toronto,", "BusOS, Toronto"),
        ("", None),
        (None, None),
        (" ,\\n, ", None),
    ],
)
def test_a_postal_address_of_several_lines_becomes_one(given: str | None, shown: str | None) -> None:
    assert settings.read({"postal_address": given}) == Settings(postal_address=shown)


@pytest.mark.parametrize("name", ["notion_rate", "resend_rate"])
@pytest.mark.parametrize(
    "given", ["0", "0.0999", "-3", "1000.01", "1e6", "nan", "inf", "-inf", "three", "3 a second", "3,5", "0x10"]
)
def test_a_rate_that_no_provider_can_have_is_named(name: str, given: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings.read({name: given})
    assert str(caught.value) == f"ENV_{name.upper()} must be a number from 0.1 to 1000"


@pytest.mark.parametrize(
    ("given", "rate"),
    [("0.1", 0.1), (0.1, 0.1), ("1", 1.0), (3, 3.0), (" 2.5\n", 2.5), ("1e2", 100.0), ("1000", 1000.0)],
)
def test_a_rate_is_any_number_within_its_bounds(given: object, rate: float) -> None:
    assert settings.read({"notion_rate": given}) == Settings(notion_rate=rate)
    assert settings.read({"resend_rate": given}) == Settings(resend_rate=rate)


@pytest.mark.parametrize(("given", "scale"), [("1", 1.0), ("1.5", 1.5), ("999999.5", 999_999.5), ("1000000", 1e6)])
def test_a_scale_is_any_number_within_its_bounds(given: str, scale: float) -> None:
    assert settings.read({"time_scale": given, "resend_url": SANDBOX}).time_scale == scale


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "https://api.resend.com",
        "https://api.resend.com/",
        "https://API.Resend.com:443/v1",
        "http://key@api.resend.com",
        "https://api.resend.com.",
        "https://API.Resend.com.:443/v1",
    ],
)
def test_time_is_never_squeezed_with_the_real_resend(url: str | None) -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings.read({"time_scale": "60", "resend_url": url})
    assert str(caught.value) == (
        "ENV_TIME_SCALE must not be set with the real Resend: real contacts would get all e-mails at once"
    )


@pytest.mark.parametrize("url", [SANDBOX, "https://api.resend.com.example.org", "https://not-api.resend.com"])
def test_time_may_be_squeezed_elsewhere(url: str) -> None:
    assert settings.read({"time_scale": "60", "resend_url": url}).time_scale == 60.0


@pytest.mark.parametrize("mode", ["true", "false"])
def test_a_scale_of_one_is_none(mode: str) -> None:
    assert settings.read({"time_scale": "1.0", "testing_mode": mode}).testing_mode is (mode == "true")


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({"calendly_link": "https://[x"}, "ENV_CALENDLY_LINK"),
        ({"pdf_download_link": "https://[x"}, "ENV_PDF_DOWNLOAD_LINK"),
        *(
            ({"time_scale": "60", "resend_url": url}, "ENV_RESEND_URL")
            for url in ("https://[x", "//api.resend.com", "api.resend.com", "https://", "ftp://127.0.0.1", "sandbox:80")
        ),
    ],
)
def test_an_address_that_is_none_is_named_too(raw: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings.read(raw)
    assert str(caught.value) == f"{named} must be a complete URL that begins with https://"


def test_where_resend_is_does_not_matter_when_time_is_not_squeezed() -> None:
    assert settings.read({"resend_url": "https://[x"}) == Settings()


@pytest.mark.parametrize(
    ("found", "spacing"),
    [
        (Settings(), HOUR),
        (Settings(testing_mode=True), MINUTE),
        (Settings(time_scale=14_400), timedelta(seconds=0.25)),
    ],
)
def test_spacing(found: Settings, spacing: timedelta) -> None:
    assert found.spacing == spacing


@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        # Three calls to Notion, at three a second; one to Resend, at two.
        (Settings(), 1),
        (Settings(notion_rate=6), 0.5),
        (Settings(notion_rate=12), 0.5),
        (Settings(notion_rate=12, resend_rate=10), 0.25),
        (Settings(notion_rate=1000, resend_rate=1000), 0.003),
        (Settings(notion_rate=0.1), 30),
        (Settings(resend_rate=0.5), 2),
        (Settings(resend_rate=0.1), 10),
        (Settings(testing_mode=True), 1),
        (Settings(time_scale=4), 0.25),
        (Settings(time_scale=4, resend_rate=0.25), 1),
    ],
)
def test_the_pace_is_what_the_slower_provider_takes(found: Settings, seconds: float) -> None:
    assert found.pace == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("name", "production", "testing"),
    [
        ("signup", {2: 24 * HOUR, 3: 72 * HOUR, 4: 96 * HOUR, 5: 120 * HOUR}, {2: 1, 3: 2, 4: 3, 5: 4}),
        ("noshow", {1: 5 * MINUTE, 2: 24 * HOUR, 3: 48 * HOUR}, {1: 1, 2: 2, 3: 3}),
        ("postcall", {1: HOUR, 2: 72 * HOUR, 3: 168 * HOUR}, {1: 1, 2: 2, 3: 3}),
        ("onboarding", {1: HOUR, 2: 24 * HOUR, 3: 72 * HOUR}, {1: 1, 2: 2, 3: 3}),
    ],
)
def test_delays_in_production_in_testing_mode_and_scaled(
    name: str, production: dict[int, timedelta], testing: dict[int, int]
) -> None:
    found = sequence(name)
    assert found.delays(Settings()) == production
    assert found.delays(Settings(testing_mode=True)) == {number: each * MINUTE for number, each in testing.items()}
    scaled = {number: delay / 14_400 for number, delay in production.items()}
    assert found.delays(Settings(time_scale=14_400)) == scaled


def test_five_days_are_half_a_minute_in_the_demo() -> None:
    delays = sequence("signup").delays(Settings(time_scale=14_400))
    assert [delay.total_seconds() for delay in delays.values()] == [6, 18, 24, 30]
