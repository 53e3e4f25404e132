"""The kinds of fields that payloads have: each takes a JSON value and returns the plain one, or says what is wrong with it.

A kind raises ``ValueError`` with a problem that is read after the field's name: "must be a number from 0 to 100". It never
repeats the value, for problems are logged and values are private.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from christmas_campaign.campaign import email_address, times

#: A plain value, as JSON carries it from one step to the next.
Plain = str | int | float | bool | list[str]
Kind = Callable[[Any], Plain]

#: The longest text taken, in characters: Notion shows 2,000 in one text object; notes may fill many.
TEXT_LENGTH = 2_000
NOTES_LENGTH = 20_000
LIST_LENGTH = 100

#: The most template variables that one payload may bring.
MOST_VARIABLES = 200

# Line breaks and tabs are text; the other control characters are an accident, and PostgreSQL refuses NUL.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NAME = re.compile(r"[\w -]+")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


def blank(value: object) -> bool:
    """Whether a JSON value counts as not given: null, or text of white space alone."""
    return value is None or (isinstance(value, str) and not value.strip())


def _readable(value: str, longest: int) -> str:
    if len(value) > longest:
        raise ValueError(f"must be at most {longest} characters long")
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
    written = f"{value:.10f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def _finite(value: int | float) -> bool:
    # A comparison, for it also holds for whole numbers that no float can take; it is false for "not a number".
    return -1e15 < value < 1e15


def text_up_to(longest: int) -> Kind:
    """Return the kind for text of at most ``longest`` characters, left as it is; a number is taken as its text."""

    def kind(value: Any) -> Plain:
        if isinstance(value, int | float) and not isinstance(value, bool) and _finite(value):
            value = plain_number(value)
        if not isinstance(value, str):
            raise ValueError("must be text")
        return _readable(value, longest)

    return kind


text = text_up_to(TEXT_LENGTH)
notes = text_up_to(NOTES_LENGTH)


def email(value: Any) -> Plain:
    """The kind for an e-mail address, trimmed and in lower case."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    return email_address.normalise(_readable(value, 1_000))


def whole(value: object) -> int:
    """Return a number without what stands behind its point; 0 for whatever is no number."""
    return int(value) if isinstance(value, int | float) else 0


def _number(value: Any) -> int | float:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise ValueError("must be a number")
    # 52.0 is 52: people read it, and e-mails show it.
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
    """The kind for an amount of money in dollars, cents allowed, not negative."""
    number = _number(value)
    if not 0 <= number <= 1_000_000_000 or round(number, 2) != number:
        raise ValueError("must be an amount in dollars, with at most two decimals, and not negative")
    return number


def flag(value: Any) -> Plain:
    """The kind for true or false."""
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def texts(value: Any) -> Plain:
    """The kind for a list of texts; one text alone is a list of one, and blank ones are left out."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list):
        raise ValueError("must be a list of texts")
    if len(given) > LIST_LENGTH:
        raise ValueError(f"must be a list of at most {LIST_LENGTH} texts")
    return [str(text(item)) for item in given if not blank(item)]


class OneOf:
    """The kind for one of these words, in any case; it comes back as written here."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        self.choices = choices

    def __call__(self, value: Any) -> Plain:
        """Return the word."""
        for choice in self.choices:
            if isinstance(value, str) and value.strip().lower() == choice.lower():
                return choice
        raise ValueError(f"must be one of {', '.join(self.choices)}")


def one_of(*choices: str) -> OneOf:
    """Return the kind for one of these words."""
    return OneOf(choices)


def time(value: Any) -> Plain:
    """The kind for an ISO 8601 time; without a zone it is the campaign's. It stays as it was written."""
    if not isinstance(value, str):
        raise ValueError("must be text: a time in ISO 8601")
    try:
        moment = times.parse(_readable(value, 100))
    except ValueError:
        raise ValueError("must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00") from None
    # A delay of a week is added to it later: the far ends of the calendar have no room for that.
    if not 2000 <= moment.year <= 2200:
        raise ValueError("must be a time in this century or the next")
    return value.strip()


def not_after(value: str, now: datetime, ahead: timedelta) -> str | None:
    """Return the problem with a time (checked by ``time``) that lies more than ``ahead`` after ``now``, else ``None``."""
    if times.parse(value) - now > ahead:
        return f"must not lie more than {ahead.days} days ahead"
    return None


def is_name(text: str) -> bool:
    """Whether ``text`` can name a placeholder."""
    return bool(_NAME.fullmatch(text)) and bool(text.strip())


def as_text(value: Plain) -> str:
    """Return a plain value as e-mails show it: numbers plain, lists joined with commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(value)
    return plain_number(value) if isinstance(value, int | float) else value
