"""Resend's rules for an e-mail, and its error for each broken rule."""

from __future__ import annotations

import re
from typing import Any

from christmas_campaign.json_types import JsonObject

MAX_RECIPIENTS = 50
MAX_KEY = 256
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_NAMED = re.compile(r"[^<>\r\n]*<([^<>]*)>")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


class ResendError(Exception):
    """A refused call, with the status, the error name and the message of Resend's answer."""

    def __init__(self, status: int, name: str, message: str) -> None:
        """Take the HTTP status, Resend's error name and the message."""
        super().__init__(message)
        self.status = status
        self.name = name
        self.message = message


def check_key(key: str) -> None:
    """Raise ``ResendError`` if an idempotency key is empty or longer than 256 characters."""
    if not 1 <= len(key) <= MAX_KEY:
        raise ResendError(400, "invalid_idempotency_key", f"The key must be between 1-{MAX_KEY} chars.")


def read_email(body: Any) -> JsonObject:
    """Return the e-mail in a request's body: from, to, cc, bcc, reply_to, subject, html, text, headers and tags.

    A single address becomes a list of one. Absent fields are ``None`` or empty. Fields that Resend does not have are ignored.
    Raises ``ResendError`` for the first field that Resend would refuse.
    """
    if not isinstance(body, dict):
        raise ResendError(400, "validation_error", "The request body must be a JSON object.")
    for name in ("from", "to", "subject"):
        if body.get(name) in (None, "", []):
            raise ResendError(422, "missing_required_field", f"Missing `{name}` field.")
    for name in ("attachments", "scheduled_at", "template", "topic_id"):
        if body.get(name) is not None:
            raise _invalid(f"The sandbox does not support the `{name}` field.")
    sender = body["from"]
    if not isinstance(sender, str) or not _is_address(sender):
        raise ResendError(422, "invalid_from_address", f"Invalid `from` field. {_FORMAT}")
    mail: JsonObject = {
        "from": sender,
        "to": [*_addresses(body, "to")],
        "cc": [*_addresses(body, "cc")],
        "bcc": [*_addresses(body, "bcc")],
        "reply_to": [*_addresses(body, "reply_to")],
        "subject": _subject(body["subject"]),
        "html": _content(body, "html"),
        "text": _content(body, "text"),
        "headers": {**_headers(body.get("headers"))},
        "tags": [{**tag} for tag in _tags(body.get("tags"))],
    }
    if not mail["html"] and not mail["text"]:
        raise ResendError(422, "missing_required_field", "Missing `html` or `text` field.")
    return mail


_FORMAT = "The email address needs to follow the `email@example.com` or `Name <email@example.com>` format."


def _invalid(message: str) -> ResendError:
    return ResendError(422, "validation_error", message)


def _is_address(value: str) -> bool:
    named = _NAMED.fullmatch(value.strip())
    return bool(_ADDRESS.fullmatch(named[1].strip() if named else value.strip()))


def _addresses(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name)
    addresses = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(addresses, list):
        raise _invalid(f"The `{name}` field must be a string or a list of strings.")
    if len(addresses) > MAX_RECIPIENTS:
        raise _invalid(f"The `{name}` field takes at most {MAX_RECIPIENTS} addresses.")
    for address in addresses:
        if not isinstance(address, str) or not _is_address(address):
            raise _invalid(f"Invalid `{name}` field. {_FORMAT}")
    return addresses


def _subject(value: Any) -> str:
    if not isinstance(value, str):
        raise _invalid("The `subject` field must be a string.")
    for character, name in (("\n", "\\n"), ("\r", "\\r")):
        if character in value:
            raise _invalid(f"The `{name}` is not allowed in the `subject` field.")
    return value


def _content(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise _invalid(f"The `{name}` field must be a string.")
    return value


def _headers(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(line, str) for line in value.values()):
        raise _invalid("The `headers` field must be an object of strings.")
    for name, line in value.items():
        if not re.fullmatch(r"[!-9;-~]+", name) or "\n" in line or "\r" in line:
            raise _invalid(f"Invalid header: {name!r}.")
    return dict(value)


def _tags(value: Any) -> list[dict[str, str]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _invalid("The `tags` field must be a list of objects with a name and a value.")
    tags = []
    for tag in value:
        parts = {key: tag.get(key) if isinstance(tag, dict) else None for key in ("name", "value")}
        for part in parts.values():
            if not isinstance(part, str) or not _TAG.fullmatch(part):
                raise _invalid("Tags should only contain ASCII letters, numbers, underscores, or dashes.")
        tags.append({key: str(part) for key, part in parts.items()})
    return tags
