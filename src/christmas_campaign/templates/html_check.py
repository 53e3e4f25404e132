"""Check the HTML of a template for errors that confuse a browser, and list its links.

End tags that HTML makes optional (``</p>``, ``</li>``, ``</td>``) may be missing. Comments are not checked, which includes
Outlook's conditional comments.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

from christmas_campaign.email import template_text
from christmas_campaign.email.template_text import Placeholder

# Before parsing, each placeholder is replaced by its index between two private-use characters, and "&" by a third one. So the
# parser cannot misread a placeholder or an "&" as markup.
_OPEN, _CLOSE, _AND = "\ue000", "\ue001", "\ue002"
_STAND_IN = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_IN_TAG_NAME = re.compile(rf"</?(?:[A-Za-z][^\s<>/\"'={_OPEN}]*)?{_OPEN}")
_VALUE = rf"\"[^\"]*\"|'[^']*'|[^\s\"'<>=`{_OPEN}]+"
_START_TAG = re.compile(rf"<[A-Za-z][\w:.-]*(?:\s+[^\s\"'<>/={_OPEN}]+(?:\s*=\s*(?:{_VALUE}))?)*\s*/?>")
_LIKE_A_TAG = re.compile(r"</?[A-Za-z]")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VOID = _names("area base br col embed hr img input link meta param source track wbr")
_TABLE = _names("caption colgroup tbody td tfoot th thead tr")
_END_MAY_MISS = _names("body colgroup dd dt head html li optgroup option p rp rt tbody td tfoot th thead tr")
_BLOCKS = _names(
    "address article aside blockquote center div dl fieldset footer form h1 h2 h3 h4 h5 h6 header hr main nav ol p pre "
    "section table ul"
)
#: The open elements that each start tag closes implicitly.
_ENDS: dict[str, frozenset[str]] = {
    **dict.fromkeys(_BLOCKS, _names("p")),
    "li": _names("li p"),
    **dict.fromkeys(("dt", "dd"), _names("dt dd p")),
    **dict.fromkeys(("td", "th"), _names("td th p")),
    "tr": _names("tr td th p"),
    **dict.fromkeys(("tbody", "thead", "tfoot"), _names("tbody thead tfoot tr td th p")),
}


class HtmlFault(NamedTuple):
    """One error in the HTML: its line, the problem, and how to correct it (``mend``)."""

    line: int
    problem: str
    mend: str


class Link(NamedTuple):
    """The address of one link: its line, the placeholder at its start (``None``: it starts with text), and the others.

    Those in the query are left out: their values are encoded, so every value is allowed.
    """

    line: int
    first: Placeholder | None
    others: tuple[Placeholder, ...]


class Html(NamedTuple):
    """The result of the check: the faults by line, and the links."""

    faults: tuple[HtmlFault, ...]
    links: tuple[Link, ...]


def read(source: str) -> Html:
    """Check ``source``, the HTML of a template as it is in Notion. A malformed placeholder counts as text."""
    placeholders: list[Placeholder] = []

    def stand_in(placeholder: Placeholder) -> str:
        placeholders.append(placeholder)
        return f"{_OPEN}{len(placeholders) - 1}{_CLOSE}"

    clean = source.translate(dict.fromkeys(map(ord, (_OPEN, _CLOSE, _AND)), "?"))
    pieces = [stand_in(piece) if isinstance(piece, Placeholder) else piece for piece in template_text.pieces(clean)]
    text = "".join(piece for piece in pieces if isinstance(piece, str)).replace("&", _AND)
    reader = _Reader()
    reader.check(text)
    faults = sorted([*_in_tag_names(text), *reader.faults], key=lambda fault: fault.line)
    return Html(tuple(faults), tuple(_link(line, address, placeholders) for line, address in reader.links))


def _in_tag_names(text: str) -> list[HtmlFault]:
    """Return a fault for each placeholder in a tag name, where its value would change the structure of the page."""
    without_comments = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    return [
        HtmlFault(
            without_comments[: match.start()].count("\n") + 1,
            "a placeholder is used as the name of a tag",
            "write the name of the tag itself, or &lt; for a less-than sign",
        )
        for match in _IN_TAG_NAME.finditer(without_comments)
    ]


def _link(line: int, address: str, placeholders: list[Placeholder]) -> Link:
    first = None
    others = []
    for match in _STAND_IN.finditer(address):
        placeholder = placeholders[int(match[1])]
        before = address[: match.start()]
        if not before:
            first = placeholder
        elif "?" not in before or "#" in before:
            others.append(placeholder)
    return Link(line, first, tuple(others))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[HtmlFault] = []
        self.links: list[tuple[int, str]] = []
        self._open: list[tuple[str, int]] = []
        self._closed_for: list[str] = []

    def check(self, text: str) -> None:
        try:
            self.feed(text)
        except AssertionError:
            # The parser raises this for "<![something]" that is neither HTML nor Outlook's.
            self._fault("<![ does not begin a valid declaration", "remove it")
            return
        # An unclosed <style> also leaves text behind. It is reported below as an open element.
        if self.cdata_elem is None and self.rawdata.startswith("<"):
            # The unfinished tag swallows the rest of the text, so the elements that are still open are no separate faults.
            beginning = _short(self.rawdata)
            self._fault(
                f"{beginning} has no end", "close its quotes and the tag or comment; write &lt; for a less-than sign"
            )
            return
        for tag, line in self._open:
            if tag not in _END_MAY_MISS:
                self._fault(f"<{tag}> is never closed", f"write </{tag}> where it ends", line)

    def _fault(self, problem: str, mend: str, line: int | None = None) -> None:
        self.faults.append(HtmlFault(line or self.getpos()[0], problem, mend))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs)
        if tag in _VOID or _OPEN in tag:
            return
        while self._open and self._open[-1][0] in _ENDS.get(tag, ()):
            self._open.pop()
        self._open.append((tag, self.getpos()[0]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs)
        if tag not in _VOID and ":" not in tag and _OPEN not in tag:
            self._fault(f"<{tag}/> does not close itself in HTML", f"write <{tag}></{tag}>")

    def _start(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if _OPEN in tag:
            return
        source = str(self.get_starttag_text())
        if not _START_TAG.fullmatch(source) or any(value and _LIKE_A_TAG.search(value) for _, value in attrs):
            self._fault(
                f"the attributes of {_short(source)} are not well-formed",
                "put quotes around each value, and a space between two attributes",
            )
        for name, value in attrs:
            if name == "href" and value:
                self.links.append((self.getpos()[0], value.strip()))

    def handle_endtag(self, tag: str) -> None:
        if _OPEN in tag:
            return
        place = self._place(tag)
        if place is None:
            if tag in self._closed_for:
                self._closed_for.remove(tag)
                return
            mend = "remove it"
            if tag == "p":
                mend += ", or move lists, tables and blocks out of the paragraph, because they end it"
            self._fault(f"</{tag}> closes nothing", mend)
            return
        for inner, line in self._open[place + 1 :]:
            if inner not in _END_MAY_MISS:
                self._fault(f"<{inner}> of line {line} is still open at </{tag}>", f"write </{inner}> before it")
                self._closed_for.append(inner)
        del self._open[place:]

    def _place(self, tag: str) -> int | None:
        """Return the index of the open tag that this end tag closes, or ``None``.

        An end tag inside a table cell or caption cannot close an element outside of it, unless it ends the table itself.
        """
        boundaries = (
            ("table",) if tag in _TABLE else () if tag in ("table", "body", "html") else ("td", "th", "caption")
        )
        for place in range(len(self._open) - 1, -1, -1):
            name = self._open[place][0]
            if name == tag:
                return place
            if name in boundaries:
                return None
        return None


def _short(source: str) -> str:
    """Return up to 40 characters of the HTML as its author wrote it, with ``{{…}}`` for each placeholder."""
    line = " ".join(_STAND_IN.sub("{{…}}", source).replace(_AND, "&").split())
    return line if len(line) <= 40 else f"{line[:40]}…"
