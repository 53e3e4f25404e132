"""Templates: text with placeholders, and what becomes of it.

A placeholder is ``{{name}}``, or ``{{name|what to say without it}}``; a name is letters, digits, spaces, ``_`` and ``-``.
A template is data: it is never run. A value is data: it is put in once and never looked at again.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from christmas_campaign.fields import Plain, plain_number

# Two opening braces always begin a placeholder; two closing ones alone are left be, for style sheets end like that.
_OPENING = re.compile(r"\{\{")
_PLACEHOLDER = re.compile(r"\{\{(?P<name>[^{}|]*)(?:\|(?P<fallback>(?:(?!\{\{|\}\}).)*))?\}\}", re.DOTALL)
_NAME = re.compile(r"[\w -]+")


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


def _pieces(text: str) -> Iterator[str | Placeholder | ValueError]:
    position = 0
    for opening in _OPENING.finditer(text):
        yield text[position : opening.start()]
        match = _PLACEHOLDER.match(text, opening.start())
        if match and is_name(match["name"]):
            yield Placeholder(match["name"].strip(), match["fallback"])
            position = match.end()
        else:
            yield ValueError(text[opening.start() : opening.start() + 40])
    yield text[position:]


def placeholders(text: str) -> list[Placeholder]:
    """Return the placeholders of a text in their order; raises ``TemplateError`` when something only looks like one."""
    pieces = list(_pieces(text))
    malformed = [str(piece) for piece in pieces if isinstance(piece, ValueError)]
    if malformed:
        raise TemplateError([], malformed)
    return [piece for piece in pieces if isinstance(piece, Placeholder)]


def fill(text: str, value: Callable[[Placeholder], str | None], *, escape: bool) -> str:
    """Return ``text`` with each placeholder replaced by its value, HTML-escaped if ``escape``.

    ``value`` gives a placeholder's value, or ``None`` when there is none. Raises ``TemplateError`` naming every placeholder
    without a value and everything malformed: there is no silent fallback.
    """
    filled: list[str] = []
    missing: list[str] = []
    malformed: list[str] = []
    for piece in _pieces(text):
        if isinstance(piece, ValueError):
            malformed.append(str(piece))
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
