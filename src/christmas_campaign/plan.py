"""The plan of an enrolment: whether the contact enters the sequence, what her pages say then, and when each e-mail goes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from christmas_campaign import campaign, notion_pages, schedule, times
from christmas_campaign import notion_schema as schema
from christmas_campaign.enrolment import Record, time_to_live
from christmas_campaign.intake import Event
from christmas_campaign.notion_pages import Read
from christmas_campaign.reasons import Outcome, Reason
from christmas_campaign.segments import classify
from christmas_campaign.sequences import sequence
from christmas_campaign.settings import Settings

Page = Mapping[str, Any]


def lookups(event: Event) -> dict[str, Any]:
    """Return the bodies of the two Notion queries that ``plan`` needs: ``contact`` and ``pages``, the oldest first."""
    oldest_first = [{"timestamp": "created_time", "direction": "ascending"}]
    return {
        "contact": {
            "filter": notion_pages.equals(schema.CONTACTS, schema.CONTACT_EMAIL, event.email),
            "sorts": oldest_first,
        },
        "pages": {
            "filter": notion_pages.equals(schema.SEQUENCE_PAGES, schema.PAGE_EMAIL, event.email),
            "sorts": oldest_first,
        },
    }


def plan(
    event: Event,
    *,
    contacts: Sequence[Page],
    pages: Iterable[Page],
    begun: bool,
    sources: Mapping[str, str],
    settings: Settings,
    now: datetime,
) -> dict[str, Any]:
    """Decide what an event leads to.

    ``contacts`` and ``pages`` are what the queries of ``lookups`` found, ``begun`` says whether an earlier enrolment for this
    very event was recorded but not finished, ``sources`` are the ids of Notion's data sources ``pages``, ``templates`` and
    ``analytics``, ``now`` the moment of the plan (aware).

    Returns ``go``; if false ``outcome`` and ``reason``. If true: ``record`` (``Record.as_json``) and ``ttl``, ``contact`` (path
    and body of the contact's update, or ``None`` when there is no contact), ``page`` (method, path and body that write the
    page), ``emails`` (number and date of each), ``outcome``, and ``note``, a sentence for the log.
    """
    found = sequence(event.sequence)
    own = _own_page(event, pages)
    said = notion_pages.plain(own) if own else {}
    if own and said.get(schema.PAGE_TEMPLATE_TYPE) is not None and not begun:
        return {"go": False, "outcome": Outcome.SKIPPED, "reason": found.duplicate}

    sent = _sent(said)
    anchor = _anchor(event, sent)
    dates = schedule.dates(found, anchor, now, sent, settings)
    if not dates:
        return {"go": False, "outcome": Outcome.SKIPPED, "reason": Reason.NOTHING_LEFT_TO_SEND}

    contact = contacts[0] if contacts else None
    kept = {name: sources[name] for name in ("templates", "analytics")}
    record = Record(event, notion_pages.plain(contact) if contact else {}, dates, kept)
    # ``first`` is what the page is to say of the e-mail that the website sent; what it says already stays.
    first = anchor if 1 not in sent and _told_anchor(event) is not None else None
    values = _page_values(event, first, now)
    return {
        "go": True,
        "outcome": Outcome.ENROLLED,
        "note": _note(found.name, contacts, own is not None, dates),
        "record": record.as_json(),
        "ttl": time_to_live(max(dates.values()), now),
        "contact": _contact_update(event, contact),
        "page": _page_request(own, said, values, sources["pages"]),
        "emails": [{"number": number, "date": times.text(date)} for number, date in dates.items()],
    }


def _own_page(event: Event, pages: Iterable[Page]) -> Page | None:
    """The page of this contact, this sequence and this campaign, or one that the website or the old system made."""
    candidates = []
    for page in pages:
        if notion_pages.archived(page):
            continue
        said = notion_pages.plain(page)
        if said.get(schema.PAGE_CAMPAIGN) != campaign.NAME:
            continue
        kind = said.get(schema.PAGE_TEMPLATE_TYPE)
        if kind == sequence(event.sequence).template_type:
            return page
        if kind is None and event.sequence == "signup":
            candidates.append(page)
    return candidates[0] if candidates else None


def _sent(said: Mapping[str, Read]) -> dict[int, datetime]:
    sent = {}
    for number in range(1, schema.PAGE_EMAILS + 1):
        when = notion_pages.moment(said.get(schema.page_sent(number)))
        if when is not None:
            sent[number] = when
    return sent


def _told_anchor(event: Event) -> datetime | None:
    field = sequence(event.sequence).anchor_field
    told = event.fields.get(field) if field else None
    return times.parse(told) if isinstance(told, str) else None


def _anchor(event: Event, sent: Mapping[int, datetime]) -> datetime:
    """The payload's word first, then the page's, then the arrival of the webhook."""
    if sequence(event.sequence).anchor_field is None:
        return event.received_at
    return _told_anchor(event) or sent.get(1) or event.received_at


def _page_values(event: Event, first: datetime | None, now: datetime) -> dict[str, Any]:
    found = sequence(event.sequence)
    values: dict[str, Any] = {
        schema.PAGE_NAME: f"{event.email} - {found.template_type}",
        schema.PAGE_EMAIL: event.email,
        schema.PAGE_FIRST_NAME: event.value("first_name"),
        schema.PAGE_BUSINESS_NAME: event.value("business_name"),
        schema.PAGE_TEMPLATE_TYPE: found.template_type,
        schema.PAGE_CAMPAIGN: campaign.NAME,
        schema.PAGE_CREATED: now,
    }
    if event.sequence == "signup":
        values[schema.PAGE_SEGMENT] = _segment(event)
        values[schema.PAGE_SCORE] = event.value("assessment_score")
        values |= {name: event.value(field) for field, name in schema.PAGE_SYSTEMS.items()}
        values[schema.PAGE_SIGNUP_DATE] = event.received_at
        values[schema.PAGE_ASSESSED] = True
        if first is not None:
            values[schema.page_sent(1)] = first
    return values


def _page_request(
    own: Page | None, said: Mapping[str, Read], values: dict[str, Any], data_source: str
) -> dict[str, Any]:
    if own is None:
        return {
            "method": "POST",
            "path": "/v1/pages",
            "body": {
                "parent": {"type": "data_source_id", "data_source_id": data_source},
                "properties": notion_pages.properties(schema.SEQUENCE_PAGES, values),
            },
        }
    # What the page says already was said by the website or by a person: only what is empty is filled in.
    empty = {name: value for name, value in values.items() if said.get(name) is None or said.get(name) is False}
    return {
        "method": "PATCH",
        "path": f"/v1/pages/{own['id']}",
        "body": {"properties": notion_pages.properties(schema.SEQUENCE_PAGES, empty)},
    }


def _contact_update(event: Event, contact: Page | None) -> dict[str, Any] | None:
    if contact is None or event.sequence != "signup":
        return None
    values = {
        schema.CONTACT_SCORE: event.value("assessment_score"),
        schema.CONTACT_SEGMENT: _segment(event),
        schema.CONTACT_STATUS: "Nurture Sequence",
        schema.CONTACT_PHASE: "Phase 1 Assessment",
    }
    return {
        "path": f"/v1/pages/{contact['id']}",
        "body": {"properties": notion_pages.properties(schema.CONTACTS, values)},
    }


def _segment(event: Event) -> str:
    red, orange = event.value("red_systems"), event.value("orange_systems")
    return classify(int(red) if isinstance(red, int) else 0, int(orange) if isinstance(orange, int) else 0).name


def _note(name: str, contacts: Sequence[Page], adopted: bool, dates: Mapping[int, datetime]) -> str:
    said = [f"Enrolled in {name}: {len(dates)} e-mail(s) scheduled."]
    if not contacts:
        said.append("There is no such contact in BusinessX: nothing was updated there.")
    elif len(contacts) > 1:
        said.append(f"There are {len(contacts)} contacts with this address in BusinessX: the oldest was updated.")
    if adopted:
        said.append("The page was there already and was adopted.")
    return " ".join(said)
