"""Reads the JSON body of a call, and refuses bodies that another parser might read differently.

Kestra parses the same bytes again with its own parser, and stores the values in PostgreSQL. The door refuses a body that Kestra
would read differently or could not store: otherwise the sender gets 200, and the call stays in the inbox for ever.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from christmas_campaign.json_types import JsonObject

#: The most bytes of a body.
MAX_BYTES = 1_048_576

#: How many levels of objects and lists a body may have, and how many characters a name or a number.
DEPTH = 100
NAME_LENGTH = 200
NUMBER_LENGTH = 1_000

# NUL and single surrogates: JSON can express both, and PostgreSQL stores neither. Kestra 1.3.31 also fails on text that
# contains a backslash, "u" and four zeros: it answers 500 to each attempt, without an execution.
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]|\\\\u0000")
_ESCAPED = re.compile(rb"\\u(0000|005c|d[89a-f])", re.IGNORECASE)


class Unreadable(Exception):
    """Parsers could read a body differently. The message continues "The body …", and the sender may read it."""


class _NotJson(ValueError):
    """Python's parser accepts this, but the JSON standard does not."""


def without_mark(raw: bytes) -> bytes:
    """Return a body without the byte order mark of UTF-8, which some senders write before the JSON. It is no part of JSON."""
    return raw.removeprefix(codecs.BOM_UTF8)


def read(raw: bytes) -> Any:
    """Return the JSON value of a body, or its text if it is not JSON (as Kestra does). Raises ``Unreadable``."""
    # In UTF-16 and UTF-32 one of the first two characters of JSON has a zero byte, or there is a mark.
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw[:4]:
        raise Unreadable("must be text in UTF-8: it is in UTF-16 or UTF-32")
    try:
        text = without_mark(raw).decode()
    except UnicodeDecodeError:
        raise Unreadable("must be text in UTF-8: it is in another encoding, such as Windows-1252") from None
    try:
        value = json.loads(
            text,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise Unreadable(f"must not be nested more than {DEPTH} levels deep") from None
    except ValueError:
        return text
    _check_depth(value)
    # Valid UTF-8 has no surrogates and valid JSON no bare control characters, so only an escape can produce them.
    if _ESCAPED.search(raw) and any(_NOT_STORABLE.search(text) for text in _texts(value)):
        raise Unreadable("must not have NUL or half of a character in a text, nor NUL as JSON writes it")
    return value


def _integer(text: str) -> int:
    if len(text) > NUMBER_LENGTH:
        raise Unreadable(f"must not have numbers of more than {NUMBER_LENGTH} digits")
    return int(text)


def _fraction(text: str) -> float:
    if len(text) > NUMBER_LENGTH or math.isinf(float(text)):
        raise Unreadable(f"must not have numbers of more than {NUMBER_LENGTH} digits, nor larger than a computer takes")
    return float(text)


def _no_constant(_: str) -> NoReturn:
    raise _NotJson


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("must not have the same name twice in one object")
    if any(len(name) > NAME_LENGTH for name in members):
        raise Unreadable(f"must not have names of more than {NAME_LENGTH} characters")
    return members


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH + 1):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise Unreadable(f"must not be nested more than {DEPTH} levels deep")


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts in a JSON value, including the names of members."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield name
            yield from _texts(child)
    elif isinstance(value, list):
        for child in value:
            yield from _texts(child)
