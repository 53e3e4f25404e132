"""Marks: the text of `Stop Reason` on a contact's pages in Email Sequence, for stops that hold for good.

Kestra's KV store decides whether a contact is stopped. The marks are its copy in Notion: after a restore from a backup that is
older than the stop, the page still has the mark. A mark reads ``unsubscribed since 2025-11-20T10:00:00-05:00``, followed by
``(from E3)`` once an e-mail was skipped. Its time tells whether the stop was lifted later.
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

#: How long the KV entry of a ``PageQuery`` lives. Unsubscribe links never expire, but an address is not stored for ever.
PAGE_QUERY_TIME_TO_LIVE = timedelta(days=365)

#: The reasons that a page gets a mark for, the strongest first.
FOR_GOOD = tuple(reason for reason, rule in rules.RULES.items() if rule.holds is rules.Holds.FOR_GOOD)

#: A jq expression for a flow: whether a page, as Notion returns it, has a mark.
ON_PAGE = (
    f'.properties["{notion_names.PAGE_STOPPED}"].rich_text | map(.plain_text) | join("")'
    f' | test("^({"|".join(FOR_GOOD)})")'
)

#: The flow that writes the marks.
FLOW = "mark-stopped"


class Mark(NamedTuple):
    """The mark on a page: the reason, and since when (UTC; ``None``: earlier versions and people write no time)."""

    reason: Reason
    at: datetime | None


class PageQuery(NamedTuple):
    """How to find a contact's pages in Email Sequence: the path and the body of the Notion query.

    ``link`` is the web address of the contact's page in BusinessX, for the owner (``None``: there is no page). The KV store
    holds this under ``key``.
    """

    path: str
    query: JsonObject
    link: str | None = None

    def as_json(self) -> JsonObject:
        """Return the KV entry."""
        return self._asdict()


def page_query(email: str, source: str, page_id: str | None) -> PageQuery:
    """Return the query for the pages of the contact with this address.

    ``source`` is the id of the data source of Email Sequence, ``page_id`` the id of the contact's page in BusinessX
    (``None``: there is no page).
    """
    conditions: list[Json] = [
        page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email),
        page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_CAMPAIGN, facts.NAME),
    ]
    link = page_values.link(page_id) if page_id else None
    return PageQuery(f"/v1/data_sources/{source}/query", {"filter": {"and": conditions}}, link)


def text(reason: Reason, at: datetime, number: int | None = None) -> str:
    """Return the text of `Stop Reason` for a stop at ``at`` (aware); ``number`` is the first e-mail that it skipped, if any."""
    since = f" since {times.local(at)}" if reason in FOR_GOOD else ""
    return f"{reason}{since}" + (f" (from E{number})" if number is not None else "")


def read(stop_reason: PropertyValue) -> Mark | None:
    """Return the mark in the text of `Stop Reason`; ``None`` if it is empty or names a stop that does not hold for good."""
    words = str(stop_reason or "").split()
    reason = next((reason for reason in FOR_GOOD if words and words[0] == reason), None)
    if reason is None:
        return None
    return Mark(reason, page_values.moment(words[2]) if len(words) > 2 and words[1] == "since" else None)


def on_page(page: Page) -> Mark | None:
    """Return the mark on a page, as Notion returns the page."""
    return read(page_values.plain(page).get(notion_names.PAGE_STOPPED))


def holds(mark: Mark, lifts: Lifts | None) -> bool:
    """Return whether a page's mark stops the contact: it does unless the stop was lifted later.

    ``lifts`` is when the contact's stops were lifted, ``None`` if the KV store has no entry for the contact. A mark without a
    time loses against an entry, because it may be older.
    """
    if lifts is None:
        return True
    if mark.at is None:
        return False
    lifted = lifts.of(mark.reason)
    # The page has whole seconds. Within the same second the contact stays stopped.
    return lifted is None or mark.at >= lifted.replace(microsecond=0)


def updates(pages: Iterable[Page], stops: Collection[Stop]) -> list[PageUpdate]:
    """Return the updates that make the contact's pages agree with their stops in the KV store.

    Pages of completed sequences get a mark too, because a later event of the contact is checked against it. A mark is cleared
    when no stop holds for good. Other text in `Stop Reason` stays unless a mark replaces it.
    """
    for_good = [stop for stop in stops if stop.reason in FOR_GOOD]
    strongest = min(for_good, key=lambda stop: FOR_GOOD.index(stop.reason), default=None)
    new_mark = Mark(strongest.reason, strongest.at.replace(microsecond=0)) if strongest else None
    new_text = text(strongest.reason, strongest.at) if strongest else ""
    return [
        page_values.update(page, schema.SEQUENCE_PAGES, {notion_names.PAGE_STOPPED: new_text})
        for page in pages
        if not page_values.archived(page) and on_page(page) != new_mark
    ]


def key(contact: str) -> str:
    """Return the KV key of a contact's ``PageQuery``; ``contact`` is their opaque id."""
    return f"pages.{contact}"
