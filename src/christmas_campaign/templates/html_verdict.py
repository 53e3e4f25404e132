"""Judge a template's HTML by what a browser shows of it: the footer, the links, and what is left of placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from christmas_campaign.email import footer, sections, template_text
from christmas_campaign.email.template_text import Placeholder
from christmas_campaign.email.verdict import ReaderFault, Verdict, digest
from christmas_campaign.templates import browser_view, foreign_syntax
from christmas_campaign.templates.browser_view import Address, View

#: The most faults of one verdict. It is kept in the KV store, and one fault is enough to stop an e-mail.
MOST_FAULTS = 20

# Each placeholder is replaced by its index between two private-use characters, so that it is no markup.
_OPEN, _CLOSE = "\ue000", "\ue001"
_STAND_IN = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")

_CURLY_QUOTES = "“”„‟«»‘’‚‛"
_WEB = re.compile(rf"https?://[\w{_OPEN}\[]", re.IGNORECASE)
_OTHERS = re.compile(rf"mailto:[^\s?]*[@{_OPEN}]|(?:tel|sms):[+\d({_OPEN}]", re.IGNORECASE)
_OF_PICTURES = re.compile(r"cid:\S|data:image/", re.IGNORECASE)
_LIKE_A_DOMAIN = re.compile(r"(?://)?[\w-]+(?:\.[\w-]+)+(?:[/?#].*)?", re.DOTALL)
_PICTURE_NAMES = ("src", "background", "poster")

_MEND_COMMENT = "end it with two hyphens and >: Notion turns two hyphens into a dash; or remove the comment"


def judge(html: str) -> Verdict:
    """Return the verdict on ``html``, the HTML of a template as it is in Notion."""
    lacks: set[str] = set()
    faults: dict[ReaderFault, None] = {}
    # Each contact must see the footer, whatever is told of them.
    for variant in sections.variants(html):
        page = _Page(variant)
        view = browser_view.view(page.text)
        lacks.update(page.lacks(view))
        faults |= dict.fromkeys(page.faults(view))
    # A passage within another one may be in neither of them.
    page = _Page(sections.everything(html))
    faults |= dict.fromkeys(page.faults(browser_view.view(page.text)))
    return Verdict(
        digest(html), tuple(name for name in footer.PLACEHOLDERS if name in lacks), tuple(faults)[:MOST_FAULTS]
    )


class _Page:
    """A template's HTML with stand-ins for its placeholders."""

    def __init__(self, html: str) -> None:
        self._placeholders: list[Placeholder] = []
        self._is_malformed = bool(template_text.parse(html).malformed)
        clean = html.translate(dict.fromkeys(map(ord, (_OPEN, _CLOSE)), "?")).replace("\r\n", "\n").replace("\r", "\n")
        self.text = "".join(map(self._stand_in, template_text.pieces(clean)))

    def _stand_in(self, piece: object) -> str:
        if isinstance(piece, Placeholder):
            self._placeholders.append(piece)
            return f"{_OPEN}{len(self._placeholders) - 1}{_CLOSE}"
        # Nothing stands for a malformed placeholder: its text is in the piece after it.
        return piece if isinstance(piece, str) else ""

    def _names(self, text: str) -> set[str]:
        return {self._placeholders[int(match[1])].name for match in _STAND_IN.finditer(text)}

    def lacks(self, view: View) -> tuple[str, ...]:
        """Return the footer placeholders that no reader sees. A link to unsubscribe is enough, and so is its address."""
        seen = self._names(view.shown)
        seen |= {name for link in view.links for name in self._names(link) if _STAND_IN.match(link)}
        return tuple(name for name in footer.PLACEHOLDERS if name not in seen)

    def faults(self, view: View) -> Iterator[ReaderFault]:
        """Yield what else a reader does not see as its author meant it."""
        for text in view.comments:
            yield from self._comment(text)
        for address in dict.fromkeys(view.addresses):
            yield from self._address(address)
        # A malformed placeholder stops the e-mail anyway, with a message of its own.
        if not self._is_malformed:
            yield from self._left_over(view.read)

    def _comment(self, text: str) -> Iterator[ReaderFault]:
        # A browser ends `<!— … —>` at the first `>`, and `<!-- … —>` not before the next `-->`.
        unended = re.compile(rf"<!--\s*{re.escape(text)}[\s-]*\Z")
        if text.startswith(("—", "–")) or re.search(r"[—–]>|<!--", text) or unended.search(self.text):
            yield ReaderFault(
                self._at(text, f"a comment does not end where it seems to: {self._short(text)}"), _MEND_COMMENT
            )

    def _address(self, address: Address) -> Iterator[ReaderFault]:
        value, name = address.value, address.name
        mend = _mend_address(value, name)
        if _STAND_IN.match(value):
            # The value of the placeholder is an address, or the check reports it.
            mend = foreign_syntax.BRACES if _has_braces(value) else None
        if mend:
            yield ReaderFault(self._at(value, f"a reader cannot open {name}={self._short(value) or '(nothing)'}"), mend)

    def _left_over(self, texts: tuple[str, ...]) -> Iterator[ReaderFault]:
        for text in texts:
            rest = template_text.braces(_STAND_IN.sub("\n", text))
            if rest is not None:
                yield ReaderFault(f"a reader sees braces: {rest}", foreign_syntax.correction(rest))

    def _at(self, text: str, problem: str) -> str:
        """Return ``problem`` with the line of ``text``, if the HTML has it in these letters."""
        if not text or text not in self.text:
            return problem
        return f"line {self.text.partition(text)[0].count(chr(10)) + 1}: {problem}"

    def _short(self, text: str) -> str:
        with_names = _STAND_IN.sub(lambda match: f"{{{{{self._placeholders[int(match[1])].name}}}}}", text)
        return template_text.shorten(with_names)


def _has_braces(address: str) -> bool:
    plain = unquote(address)
    return "{" in plain or "}" in plain


def _mend_address(address: str, name: str) -> str | None:
    """Return how to correct the address in an attribute, or ``None`` if a reader can open it."""
    if name in _PICTURE_NAMES and _OF_PICTURES.match(address):
        return None
    if _has_braces(address):
        return foreign_syntax.BRACES
    if _WEB.match(address) or _OTHERS.match(address):
        return None
    if address[:1] in _CURLY_QUOTES and address:
        return f'write straight quotes around it: {name}="…"'
    if not address or address.startswith("#"):
        return "write the whole address, or remove the link"
    if _LIKE_A_DOMAIN.fullmatch(address):
        return f"write https:// before it: https://{_short_domain(address)}"
    return "write a whole address: one that begins with https://, http://, mailto:, tel: or sms:"


def _short_domain(address: str) -> str:
    return address.removeprefix("//")[:40]
