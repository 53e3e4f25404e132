"""Settings: what differs from one installation to the next, read once and checked.

The flows hand over the engine's environment (``envs.…`` and ``secret('…')``) as text under the names below; empty text and
``null`` mean that a setting is not given.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from christmas_campaign.campaign import email_address, facts, unsubscribe_link
from christmas_campaign.campaign.facts import SPACING, TESTING_UNIT

#: The host of the real Resend: there time is never squeezed.
REAL_RESEND = "api.resend.com"

#: Calls to Notion and to Resend that one e-mail costs: page, stamp and analytics; the e-mail itself.
NOTION_CALLS, RESEND_CALLS = 3, 1

#: What Notion takes from one integration, and Resend on its default plan, in calls a second.
NOTION_RATE, RESEND_RATE = 3.0, 2.0

#: After so many days an e-mail is too late to be right.
EXPIRES_AFTER_DAYS = 7.0

#: No scale makes a test's e-mail expire while a busy machine is about to send it.
SHORTEST_EXPIRY = timedelta(hours=1)

#: The links that templates may name; each is a setting, for none is right for everyone.
LINKS = ("calendly_link", "pdf_download_link")


class InvalidSetting(Exception):
    """A setting cannot be used; the message names it and says what it must be."""


class Settings(NamedTuple):
    """The settings of the decisions.

    ``time_scale`` divides every delay, the spacing, the pace and the waits (1: real time). ``notion_rate`` and ``resend_rate``
    are the calls a second that the providers take, ``expires_after_days`` is how late an e-mail may be.
    ``sender_address``, ``public_url`` (the door's address for the world, without a / at its end), ``unsubscribe_keys`` and
    ``postal_address`` (on one line) are ``None`` when not given: then no e-mail can be composed.
    ``resend_opens`` says whether it counts that somebody opened an e-mail or followed a link in it.
    """

    testing_mode: bool = False
    time_scale: float = 1.0
    notion_rate: float = NOTION_RATE
    resend_rate: float = RESEND_RATE
    expires_after_days: float = EXPIRES_AFTER_DAYS
    sender_name: str = facts.SENDER_NAME
    sender_address: str | None = None
    unsubscribe_address: str | None = None
    public_url: str | None = None
    unsubscribe_keys: unsubscribe_link.Keys | None = None
    postal_address: str | None = None
    links: Mapping[str, str] = {}
    resend_opens: bool = False

    @property
    def spacing(self) -> timedelta:
        """The least time between two e-mails of one sequence."""
        return (TESTING_UNIT if self.testing_mode else SPACING) / self.time_scale

    @property
    def pace(self) -> timedelta:
        """The least time from the start of one e-mail to the start of the next, of whatever contact."""
        seconds = max(NOTION_CALLS / self.notion_rate, RESEND_CALLS / self.resend_rate)
        return timedelta(seconds=seconds) / self.time_scale

    @property
    def expires_after(self) -> timedelta:
        """How late an e-mail may be and still go out."""
        return max(timedelta(days=self.expires_after_days) / self.time_scale, SHORTEST_EXPIRY)


def read(raw: Mapping[str, Any]) -> Settings:
    """Return the settings that the flow handed over.

    Names: ``testing_mode``, ``time_scale``, ``resend_url``, ``notion_rate``, ``resend_rate``, ``expires_after_days``,
    ``sender_name``, ``sender_address``, ``unsubscribe_address``, ``public_url``, ``unsubscribe_key``, ``postal_address``,
    ``calendly_link``, ``pdf_download_link``, ``resend_opens``. Raises ``InvalidSetting``.
    """
    given = {name: str(value).strip() for name, value in raw.items() if value is not None and str(value).strip()}
    testing_mode = given.get("testing_mode", "false").lower()
    if testing_mode not in ("true", "false"):
        raise InvalidSetting("SECRET_TESTING_MODE must be true or false (as base64)")
    time_scale = _number(given, "time_scale", 1, 1, 1_000_000)
    if time_scale != 1:
        if testing_mode == "true":
            raise InvalidSetting("ENV_TIME_SCALE must not be set together with SECRET_TESTING_MODE=true: choose one")
        if _host(given.get("resend_url", f"https://{REAL_RESEND}"), "resend_url") == REAL_RESEND:
            raise InvalidSetting(
                "ENV_TIME_SCALE must not be set with the real Resend: real people would get e-mails at once"
            )
    return Settings(
        testing_mode=testing_mode == "true",
        time_scale=time_scale,
        notion_rate=_number(given, "notion_rate", NOTION_RATE, 0.1, 1000),
        resend_rate=_number(given, "resend_rate", RESEND_RATE, 0.1, 1000),
        expires_after_days=_number(given, "expires_after_days", EXPIRES_AFTER_DAYS, 1, 365),
        sender_name=given.get("sender_name", facts.SENDER_NAME),
        sender_address=_address(given, "sender_address"),
        unsubscribe_address=_address(given, "unsubscribe_address"),
        public_url=_public_url(given.get("public_url")),
        unsubscribe_keys=_keys(given.get("unsubscribe_key")),
        postal_address=_on_one_line(given.get("postal_address", "")),
        links={name: _link(given[name], name) for name in LINKS if name in given},
        resend_opens=_yes(given, "resend_opens"),
    )


def _number(given: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    try:
        value = float(given.get(name, default))
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise InvalidSetting(f"ENV_{name.upper()} must be a number from {least:g} to {most:.0f}")
    return value


def _yes(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "false").lower()
    if value not in ("true", "false"):
        raise InvalidSetting(f"ENV_{name.upper()} must be true or false")
    return value == "true"


def _address(given: Mapping[str, str], name: str) -> str | None:
    if name not in given:
        return None
    try:
        return email_address.normalise(given[name])
    except ValueError as error:
        raise InvalidSetting(f"ENV_{name.upper()} {error}") from None


def _on_one_line(value: str) -> str | None:
    """An address of several lines, as one: a line ends with a line break, or with a backslash and an n."""
    lines = (line.strip().strip(",").strip() for line in value.replace("\\n", "\n").splitlines())
    return ", ".join(filter(None, lines)) or None


def _link(value: str, name: str) -> str:
    _host(value, name)
    return value


def _public_url(value: str | None) -> str | None:
    """Mail providers call no other than https, and nothing may stand between it and the path."""
    if value is None:
        return None
    _host(value, "public_url")
    parts = urlsplit(value)
    if parts.scheme != "https" or parts.query or parts.fragment or "@" in parts.netloc:
        raise InvalidSetting("ENV_PUBLIC_URL must be the door's address, such as https://campaign.example.com")
    return value.rstrip("/")


def _keys(value: str | None) -> unsubscribe_link.Keys | None:
    try:
        return unsubscribe_link.keys(value) if value is not None else None
    except ValueError as error:
        raise InvalidSetting(f"SECRET_UNSUBSCRIBE_KEY {error} (as base64)") from None


def _host(value: str, name: str) -> str:
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidSetting(f"ENV_{name.upper()} must be a whole address that begins with https://")
    return host.rstrip(".")
