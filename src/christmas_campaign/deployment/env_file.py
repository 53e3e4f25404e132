"""Read, change and write files of settings: one ``NAME=value`` on a line, with the meaning that Compose gives to it.

Compose reads ``deploy/.env`` too, so each line must mean the same here. The rules:

- A value in single quotes is literal, except ``\\'``. A value in double quotes may contain escapes with a backslash.
- A value without quotes ends before a blank and ``#``.
- Outside single quotes Compose replaces ``$NAME``, and a quoted value may span several lines. Neither is supported here:
  both are reported as a ``Problem``.
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

#: The white space that Compose removes before a value (``_BLANKS``) and after it (``_WHITE``). Python's ``str.strip`` would
#: remove four more characters.
_BLANKS = " \t\v\f\r\x85\xa0"
_WHITE = (
    _BLANKS + "\n\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)

#: A value that needs no quotes for any program that reads such files.
_PLAIN = re.compile(r"[\w.,:/@%+=?&~-]+(?: +[\w.,:/@%+=?&~-]+)*")

#: The letters that form an escape with a backslash in double quotes.
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class EnvFileError(CommandError):
    """A file of settings cannot be read or written. The message names the file and the correction, never a value."""


class Problem(StrEnum):
    """Why Compose would not read a line as it was meant. The text after the semicolon is the correction."""

    NOT_A_SETTING = "it is not a setting; write NAME=value, without blanks before the ="
    NOT_CLOSED = "the quotes are not closed; close them on the same line"
    AFTER_QUOTES = "there is text after the closing quotes; put the whole value into single quotes"
    DOLLAR = "Compose replaces a $ and the name after it; put the value into single quotes"
    OCTAL = "Compose reads a backslash and digits as another character; put the value into single quotes"
    COMMENT = "Compose reads the comment as the value; put the comment on a line of its own"
    BLANK = "there is a blank at the end; remove it"


class Line(NamedTuple):
    """A line that is neither empty nor a comment.

    ``number`` counts from 1. ``name`` is empty if the line is not a setting. ``value`` is the value as Compose reads it.
    ``start`` and ``end`` are its position in the text of the file, with its quotes.
    """

    number: int
    name: str
    value: str
    start: int
    end: int
    problem: Problem | None


def load(file: Path) -> str:
    """Return the text of a file of settings.

    Raises ``EnvFileError``.
    """
    try:
        # "utf-8-sig" drops the byte order mark that Windows programs write.
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EnvFileError(f"{file} is not UTF-8 text: save it as UTF-8") from None
    except OSError as error:
        raise EnvFileError(f"{file}: {error.strerror}") from None


def read(text: str) -> list[Line]:
    """Return the lines of a text that are neither empty nor comments."""
    lines = []
    begin = 0
    for number, raw in enumerate(text.split("\n"), 1):
        if raw.strip() and not raw.lstrip().startswith("#"):
            match = _LINE.match(raw)
            if match is None:
                lines.append(Line(number, "", "", begin, begin + len(raw), Problem.NOT_A_SETTING))
            else:
                value, start, end, problem = _value(raw, match.end())
                lines.append(Line(number, match[1], value, begin + start, begin + end, problem))
        begin += len(raw) + 1
    return lines


def _value(raw: str, start: int) -> tuple[str, int, int, Problem | None]:
    """Read the value that starts at or after ``start``, just after the = of a line.

    Returns the value, its start, its end and its problem.
    """
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
        pair = raw[place : place + 2]
        escaped = _escaped(pair, quote) if pair[0] == "\\" and len(pair) > 1 else None
        if quote == '"' and escaped is None and (pair[0] == "$" or pair == "\\0"):
            problem = Problem.DOLLAR if pair[0] == "$" else Problem.OCTAL
        if quote == "'" and pair == "\\\\":
            # Two backslashes stay two, but the second one must not escape the closing quote.
            escaped = pair
        value += pair[0] if escaped is None else escaped
        place += 1 if escaped is None else 2
    if place >= len(raw):
        return raw[start:].rstrip(), start, len(raw.rstrip()), Problem.NOT_CLOSED
    rest = raw[place + 1 :].strip(_WHITE)
    if rest and not rest.startswith("#"):
        problem = Problem.AFTER_QUOTES
    return value, start, place + 1, problem


def _escaped(pair: str, quote: str) -> str | None:
    """Return the meaning of a backslash and the next character; ``None`` if they form no escape."""
    if pair[1] == quote:
        return quote
    if quote == "'":
        return None
    return pair[1] if pair[1] in '\\$"' else _ESCAPES.get(pair[1])


def quoted(value: str) -> str:
    """Return a value with the quotes and escapes that Compose and ``read`` need to read the same value back.

    Raises ``ValueError`` if it has several lines.
    """
    if any(character in value for character in "\n\r\0"):
        raise ValueError("a value must be one line")
    if not value or _PLAIN.fullmatch(value):
        return value
    if "'" not in value and "\\" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'


def text_of(values: Mapping[str, str]) -> str:
    """Return the text of a file with these settings, in this order."""
    return "".join(f"{name}={quoted(value)}\n" for name, value in values.items())


def replaced(text: str, line: Line, value: str) -> str:
    """Return the text of a file with another value on this line."""
    # An empty value gets quotes: without them Compose would read a comment on the line as the value.
    return text[: line.start] + (quoted(value) or "''") + text[line.end :]


def write(file: Path, text: str) -> None:
    """Write a file that only its owner may read. If that fails, the old file stays as it was.

    Raises ``EnvFileError``.
    """
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
        # After a successful rename the temporary file is gone.
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _keep_owner(file: Path, descriptor: int) -> None:
    """Give the new file the owner and the group of the old one, which differ when root runs the command."""
    with suppress(FileNotFoundError, PermissionError):
        old = file.stat()
        os.fchown(descriptor, old.st_uid, old.st_gid)


def readable_by_others(file: Path) -> bool:
    """Return whether anybody except the owner of the file may read or change it."""
    return bool(file.stat().st_mode & 0o077)
