"""What a setting's value must look like: each function returns what is wrong with one, or ``None``, and never the value."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import unicodedata
from typing import NamedTuple
from urllib.parse import urlsplit

from christmas_campaign.campaign import email_address

#: No key or password that stands for a secret is shorter. Ours have 43 characters.
LEAST_KEY = 24
LEAST_SIGNING = 16
LEAST_PASSWORD = 16

_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.IGNORECASE
)


class Wrong(NamedTuple):
    """What is wrong with a value and how it is mended; ``too_short`` tells a short key from a malformed one."""

    problem: str
    mend: str
    too_short: bool = False


def text(value: str) -> Wrong | None:
    """Any text on one line."""
    if any(unicodedata.category(character) == "Cc" for character in value):
        return Wrong("it has a character that cannot be seen", "write it anew by hand")
    return None


def switch(value: str) -> Wrong | None:
    """``true`` or ``false``."""
    return None if value in ("true", "false") else Wrong("it is neither true nor false", "write true or false")


def notion_token(value: str) -> Wrong | None:
    """The secret of an integration."""
    if not re.fullmatch(r"(ntn|secret)_[A-Za-z0-9]+", value):
        mend = "copy the integration's secret from Notion again, whole: it begins with ntn_ (older ones: secret_)"
        return Wrong("it is no token of Notion", mend)
    return _long_enough(value, 40, "copy it from Notion again, whole")


def notion_id(value: str) -> Wrong | None:
    """The id of a database, with or without dashes."""
    if re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value, re.IGNORECASE):
        return None
    mend = (
        "open the database in Notion as a whole page: the id is the 32 letters and digits of its address before the ?"
    )
    return Wrong("it is no id of a database", mend)


def resend_key(value: str) -> Wrong | None:
    """A key of Resend."""
    if not re.fullmatch(r"re_[A-Za-z0-9_]+", value):
        return Wrong("it is no key of Resend", "copy the key from Resend again, whole: it begins with re_")
    return _long_enough(value, 20, "copy it from Resend again, whole")


def address(value: str) -> Wrong | None:
    """An e-mail address, and nothing around it."""
    try:
        email_address.normalise(value)
    except ValueError as error:
        return Wrong(f"it {error}", "write the address alone, as name@example.com")
    return None


def link(value: str) -> Wrong | None:
    """A whole address of the web."""
    if value.isascii() and " " not in value and _parts(value) is not None:
        return None
    return Wrong("it is no address of the web", "write the whole address, https:// included")


def public_url(value: str) -> Wrong | None:
    """The door's address for the world."""
    parts = _parts(value) if value.isascii() and " " not in value else None
    if (
        parts is None
        or not value.startswith("https://")
        or "@" in value
        or value.endswith("/")
        or re.search("[?#]", value)
    ):
        return Wrong(
            "it is no address for the world",
            "write https:// and the name, as https://campaign.example.com, no / at the end",
        )
    return None


def discord(value: str) -> Wrong | None:
    """The address of a Discord webhook."""
    parts = _parts(value)
    if parts is not None and re.fullmatch(r"/api(/v\d+)?/webhooks/\d+/[A-Za-z0-9_-]+", parts[1]):
        return None
    mend = "in Discord: the channel's settings, Integrations, Webhooks, Copy Webhook URL"
    return Wrong("it is no address of a Discord webhook", mend)


def number(value: str) -> Wrong | None:
    """A number of calls a second."""
    return _between(value, 0.1, 1000, "write a number such as 3 or 2.5")


def days(value: str) -> Wrong | None:
    """A number of days."""
    return _between(value, 1, 365, "write a number of days such as 7")


def scale(value: str) -> Wrong | None:
    """What divides every delay."""
    return _between(value, 1, 1_000_000, "leave it out: it is for the demo and the tests")


def _between(value: str, least: float, most: float, mend: str) -> Wrong | None:
    try:
        good = least <= float(value) <= most
    except ValueError:
        good = False
    return None if good else Wrong(f"it is no number from {least} to {most}", mend)


def count(value: str) -> Wrong | None:
    """A whole number above 0."""
    good = re.fullmatch(r"[1-9][0-9]{0,8}", value)
    return None if good else Wrong("it is no whole number above 0", "write digits alone")


def webhook_key(value: str) -> Wrong | None:
    """The last part of a webhook's address."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        mend = (
            "use letters, digits, - and _ alone, for it is part of an address; christmas secrets rotate makes a new one"
        )
        return Wrong("it has a character that is none of an address", mend)
    return _long_enough(value, LEAST_KEY, "christmas secrets rotate makes a new one")


def signing(value: str) -> Wrong | None:
    """Secrets that a sender signs with, separated by commas."""
    for each in signing_secrets(value):
        if not each:
            return Wrong("there is nothing between two commas, or at an end", "take the comma away that is too much")
        if not each.isascii() or not each.isprintable() or " " in each:
            return Wrong("it has a blank or a character outside ASCII", "separate secrets by commas alone")
        if each.startswith("whsec_"):
            try:
                length = len(base64.b64decode(each.removeprefix("whsec_"), validate=True))
            except binascii.Error:
                return Wrong("what stands behind whsec_ is not base64", "copy the secret again, whole")
            if length < LEAST_SIGNING:
                return Wrong("it is too short to be safe", "christmas secrets rotate makes a new one", True)
        else:
            short = _long_enough(each, LEAST_SIGNING, "take a longer one")
            if short:
                return short
    return None


def unsubscribe_keys(value: str) -> Wrong | None:
    """Keys that links are made with, separated by commas."""
    for each in signing_secrets(value):
        if not re.fullmatch(r"[A-Za-z0-9._~-]+", each):
            return Wrong(
                "it has a key that is empty or not of letters, digits, - and _", "separate keys by commas alone"
            )
        short = _long_enough(each, LEAST_KEY, "christmas secrets rotate makes a new one")
        if short:
            return short
    return None


def signing_secrets(value: str) -> list[str]:
    """Return the secrets of a sender, the newest first."""
    return value.split(",")


def host(value: str) -> Wrong | None:
    """The name of a machine."""
    good = _HOST.fullmatch(value) and not re.fullmatch(r"[0-9.]+", value)
    return (
        None if good else Wrong("it is no name of a machine", "write the name alone, without https:// and without a /")
    )


def origins(value: str) -> Wrong | None:
    """Origins of web pages, separated by commas."""
    for each in value.split(","):
        parts = _parts(each.strip())
        if parts is None or parts[1] or each.strip().endswith(("/", "?", "#")):
            return Wrong("it is no origin of a web page", "write scheme and name alone, as https://www.example.com")
    return None


def networks(value: str) -> Wrong | None:
    """Addresses or networks, separated by commas."""
    try:
        for each in value.split(","):
            ipaddress.ip_network(each.strip())
    except ValueError:
        return Wrong("it is no address or network", "write it as 172.30.0.0/24 or 10.0.0.5")
    return None


def listen(value: str) -> Wrong | None:
    """An address and a port to listen at."""
    machine, _, port = value.rpartition(":")
    good = machine and re.fullmatch(r"[0-9]{1,5}", port) and int(port) < 65536
    return None if good else Wrong("it is no address with a port", "write it as 127.0.0.1:8000")


def sslmode(value: str) -> Wrong | None:
    """How a connection to PostgreSQL is protected, as libpq and Java's driver both know it."""
    good = value in ("prefer", "require", "verify-ca", "verify-full")
    return None if good else Wrong("it is no such mode", "write prefer, require, verify-ca or verify-full")


def image(value: str) -> Wrong | None:
    """A container image, by its tag and, if it is pinned, by its digest."""
    if re.fullmatch(r"[\w./-]+(:\d+/[\w./-]+)?:[\w.-]+(@sha256:[0-9a-f]{64})?", value):
        return None
    return Wrong(
        "it is no image with a tag", "write NAME:TAG, or NAME:TAG@sha256: and the 64 letters and digits of the digest"
    )


def password(value: str) -> Wrong | None:
    """A password that nobody types."""
    if not value.isascii() or not value.isprintable() or " " in value:
        return Wrong("it has a blank or a character outside ASCII", "christmas secrets rotate makes a new one")
    return _long_enough(value, LEAST_PASSWORD, "christmas secrets rotate makes a new one")


def kestra_user(value: str) -> Wrong | None:
    """A user's name as Kestra takes it: something that looks like an e-mail address."""
    good = len(value) <= 256 and re.fullmatch(r"[a-zA-Z0-9_!#$%&'*+/=?`{|}~^.-]+@[a-zA-Z0-9.-]+", value)
    return None if good else Wrong("Kestra takes only an e-mail address as a user's name", "write an address of yours")


def kestra_password(value: str) -> Wrong | None:
    """A password as Kestra takes it."""
    if len(value) < 8:
        return Wrong("it is too short to be safe", "christmas secrets rotate makes a new one", True)
    if len(value) > 256 or not all(re.search(kind, value) for kind in ("[a-z]", "[A-Z]", "[0-9]")):
        mend = "it needs a small letter, a capital and a digit, and 256 characters at the most; or have one made"
        return Wrong("Kestra does not take this password", mend)
    return text(value)


def _long_enough(value: str, least: int, mend: str) -> Wrong | None:
    return None if len(value) >= least else Wrong(f"it is too short, with less than {least} characters", mend, True)


def _parts(value: str) -> tuple[str, str] | None:
    """Host and path of a whole address of the web; ``None`` if it is none."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return (str(parts.hostname), parts.path) if good else None
