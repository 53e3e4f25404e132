"""Tries the keys of an installation with the real Notion and the real Resend. Tests never run it with real keys."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import httpx

from christmas_campaign.campaign import facts
from christmas_campaign.campaign.settings import REAL_RESEND
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.errors import CommandError
from christmas_campaign.notion.schema import DATABASES
from christmas_campaign.operations.notion_check import Fault, examine

RESEND_URL = f"https://{REAL_RESEND}"

#: Resend's test address: Resend accepts the mail and marks it as delivered, and nobody receives it.
RECIPIENT = "delivered@resend.dev"


class ResendRefused(CommandError):
    """Resend did not accept the mail; the message includes Resend's reason."""


class SmokeResult(NamedTuple):
    """How many databases were read, their faults, and the id that Resend gave the mail."""

    databases: int
    faults: list[Fault]
    mail: str


def refuse(environment: Mapping[str, str]) -> str | None:
    """Return why the command must not run in this environment, ``None`` if it may: it uses real keys and sends a real mail.

    ``environment`` is the process's, with ``SMOKE`` and ``CI``.
    """
    if environment.get("CI", "").lower() not in ("", "0", "false"):
        return "it calls the real Notion and the real Resend, so it does not run where CI is set"
    if environment.get("SMOKE") != "yes":
        return "it reads the real Notion and sends a real mail: set SMOKE=yes to run it"
    return None


def try_keys(environment: Environment, now: datetime) -> SmokeResult:
    """Read each of the campaign's databases once, then send one mail to ``RECIPIENT``.

    ``now`` (aware) is part of the mail. Raises ``SettingError`` for a missing setting before any request, ``NotionError`` or
    ``ResendRefused`` if one of the two refuses a request or does not respond.
    """
    key = environment.secret("RESEND_API_KEY")
    sender = environment.values.get("ENV_SENDER_ADDRESS", "").strip()
    if not sender:
        raise SettingError(f"ENV_SENDER_ADDRESS is missing in {environment.origin}")
    name = environment.values.get("ENV_SENDER_NAME", "").strip() or facts.SENDER_NAME
    with environment.notion() as notion:
        faults = [fault for check in examine(environment, notion) for fault in check.faults]
    url = environment.values.get("ENV_RESEND_URL") or RESEND_URL
    return SmokeResult(len(DATABASES), faults, _send(url, key, f"{name} <{sender}>", now))


def _send(url: str, key: str, sender: str, now: datetime) -> str:
    # Checked here, because the error of the HTTP client would show the key.
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ResendRefused(
            "RESEND_API_KEY contains a character that no key has: copy it again, without anything around it"
        )
    letter = {
        "from": sender,
        "to": [RECIPIENT],
        "subject": "A test of the Christmas campaign",
        "text": f"Sent by `christmas smoke` at {now.isoformat(timespec='seconds')}.",
    }
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"smoke-{uuid.uuid4()}"}
    try:
        response = httpx.post(f"{url.rstrip('/')}/emails", json=letter, headers=headers, timeout=30)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ResendRefused(f"Resend at {url} does not answer: {str(error) or type(error).__name__}") from None
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    if response.is_success and body.get("id"):
        return str(body["id"])
    raise ResendRefused(f"Resend answered {response.status_code}: {body.get('message') or 'without a reason'}")
