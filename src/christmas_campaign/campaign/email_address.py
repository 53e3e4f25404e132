"""E-mail addresses: one spelling for each, and a plain word about what is wrong with the others."""

from __future__ import annotations

import re

#: RFC 5321, section 4.5.3.1: the longest path is 256 characters with its angle brackets; the longest local part 64.
MAX_LENGTH = 254
MAX_LOCAL_LENGTH = 64

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")


def normalise(text: str) -> str:
    """Return the address trimmed and in lower case.

    Raises ``ValueError``, with a problem fit for the sender of the payload, when no mail can reach it. Addresses outside
    ASCII are refused here because Resend refuses them.
    """
    # Before the letters are made small: some outside ASCII become ASCII then, and another person's address.
    if not text.strip().isascii():
        raise ValueError("is not an e-mail address that can be sent to: it has a letter outside ASCII")
    address = text.strip().lower()
    local, at, domain = address.rpartition("@")
    if not at:
        raise ValueError("is not an e-mail address: it has no @")
    if len(address) > MAX_LENGTH or len(local) > MAX_LOCAL_LENGTH:
        raise ValueError("is not an e-mail address: it is too long")
    if not _LOCAL.fullmatch(local):
        raise ValueError("is not an e-mail address: what stands before the @ is not right")
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("is not an e-mail address: what stands after the @ is not a domain")
    return address
