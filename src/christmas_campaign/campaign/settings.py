"""Read and check the settings, which differ between installations.

The flows pass the engine's environment (``envs.…`` and ``secret('…')``) as text under the names in ``read``. Empty text and
``null`` mean that a setting is not set.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from christmas_campaign.campaign import email_address, facts, unsubscribe_link
from christmas_campaign.campaign.facts import SPACING, TESTING_UNIT

#: The host of the real Resend. With it a time scale is not allowed.
REAL_RESEND = "api.resend.com"

#: The host on which `christmas up` runs the door.
LOCAL_HOST = "127.0.0.1"

#: The calls that one e-mail costs: three to Notion (page, stamp, analytics) and one to Resend.
NOTION_CALLS, RESEND_CALLS = 3, 1

#: The default rates in calls a second: Notion's limit for one integration, and Resend's on its default plan.
NOTION_RATE, RESEND_RATE = 3.0, 2.0

#: An e-mail expires this many days after it was due.
EXPIRES_AFTER_DAYS = 7.0

#: The lower limit of the scaled expiry, so that a test's e-mail does not expire on a busy machine.
SHORTEST_EXPIRY = timedelta(hours=1)

#: The links that templates may use. Each one is a setting of the same name.
LINKS = ("calendly_link", "pdf_download_link")


class InvalidSetting(Exception):
    """A setting is invalid. The message names it and its allowed values."""


class Settings(NamedTuple):
    """The settings of the decisions.

    - ``time_scale`` divides every delay, the spacing, the pace and the waits (1: real time).
    - ``notion_rate`` and ``resend_rate``: the rate limits of the providers, in calls a second.
    - ``expires_after_days``: how late an e-mail may be.
    - ``sender_address``, ``public_url``, ``unsubscribe_keys`` and ``postal_address``: while one of them is ``None``, no e-mail
      can be composed. ``public_url`` is the door's public address without a / at the end; ``postal_address`` has one line.
    - ``resend_opens``: whether delivery reports of opened e-mails and followed links count.
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
        """The shortest time between two e-mails of one sequence."""
        return (TESTING_UNIT if self.testing_mode else SPACING) / self.time_scale

    @property
    def pace(self) -> timedelta:
        """The shortest time from the start of one e-mail to the start of the next, across all contacts."""
        seconds = max(NOTION_CALLS / self.notion_rate, RESEND_CALLS / self.resend_rate)
        return timedelta(seconds=seconds) / self.time_scale

    @property
    def expires_after(self) -> timedelta:
        """How late an e-mail may be and still be sent."""
        return max(timedelta(days=self.expires_after_days) / self.time_scale, SHORTEST_EXPIRY)


def read(raw: Mapping[str, Any]) -> Settings:
    """Return the settings from the values that a flow passes.

    Names: ``testing_mode``, ``time_scale``, ``resend_url``, ``notion_rate``, ``resend_rate``, ``expires_after_days``,
    ``sender_name``, ``sender_address``, ``unsubscribe_address``, ``public_url``, ``unsubscribe_key``, ``postal_address``,
    ``calendly_link``, ``pdf_download_link``, ``resend_opens``. Raises ``InvalidSetting``.
    """
    values = {name: str(value).strip() for name, value in raw.items() if value is not None and str(value).strip()}
    testing_mode = values.get("testing_mode", "false").lower()
    if testing_mode not in ("true", "false"):
        raise InvalidSetting("SECRET_TESTING_MODE must be true or false (as base64)")
    time_scale = _number(values, "time_scale", 1, 1, 1_000_000)
    if time_scale != 1:
        if testing_mode == "true":
            raise InvalidSetting("ENV_TIME_SCALE must not be set together with SECRET_TESTING_MODE=true: choose one")
        if _uses_real_resend(values):
            raise InvalidSetting(
                "ENV_TIME_SCALE must not be set with the real Resend: real contacts would get all e-mails at once"
            )
    return Settings(
        testing_mode=testing_mode == "true",
        time_scale=time_scale,
        notion_rate=_number(values, "notion_rate", NOTION_RATE, 0.1, 1000),
        resend_rate=_number(values, "resend_rate", RESEND_RATE, 0.1, 1000),
        expires_after_days=_number(values, "expires_after_days", EXPIRES_AFTER_DAYS, 1, 365),
        sender_name=values.get("sender_name", facts.SENDER_NAME),
        sender_address=_address(values, "sender_address"),
        unsubscribe_address=_address(values, "unsubscribe_address"),
        public_url=_public_url(values),
        unsubscribe_keys=_keys(values.get("unsubscribe_key")),
        postal_address=_on_one_line(values.get("postal_address", "")),
        links={name: _link(values[name], name) for name in LINKS if name in values},
        resend_opens=_yes(values, "resend_opens"),
    )


def _number(values: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    try:
        value = float(values.get(name, default))
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise InvalidSetting(f"ENV_{name.upper()} must be a number from {least:g} to {most:.0f}")
    return value


def _yes(values: Mapping[str, str], name: str) -> bool:
    value = values.get(name, "false").lower()
    if value not in ("true", "false"):
        raise InvalidSetting(f"ENV_{name.upper()} must be true or false")
    return value == "true"


def _address(values: Mapping[str, str], name: str) -> str | None:
    if name not in values:
        return None
    try:
        return email_address.normalise(values[name])
    except ValueError as error:
        raise InvalidSetting(f"ENV_{name.upper()} {error}") from None


def _on_one_line(value: str) -> str | None:
    """Return a postal address on one line, or ``None`` if it is empty. Its lines end with a line break or with ``\\n``."""
    lines = (line.strip().strip(",").strip() for line in value.replace("\\n", "\n").splitlines())
    return ", ".join(filter(None, lines)) or None


def _link(value: str, name: str) -> str:
    _host(value, name)
    return value


def _public_url(values: Mapping[str, str]) -> str | None:
    """Check the public URL. Mail providers call only https URLs, and the path of the unsubscribe page is appended to it.

    The door of `christmas up` has no certificate: it may be http on this machine, if the real Resend sends none of the e-mails.
    """
    value = values.get("public_url")
    if value is None:
        return None
    is_local = _host(value, "public_url") == LOCAL_HOST and not _uses_real_resend(values)
    parts = urlsplit(value)
    if not (parts.scheme == "https" or is_local) or parts.query or parts.fragment or "@" in parts.netloc:
        raise InvalidSetting("ENV_PUBLIC_URL must be the door's address, such as https://campaign.example.com")
    return value.rstrip("/")


def _uses_real_resend(values: Mapping[str, str]) -> bool:
    return _host(values.get("resend_url", f"https://{REAL_RESEND}"), "resend_url") == REAL_RESEND


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
        raise InvalidSetting(f"ENV_{name.upper()} must be a complete URL that begins with https://")
    return host.rstrip(".")
