"""Make the plain-text body of an e-mail from its HTML, for templates without a plain text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "center",
        "div",
        "dl",
        "dt",
        "dd",
        "fieldset",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    ]
)
_INVISIBLE = frozenset(("head", "script", "style", "template", "title"))
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f\u200c\u034f]+")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._invisible: list[str] = []
        self._links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value for name, value in attrs if value}
        if tag == "body":
            # HTML allows </head> to be left out, so <body> ends the head.
            self._invisible.clear()
        if self._invisible or tag in _INVISIBLE or ("style" in attributes and _HIDDEN.search(attributes["style"])):
            if tag not in _VOID:
                self._invisible.append(tag)
            return
        if tag == "br":
            self.out.append("\n")
        elif tag in _BLOCKS:
            self.out.append("\n\n\0" if tag == "li" else "\n\n")
        elif tag == "a":
            self._links.append(attributes.get("href"))
        elif tag == "img" and "alt" in attributes:
            self.out.append(attributes["alt"])

    def handle_endtag(self, tag: str) -> None:
        if self._invisible:
            if tag in self._invisible:
                while self._invisible.pop() != tag:
                    pass
            return
        if tag in _BLOCKS:
            self.out.append("\n\n")
        elif tag in ("td", "th"):
            self.out.append(" ")
        elif tag == "a" and self._links:
            address = self._links.pop()
            if address:
                self.out.append(f" ({address})")

    def handle_data(self, data: str) -> None:
        if not self._invisible:
            self.out.append(_SPACE.sub(" ", data))


def from_html(source: str) -> str:
    """Return the visible text of ``source``, which is HTML with placeholders.

    An empty line separates paragraphs, a dash begins each list item, and the address of a link follows its words in brackets.
    """
    reader = _Reader()
    reader.feed(source)
    reader.close()
    lines = [line.strip() for line in "".join(reader.out).split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    # The reader writes \0 at the start of a list item. The dash moves to the item's first words here.
    return re.sub(r"\n*\0\n*", "\n- ", text).strip()
