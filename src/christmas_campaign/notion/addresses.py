"""A contact's pages by their address, however a person usually spells it in Notion.

People type capitals and leave spaces at the ends. Notion does not promise that its filters ignore either. So a query asks for
the usual spellings of the part before the @ and of the domain. Python compares the whole address afterwards, because the query
may return a page of somebody with a similar address.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from christmas_campaign.campaign import email_address
from christmas_campaign.json_types import Json
from christmas_campaign.notion import page_values
from christmas_campaign.notion.page_values import Page
from christmas_campaign.notion.schema import Database

#: What may stand before or after an address: a space or a no-break space.
_SPACES = (" ", "\u00a0")

_NEVER = datetime.min.replace(tzinfo=UTC)


def conditions(database: Database, name: str, email: str, others: Iterable[str] = ()) -> list[Json]:
    """Return the conditions for pages of ``database`` whose property ``name`` holds an address. All of them must hold.

    ``email`` is the contact's address as ``email_address.normalise`` returns it. ``others`` are looked for too: unusual
    spellings of it that somebody has used, or addresses of other people. Each condition is one level deep.
    """
    parts = [
        form.rpartition("@") for address in (email, *others) for form in (address, email_address.readable(address))
    ]
    begins = [f"{spelling}@" for spelling in _spellings(*(local for local, _, _ in parts))]
    ends = [f"@{spelling}" for spelling in _spellings(*(domain for _, _, domain in parts))]

    def where(operator: str, texts: Iterable[str]) -> list[Json]:
        return [page_values.where(database, name, {operator: text}) for text in texts]

    return [
        # The first condition is implied by the next ones. It tells whoever reads the query which address is meant.
        {
            "or": [
                *where("equals", [email]),
                *where("starts_with", begins),
                *where("contains", (space + text for text in begins for space in _SPACES)),
            ]
        },
        {
            "or": [
                *where("ends_with", ends),
                *where("contains", (text + space for text in ends for space in _SPACES)),
            ]
        },
    ]


def of_contact(pages: Iterable[Page], name: str, email: str) -> list[Page]:
    """Return the pages whose property ``name`` is this address, in the same order."""
    return [page for page in pages if email_address.is_same(page_values.plain(page).get(name), email)]


def last_edited_first(pages: Iterable[Page]) -> list[Page]:
    """Return the pages in the order of their last edit, the latest first. Pages of the same minute stay in their order."""
    return sorted(pages, key=lambda page: page_values.moment(page.get("last_edited_time")) or _NEVER, reverse=True)


def _spellings(*texts: str) -> list[str]:
    """Return each text in the spellings that people use, without repetitions."""
    return list(
        dict.fromkeys(spelling for text in texts for spelling in (text, text.capitalize(), text.title(), text.upper()))
    )
