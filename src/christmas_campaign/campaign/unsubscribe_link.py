"""The link by which a contact unsubscribes: a token that says who she is and that we have made it.

A token is her opaque id and a signature of it: no address is in it, no login is needed, it does not expire, and nobody makes
one without the key. Whoever has a token got the e-mail that it stands in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import NamedTuple

#: The path of the page at the door, before the token.
PATH = "/unsubscribe/"

#: A key of fewer characters could be guessed.
LEAST_KEY = 24

#: What every token looks like: an id as `identity` makes it, and 32 bytes in base64 for addresses.
PATTERN = r"^[0-9a-f]{24}\.[A-Za-z0-9_-]{43}$"
_TOKEN = re.compile(PATTERN)

# So that a signature made for another purpose with the same key is none of these.
_PURPOSE = b"unsubscribe\0"


class Keys(NamedTuple):
    """The keys: the first one signs, and all of them hold, so that old links go on after a rotation."""

    secrets: tuple[bytes, ...]

    def __repr__(self) -> str:
        return "Keys(…)"

    def token(self, contact: str) -> str:
        """Return the token of a contact, by her opaque id: the same each time, fit for an address."""
        return f"{contact}.{_signature(self.secrets[0], contact)}"

    def contact(self, token: object) -> str | None:
        """Return the opaque id of the contact whose token this is; ``None`` for whatever is no token of ours, found out in a
        time that does not depend on how near it is."""
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            return None
        contact, _, given = token.partition(".")
        right = False
        for secret in self.secrets:
            right |= hmac.compare_digest(_signature(secret, contact), given)
        return contact if right else None


def keys(text: str) -> Keys:
    """Return the keys in a setting, separated by commas, the newest first. Raises ``ValueError``, which shows none of them."""
    found = [each.strip() for each in text.split(",")]
    if any(len(each) < LEAST_KEY for each in found):
        raise ValueError(f"must have keys of {LEAST_KEY} characters or more, separated by commas")
    return Keys(tuple(each.encode() for each in found))


def url(public_url: str, keys: Keys, contact: str) -> str:
    """Return the address of a contact's page: ``public_url`` is the door's for the world, without a / at its end."""
    return f"{public_url}{PATH}{keys.token(contact)}"


def headers(link: str, address: str | None) -> dict[str, str]:
    """Return the headers by which a mail provider offers to unsubscribe (RFC 2369 and RFC 8058): the page, and besides, if
    there is an ``address``, by a mail to those who read it."""
    by_mail = [f"mailto:{address}?subject=Unsubscribe"] if address else []
    return {
        "List-Unsubscribe": ", ".join(f"<{way}>" for way in (link, *by_mail)),
        # That the page takes a POST at once, without a question.
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _signature(secret: bytes, contact: str) -> str:
    digest = hmac.new(secret, _PURPOSE + contact.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
