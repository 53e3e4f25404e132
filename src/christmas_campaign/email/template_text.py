"""Templates: text with placeholders, and what becomes of it.

A placeholder is ``{{name}}``, or ``{{name|what to say without it}}``; a name is letters, digits, spaces, ``_`` and ``-``.
A template is data: it is never run. A value is data: it is put in once and never looked at again.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from christmas_campaign.sequences.field_types import is_name

# Two opening braces always begin a placeholder; two closing ones alone are left be, for style sheets end like that.
_OPENING = re.compile(r"\{\{")
_PLACEHOLDER = re.compile(r"\{\{(?P<name>[^{}|]*)(?:\|(?P<fallback>(?:(?!\{\{|\}\}).)*))?\}\}", re.DOTALL)


class TemplateError(Exception):
    """A text cannot be filled in. ``missing`` names the placeholders without a value, ``malformed`` quotes what begins with
    two braces and is no placeholder."""

    def __init__(self, missing: list[str], malformed: list[str]) -> None:
        self.missing = missing
        self.malformed = malformed
        said = [f"no value for {{{{{name}}}}}" for name in missing]
        said += [f"not a placeholder: {beginning}" for beginning in malformed]
        super().__init__("; ".join(said))


class Placeholder(NamedTuple):
    """One placeholder: its name without the spaces around it, and what to say without a value (``None``: nothing given)."""

    name: str
    fallback: str | None


class Malformed(NamedTuple):
    """Text that begins with two braces and is not a placeholder: its first characters."""

    beginning: str


class Parsed(NamedTuple):
    """The placeholders of a text in their order, and the beginning of everything malformed."""

    placeholders: tuple[Placeholder, ...]
    malformed: tuple[str, ...]


def pieces(text: str) -> Iterator[str | Placeholder | Malformed]:
    """Split a text at its placeholders. A ``Malformed`` piece marks a place; the plain piece after it has its text."""
    position = 0
    for opening in _OPENING.finditer(text):
        yield text[position : opening.start()]
        position = opening.start()
        match = _PLACEHOLDER.match(text, position)
        if match and is_name(match["name"]):
            yield Placeholder(match["name"].strip(), match["fallback"])
            position = match.end()
        else:
            yield Malformed(text[position : position + 40])
    yield text[position:]


def parse(text: str) -> Parsed:
    """Return the placeholders of a text, and what only looks like one."""
    split = list(pieces(text))
    return Parsed(
        tuple(piece for piece in split if isinstance(piece, Placeholder)),
        tuple(piece.beginning for piece in split if isinstance(piece, Malformed)),
    )


def fill(text: str, value: Callable[[Placeholder], str | None], *, escape: bool) -> str:
    """Return ``text`` with each placeholder replaced by its value, HTML-escaped if ``escape``.

    ``value`` gives a placeholder's value, or ``None`` when there is none. Raises ``TemplateError`` naming every placeholder
    without a value and everything malformed: there is no silent fallback.
    """
    filled: list[str] = []
    missing: list[str] = []
    malformed: list[str] = []
    for piece in pieces(text):
        if isinstance(piece, Malformed):
            malformed.append(piece.beginning)
        elif isinstance(piece, Placeholder):
            found = value(piece)
            if found is None:
                if piece.name not in missing:
                    missing.append(piece.name)
            else:
                filled.append(html.escape(found) if escape else found)
        else:
            filled.append(piece)
    if missing or malformed:
        raise TemplateError(missing, malformed)
    return "".join(filled)
