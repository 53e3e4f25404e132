"""Parse and fill in the texts of templates.

A placeholder is ``{{name}}`` or ``{{name|fallback}}``. A name has letters, digits, spaces, ``_`` and ``-``. Templates are data
and are never executed. A value is inserted once; placeholders inside a value are not expanded. A value in the query of an
address is URL-encoded.

The marks ``{{#name}}``, ``{{^name}}`` and ``{{/name}}`` belong to sections: see ``sections``.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from christmas_campaign.sequences.field_types import is_name

# Two opening braces always begin a placeholder. Two closing braces alone are plain text, because style sheets contain them.
_OPENING = re.compile(r"\{\{")
#: The pattern of a section's mark.
MARK = r"\{\{\s*(?P<sign>[#^/])(?P<name>[^{}|]*)\}\}"
_MARK = re.compile(MARK)
_HANDLEBARS = re.compile(r"\s*(?:if|unless|each|with)\s*(?:\s.*)?\Z", re.DOTALL)
_LEFT_OVER = re.compile(r"\{\{|\}\}|\{[%#]|[%#]\}|\{[\w -]+\}|%7B%7B|%7D%7D", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{\{(?P<name>[^{}|]*)(?:\|(?P<fallback>(?:(?!\{\{|\}\}).)*))?\}\}", re.DOTALL)

# What other systems write after the bar: `default: 'x'`, `default('x')`, `capitalize`, `| 'x'`. Here it would be the fallback.
_FOREIGN = re.compile(
    r"\s*(?:\|"
    r"|(?:default|fallback|date|truncate|append|prepend|replace)\s*[:(=]"
    r"|[a-z_]+\s*[:(=]\s*(?:[\"'“”‘’]|&(?:quot|apos|#39);)"
    r"|(?:capitalize|downcase|e|escape|json|lower|raw|safe|strip|striptags|title|titlecase|trim|upcase|upper|url_?encode)"
    r"\s*(?:\||$))"
)
# The entities that HTML writes for a character. Without a semicolon they may be part of an address.
_ENTITY = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
_QUERY = re.compile(r"(?:https?://|mailto:|sms:)[^?#]*\?[^#]*\Z", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"[\s\"'<>]|&(?:nbsp|#160|#[xX][aA]0);")

#: Spaces that look like others, and are not allowed in the name of a placeholder.
_ODD_SPACES = "\u00a0\u2007\u202f\u3000"

#: Characters without a width, for ``str.translate``: invisible, and often copied along with a text.
WITHOUT_WIDTH = dict.fromkeys(
    map(ord, "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\ufeff")
)


class TemplateError(Exception):
    """A text cannot be filled in.

    ``missing`` names the placeholders without a value. ``malformed`` quotes each text that begins with two braces but is not a
    placeholder. ``unbalanced`` says which sections are not closed, or end where they did not begin.
    """

    def __init__(self, missing: list[str], malformed: list[str], unbalanced: Sequence[str] = ()) -> None:
        self.missing = missing
        self.malformed = malformed
        self.unbalanced = unbalanced
        problems = [f"no value for {{{{{name}}}}}" for name in missing]
        problems += [f"not a placeholder: {beginning}" for beginning in malformed]
        super().__init__("; ".join([*problems, *unbalanced]))


class Placeholder(NamedTuple):
    """A placeholder: its name without surrounding spaces, and its fallback text (``None``: it has no fallback)."""

    name: str
    fallback: str | None


class Mark(NamedTuple):
    """The beginning of a section (``sign`` is ``#`` or ``^``) or its end (``/``)."""

    sign: str
    name: str

    def __str__(self) -> str:
        """Return the mark as a template contains it."""
        return f"{{{{{self.sign}{self.name}}}}}"


class Malformed(NamedTuple):
    """A text that begins with two braces but is not a placeholder: up to its closing braces, at most 200 characters."""

    text: str

    @property
    def beginning(self) -> str:
        """The first 40 characters, with the code of each character that nobody sees."""
        return "".join(
            f"<U+{ord(character):04X}>" if ord(character) in WITHOUT_WIDTH or character in _ODD_SPACES else character
            for character in self.text[:40]
        )


class Parsed(NamedTuple):
    """The placeholders of a text in order, the beginning of each malformed one, and the problems with its sections."""

    placeholders: tuple[Placeholder, ...]
    malformed: tuple[str, ...]
    unbalanced: tuple[str, ...] = ()


def pieces(text: str) -> Iterator[str | Placeholder | Mark | Malformed]:
    """Split a text at its placeholders. A ``Malformed`` piece marks a position; the plain piece after it holds the text."""
    position = 0
    for opening in _OPENING.finditer(text):
        yield text[position : opening.start()]
        position = opening.start()
        mark = _MARK.match(text, position)
        if mark and is_section(mark["name"]):
            yield Mark(mark["sign"], mark["name"].strip())
            position = mark.end()
            continue
        match = _PLACEHOLDER.match(text, position)
        if match and is_name(match["name"]) and not is_foreign(match["fallback"] or ""):
            yield Placeholder(match["name"].strip(), match["fallback"])
            position = match.end()
        else:
            yield Malformed(_up_to_the_braces(text[position : position + 200]))
    yield text[position:]


def _up_to_the_braces(text: str) -> str:
    before, closing, rest = text.partition("}}")
    return before + closing + rest[: len(rest) - len(rest.lstrip("}"))]


def is_foreign(fallback: str) -> bool:
    """Return whether the text after the bar is in the syntax of another system, and not meant for a reader."""
    return bool(_FOREIGN.match(fallback))


def parse(text: str) -> Parsed:
    """Return the placeholders of a text, and the malformed ones."""
    split = list(pieces(text))
    return Parsed(
        tuple(piece for piece in split if isinstance(piece, Placeholder)),
        tuple(piece.beginning for piece in split if isinstance(piece, Malformed)),
        tuple(_unbalanced([piece for piece in split if isinstance(piece, Mark)])),
    )


def is_section(name: str) -> bool:
    """Return whether a section may have this name. ``{{#if x}}…{{/if}}`` is Handlebars', and no section ``if x``."""
    return is_name(name) and not _HANDLEBARS.match(name)


def _unbalanced(marks: Sequence[Mark]) -> Iterator[str]:
    """Yield each problem with the sections of a text."""
    open_marks: list[Mark] = []
    for mark in marks:
        if mark.sign != "/":
            open_marks.append(mark)
        elif open_marks and open_marks[-1].name == mark.name:
            open_marks.pop()
        elif any(begun.name == mark.name for begun in open_marks):
            yield f"{open_marks[-1]} must end before {mark}"
            while open_marks.pop().name != mark.name:
                pass
        else:
            yield f"{mark} ends nothing"
    yield from (f"{mark} is never closed" for mark in open_marks)


def left_over(text: str) -> str | None:
    """Return the beginning of what looks like a placeholder and is none, such as ``{name}`` or ``{% if x %}``.

    A reader would see it as it is. ``None`` if there is no such text.
    """
    return braces("\n".join(piece for piece in pieces(text) if isinstance(piece, str)))


def braces(text: str) -> str | None:
    """Return the beginning of the first placeholder, or of what looks like one, in a text; ``None`` if there is none."""
    # A character without width between two braces is invisible, but it hides a placeholder.
    plain = text.translate(WITHOUT_WIDTH)
    match = _LEFT_OVER.search(plain)
    return shorten(plain[match.start() :]) if match else None


def shorten(text: str) -> str:
    """Return up to 40 characters of a text on one line, for a message."""
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:40]}…"


def fill(text: str, value: Callable[[Placeholder], str | None], *, escape: bool) -> str:
    """Return ``text`` with each placeholder replaced by its value, which is HTML-escaped if ``escape``.

    ``value`` returns the value of a placeholder, or ``None`` when it has none. If ``escape``, ``text`` is HTML, and so are the
    fallbacks in it: ``value`` gets them with entities replaced by their characters. Raises ``TemplateError``, which names every
    malformed placeholder and every one without a value.
    """
    filled: list[str] = []
    missing: list[str] = []
    malformed: list[str] = []
    word = ""
    for piece in pieces(text):
        if isinstance(piece, Malformed | Mark):
            # The caller resolves sections first, with ``sections.passages``.
            malformed.append(str(piece) if isinstance(piece, Mark) else piece.beginning)
        elif isinstance(piece, Placeholder):
            replacement = value(_without_entities(piece) if escape else piece)
            if replacement is None:
                if piece.name not in missing:
                    missing.append(piece.name)
                continue
            if _QUERY.search(word):
                replacement = quote(replacement, safe="")
            filled.append(html.escape(replacement) if escape else replacement)
            word = _last_word(word, replacement)
        else:
            filled.append(piece)
            word = _last_word(word, piece)
    if missing or malformed:
        raise TemplateError(missing, malformed)
    return "".join(filled)


def _last_word(before: str, text: str) -> str:
    """Return the last word of ``before`` and ``text``: what stands after the last space, quote or angle bracket."""
    words = _BETWEEN_WORDS.split(text)
    return words[-1] if len(words) > 1 else before + text


def _without_entities(placeholder: Placeholder) -> Placeholder:
    fallback = placeholder.fallback
    if fallback is None:
        return placeholder
    return Placeholder(placeholder.name, _ENTITY.sub(lambda entity: html.unescape(entity[0]), fallback))
