"""What is wrong with the HTML of a template, and the links that it has: as a browser would stumble over it.

End tags that HTML does without (``</p>``, ``</li>``, ``</td>``) may be missing. What stands in comments, the conditional ones
of Outlook among them, is let be.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

from christmas_campaign.email import template_text
from christmas_campaign.email.template_text import Placeholder

# While the HTML is read, a placeholder is its number between two characters that no text has, and "&" is one as well: a parser
# that sees neither cannot take one for something else.
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
#: What a start tag ends, if that is open right around it.
_ENDS: dict[str, frozenset[str]] = {
    **dict.fromkeys(_BLOCKS, _names("p")),
    "li": _names("li p"),
    **dict.fromkeys(("dt", "dd"), _names("dt dd p")),
    **dict.fromkeys(("td", "th"), _names("td th p")),
    "tr": _names("tr td th p"),
    **dict.fromkeys(("tbody", "thead", "tfoot"), _names("tbody thead tfoot tr td th p")),
}


class Broken(NamedTuple):
    """One thing that is wrong: the line on which it stands, what it is, and how it is mended."""

    line: int
    problem: str
    mend: str


class Link(NamedTuple):
    """The address of one link: its line, the placeholder with which it begins (``None``: with none), and those further on."""

    line: int
    first: Placeholder | None
    others: tuple[Placeholder, ...]


class Html(NamedTuple):
    """What was found: the faults in their order, and the links."""

    faults: tuple[Broken, ...]
    links: tuple[Link, ...]


def read(source: str) -> Html:
    """Look at ``source``, the HTML of a template, as it stands in Notion. A malformed placeholder counts as text."""
    found: list[Placeholder] = []

    def stand_in(placeholder: Placeholder) -> str:
        found.append(placeholder)
        return f"{_OPEN}{len(found) - 1}{_CLOSE}"

    clean = source.translate(dict.fromkeys(map(ord, (_OPEN, _CLOSE, _AND)), "?"))
    pieces = [stand_in(piece) if isinstance(piece, Placeholder) else piece for piece in template_text.pieces(clean)]
    text = "".join(piece for piece in pieces if isinstance(piece, str)).replace("&", _AND)
    reader = _Reader()
    reader.look_at(text)
    faults = sorted([*_in_tag_names(text), *reader.faults], key=lambda fault: fault.line)
    return Html(tuple(faults), tuple(_link(line, address, found) for line, address in reader.links))


def _in_tag_names(text: str) -> list[Broken]:
    """A value would become part of the page's structure."""
    seen = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    return [
        Broken(
            seen[: match.start()].count("\n") + 1,
            "a placeholder stands where the name of a tag belongs",
            "write the name of the tag itself, or &lt; for a sign that is smaller-than",
        )
        for match in _IN_TAG_NAME.finditer(seen)
    ]


def _link(line: int, address: str, found: list[Placeholder]) -> Link:
    first = None
    others = []
    for match in _STAND_IN.finditer(address):
        placeholder = found[int(match[1])]
        if match.start() == 0:
            first = placeholder
        else:
            others.append(placeholder)
    return Link(line, first, tuple(others))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[Broken] = []
        self.links: list[tuple[int, str]] = []
        self._open: list[tuple[str, int]] = []
        self._closed_for: list[str] = []

    def look_at(self, text: str) -> None:
        try:
            self.feed(text)
        except AssertionError:
            # What the parser says of "<![something]" that is neither HTML nor Outlook's.
            self._fault("a declaration that begins with <![ is none", "take it out")
            return
        # Unless within <style>, which is reported as what is open.
        if self.cdata_elem is None and self.rawdata.startswith("<"):
            # All that follows was swallowed: what it leaves open is no fault of its own.
            said = _short(self.rawdata)
            self._fault(f"{said} has no end", "close its quotes and the tag or comment; write &lt; for the sign itself")
            return
        for tag, line in self._open:
            if tag not in _END_MAY_MISS:
                self._fault(f"<{tag}> is never closed", f"write </{tag}> where it ends", line)

    def _fault(self, problem: str, mend: str, line: int | None = None) -> None:
        self.faults.append(Broken(line or self.getpos()[0], problem, mend))

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
        said = str(self.get_starttag_text())
        if not _START_TAG.fullmatch(said) or any(value and _LIKE_A_TAG.search(value) for _, value in attrs):
            self._fault(
                f"the attributes of {_short(said)} are not well-formed",
                "put two quotes around each value, and a space between two attributes",
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
            mend = "take it out"
            if tag == "p":
                mend += ", or move what is no text out of the paragraph: a list, a table or a block ends it"
            self._fault(f"</{tag}> closes nothing", mend)
            return
        for inner, line in self._open[place + 1 :]:
            if inner not in _END_MAY_MISS:
                self._fault(f"<{inner}> of line {line} is still open at </{tag}>", f"write </{inner}> before it")
                self._closed_for.append(inner)
        del self._open[place:]

    def _place(self, tag: str) -> int | None:
        """Where among the open tags is the one that this end tag closes; a table's cell is a world of its own."""
        walls = ("table",) if tag in _TABLE else () if tag in ("table", "body", "html") else ("td", "th", "caption")
        for place in range(len(self._open) - 1, -1, -1):
            name = self._open[place][0]
            if name == tag:
                return place
            if name in walls:
                return None
        return None


def _short(said: str) -> str:
    """The beginning of what stands in the HTML, as its author wrote it, placeholders apart."""
    line = " ".join(_STAND_IN.sub("{{…}}", said).replace(_AND, "&").split())
    return line if len(line) <= 40 else f"{line[:40]}…"
