"""Manual bookings: finds the contacts whom a person set to `Booked` in BusinessX.

Notion sends no event for such an edit, so a flow polls Notion once a minute. Notion rounds the time of an edit down to the
minute, and its index may lag behind. Each poll therefore covers some minutes before the previous one, and remembers which edits
it has handled.
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
from christmas_campaign.stops.bookings import ContactStop
from christmas_campaign.stops.rules import Source, Stop

#: How far each poll reaches back before the start of the previous one.
OVERLAP = timedelta(minutes=5)

#: Notion rounds the time of an edit down to a multiple of this.
ROUNDED = timedelta(minutes=1)


class PollState(NamedTuple):
    """The state that one poll stores for the next. A poll may take several queries, one for each page of Notion's answer.

    - ``since``: all edits before this time (UTC) are handled; ``None`` before the first poll.
    - ``began``: when the current poll began (UTC); ``None`` between polls.
    - ``cursor``: Notion's cursor for the next query; ``None`` for the first query of a poll.
    - ``handled``: by contact (opaque id), the time of the last handled edit, as long as another poll may return it again.
    """

    since: datetime | None = None
    began: datetime | None = None
    cursor: str | None = None
    handled: Mapping[str, str] = {}

    def as_json(self) -> JsonObject:
        """Return the state to store, with ``query``, the body of the next Notion query, for the flow."""
        return {
            "since": times.text(self.since) if self.since else None,
            "began": times.text(self.began) if self.began else None,
            "cursor": self.cursor,
            "seen": dict(self.handled),
            "query": query(self),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PollState:
        """Return the state that ``as_json`` made."""
        since, began = (times.parse(data[name]) if data.get(name) else None for name in ("since", "began"))
        return cls(since, began, data.get("cursor"), data.get("seen") or {})


class PollResult(NamedTuple):
    """The stops of the contacts with a new edit, and the state to store once they are stopped."""

    stops: tuple[ContactStop, ...]
    next_state: PollState


def query(state: PollState) -> JsonObject:
    """Return the body of the Notion query for booked contacts, ordered by the last edit of their page."""
    booked = page_values.equals(schema.CONTACTS, notion_names.CONTACT_BOOKING, notion_names.BOOKED)
    condition: JsonObject = booked
    if state.since is not None:
        edited: JsonObject = {
            "timestamp": "last_edited_time",
            "last_edited_time": {"on_or_after": times.text(state.since)},
        }
        condition = {"and": [booked, edited]}
    body: JsonObject = {"filter": condition, "sorts": [{"timestamp": "last_edited_time", "direction": "ascending"}]}
    return body if state.cursor is None else {**body, "start_cursor": state.cursor}


def decide(state: PollState, pages: Iterable[Page], cursor: str | None, now: datetime) -> PollResult:
    """Decide which contacts to stop after one query of a poll.

    ``pages`` are the contacts that Notion returned for ``query(state)``, ``cursor`` is its cursor for the next query (``None``:
    there are no more); ``now`` is the time (aware).
    """
    began = state.began or now
    handled = dict(state.handled)
    stops = []
    for page in pages:
        contact = _contact(page)
        edited = page_values.moment(page.get("last_edited_time"))
        if contact is None or edited is None or handled.get(contact) == times.text(edited):
            continue
        handled[contact] = times.text(edited)
        # The latest possible time of the edit: an event that arrived within the same minute counts as earlier.
        at = min(edited + ROUNDED, now)
        stops.append(ContactStop(contact, Stop(Reason.BOOKED, at, Source.NOTION)))
    back_to = began - OVERLAP
    recent = {contact: edited for contact, edited in handled.items() if times.parse(edited) >= back_to - ROUNDED}
    next_state = (
        PollState(back_to, None, None, recent) if cursor is None else PollState(state.since, began, cursor, recent)
    )
    return PollResult(tuple(stops), next_state)


def _contact(page: Page) -> str | None:
    """Return the contact's opaque id, ``None`` for a page without a valid address."""
    email = page_values.plain(page).get(notion_names.CONTACT_EMAIL)
    try:
        return opaque_ids.contact_id(email_address.normalise(email)) if isinstance(email, str) else None
    except ValueError:
        return None
