"""The body of a call: JSON that every reader reads alike.

Kestra reads the same bytes again, with another parser, and stores what it read in PostgreSQL. What the two would see
differently, or one of them cannot take, is refused here: a call that was answered with 200 must not be stuck behind the door.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from christmas_campaign.json_types import JsonObject

#: The most bytes of a body.
MOST_BYTES = 1_048_576

#: How deep objects and lists may lie in one another, and how long a name or a number may be, in characters.
DEPTH = 100
NAME_LENGTH = 200
NUMBER_LENGTH = 1_000

# Half a character, or NUL: JSON can write both, and Unicode text as PostgreSQL takes it has neither. Nor does Kestra 1.3.31
# store text that has a backslash, u and four zeros in it: it answers 500, without an execution, however often it is tried.
_NO_TEXT = re.compile("[\x00\ud800-\udfff]|\\\\u0000")
_ESCAPED = re.compile(rb"\\u(0000|005c|d[89a-f])", re.IGNORECASE)


class Unreadable(Exception):
    """A body is JSON, but not such that every reader reads it alike; the message is a problem fit for its sender."""


class _NotJson(ValueError):
    """Something that Python takes for JSON and the standard does not."""


def read(raw: bytes) -> Any:
    """Return the JSON value in ``raw``; text where it is no JSON, as Kestra does. Raises ``Unreadable``."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Unreadable("must be text in UTF-8") from None
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
    # Only an escape can bring one in: the bytes were UTF-8, and JSON takes no bare control character.
    if _ESCAPED.search(raw) and any(_NO_TEXT.search(each) for each in _texts(value)):
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
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("must not have the same name twice in one object")
    if any(len(name) > NAME_LENGTH for name in found):
        raise Unreadable(f"must not have names of more than {NAME_LENGTH} characters")
    return found


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH + 1):
        level = [
            child
            for outer in level
            if isinstance(outer, dict | list)
            for child in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise Unreadable(f"must not be nested more than {DEPTH} levels deep")


def _texts(value: Any) -> Iterator[str]:
    """All texts in a JSON value, names among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield name
            yield from _texts(child)
    elif isinstance(value, list):
        for child in value:
            yield from _texts(child)
