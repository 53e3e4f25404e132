"""A contact's pages by their address, however a person spelled it in Notion.

People type capitals and leave spaces at the ends. Notion does not promise that its filters ignore either. So a query cuts the
address into pairs of characters and asks for each pair in every spelling. One request finds every spelling, and Notion returns
almost no page of anybody else: no other contact's data gets into an execution. Python compares the whole address afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple

from christmas_campaign.campaign import email_address
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.notion import page_values
from christmas_campaign.notion.page_values import Page
from christmas_campaign.notion.schema import Database

#: The most pairs of a query. Notion takes 100 conditions in one list.
MOST_PAIRS = 90

#: What may stand before or after an address: a space or a no-break space.
_SPACES = (" ", "\u00a0")

_NEVER = datetime.min.replace(tzinfo=UTC)


class _Match(NamedTuple):
    """One condition on the text of a property: Notion's name of it, and the text."""

    operator: str
    text: str


def conditions(database: Database, name: str, email: str) -> list[Json]:
    """Return the conditions for pages of ``database`` whose property ``name`` holds an address. All of them must hold.

    ``email`` is the contact's address as ``email_address.normalise`` returns it. Each condition is one level deep.
    """
    return [
        _any([page_values.where(database, name, {match.operator: match.text}) for match in matches])
        for matches in _matches(email)
    ]


def any_of(database: Database, name: str, emails: Iterable[str]) -> JsonObject:
    """Return the filter for pages whose property ``name`` holds one of several addresses, in the usual spellings.

    ``conditions`` finds every spelling, but only of one address: Notion does not nest filters deep enough for several.
    """
    spellings = (
        spelling
        for email in emails
        for form in (email, email_address.readable(email))
        for spelling in (form, form.title(), form.upper())
    )
    return {"or": [page_values.where(database, name, {"contains": spelling}) for spelling in dict.fromkeys(spellings)]}


def of_contact(pages: Iterable[Page], name: str, email: str) -> list[Page]:
    """Return the pages whose property ``name`` is this address, in the same order."""
    return [page for page in pages if email_address.is_same(page_values.plain(page).get(name), email)]


def last_edited_first(pages: Iterable[Page]) -> list[Page]:
    """Return the pages in the order of their last edit, the latest first. Pages of the same minute stay in their order."""
    return sorted(pages, key=lambda page: page_values.moment(page.get("last_edited_time")) or _NEVER, reverse=True)


def _any(conditions: list[JsonObject]) -> Json:
    return conditions[0] if len(conditions) == 1 else {"or": [*conditions]}


def _matches(email: str) -> Iterator[list[_Match]]:
    """Yield, for each part of an address, the conditions of which one must hold."""
    local, _, domain = email.rpartition("@")
    first, last = _spellings(email[0]), _spellings(email[-1])
    yield [
        # Implied by the next condition, but it tells whoever reads the query which address is meant.
        _Match("equals", email),
        *(_Match("starts_with", letter) for letter in first),
        *(_Match("contains", space + letter) for space in _SPACES for letter in first),
    ]
    labels = domain.split(".")
    pairs = [*_pairs(f"{local}@")]
    if any(email_address.is_encoded(label) for label in labels):
        for label in labels:
            yield [_Match("contains", spelling) for spelling in _label_spellings(label)]
    else:
        pairs += _pairs(domain)
    for pair in pairs[:MOST_PAIRS]:
        yield [_Match("contains", spelling) for spelling in _spellings(pair)]
    if not email_address.is_encoded(labels[-1]):
        yield [
            *(_Match("ends_with", letter) for letter in last),
            *(_Match("contains", letter + space) for space in _SPACES for letter in last),
        ]


def _pairs(text: str) -> Iterator[str]:
    """Yield the text in pairs of characters, from its end. If their number is odd, the first two pairs overlap."""
    for end in range(len(text), 1, -2):
        yield text[end - 2 : end]
    if len(text) % 2:
        yield text[:2]


def _spellings(text: str) -> list[str]:
    """Return the text with each letter small and capital, without repetitions."""
    return list(dict.fromkeys("".join(letters) for letters in product(*((c, c.upper()) for c in text))))


def _label_spellings(label: str) -> list[str]:
    """Return the usual spellings of a part of a domain; an encoded part also as people write it."""
    words = (label, email_address.decoded(label))
    spellings = (spelling for word in words for spelling in (word, word.capitalize(), word.title(), word.upper()))
    return list(dict.fromkeys(spellings))
