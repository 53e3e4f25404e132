"""The door's settings: read from the environment once, and checked; an error names the variable and never its value."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from christmas_campaign.campaign import facts, unsubscribe_link
from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.door.http.client_address import Network
from christmas_campaign.door.inbox.store import DEFAULT

#: What counts for a setting that is not given.
KESTRA_URL, LISTEN = "http://127.0.0.1:8080", "127.0.0.1:8000"
RATE, CONCURRENCY, INBOX_MOST = 120, 64, 10_000

#: Kestra's management port: its health is there, and not beside its API.
MANAGEMENT_PORT = 8081


# What needs no escape in a path: the key of a webhook is compared with the bytes of the path as they came.
_KEY = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_WHSEC = "whsec_"


class InvalidSetting(Exception):
    """A setting is missing or cannot be used; the message names it and says what it must be.

    ``name`` is that of the setting, ``problem`` the rest of the message: a predicate, such as "must be a whole number".
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name = name
        self.problem = problem


@dataclass(frozen=True)
class Settings:
    """The settings of the door.

    ``keys`` (the last part of each webhook's address) and ``secrets`` (the keys that calls are signed with; empty: unsigned
    ones are taken) go by the handler's name. ``listen`` is a host and a port, 0 for a free one. ``rate`` is in calls a minute.
    ``environment`` is what ``/health`` shows, ``sender`` whose e-mails the pages to unsubscribe speak of.
    """

    keys: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, tuple[bytes, ...]] = field(repr=False)
    unsubscribe_keys: unsubscribe_link.Keys = field(repr=False)
    sender: str
    kestra_url: str = field(repr=False)
    kestra_health_url: str = field(repr=False)
    listen: tuple[str, int]
    inbox: Path
    inbox_most: int
    origins: frozenset[str]
    rate: float
    concurrency: int
    proxies: tuple[Network, ...]
    environment: Mapping[str, str | bool]


def read(raw: Mapping[str, str]) -> Settings:
    """Return the settings in the environment ``raw``. Raises ``InvalidSetting``."""
    given = {name: value.strip() for name, value in raw.items() if value.strip()}
    kestra_url = _url(given, "DOOR_KESTRA_URL", KESTRA_URL)
    return Settings(
        keys={each.name: _key(raw, f"SECRET_{each.webhook_key}") for each in HANDLERS},
        secrets={each.name: _signing(given, each.signing) if each.signing else () for each in HANDLERS},
        unsubscribe_keys=_unsubscribe_keys(raw),
        sender=given.get("SENDER_NAME", facts.SENDER_NAME),
        kestra_url=kestra_url,
        kestra_health_url=_url(given, "DOOR_KESTRA_HEALTH_URL", _health_url(kestra_url)),
        listen=_listen(given.get("DOOR_LISTEN", LISTEN)),
        inbox=Path(given.get("DOOR_INBOX", DEFAULT)),
        inbox_most=int(_number(given, "DOOR_INBOX_MOST", INBOX_MOST, 1_000_000)),
        origins=frozenset(_origin(each) for each in _list(given, "DOOR_ORIGINS")),
        rate=_number(given, "DOOR_RATE", RATE, 1_000_000),
        concurrency=int(_number(given, "DOOR_CONCURRENCY", CONCURRENCY, 10_000)),
        proxies=tuple(_network(each) for each in _list(given, "DOOR_PROXIES")),
        environment=_environment(given),
    )


def key_bytes(secret: str) -> bytes:
    """Return the bytes that a signing secret stands for: what ``whsec_<base64>`` holds, else the text's own.

    Raises ``ValueError`` where ``whsec_`` is not followed by base64.
    """
    if not secret.startswith(_WHSEC):
        return secret.encode()
    key = base64.b64decode(secret.removeprefix(_WHSEC), validate=True)
    if not key:
        raise ValueError("empty")
    return key


def _signing(given: Mapping[str, str], name: str) -> tuple[bytes, ...]:
    try:
        return tuple(key_bytes(each) for each in _list(given, name))
    except ValueError:
        raise InvalidSetting(name, "has a secret that begins with whsec_ and does not go on in base64") from None


def _unsubscribe_keys(raw: Mapping[str, str]) -> unsubscribe_link.Keys:
    name = "SECRET_UNSUBSCRIBE_KEY"
    text = _decoded(raw, name)
    if not text.strip():
        raise InvalidSetting(name, "is missing: the same base64 value that Kestra has")
    try:
        return unsubscribe_link.keys(text)
    except ValueError as error:
        raise InvalidSetting(name, f"{error} (as base64)") from None


def _key(raw: Mapping[str, str], name: str) -> str:
    key = _decoded(raw, name)
    if not key.strip():
        raise InvalidSetting(name, "is missing: the same base64 value that Kestra has")
    if key != key.strip():
        raise InvalidSetting(name, "has a space or a line break around it within the base64: make it again without")
    if not _KEY.fullmatch(key):
        raise InvalidSetting(name, "must be letters, digits, '-', '_', '.' and '~' (as base64)")
    return key


def _decoded(raw: Mapping[str, str], name: str) -> str:
    try:
        return base64.b64decode(raw.get(name, "").strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidSetting(name, "is not base64, as Kestra wants it") from None


def _list(given: Mapping[str, str], name: str) -> list[str]:
    return [each.strip() for each in given.get(name, "").split(",") if each.strip()]


def _number(given: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = given.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise InvalidSetting(name, f"must be a whole number from 1 to {most}")
    return int(text)


def _url(given: Mapping[str, str], name: str, default: str) -> str:
    url = given.get(name, default).rstrip("/")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment:
        raise InvalidSetting(name, "must be a whole address that begins with http:// or https://")
    return url


def _health_url(kestra_url: str) -> str:
    """Return where a Kestra with this address has its health: on the same host, on the management port."""
    parts = urlsplit(kestra_url)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{parts.scheme}://{host}:{MANAGEMENT_PORT}/health"


def _listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host.strip("[]") or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise InvalidSetting("DOOR_LISTEN", "must be a host and a port, such as 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def _origin(text: str) -> str:
    # A browser compares letter by letter and sends no path, so anything else would never match; "*" is everybody.
    if not re.fullmatch(r"https?://[a-z0-9.\[\]:-]+", text):
        raise InvalidSetting(
            "DOOR_ORIGINS", "must be origins such as https://www.example.com, in small letters, without a path"
        )
    return text


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidSetting("DOOR_PROXIES", "must be addresses or networks such as 172.18.0.0/16") from None


def _environment(given: Mapping[str, str]) -> dict[str, str | bool]:
    """What /health shows. The door needs no value of these secrets, so it can be told instead whether they are set."""
    testing = given.get("DOOR_TESTING_MODE") or _decoded(given, "SECRET_TESTING_MODE").strip() or "false"
    if testing.lower() not in ("true", "false"):
        raise InvalidSetting("DOOR_TESTING_MODE", "(or SECRET_TESTING_MODE, as base64) must be true or false")
    return {
        "testing_mode": testing.lower(),
        "notion_configured": _configured(given, "DOOR_NOTION_CONFIGURED", "SECRET_NOTION_TOKEN"),
        "resend_configured": _configured(given, "DOOR_RESEND_CONFIGURED", "SECRET_RESEND_API_KEY"),
        "discord_configured": _configured(given, "DOOR_DISCORD_CONFIGURED", "SECRET_DISCORD_WEBHOOK_URL"),
    }


def _configured(given: Mapping[str, str], name: str, secret: str) -> bool:
    said = given.get(name, "").lower()
    if said not in ("", "true", "false"):
        raise InvalidSetting(name, "must be true or false")
    return said == "true" if said else secret in given
