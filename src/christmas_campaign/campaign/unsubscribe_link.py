"""The link with which a contact unsubscribes.

The link ends in a token: the contact's opaque id and a signature of it. So the link has no e-mail address, needs no login, does
not expire, and cannot be forged without the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import NamedTuple

#: The path of the door's unsubscribe page, before the token.
PATH = "/unsubscribe/"

#: The shortest key, in characters. A shorter one could be guessed.
LEAST_KEY = 24

#: The form of a token: an opaque id from ``opaque_ids``, a full stop, and 32 bytes in URL-safe base64.
PATTERN = r"^[0-9a-f]{24}\.[A-Za-z0-9_-]{43}$"
_TOKEN = re.compile(PATTERN)

# Part of the signed text. A signature that is made with the same key for another purpose is not a valid token.
_PURPOSE = b"unsubscribe\0"


class Keys(NamedTuple):
    """The signing keys. The first one signs, and every one is accepted, so old links work after a key rotation."""

    secrets: tuple[bytes, ...]

    def __repr__(self) -> str:
        return "Keys(…)"

    def token(self, contact: str) -> str:
        """Return the token of the contact with this opaque id. It is URL-safe and always the same."""
        return f"{contact}.{_signature(self.secrets[0], contact)}"

    def contact(self, token: object) -> str | None:
        """Return the opaque id of the contact whose token this is, or ``None`` when ``token`` is not a valid token.

        ``token`` is any value. The comparison of signatures takes constant time.
        """
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            return None
        contact, _, signature = token.partition(".")
        is_valid = False
        for secret in self.secrets:
            is_valid |= hmac.compare_digest(_signature(secret, contact), signature)
        return contact if is_valid else None


def keys(text: str) -> Keys:
    """Parse the keys in a setting, which are separated by commas, the newest first.

    Raises ``ValueError`` when a key is too short. The message does not contain any key.
    """
    secrets = [part.strip() for part in text.split(",")]
    if any(len(secret) < LEAST_KEY for secret in secrets):
        raise ValueError(f"must have keys of {LEAST_KEY} characters or more, separated by commas")
    return Keys(tuple(secret.encode() for secret in secrets))


def url(public_url: str, keys: Keys, contact: str) -> str:
    """Return the URL of a contact's unsubscribe page. ``public_url`` is the door's public address without a / at the end."""
    return f"{public_url}{PATH}{keys.token(contact)}"


def headers(link: str, address: str | None) -> dict[str, str]:
    """Return the e-mail headers for the unsubscribe button of a mail provider (RFC 2369 and RFC 8058).

    They name the page, and also a mailto address if there is one.
    """
    by_mail = [f"mailto:{address}?subject=Unsubscribe"] if address else []
    return {
        "List-Unsubscribe": ", ".join(f"<{uri}>" for uri in (link, *by_mail)),
        # Says that one POST to the page unsubscribes, without a further question.
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _signature(secret: bytes, contact: str) -> str:
    digest = hmac.new(secret, _PURPOSE + contact.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
