"""Booked by hand: whom a person has set to `Booked` in BusinessX since the last look there.

Notion tells nobody, so it is asked once a minute. It rounds the time of an edit down to the minute, and its index may lag
behind a little: each look goes back some minutes beyond the one before it, and what was seen there is not done twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from christmas_campaign.campaign import email_address, notion_names, times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events import opaque_ids
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.page_values import Page
from christmas_campaign.stops.rules import Source, Stop

#: How far each look goes back beyond the beginning of the one before it.
OVERLAP = timedelta(minutes=5)

#: Notion rounds the time of an edit down to this.
ROUNDED = timedelta(minutes=1)


class Look(NamedTuple):
    """What is kept from one look to the next.

    ``since`` is the edit before which all was seen (UTC; ``None``: nothing was seen yet), ``began`` when this look began, and
    ``cursor`` where in Notion's answer it goes on (``None``: at its beginning). ``seen`` has, by the opaque id of a contact,
    the edit of her page that has been dealt with, as far as another look may meet it again.
    """

    since: datetime | None = None
    began: datetime | None = None
    cursor: str | None = None
    seen: Mapping[str, str] = {}

    def as_json(self) -> JsonObject:
        """Return what is kept, with ``query``, the body of the Notion query for it: whoever asks need not know more."""
        return {
            "since": times.text(self.since) if self.since else None,
            "began": times.text(self.began) if self.began else None,
            "cursor": self.cursor,
            "seen": dict(self.seen),
            "query": query(self),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Look:
        """Return what ``as_json`` wrote."""
        since, began = (times.parse(data[name]) if data.get(name) else None for name in ("since", "began"))
        return cls(since, began, data.get("cursor"), data.get("seen") or {})


class ContactStop(NamedTuple):
    """That a contact (an opaque id) is stopped."""

    contact: str
    stop: Stop


class LookResult(NamedTuple):
    """What a look has led to: the stop of each contact whose edit had not been dealt with, and the ``Look`` to keep when they
    are done."""

    stops: tuple[ContactStop, ...]
    keep: Look


def query(look: Look) -> JsonObject:
    """Return the body of the Notion query for the contacts who are booked, those whose page was edited first, first."""
    booked = page_values.equals(schema.CONTACTS, notion_names.CONTACT_BOOKING, notion_names.BOOKED)
    wanted: JsonObject = booked
    if look.since is not None:
        edited: JsonObject = {
            "timestamp": "last_edited_time",
            "last_edited_time": {"on_or_after": times.text(look.since)},
        }
        wanted = {"and": [booked, edited]}
    body: JsonObject = {"filter": wanted, "sorts": [{"timestamp": "last_edited_time", "direction": "ascending"}]}
    return body if look.cursor is None else {**body, "start_cursor": look.cursor}


def decide(look: Look, pages: Iterable[Page], cursor: str | None, now: datetime) -> LookResult:
    """Decide whom a look has found.

    ``pages`` are the contacts in Notion's answer to ``query(look)``, ``cursor`` says where it goes on (``None``: that was all);
    ``now`` is the time (aware).
    """
    began = look.began or now
    seen = dict(look.seen)
    stops = []
    for page in pages:
        contact = _contact(page)
        edited = page_values.moment(page.get("last_edited_time"))
        if contact is None or edited is None or seen.get(contact) == times.text(edited):
            continue
        seen[contact] = times.text(edited)
        # The last moment at which the edit can have been: what arrived within that minute is taken to have been before it.
        at = min(edited + ROUNDED, now)
        stops.append(ContactStop(contact, Stop(Reason.BOOKED, at, Source.NOTION)))
    back_to = began - OVERLAP
    recent = {contact: edited for contact, edited in seen.items() if times.parse(edited) >= back_to - ROUNDED}
    keep = Look(back_to, None, None, recent) if cursor is None else Look(look.since, began, cursor, recent)
    return LookResult(tuple(stops), keep)


def _contact(page: Page) -> str | None:
    """The opaque id of a contact, ``None`` for a page without an address that could be written to."""
    said = page_values.plain(page).get(notion_names.CONTACT_EMAIL)
    try:
        return opaque_ids.contact_id(email_address.normalise(said)) if isinstance(said, str) else None
    except ValueError:
        return None
