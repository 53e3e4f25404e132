"""Settings: what differs from one installation to the next, read once and checked.

The flows hand over the engine's environment (``envs.…`` and ``secret('…')``) as text under the names below; empty text and
``null`` mean that a setting is not given.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from christmas_campaign import addresses, campaign
from christmas_campaign.sequences import SPACING, TESTING_UNIT, Sequence

#: The host of the real Resend: there time is never squeezed.
REAL_RESEND = "api.resend.com"

#: The links that templates may name; each is a setting, for none is right for everyone.
LINKS = ("calendly_link", "pdf_download_link")


class InvalidSetting(Exception):
    """A setting cannot be used; the message names it and says what it must be."""


class Settings(NamedTuple):
    """The settings of the decisions.

    ``time_scale`` divides every delay and the spacing (1: real time). ``sender_address`` and ``unsubscribe_address`` are
    ``None`` when not given: then no e-mail can be composed.
    """

    testing_mode: bool = False
    time_scale: float = 1.0
    sender_name: str = campaign.SENDER_NAME
    sender_address: str | None = None
    unsubscribe_address: str | None = None
    links: Mapping[str, str] = {}

    @property
    def spacing(self) -> timedelta:
        """The least time between two e-mails of one sequence."""
        return (TESTING_UNIT if self.testing_mode else SPACING) / self.time_scale

    def delays(self, sequence: Sequence) -> dict[int, timedelta]:
        """Return the delay of each e-mail of ``sequence`` after the anchor, by number."""
        if self.testing_mode:
            return {email.number: TESTING_UNIT * (place + 1) for place, email in enumerate(sequence.emails)}
        return {email.number: email.delay / self.time_scale for email in sequence.emails}


def read(raw: Mapping[str, Any]) -> Settings:
    """Return the settings that the flow handed over.

    Names: ``testing_mode``, ``time_scale``, ``resend_url``, ``sender_name``, ``sender_address``, ``unsubscribe_address``,
    ``calendly_link``, ``pdf_download_link``. Raises ``InvalidSetting``.
    """
    given = {name: str(value).strip() for name, value in raw.items() if value is not None and str(value).strip()}
    testing_mode = given.get("testing_mode", "false").lower()
    if testing_mode not in ("true", "false"):
        raise InvalidSetting("SECRET_TESTING_MODE must be true or false (as base64)")
    try:
        time_scale = float(given.get("time_scale", "1"))
    except ValueError:
        time_scale = 0.0
    if not 1 <= time_scale <= 1_000_000:
        raise InvalidSetting("ENV_TIME_SCALE must be a number from 1 to 1000000")
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
        sender_name=given.get("sender_name", campaign.SENDER_NAME),
        sender_address=_address(given, "sender_address"),
        unsubscribe_address=_address(given, "unsubscribe_address"),
        links={name: _link(given[name], name) for name in LINKS if name in given},
    )


def _address(given: Mapping[str, str], name: str) -> str | None:
    if name not in given:
        return None
    try:
        return addresses.normalise(given[name])
    except ValueError as error:
        raise InvalidSetting(f"ENV_{name.upper()} {error}") from None


def _link(value: str, name: str) -> str:
    _host(value, name)
    return value


def _host(value: str, name: str) -> str:
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidSetting(f"ENV_{name.upper()} must be a whole address that begins with https://")
    return host.rstrip(".")
