"""The plain-text body of an e-mail, made from its HTML where the template has none."""

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
_UNSEEN = frozenset(("head", "script", "style", "template", "title"))
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f\u200c\u034f]+")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._unseen: list[str] = []
        self._links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        if tag == "body":
            # The end of the head may be left out in HTML.
            self._unseen.clear()
        if self._unseen or tag in _UNSEEN or ("style" in given and _HIDDEN.search(given["style"])):
            if tag not in _VOID:
                self._unseen.append(tag)
            return
        if tag == "br":
            self.out.append("\n")
        elif tag in _BLOCKS:
            self.out.append("\n\n\0" if tag == "li" else "\n\n")
        elif tag == "a":
            self._links.append(given.get("href"))
        elif tag == "img" and "alt" in given:
            self.out.append(given["alt"])

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            if tag in self._unseen:
                while self._unseen.pop() != tag:
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
        if not self._unseen:
            self.out.append(_SPACE.sub(" ", data))


def from_html(source: str) -> str:
    """Return what a reader of ``source`` (HTML, placeholders and all) would see, as plain text: paragraphs set apart by an
    empty line, list items with a dash, the address of a link behind its words, hidden parts left out."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    lines = [line.strip() for line in "".join(reader.out).split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    # A list item begins with a mark that no text has, until its first words are found.
    return re.sub(r"\n*\0\n*", "\n- ", text).strip()
