"""Marks: what `Stop Reason` on a contact's pages in Email Sequence says of a stop that holds for good.

Kestra's KV store decides whether a contact is stopped. The marks are its copy in Notion: a backup that is restored may be older
than the stop, and then the page still says it. A mark is ``unsubscribed since 2025-11-20T10:00:00-05:00``, with ``(from E3)``
behind it once an e-mail was skipped. The time tells it from a stop that was lifted later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from christmas_campaign.campaign import facts, notion_names, times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.page_values import Page, PageUpdate, PropertyValue
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Lifts, Stop

#: How long it is kept where the pages of a contact are: a link to unsubscribe has no end, but an address is not kept for ever.
KEPT = timedelta(days=365)

#: The reasons that a mark is for, the strongest first.
FOR_GOOD = tuple(reason for reason, rule in rules.RULES.items() if rule.holds is rules.Holds.FOR_GOOD)

#: The jq expression, for a flow, that tells whether a page as Notion gives it has a mark.
ON_PAGE = (
    f'.properties["{notion_names.PAGE_STOPPED}"].rich_text | map(.plain_text) | join("")'
    f' | test("^({"|".join(FOR_GOOD)})")'
)

#: The flow that writes the marks.
FLOW = "mark-stopped"


class Mark(NamedTuple):
    """What a page says: the reason, and since when (UTC). Earlier versions, and people, write no time (``None``)."""

    reason: Reason
    at: datetime | None


class Known(NamedTuple):
    """Where a contact's pages are, in the KV store under ``key``: the path and the body of the Notion query that finds them,
    and the address of the contact's page in BusinessX, for a person (``None``: there is none)."""

    path: str
    query: JsonObject
    link: str | None = None

    def as_json(self) -> JsonObject:
        """Return the entry as it is kept."""
        return self._asdict()


def known(email: str, source: str, page_id: str | None) -> Known:
    """Return where the pages of the contact with this address are; ``source`` is the id of the data source of the pages,
    ``page_id`` that of the contact's page in BusinessX (``None``: there is none)."""
    wanted: list[Json] = [
        page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email),
        page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_CAMPAIGN, facts.NAME),
    ]
    return Known(
        f"/v1/data_sources/{source}/query", {"filter": {"and": wanted}}, page_values.link(page_id) if page_id else None
    )


def text(reason: Reason, at: datetime, number: int | None = None) -> str:
    """Return what a page says of a stop at ``at`` (aware); ``number`` is the first e-mail that was skipped, if any was."""
    since = f" since {times.local(at)}" if reason in FOR_GOOD else ""
    return f"{reason}{since}" + (f" (from E{number})" if number is not None else "")


def read(said: PropertyValue) -> Mark | None:
    """Return the mark in the text of `Stop Reason`; ``None`` if it is empty or about a stop that does not hold for good."""
    words = str(said or "").split()
    reason = next((each for each in FOR_GOOD if words and words[0] == each), None)
    if reason is None:
        return None
    return Mark(reason, page_values.moment(words[2]) if len(words) > 2 and words[1] == "since" else None)


def on_page(page: Page) -> Mark | None:
    """Return the mark on a page, as Notion gives it."""
    return read(page_values.plain(page).get(notion_names.PAGE_STOPPED))


def holds(mark: Mark, lifts: Lifts | None) -> bool:
    """Return whether a page's mark stops the contact: yes, unless what it says was lifted later.

    ``lifts`` is when the contact's stops were lifted, ``None`` if the KV store has nothing about the contact. A mark without a
    time does not hold against an entry of the KV store: nobody can tell which of them is newer.
    """
    if lifts is None:
        return True
    if mark.at is None:
        return False
    lifted = lifts.of(mark.reason)
    # The page has whole seconds. In doubt the contact stays stopped.
    return lifted is None or mark.at >= lifted.replace(microsecond=0)


def updates(pages: Iterable[Page], held: Collection[Stop]) -> list[PageUpdate]:
    """Return what makes the pages say what the KV store says: ``held`` is what stops the contact.

    Pages of sequences that are completed get their mark too: a later event of the contact is checked against it. A mark is
    cleared when no stop holds for good. Anything else in `Stop Reason` stays, unless a mark replaces it.
    """
    for_good = [each for each in held if each.reason in FOR_GOOD]
    stop = min(for_good, key=lambda each: FOR_GOOD.index(each.reason), default=None)
    wanted = Mark(stop.reason, stop.at.replace(microsecond=0)) if stop else None
    said = text(wanted.reason, stop.at) if wanted and stop else ""
    return [
        page_values.update(page, schema.SEQUENCE_PAGES, {notion_names.PAGE_STOPPED: said})
        for page in pages
        if not page_values.archived(page) and on_page(page) != wanted
    ]


def key(contact: str) -> str:
    """Return the key of the KV store under which it is kept where the pages of a contact are; ``contact`` is an opaque id."""
    return f"pages.{contact}"
