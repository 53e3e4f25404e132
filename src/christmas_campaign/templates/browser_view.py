"""What a browser shows of HTML: its visible text, its links and the addresses in it.

The HTML is parsed by Lexbor (``selectolax``), which follows the HTML standard as browsers do. A rule of a style sheet counts
as soon as it hides something for some readers: on phones, or in dark mode. Rules for print do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from christmas_campaign.email.template_text import WITHOUT_WIDTH

#: The attributes that hold an address.
ADDRESSES = ("href", "src", "background", "action", "poster")

#: The attributes whose text a reader sees when a picture is missing, or when they point at something.
_WORDS = ("alt", "title")

# Elements whose content no reader of an e-mail sees as text of the page. Only readers without scripts see ``noscript``.
_NEVER_SHOWN = frozenset(
    (
        *("audio", "canvas", "datalist", "head", "iframe", "math", "noembed", "noframes", "noscript", "object"),
        *("option", "script", "select", "style", "svg", "template", "textarea", "title", "video"),
    )
)
#: Elements whose content is no text for people at all.
_NO_WORDS = frozenset(("script", "style", "template"))

_DECLARATION = re.compile(r"([a-z-]+)\s*:\s*([^;]+)", re.IGNORECASE)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
_BLOCK_EDGE = re.compile(r"([^{}]*)([{}])")
_NOTHING = re.compile(r"[+-]?0*\.?0*(?:[a-z]+|%)?")
_FAR_AWAY = re.compile(r"-\d{3,}")
_OUTLOOK_ONLY = re.compile(r"\[if\b[^\]]*\]>(.*)<!\[endif\]", re.DOTALL | re.IGNORECASE)


class Address(NamedTuple):
    """An attribute with an address: the element's tag, the attribute's name, and the address without spaces around it."""

    tag: str
    name: str
    value: str


class View(NamedTuple):
    """What a reader can see.

    - ``shown``: the visible text; ``read``: the texts that anybody reads. Those also include hidden ones, because inboxes show
      the hidden beginning of an e-mail, and texts that stand for a picture.
    - ``links``: the address of each link with visible words or a picture; ``addresses``: every address.
    - ``comments``: the texts of the comments, without spaces around them.
    """

    shown: str
    read: tuple[str, ...]
    links: tuple[str, ...]
    addresses: tuple[Address, ...]
    comments: tuple[str, ...]


class _State(NamedTuple):
    """What an element inherits: whether it is shown, whether it has words for people, and its visibility and size."""

    shown: bool = True
    words: bool = True
    visible: bool = True
    sized: bool = True
    link: int | None = None


class _Link:
    def __init__(self, address: str) -> None:
        self.address = address
        self.seen = False


def view(html: str) -> View:
    """Return what a browser shows of ``html``."""
    document = LexborHTMLParser(html)
    viewer = _Viewer(_hiding(document))
    root = document.root
    if root is not None and root.parent is not None:
        # The document, which has the comments outside of <html> too.
        viewer.walk(root.parent)
    return viewer.view()


class _Viewer:
    def __init__(self, rules: Mapping[int, list[dict[str, str]]]) -> None:
        self._rules = rules
        self._shown: list[str] = []
        self._read: list[str] = []
        self._links: list[_Link] = []
        self._addresses: list[Address] = []
        self._comments: list[str] = []

    def view(self) -> View:
        links = tuple(link.address for link in self._links if link.seen)
        return View("".join(self._shown), tuple(self._read), links, tuple(self._addresses), tuple(self._comments))

    def walk(self, document: LexborNode) -> None:
        # A stack instead of recursion: HTML may be nested deeper than Python calls.
        stack = [(document, _State())]
        while stack:
            node, state = stack.pop()
            if node.is_text_node:
                self._text(node.text_content or "", state)
            elif node.is_comment_node:
                self._comment(node.comment_content or "")
            else:
                inside = self._element(node, state)
                stack.extend((child, inside) for child in reversed(list(node.iter(include_text=True))))

    def _text(self, text: str, state: _State) -> None:
        if state.words:
            self._read.append(text)
        if state.shown and state.visible and state.sized:
            self._shown.append(text)
            if text.translate(WITHOUT_WIDTH).strip():
                self._see(state)

    def _see(self, state: _State) -> None:
        if state.link is not None:
            self._links[state.link].seen = True

    def _comment(self, text: str) -> None:
        outlook = _OUTLOOK_ONLY.match(text)
        if outlook is None:
            self._comments.append(text)
            return
        # Outlook shows the content of such a comment, so its addresses and words count. The footer in it does not.
        inside = view(outlook[1])
        self._addresses += inside.addresses
        self._read += inside.read

    def _element(self, node: LexborNode, state: _State) -> _State:
        attributes = node.attributes
        tag = node.tag or ""
        if not state.words:
            return state
        self._addresses += [
            Address(tag, name, (attributes[name] or "").strip()) for name in ADDRESSES if name in attributes
        ]
        self._read += [words for name in _WORDS if (words := attributes.get(name))]
        state = self._styled(node, attributes, state)
        if tag in _NEVER_SHOWN or "hidden" in attributes or (tag in ("details", "dialog") and "open" not in attributes):
            state = state._replace(shown=False)
        if tag == "a" and "href" in attributes:
            self._links.append(_Link((attributes["href"] or "").strip()))
            state = state._replace(link=len(self._links) - 1)
        if tag == "img" and attributes.get("src") and state.shown and state.visible:
            self._see(state)
        return state._replace(words=tag not in _NO_WORDS)

    def _styled(self, node: LexborNode, attributes: Mapping[str, str | None], state: _State) -> _State:
        own = _declarations(attributes.get("style") or "")
        for rule in self._rules.get(node.mem_id, ()):
            # What an element says in its attribute `style` wins, unless the rule is `!important`.
            effective = {name: value for name, value in rule.items() if name not in own or value.endswith("important")}
            state = _inherited(state, effective)
        return _inherited(state, own)


def _inherited(state: _State, style: Mapping[str, str]) -> _State:
    values = {name: value.removesuffix("important").rstrip("! ") for name, value in style.items()}
    if _hides(values):
        state = state._replace(shown=False)
    if "visibility" in values:
        state = state._replace(visible=values["visibility"] not in ("hidden", "collapse"))
    if "font-size" in values:
        state = state._replace(sized=_NOTHING.fullmatch(values["font-size"]) is None)
    return state


def _hides(style: Mapping[str, str]) -> bool:
    """Return whether these declarations hide an element with everything in it."""
    if style.get("display") == "none" or style.get("mso-hide") == "all" or _is_nothing(style.get("opacity")):
        return True
    if style.get("overflow") == "hidden" and any(
        _is_nothing(style.get(name)) for name in ("height", "max-height", "width", "max-width")
    ):
        return True
    return any(_FAR_AWAY.match(style.get(name, "")) for name in ("left", "top", "text-indent"))


def _is_nothing(value: str | None) -> bool:
    return value is not None and bool(_NOTHING.fullmatch(value))


def _declarations(text: str) -> dict[str, str]:
    return {match[1].lower(): match[2].strip().lower() for match in _DECLARATION.finditer(_CSS_COMMENT.sub("", text))}


def _hiding(document: LexborHTMLParser) -> dict[int, list[dict[str, str]]]:
    """Return the declarations of the style sheets' rules by the element that they apply to."""
    by_element: dict[int, list[dict[str, str]]] = {}
    for sheet in document.css("style"):
        if (sheet.attributes.get("media") or "").strip().lower() == "print":
            continue
        for selector, declarations in _rules(sheet.text() or ""):
            try:
                elements = document.css(selector)
            except SelectolaxError:
                # A selector that Lexbor does not know, such as ``::before``, is about no element.
                continue
            for element in elements:
                by_element.setdefault(element.mem_id, []).append(declarations)
    return by_element


def _rules(sheet: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the selector and the declarations of each rule, also of those inside ``@media``, except for print."""
    open_blocks: list[str] = []
    for match in _BLOCK_EDGE.finditer(_CSS_COMMENT.sub("", sheet)):
        text, edge = match[1], match[2]
        if edge == "{":
            open_blocks.append(text.rpartition(";")[2].strip())
        elif open_blocks:
            selector = open_blocks.pop()
            if not selector.startswith("@") and not any(re.match(r"@media\s+print", block) for block in open_blocks):
                yield selector, _declarations(text)
