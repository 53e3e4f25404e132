"""Golden e-mails: one file with the layout, and one file for each e-mail with its own texts.

A golden file is divided into sections. Each one begins with a line such as ``=== html ===``. In the sections of the layout,
``[[name]]`` stands for the section ``name`` of an e-mail.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import NamedTuple

EXPECTED = Path(__file__).parent / "expected"

_HEADING = re.compile(r"^=== (\w+) ===\n", re.MULTILINE)
_MARK = re.compile(r"\[\[(\w+)\]\]")

#: The sections of an e-mail, with the names of the marks in the layout's HTML and plain text.
_SECTIONS = ("subject", "preheader", "reason", "html", "text")


class Texts(NamedTuple):
    """The texts of an e-mail as Resend gets them."""

    subject: str
    html: str
    text: str


def read(path: Path) -> dict[str, str]:
    """Return the sections of a golden file by name, without the line break at their end."""
    parts = _HEADING.split(path.read_text(encoding="utf-8"))[1:]
    return {name: text.removesuffix("\n") for name, text in zip(parts[::2], parts[1::2], strict=True)}


def layout() -> dict[str, str]:
    """Return the layout's sections ``html`` and ``text``."""
    return read(EXPECTED / "layout.txt")


def expected(path: Path) -> Texts:
    """Return the e-mail that the golden file at ``path`` and the layout describe."""
    sections, frame = read(path), layout()
    escaped = {name: text if name == "html" else html.escape(text) for name, text in sections.items()}
    return Texts(
        sections["subject"],
        _MARK.sub(lambda mark: escaped[mark[1]], frame["html"]),
        _MARK.sub(lambda mark: sections[mark[1]], frame["text"]),
    )


def write(path: Path, mail: Texts) -> None:
    """Write the golden file of an e-mail. Raises ``ValueError`` when the e-mail does not fit the layout.

    A change of the layout itself is made by hand.
    """
    frame = layout()
    in_html, in_text = _pattern(frame["html"]).fullmatch(mail.html), _pattern(frame["text"]).fullmatch(mail.text)
    if in_html is None or in_text is None:
        raise ValueError(f"{path.name} does not fit tests/e2e/expected/layout.txt: correct the layout first")
    sections = {**in_text.groupdict(), "html": in_html["html"]}
    path.write_text("".join(f"=== {name} ===\n{sections[name]}\n" for name in _SECTIONS), encoding="utf-8")


def _pattern(frame: str) -> re.Pattern[str]:
    """Return the regular expression that a text with this layout matches, with a group for each mark."""
    parts = _MARK.split(frame)
    groups = [f"(?P<{part}>.*?)" if number % 2 else re.escape(part) for number, part in enumerate(parts)]
    return re.compile("".join(groups), re.DOTALL)
