"""The settings of the door, read from the environment and checked. An error names the variable, but never shows its value."""

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

#: The defaults.
KESTRA_URL, LISTEN = "http://127.0.0.1:8080", "127.0.0.1:8000"
RATE, CONCURRENCY, INBOX_MOST = 120, 64, 10_000

#: Kestra's management port, which serves its health.
MANAGEMENT_PORT = 8081


# Only characters that need no escape in a path: the key is compared with the raw bytes of the path.
_KEY = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_WHSEC = "whsec_"


class InvalidSetting(Exception):
    """A setting is missing or invalid. The message is ``name`` and ``problem``, such as "must be a whole number"."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name = name
        self.problem = problem


@dataclass(frozen=True)
class Settings:
    """The settings of the door.

    - ``keys``: the last part of each Kestra webhook's path, by handler name.
    - ``secrets``: the secrets that calls are signed with, by handler name. Without secrets the door accepts unsigned calls.
    - ``sender``: the name of the sender of the e-mails, for the unsubscribe page.
    - ``listen``: host and port; port 0 is any free one.
    - ``inbox``, ``inbox_most``: the file, and the most calls in it.
    - ``origins``: the websites whose pages may call the door from a browser.
    - ``rate``: calls a minute from one sender. ``concurrency``: calls at the same time.
    - ``proxies``: the networks of proxies whose ``X-Forwarded-For`` the door believes.
    - ``environment``: the part of the answer of ``/health`` with this name.
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
    variables = {name: value.strip() for name, value in raw.items() if value.strip()}
    kestra_url = _url(variables, "DOOR_KESTRA_URL", KESTRA_URL)
    return Settings(
        keys={handler.name: _webhook_key(raw, f"SECRET_{handler.webhook_key}") for handler in HANDLERS},
        secrets={
            handler.name: _signing_secrets(variables, handler.signing) if handler.signing else ()
            for handler in HANDLERS
        },
        unsubscribe_keys=_unsubscribe_keys(raw),
        sender=variables.get("SENDER_NAME", facts.SENDER_NAME),
        kestra_url=kestra_url,
        kestra_health_url=_url(variables, "DOOR_KESTRA_HEALTH_URL", _health_url(kestra_url)),
        listen=_listen(variables.get("DOOR_LISTEN", LISTEN)),
        inbox=Path(variables.get("DOOR_INBOX", DEFAULT)),
        inbox_most=int(_number(variables, "DOOR_INBOX_MOST", INBOX_MOST, 1_000_000)),
        origins=frozenset(_origin(text) for text in _list(variables, "DOOR_ORIGINS")),
        rate=_number(variables, "DOOR_RATE", RATE, 1_000_000),
        concurrency=int(_number(variables, "DOOR_CONCURRENCY", CONCURRENCY, 10_000)),
        proxies=tuple(_network(text) for text in _list(variables, "DOOR_PROXIES")),
        environment=_environment(variables),
    )


def key_bytes(secret: str) -> bytes:
    """Return the bytes of a signing secret: decoded, if it has the form ``whsec_<base64>``, otherwise those of its text.

    Raises ``ValueError`` if ``whsec_`` is not followed by base64.
    """
    if not secret.startswith(_WHSEC):
        return secret.encode()
    key = base64.b64decode(secret.removeprefix(_WHSEC), validate=True)
    if not key:
        raise ValueError("empty")
    return key


def _signing_secrets(variables: Mapping[str, str], name: str) -> tuple[bytes, ...]:
    try:
        return tuple(key_bytes(secret) for secret in _list(variables, name))
    except ValueError:
        raise InvalidSetting(name, "has a secret that begins with whsec_ but does not continue in base64") from None


def _unsubscribe_keys(raw: Mapping[str, str]) -> unsubscribe_link.Keys:
    name = "SECRET_UNSUBSCRIBE_KEY"
    text = _decoded(raw, name)
    if not text.strip():
        raise InvalidSetting(name, "is missing: set the same base64 value as for Kestra")
    try:
        return unsubscribe_link.keys(text)
    except ValueError as error:
        raise InvalidSetting(name, f"{error} (as base64)") from None


def _webhook_key(raw: Mapping[str, str], name: str) -> str:
    key = _decoded(raw, name)
    if not key.strip():
        raise InvalidSetting(name, "is missing: set the same base64 value as for Kestra")
    if key != key.strip():
        raise InvalidSetting(
            name, "has a space or a line break at the start or end inside the base64: encode it again without"
        )
    if not _KEY.fullmatch(key):
        raise InvalidSetting(name, "must be letters, digits, '-', '_', '.' and '~' (as base64)")
    return key


def _decoded(raw: Mapping[str, str], name: str) -> str:
    try:
        return base64.b64decode(raw.get(name, "").strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidSetting(name, "must be base64, as for Kestra") from None


def _list(variables: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in variables.get(name, "").split(",") if part.strip()]


def _number(variables: Mapping[str, str], name: str, default: int, maximum: int) -> int:
    text = variables.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= maximum:
        raise InvalidSetting(name, f"must be a whole number from 1 to {maximum}")
    return int(text)


def _url(variables: Mapping[str, str], name: str, default: str) -> str:
    url = variables.get(name, default).rstrip("/")
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or parts.query or parts.fragment:
        raise InvalidSetting(name, "must be a complete URL that begins with http:// or https://")
    return url


def _health_url(kestra_url: str) -> str:
    """Return the default URL of Kestra's health: the same host, with the management port."""
    parts = urlsplit(kestra_url)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{parts.scheme}://{host}:{MANAGEMENT_PORT}/health"


def _listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host.strip("[]") or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise InvalidSetting("DOOR_LISTEN", "must be a host and a port, such as 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def _origin(text: str) -> str:
    # A browser sends origins in this form, so any other text would never match. "*" would allow every website.
    if not re.fullmatch(r"https?://[a-z0-9.\[\]:-]+", text):
        raise InvalidSetting(
            "DOOR_ORIGINS", "must be origins such as https://www.example.com, in lower case, without a path"
        )
    return text


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidSetting("DOOR_PROXIES", "must be addresses or networks such as 172.18.0.0/16") from None


def _environment(variables: Mapping[str, str]) -> dict[str, str | bool]:
    """Return the environment that /health shows.

    The door does not need the values of Kestra's secrets. ``DOOR_…_CONFIGURED`` can say instead that they are set.
    """
    testing = variables.get("DOOR_TESTING_MODE") or _decoded(variables, "SECRET_TESTING_MODE").strip() or "false"
    if testing.lower() not in ("true", "false"):
        raise InvalidSetting("DOOR_TESTING_MODE", "(or SECRET_TESTING_MODE, as base64) must be true or false")
    return {
        "testing_mode": testing.lower(),
        "notion_configured": _configured(variables, "DOOR_NOTION_CONFIGURED", "SECRET_NOTION_TOKEN"),
        "resend_configured": _configured(variables, "DOOR_RESEND_CONFIGURED", "SECRET_RESEND_API_KEY"),
        "discord_configured": _configured(variables, "DOOR_DISCORD_CONFIGURED", "SECRET_DISCORD_WEBHOOK_URL"),
    }


def _configured(variables: Mapping[str, str], name: str, secret: str) -> bool:
    text = variables.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise InvalidSetting(name, "must be true or false")
    return text == "true" if text else secret in variables
