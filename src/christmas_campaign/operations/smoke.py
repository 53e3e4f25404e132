"""A first look at the real Notion and the real Resend with the keys of an installation; never run by a test with real keys."""

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

#: Resend's own address for such mails: taken, marked as delivered, and nobody gets it.
RECIPIENT = "delivered@resend.dev"


class ResendRefused(CommandError):
    """Resend did not take the mail; the message is one plain sentence, Resend's own included."""


class Looked(NamedTuple):
    """What was found: how many databases were read, what is wrong with them, and the id that Resend gave the mail."""

    databases: int
    faults: list[Fault]
    mail: str


def refuse(environment: Mapping[str, str]) -> str | None:
    """Return why it must not be run here: real keys are used, and a real mail is sent. ``None``: it may.

    ``environment`` is the process's, with ``SMOKE`` and ``CI``.
    """
    if environment.get("CI", "").lower() not in ("", "0", "false"):
        return "it calls the real Notion and the real Resend, so it does not run where CI is set"
    if environment.get("SMOKE") != "yes":
        return "it reads the real Notion and sends a real mail: say SMOKE=yes if that is what you want"
    return None


def look(environment: Environment, now: datetime) -> Looked:
    """Read each of the campaign's databases once, then send one mail to ``RECIPIENT``.

    ``now`` (aware) stands in the mail. Raises ``SettingError`` before anything is called where a setting is missing,
    ``NotionError`` or ``ResendRefused`` where one of the two does not take the call.
    """
    key = environment.secret("RESEND_API_KEY")
    sender = environment.values.get("ENV_SENDER_ADDRESS", "").strip()
    if not sender:
        raise SettingError(f"ENV_SENDER_ADDRESS is missing in {environment.origin}")
    name = environment.values.get("ENV_SENDER_NAME", "").strip() or facts.SENDER_NAME
    with environment.notion() as notion:
        faults = [fault for found in examine(environment, notion) for fault in found.faults]
    url = environment.values.get("ENV_RESEND_URL") or RESEND_URL
    return Looked(len(DATABASES), faults, _send(url, key, f"{name} <{sender}>", now))


def _send(url: str, key: str, sender: str, now: datetime) -> str:
    # Checked here: the HTTP client's own message would show the key.
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ResendRefused("the key for Resend has a character that no key has: copy it again, whole and alone")
    letter = {
        "from": sender,
        "to": [RECIPIENT],
        "subject": "A test of the Christmas campaign",
        "text": f"Sent by `christmas smoke` at {now.isoformat(timespec='seconds')}.",
    }
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"smoke-{uuid.uuid4()}"}
    try:
        answer = httpx.post(f"{url.rstrip('/')}/emails", json=letter, headers=headers, timeout=30)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ResendRefused(f"Resend at {url} does not answer: {str(error) or type(error).__name__}") from None
    try:
        said = answer.json()
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    if answer.is_success and said.get("id"):
        return str(said["id"])
    raise ResendRefused(f"Resend answered {answer.status_code}: {said.get('message') or 'without a reason'}")
