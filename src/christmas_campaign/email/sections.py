"""The sections of templates: which passages a contact gets.

A passage between ``{{#name}}`` and ``{{/name}}`` is for contacts of whom the value is told. One that begins with ``{{^name}}``
is for the others. These are Mustache's sections, for values alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from christmas_campaign.email import template_text
from christmas_campaign.email.template_text import MARK, Mark, Placeholder

# A mark that is alone on its line, or any other.
_MARK = re.compile(rf"(?:(?<=\n)|\A)[ \t]*{MARK}[ \t]*(?:\r?\n|\Z)|{MARK.replace('P<', 'P<inline_')}")


def passages(text: str, is_told: Callable[[str], bool] | None, *, keep_lines: bool = False) -> str:
    """Return ``text`` with the passages that a contact gets, and without the marks of its sections.

    ``is_told`` returns whether the value of a name is told; ``None``: every passage stays. A mark alone on its line is removed
    with the line. If ``keep_lines``, every line break stays, so that the other lines have their numbers. The sections must be
    balanced, unless every passage stays.
    """
    kept: list[str] = []
    #: Whether the passage of each open section, and all around it, stay.
    stays = [True]
    position = 0
    for match in _MARK.finditer(text):
        alone = match["sign"] is not None
        sign, name = (match["sign"], match["name"]) if alone else (match["inline_sign"], match["inline_name"])
        if not template_text.is_section(name):
            continue
        between, line = text[position : match.start()], match[0]
        kept.append(between if stays[-1] else _line_breaks(between) if keep_lines else "")
        kept.append(_line_breaks(line) if keep_lines else "")
        position = match.end()
        if is_told is not None and sign == "/":
            stays.pop()
        elif is_told is not None:
            stays.append(stays[-1] and is_told(name.strip()) is (sign == "#"))
    return "".join([*kept, text[position:]])


def _line_breaks(text: str) -> str:
    return "\n" * text.count("\n")


def variants(text: str) -> tuple[str, ...]:
    """Return what contacts can get of ``text``, with the same line numbers: those of whom everything is told, and nothing.

    A text without sections has one variant. So has one whose sections are not balanced: all passages.
    """
    if template_text.parse(text).unbalanced:
        return (everything(text),)
    each = [passages(text, is_told, keep_lines=True) for is_told in (lambda _: True, lambda _: False)]
    return tuple(dict.fromkeys(each))


def everything(text: str) -> str:
    """Return ``text`` with all passages, and with the same line numbers."""
    return passages(text, None, keep_lines=True)


def guarded(text: str) -> Iterator[tuple[Placeholder, frozenset[str]]]:
    """Yield each placeholder with the names whose sections it is in: their values are told where it is shown."""
    open_marks: list[Mark] = []
    for piece in template_text.pieces(text):
        if isinstance(piece, Placeholder):
            yield piece, frozenset(mark.name for mark in open_marks if mark.sign == "#")
        elif isinstance(piece, Mark) and piece.sign != "/":
            open_marks.append(piece)
        elif isinstance(piece, Mark) and open_marks:
            open_marks.pop()


def section_names(text: str) -> tuple[str, ...]:
    """Return the names of the sections of a text."""
    return tuple(dict.fromkeys(piece.name for piece in template_text.pieces(text) if isinstance(piece, Mark)))
