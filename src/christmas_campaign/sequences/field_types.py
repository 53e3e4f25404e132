"""The kinds of payload fields. A kind is a function that takes a JSON value and returns a checked, plain value.

For a value that is not valid it raises ``ValueError`` with a problem that follows the field's name: "must be a number from 0 to
100". A problem never contains the value, because problems are logged and values are private.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from christmas_campaign.campaign import email_address, times

#: A checked value of a field. JSON carries it from step to step without a change.
Plain = str | int | float | bool | list[str]
Kind = Callable[[Any], Plain]

#: The most characters of a text, of notes, and the most texts of a list. A text object of Notion holds 2,000 characters;
#: notes fill several.
TEXT_LENGTH = 2_000
NOTES_LENGTH = 20_000
LIST_LENGTH = 100

#: The most template variables of one payload.
MOST_VARIABLES = 200

# Line breaks and tabs are allowed. Other control characters are mistakes, and PostgreSQL rejects NUL.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NAME = re.compile(r"[\w -]+")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


def blank(value: object) -> bool:
    """Return whether a JSON value counts as absent: null, or text of white space only."""
    return value is None or (isinstance(value, str) and not value.strip())


def _check_text(value: str, max_length: int) -> str:
    if len(value) > max_length:
        raise ValueError(f"must be at most {max_length} characters long")
    if _CONTROL.search(value):
        raise ValueError("must not have control characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be Unicode text: half of a character is missing") from None
    return value


def plain_number(value: int | float) -> str:
    """Return a number as people write it: 52, 52.5, 0.00001."""
    if isinstance(value, int):
        return str(value)
    number = f"{value:.10f}".rstrip("0").rstrip(".")
    return "0" if number == "-0" else number


def _finite(value: int | float) -> bool:
    # A comparison also works for integers too large for a float, and is false for NaN.
    return -1e15 < value < 1e15


def text_up_to(max_length: int) -> Kind:
    """Return the kind for text of at most ``max_length`` characters, which stays unchanged. A number becomes text."""

    def kind(value: Any) -> Plain:
        if isinstance(value, int | float) and not isinstance(value, bool) and _finite(value):
            value = plain_number(value)
        if not isinstance(value, str):
            raise ValueError("must be text")
        return _check_text(value, max_length)

    return kind


text = text_up_to(TEXT_LENGTH)
notes = text_up_to(NOTES_LENGTH)


def email(value: Any) -> Plain:
    """The kind for an e-mail address; it returns the address trimmed and in lower case."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    return email_address.normalise(_check_text(value, 1_000))


def whole(value: object) -> int:
    """Return a number without its decimals; 0 for a value that is not a number."""
    return int(value) if isinstance(value, int | float) else 0


def _number(value: Any) -> int | float:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise ValueError("must be a number")
    # 52.0 becomes 52, because e-mails show it.
    return int(value) if float(value).is_integer() else value


def number_between(least: int, most: int) -> Kind:
    """Return the kind for a number from ``least`` to ``most``, both included."""

    def kind(value: Any) -> Plain:
        number = _number(value)
        if not least <= number <= most:
            raise ValueError(f"must be a number from {least} to {most}")
        return number

    return kind


def count_between(least: int, most: int) -> Kind:
    """Return the kind for a whole number from ``least`` to ``most``, both included."""

    def kind(value: Any) -> Plain:
        number = _number(value)
        if not isinstance(number, int) or not least <= number <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return number

    return kind


score = number_between(0, 100)
systems = count_between(0, 8)
dollars = count_between(0, 1_000_000_000)


def amount(value: Any) -> Plain:
    """The kind for an amount in dollars, with cents, not negative."""
    number = _number(value)
    if not 0 <= number <= 1_000_000_000 or round(number, 2) != number:
        raise ValueError("must be an amount in dollars, with at most two decimals, and not negative")
    return number


def flag(value: Any) -> Plain:
    """The kind for true or false, as a JSON value or as text in any case."""
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def texts(value: Any) -> Plain:
    """The kind for a list of texts. A single text becomes a list of one; blank texts are left out."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise ValueError("must be a list of texts")
    if len(items) > LIST_LENGTH:
        raise ValueError(f"must be a list of at most {LIST_LENGTH} texts")
    return [str(text(item)) for item in items if not blank(item)]


class OneOf:
    """The kind for one of ``choices``, in any case; it returns the choice as ``choices`` spells it."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        self.choices = choices

    def __call__(self, value: Any) -> Plain:
        """Return the choice that equals ``value``."""
        for choice in self.choices:
            if isinstance(value, str) and value.strip().lower() == choice.lower():
                return choice
        raise ValueError(f"must be one of {', '.join(self.choices)}")


def one_of(*choices: str) -> OneOf:
    """Return the kind for one of ``choices``."""
    return OneOf(choices)


def time(value: Any) -> Plain:
    """The kind for a time in ISO 8601, which stays text. Without a zone it is in the campaign's zone."""
    if not isinstance(value, str):
        raise ValueError("must be text: a time in ISO 8601")
    try:
        moment = times.parse(_check_text(value, 100))
    except ValueError:
        raise ValueError("must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00") from None
    # Delays are added to it later, and Python's last year is 9999.
    if not 2000 <= moment.year <= 2200:
        raise ValueError("must be a time in this century or the next")
    return value.strip()


def not_after(value: str, now: datetime, ahead: timedelta) -> str | None:
    """Return the problem with a time (checked by ``time``) more than ``ahead`` after ``now`` (aware); otherwise ``None``."""
    if times.parse(value) - now > ahead:
        return f"must not lie more than {ahead.days} days ahead"
    return None


def is_name(text: str) -> bool:
    """Return whether ``text`` is valid as the name of a placeholder."""
    return bool(_NAME.fullmatch(text)) and bool(text.strip())


def as_text(value: Plain) -> str:
    """Return a plain value as e-mails show it: numbers as people write them, lists joined with commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(value)
    return plain_number(value) if isinstance(value, int | float) else value
