"""Names of contacts and businesses as strangers type them into a form: which of them an e-mail may show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from christmas_campaign.campaign.facts import UNNAMED

#: The most characters of a name in an e-mail.
LONGEST = 80

# A web address, an e-mail address, or the path of a short link ("bit.ly/x"). A domain alone may be a name: "Salon.ca".
_ADDRESS = re.compile(r"://|\bwww\.|\bmailto:|\S@\S+\.\S|\w\.[a-z]{2,}/\S", re.IGNORECASE)

_Value = TypeVar("_Value")


def is_usable(name: str) -> bool:
    """Return whether an e-mail may show a name. With an address in a name our e-mail would advertise for a stranger."""
    return len(name.strip()) <= LONGEST and not _ADDRESS.search(name)


def is_name(field: str) -> bool:
    """Return whether the field of a payload or property of a contact is a name that is checked."""
    return field in UNNAMED


def without_unusable(values: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return values by name, without the names of contacts and businesses that an e-mail may not show."""
    return {
        name: value
        for name, value in values.items()
        if not (is_name(name) and isinstance(value, str) and not is_usable(value))
    }
