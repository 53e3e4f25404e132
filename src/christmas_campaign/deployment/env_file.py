"""Files of settings: one ``NAME=value`` a line, read as Compose reads them, and changed so that all else stays as it is.

Compose reads ``deploy/.env`` itself, so a line must mean to us what it means there. A value in single quotes stands for itself,
in double quotes after a backslash too; without quotes it ends before a blank and ``#``. Elsewhere Compose replaces what follows
a ``$``, and it lets a value in quotes go on over several lines: both are named as problems here.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.errors import CommandError

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=")

#: What Compose takes away before a value, and behind one: Python's own idea of white space has four characters more.
_BLANKS = " \t\v\f\r\x85\xa0"
_WHITE = (
    _BLANKS + "\n\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)

#: What needs no quotes, in any reader of such files.
_PLAIN = re.compile(r"[\w.,:/@%+=?&~-]+(?: +[\w.,:/@%+=?&~-]+)*")

#: What a backslash and a letter are in double quotes.
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class EnvFileError(CommandError):
    """A file of settings cannot be read or written; the message names it and the mend, never a value."""


class Problem(StrEnum):
    """Why a line is not what it seems to be, in words that end with the mend."""

    NOT_A_SETTING = "it is no setting; write NAME=value, without blanks before the ="
    NOT_CLOSED = "the quotes are not closed; close them on the same line"
    AFTER_QUOTES = "something stands behind the closing quotes; put the whole value into single quotes"
    DOLLAR = "Compose replaces what follows a $; put the value into single quotes"
    OCTAL = "Compose takes a backslash and digits for another character; put the value into single quotes"
    COMMENT = "the comment would be the value; give comments lines of their own"
    BLANK = "there is a blank at the end; take it away"


class Line(NamedTuple):
    """One line that is neither empty nor a comment.

    ``name`` is empty where the line is no setting. ``value`` is what Compose makes of it, ``start`` and ``end`` are where it
    stands in the file's text, its quotes included.
    """

    number: int
    name: str
    value: str
    start: int
    end: int
    problem: Problem | None


def load(file: Path) -> str:
    """Return the text of a file of settings. Raises ``EnvFileError``."""
    try:
        # Whatever Windows put at its beginning and at the ends of its lines is no part of the settings.
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EnvFileError(f"{file} is not UTF-8 text: save it as UTF-8") from None
    except OSError as error:
        raise EnvFileError(f"{file}: {error.strerror}") from None


def read(text: str) -> list[Line]:
    """Return the lines of a file's text that are neither empty nor comments."""
    found = []
    begin = 0
    for number, raw in enumerate(text.split("\n"), 1):
        if raw.strip() and not raw.lstrip().startswith("#"):
            match = _LINE.match(raw)
            if match is None:
                found.append(Line(number, "", "", begin, begin + len(raw), Problem.NOT_A_SETTING))
            else:
                value, start, end, problem = _value(raw, match.end())
                found.append(Line(number, match[1], value, begin + start, begin + end, problem))
        begin += len(raw) + 1
    return found


def _value(raw: str, start: int) -> tuple[str, int, int, Problem | None]:
    """What stands behind the = of a line: the value, from where to where it stands, and what is wrong with it."""
    while start < len(raw) and raw[start] in _BLANKS:
        start += 1
    if raw[start : start + 1] in ("'", '"'):
        return _in_quotes(raw, start)
    whole = raw[start:].removesuffix("\r")
    value, mark, _ = whole.partition(" #")
    value = value.rstrip(_WHITE)
    end = start + len(value)
    if value.startswith("#"):
        return value, start, end, Problem.COMMENT
    if "$" in value:
        return value, start, end, Problem.DOLLAR
    return value, start, end, Problem.BLANK if value and whole != value and not mark else None


def _in_quotes(raw: str, start: int) -> tuple[str, int, int, Problem | None]:
    quote, value, problem = raw[start], "", None
    place = start + 1
    while place < len(raw) and raw[place] != quote:
        two = raw[place : place + 2]
        # The escaped quote is all that there is in single quotes.
        taken = _escaped(two, quote) if two[0] == "\\" and len(two) > 1 else None
        if quote == '"' and taken is None and (two[0] == "$" or two == "\\0"):
            problem = Problem.DOLLAR if two[0] == "$" else Problem.OCTAL
        if quote == "'" and two == "\\\\":
            taken = two
        value += two[0] if taken is None else taken
        place += 1 if taken is None else 2
    if place >= len(raw):
        return raw[start:].rstrip(), start, len(raw.rstrip()), Problem.NOT_CLOSED
    rest = raw[place + 1 :].strip(_WHITE)
    if rest and not rest.startswith("#"):
        problem = Problem.AFTER_QUOTES
    return value, start, place + 1, problem


def _escaped(two: str, quote: str) -> str | None:
    """What a backslash and the character behind it stand for; ``None``: for themselves."""
    if two[1] == quote:
        return quote
    if quote == "'":
        return None
    return two[1] if two[1] in '\\$"' else _ESCAPES.get(two[1])


def quoted(value: str) -> str:
    """Return a value as it must be written for Compose and ``read`` to give it back; ``ValueError`` for several lines."""
    if any(character in value for character in "\n\r\0"):
        raise ValueError("a value is one line")
    if not value or _PLAIN.fullmatch(value):
        return value
    if "'" not in value and "\\" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'


def text_of(values: Mapping[str, str]) -> str:
    """Return the text of a file with these settings, in their order."""
    return "".join(f"{name}={quoted(value)}\n" for name, value in values.items())


def replaced(text: str, line: Line, value: str) -> str:
    """Return the file's text with another value on this line."""
    # Nothing at all before a comment would make the comment the value.
    return text[: line.start] + (quoted(value) or "''") + text[line.end :]


def write(file: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all. Raises ``EnvFileError``."""
    file = file.resolve()
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
        with os.fdopen(descriptor, "wb") as handle:
            _keep_owner(file, handle.fileno())
            handle.write(text.encode())
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(file)
    except OSError as error:
        raise EnvFileError(f"{file} cannot be written, and is as it was: {error.strerror}") from None
    finally:
        # After the rename it is not there any more.
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _keep_owner(file: Path, descriptor: int) -> None:
    """Give the new file to the owner of the old one: who runs this may be root."""
    with suppress(FileNotFoundError, PermissionError):
        was = file.stat()
        os.fchown(descriptor, was.st_uid, was.st_gid)


def readable_by_others(file: Path) -> bool:
    """Whether anybody but the file's owner may read or change it."""
    return bool(file.stat().st_mode & 0o077)
