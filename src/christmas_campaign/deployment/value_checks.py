"""Checks of the value of a setting. Each returns the fault of a value, or ``None``; no message contains the value."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import unicodedata
from typing import NamedTuple
from urllib.parse import urlsplit

from christmas_campaign.campaign import email_address, sender_settings
from christmas_campaign.campaign.settings import InvalidSetting

#: The fewest characters of a key, a signing secret and a password. Generated ones have 43.
LEAST_KEY = 24
LEAST_SIGNING = 16
LEAST_PASSWORD = 16

_ROTATE = "run christmas secrets rotate for a new one"

_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.IGNORECASE
)


class ValueFault(NamedTuple):
    """The problem of a value, and its correction (``mend``).

    ``too_short`` distinguishes a short key from a malformed one.
    """

    problem: str
    mend: str
    too_short: bool = False


def text(value: str) -> ValueFault | None:
    """Accept any text without control characters."""
    if any(unicodedata.category(character) == "Cc" for character in value):
        return ValueFault("it has a character that cannot be seen", "type the value again by hand")
    return None


def switch(value: str) -> ValueFault | None:
    """Accept ``true`` and ``false``."""
    return None if value in ("true", "false") else ValueFault("it is neither true nor false", "write true or false")


def notion_token(value: str) -> ValueFault | None:
    """Accept the secret of a Notion integration."""
    if not re.fullmatch(r"(ntn|secret)_[A-Za-z0-9]+", value):
        mend = "copy the whole secret of the integration from Notion: it begins with ntn_ (an older one with secret_)"
        return ValueFault("it is not a token of Notion", mend)
    return _length_fault(value, 40, "copy the whole secret from Notion")


def notion_id(value: str) -> ValueFault | None:
    """Accept the id of a Notion database, with or without dashes."""
    if re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value, re.IGNORECASE):
        return None
    mend = "open the database in Notion as a full page: the id is the 32 letters and digits before the ? of its address"
    return ValueFault("it is not the id of a database", mend)


def resend_key(value: str) -> ValueFault | None:
    """Accept an API key of Resend."""
    if not re.fullmatch(r"re_[A-Za-z0-9_]+", value):
        return ValueFault("it is not a key of Resend", "copy the whole key from Resend: it begins with re_")
    return _length_fault(value, 20, "copy the whole key from Resend")


def address(value: str) -> ValueFault | None:
    """Accept an e-mail address without a name or brackets."""
    try:
        email_address.normalise(value)
    except ValueError as error:
        return ValueFault(f"it {error}", "write the address alone, as name@example.com")
    return None


def domains(value: str) -> ValueFault | None:
    """Accept domains, separated by commas."""
    try:
        sender_settings.read({"own_domains": value})
    except InvalidSetting:
        return ValueFault("one of them is not a domain", "write domains such as example.com, separated by commas")
    return None


def link(value: str) -> ValueFault | None:
    """Accept an absolute web address."""
    if value.isascii() and " " not in value and _host_and_path(value) is not None:
        return None
    return ValueFault("it is not a web address", "write the whole address, with https://")


def public_url(value: str) -> ValueFault | None:
    """Accept an https address to which a path can be appended."""
    parts = _host_and_path(value) if value.isascii() and " " not in value else None
    if (
        parts is None
        or not value.startswith("https://")
        or "@" in value
        or value.endswith("/")
        or re.search("[?#]", value)
    ):
        return ValueFault(
            "it is not a public web address",
            "write https:// and the name, such as https://campaign.example.com, with no / at the end",
        )
    return None


def discord(value: str) -> ValueFault | None:
    """Accept the address of a Discord webhook."""
    parts = _host_and_path(value)
    if parts is not None and re.fullmatch(r"/api(/v\d+)?/webhooks/\d+/[A-Za-z0-9_-]+", parts[1]):
        return None
    mend = "copy it in Discord: the channel's settings, Integrations, Webhooks, Copy Webhook URL"
    return ValueFault("it is not the address of a Discord webhook", mend)


def number(value: str) -> ValueFault | None:
    """Accept a number of requests a second."""
    return _range_fault(value, 0.1, 1000, "write a number such as 3 or 2.5")


def days(value: str) -> ValueFault | None:
    """Accept a number of days."""
    return _range_fault(value, 1, 365, "write a number of days such as 7")


def scale(value: str) -> ValueFault | None:
    """Accept a divisor of the delays."""
    return _range_fault(value, 1, 1_000_000, "remove the line: only the demo and the tests need it")


def _range_fault(value: str, least: float, most: float, mend: str) -> ValueFault | None:
    try:
        valid = least <= float(value) <= most
    except ValueError:
        valid = False
    return None if valid else ValueFault(f"it is not a number from {least} to {most}", mend)


def count(value: str) -> ValueFault | None:
    """Accept a whole number above 0."""
    valid = re.fullmatch(r"[1-9][0-9]{0,8}", value)
    return None if valid else ValueFault("it is not a whole number above 0", "write digits only")


def webhook_key(value: str) -> ValueFault | None:
    """Accept a key that can be the last part of a webhook's address."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        mend = f"use only letters, digits, - and _, because the key is part of an address; or {_ROTATE}"
        return ValueFault("it has a character that is not allowed in a key", mend)
    return _length_fault(value, LEAST_KEY, _ROTATE)


def signing(value: str) -> ValueFault | None:
    """Accept one or more signing secrets, separated by commas."""
    for secret in split_secrets(value):
        if not secret:
            return ValueFault("there is no secret before or after a comma", "remove the extra comma")
        if not secret.isascii() or not secret.isprintable() or " " in secret:
            return ValueFault("it has a blank or a character outside ASCII", "separate the secrets by commas only")
        if secret.startswith("whsec_"):
            try:
                length = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
            except binascii.Error:
                return ValueFault("the part after whsec_ is not base64", "copy the whole secret again")
            if length < LEAST_SIGNING:
                return ValueFault("it is too short to be safe", _ROTATE, True)
        else:
            length_fault = _length_fault(secret, LEAST_SIGNING, "use a longer one")
            if length_fault:
                return length_fault
    return None


def unsubscribe_keys(value: str) -> ValueFault | None:
    """Accept one or more keys of unsubscribe links, separated by commas."""
    for key in split_secrets(value):
        if not re.fullmatch(r"[A-Za-z0-9._~-]+", key):
            return ValueFault(
                "it has an empty key, or one with other characters than letters, digits, - and _",
                "separate the keys by commas only",
            )
        length_fault = _length_fault(key, LEAST_KEY, _ROTATE)
        if length_fault:
            return length_fault
    return None


def split_secrets(value: str) -> list[str]:
    """Return the secrets of a setting that may have several, the newest first."""
    return value.split(",")


def host(value: str) -> ValueFault | None:
    """Accept the DNS name of a machine."""
    valid = _HOST.fullmatch(value) and not re.fullmatch(r"[0-9.]+", value)
    return None if valid else ValueFault("it is not a domain name", "write the name only, without https:// and /")


def origins(value: str) -> ValueFault | None:
    """Accept origins of web pages, separated by commas."""
    for origin in value.split(","):
        parts = _host_and_path(origin.strip())
        if parts is None or parts[1] or origin.strip().endswith(("/", "?", "#")):
            mend = "write only the scheme and name of the page, such as https://www.example.com"
            return ValueFault("it is not the origin of a web page", mend)
    return None


def networks(value: str) -> ValueFault | None:
    """Accept IP addresses and networks, separated by commas."""
    try:
        for network in value.split(","):
            ipaddress.ip_network(network.strip())
    except ValueError:
        return ValueFault("it is not an IP address or a network", "write it as 172.30.0.0/24 or 10.0.0.5")
    return None


def listen(value: str) -> ValueFault | None:
    """Accept a host and a port to listen on."""
    machine, _, port = value.rpartition(":")
    valid = machine and re.fullmatch(r"[0-9]{1,5}", port) and int(port) < 65536
    return None if valid else ValueFault("it is not a host and a port", "write it as 127.0.0.1:8000")


def sslmode(value: str) -> ValueFault | None:
    """Accept the modes of a PostgreSQL connection that both libpq and the Java driver know."""
    valid = value in ("prefer", "require", "verify-ca", "verify-full")
    return None if valid else ValueFault("there is no such mode", "write prefer, require, verify-ca or verify-full")


def image(value: str) -> ValueFault | None:
    """Accept a container image with a tag, and with a digest if there is one."""
    if re.fullmatch(r"[\w./-]+(:\d+/[\w./-]+)?:[\w.-]+(@sha256:[0-9a-f]{64})?", value):
        return None
    return ValueFault(
        "it is not an image with a tag",
        "write NAME:TAG, or NAME:TAG@sha256: and the 64 letters and digits of the digest",
    )


def password(value: str) -> ValueFault | None:
    """Accept a password that no person has to type."""
    if not value.isascii() or not value.isprintable() or " " in value:
        return ValueFault("it has a blank or a character outside ASCII", _ROTATE)
    return _length_fault(value, LEAST_PASSWORD, _ROTATE)


def kestra_user(value: str) -> ValueFault | None:
    """Accept a user name that Kestra accepts: it must look like an e-mail address."""
    valid = len(value) <= 256 and re.fullmatch(r"[a-zA-Z0-9_!#$%&'*+/=?`{|}~^.-]+@[a-zA-Z0-9.-]+", value)
    if valid:
        return None
    return ValueFault("Kestra accepts only an e-mail address as a user name", "write your own e-mail address")


def kestra_password(value: str) -> ValueFault | None:
    """Accept a password that Kestra accepts."""
    if len(value) < 8:
        return ValueFault("it is too short to be safe", _ROTATE, True)
    if len(value) > 256 or not all(re.search(kind, value) for kind in ("[a-z]", "[A-Z]", "[0-9]")):
        mend = f"use a small letter, a capital and a digit, and at most 256 characters; or {_ROTATE}"
        return ValueFault("Kestra does not accept this password", mend)
    return text(value)


def _length_fault(value: str, least: int, mend: str) -> ValueFault | None:
    return None if len(value) >= least else ValueFault(f"it has fewer than {least} characters", mend, True)


def _host_and_path(value: str) -> tuple[str, str] | None:
    """Return the host and the path of an absolute web address; ``None`` if it is not one."""
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return (str(parts.hostname), parts.path) if valid else None
