"""Check e-mail addresses, and give each one a single spelling."""

from __future__ import annotations

import re

#: From RFC 5321, section 4.5.3.1: a path has at most 256 characters, two of them angle brackets; a local part at most 64.
MAX_LENGTH = 254
MAX_LOCAL_LENGTH = 64

_ENCODED = "xn--"

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")


def normalise(text: str) -> str:
    """Return the address without surrounding white space and in lower case.

    A domain outside ASCII is encoded as punycode. Raises ``ValueError`` when no e-mail can reach the address; the message is
    for the sender of the payload. A local part outside ASCII is refused because Resend refuses it.
    """
    address = text.strip()
    if not address.isascii():
        local, at, domain = address.rpartition("@")
        address = f"{local}{at}{'.'.join(map(_encode, domain.split('.')))}"
    # Lower-casing comes after this check: it turns some letters outside ASCII into ASCII, which is another person's address.
    if not address.isascii():
        raise ValueError("is not an e-mail address that can be sent to: it has a letter outside ASCII before the @")
    address = address.lower()
    local, at, domain = address.rpartition("@")
    if not at:
        raise ValueError("is not an e-mail address: it has no @")
    if len(address) > MAX_LENGTH or len(local) > MAX_LOCAL_LENGTH:
        raise ValueError("is not an e-mail address: it is too long")
    if not _LOCAL.fullmatch(local):
        raise ValueError("is not an e-mail address: the part before the @ is not valid")
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("is not an e-mail address: the part after the @ is not a domain")
    return address


def _encode(label: str) -> str:
    """Return a part of a domain as punycode if it has letters outside ASCII. Raises ``ValueError`` if it cannot be encoded."""
    if label.isascii():
        return label
    # Imported here because hardly any address needs it, and the import takes as long as a whole step.
    import idna

    try:
        encoded = idna.encode(label, uts46=True).decode()
    except idna.IDNAError:
        encoded = ""
    # Some letters outside ASCII have a form in ASCII, which would be another domain.
    if not is_encoded(encoded):
        raise ValueError("is not an e-mail address: the part after the @ is not a domain")
    return encoded


def readable(address: str) -> str:
    """Return a normalised address as people write it: the letters of its domain are decoded."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{'.'.join(map(decoded, domain.split('.')))}"


def is_encoded(label: str) -> bool:
    """Return whether a part of a domain (between two dots) has letters outside ASCII, encoded as punycode."""
    return label.startswith(_ENCODED)


def decoded(label: str) -> str:
    """Return an encoded part of a domain as people write it; any other part, or one that is not valid, as it is."""
    if not is_encoded(label):
        return label
    try:
        return label.removeprefix(_ENCODED).encode().decode("punycode")
    except UnicodeError:
        return label


def is_same(value: object, address: str) -> bool:
    """Return whether a value that a person may have typed is ``address``, a text that ``normalise`` returned."""
    try:
        return isinstance(value, str) and normalise(value) == address
    except ValueError:
        return False
