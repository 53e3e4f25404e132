"""Explain what looks like a placeholder and is none: the syntax of other systems, and characters that nobody sees.

Liquid (Shopify, Customer.io), Jinja and Django (Klaviyo), Handlebars (SendGrid), HubSpot and Resend write placeholders in
similar ways. The explanation shows the form that is right here.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import unquote

from christmas_campaign.email.template_text import WITHOUT_WIDTH, Malformed, is_foreign
from christmas_campaign.sequences.field_types import is_name

#: How to correct a text of which nothing else is known.
NAMES = "write {{name}} or {{name|what to say without it}}; a name is letters, digits, spaces, _ and -"
BRACES = "write the braces themselves: {{name}}, not &#123; or %7B, and nothing between two braces"

_BRACES = re.compile(r"^\{[{%#\s~-]*|[-~\s%#}]*\}$")
_QUOTED = r"(?:[\"'“”‘’]|&quot;|&#39;)"
_PATH = r"(?P<path>[\w.$ -]+?)"
_BLOCK = re.compile(rf"(?P<sign>#\s*if|if|#\s*unless|unless|#|\^)\s+{_PATH}\s*", re.IGNORECASE)
_WITH_FALLBACK = re.compile(
    rf"(?:insert\s+)?{_PATH}\s*(?:\|+|\?\?|\?:|\bor\b|,|\s)\s*(?:[a-z_]+\s*\|\s*)*(?:default|fallback)?\s*[:(=]?\s*{_QUOTED}"
    rf"(?:default=)?(?P<fallback>.*?){_QUOTED}.*",
    re.DOTALL,
)
_BARE_FALLBACK = re.compile(rf"{_PATH}\|(?P<fallback>[^|{{}}]+)", re.DOTALL)
_ANY = re.compile(rf"{_PATH}\s*(?:[|?(].*)?", re.DOTALL)
_KEYWORDS = {
    "else": "{{/name}}{{^name}}",
    **dict.fromkeys(("endif", "endunless", "/if", "/unless", "end"), "{{/name}}"),
}
_SPACES = re.compile(r"&nbsp;|&#160;|[^\S\n ]")


class Explanation(NamedTuple):
    """A problem, and how to correct it (``mend``)."""

    problem: str
    mend: str


def explain(malformed: Malformed) -> Explanation:
    """Return what is wrong with a malformed placeholder."""
    names = dict.fromkeys(_name_of(character) for character in malformed.text if _is_odd(character))
    problem = f"not a placeholder: {malformed.beginning}"
    if names:
        problem += f" has {' and '.join(names)} in it"
    form = right_form(malformed.text)
    return Explanation(problem, NAMES if form is None else f"write {form}")


def correction(left_over: str) -> str:
    """Return how to correct a text that a reader would see with its braces. ``left_over`` may be longer than it."""
    begins = re.match(r"\{%.*?%\}|\{\{.*?\}\}|\{[\w -]+\}", unquote(left_over))
    form = right_form(begins[0]) if begins else None
    if form is None:
        return BRACES
    # Braces that are not written as such, or that are not side by side, look right in the message.
    needs_braces = left_over.startswith("{{") or not left_over.startswith("{")
    return f"write {form}{', with the braces themselves and nothing between them' if needs_braces else ''}"


def right_form(text: str) -> str | None:
    """Return what the author of ``text``, with its braces, should write; ``None`` if that cannot be told."""
    inner = _SPACES.sub(" ", text.translate(WITHOUT_WIDTH))
    inner = _BRACES.sub("", inner).strip()
    block = _BLOCK.fullmatch(inner)
    if block:
        sign = "^" if block["sign"].lower().endswith(("unless", "^")) else "#"
        name = _name(block["path"])
        return f"{{{{{sign}{name}}}}}…{{{{/{name}}}}}" if name else None
    if inner.lower() in _KEYWORDS:
        return _KEYWORDS[inner.lower()]
    for pattern in (_WITH_FALLBACK, _BARE_FALLBACK, _ANY):
        match = pattern.fullmatch(inner)
        name = _name(match["path"]) if match else None
        if match is None or name is None:
            continue
        fallback = match.groupdict().get("fallback") or ""
        if pattern is not _WITH_FALLBACK and is_foreign(fallback):
            # A filter without a text, such as `capitalize`, is no fallback.
            fallback = ""
        return f"{{{{{name}|{fallback.strip()}}}}}" if fallback else f"{{{{{name}}}}}"
    return None


def _name(path: str) -> str | None:
    # `contact.first_name` and `$first_name` of other systems are the name alone here.
    name = path.rpartition(".")[2].strip(" $")
    return name if is_name(name) else None


def _is_odd(character: str) -> bool:
    return ord(character) in WITHOUT_WIDTH or (character.isspace() and not character.isascii())


def _name_of(character: str) -> str:
    name = unicodedata.name(character).lower()
    return f"a {name}" if name[0] not in "aeiou" else f"an {name}"
