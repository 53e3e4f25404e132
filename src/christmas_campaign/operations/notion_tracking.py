"""What Notion says of contacts: looking one up, and noting on their pages which e-mails of the campaign they were sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from christmas_campaign.campaign import facts, notion_names, times
from christmas_campaign.clients.notion import Notion, NotionError
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.errors import CommandError
from christmas_campaign.json_types import as_object
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.page_values import Page, PropertyValue
from christmas_campaign.notion.schema import Database
from christmas_campaign.sequences.signup import SIGNUP

#: The calls a second that Notion takes from one integration.
PER_SECOND = 3

#: How many addresses one query asks for: the most conditions that Notion takes in a filter.
_ADDRESSES = 100

_OLDEST_FIRST = [{"timestamp": "created_time", "direction": "ascending"}]

#: What Notion answers where one page cannot be written, and the next one may be.
_THIS_PAGE_ONLY = (400, 404, 409)

#: Takes a line that replaces the one before it.
Progress = Callable[[str], None]


class TrackingError(CommandError):
    """What was sent cannot be noted; the message says why and what mends it."""


class Shown(NamedTuple):
    """A page for people: its database's title, its id, when it was made, where it is, and its values that are not empty."""

    database: str
    id: str
    created: str
    url: str
    values: Mapping[str, PropertyValue]


class Note(NamedTuple):
    """What is to be written on a contact's page: which e-mails it concerns, and the values by property name."""

    email: str
    page: str
    emails: tuple[int, ...]
    values: dict[str, str | bool]


class Tracking(NamedTuple):
    """What is to be written; how many contacts say it all; the addresses without a contact; the pages without an address."""

    notes: tuple[Note, ...]
    up_to_date: int
    without_contact: tuple[str, ...]
    without_address: int


def contact(environment: Environment, notion: Notion, email: str) -> Iterator[Shown]:
    """Return the pages of an address, in lower case, in BusinessX and then in Email Sequence, the oldest first.

    Raises ``SettingError`` and ``NotionError``.
    """
    for database, name in (
        (schema.CONTACTS, notion_names.CONTACT_EMAIL),
        (schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL),
    ):
        source = notion.data_source(environment.database(database))
        query = {"filter": page_values.equals(database, name, email), "sorts": _OLDEST_FIRST}
        for page in notion.pages(source, query):
            # A box that is not ticked is an empty one; a number that is 0 is none.
            said = page_values.plain(page).items()
            values = {key: value for key, value in said if value is not None and value is not False and value != ""}
            yield Shown(database.title, str(page["id"]), str(page["created_time"]), str(page["url"]), values)


def plan(environment: Environment, notion: Notion, progress: Progress) -> Tracking:
    """Find what was sent, by the signup pages, and is not yet said on the contacts' pages.

    Raises ``TrackingError`` where a property is missing, ``SettingError`` and ``NotionError``.
    """
    pages, contacts = schema.SEQUENCE_PAGES, schema.CONTACTS
    numbers = range(1, notion_names.CONTACT_EMAILS + 1)
    names = [
        notion_names.PAGE_EMAIL,
        notion_names.PAGE_TEMPLATE_TYPE,
        notion_names.PAGE_CAMPAIGN,
        *map(notion_names.page_sent, numbers),
    ]
    page_source = _source(environment, notion, pages, names)
    names = [
        notion_names.CONTACT_EMAIL,
        *map(notion_names.contact_sent, numbers),
        *map(notion_names.contact_date, numbers),
    ]
    contact_source = _source(environment, notion, contacts, names)
    sent, without_address = _sent(notion, page_source, progress)

    notes, up_to_date = [], 0
    found: dict[str, Page] = {}
    addresses = iter(sorted(sent))
    while chunk := list(islice(addresses, _ADDRESSES)):
        either = [page_values.equals(contacts, notion_names.CONTACT_EMAIL, email) for email in chunk]
        for page in notion.pages(contact_source, {"filter": {"or": either}, "sorts": _OLDEST_FIRST}):
            if not page_values.archived(page):
                found.setdefault(_address(page, notion_names.CONTACT_EMAIL), page)
        progress(f"{contacts.title}: {len(found)} contacts read")
    for email in sorted(found):
        note = _note(email, found[email], sent[email])
        if note is None:
            up_to_date += 1
        else:
            notes.append(note)
    return Tracking(tuple(notes), up_to_date, tuple(sorted(sent.keys() - found.keys())), without_address)


def _source(environment: Environment, notion: Notion, database: Database, names: Iterable[str]) -> str:
    """The id of a database's data source, once it is sure that it has these properties."""
    source = notion.data_source(environment.database(database))
    there = as_object(notion.describe(source)["properties"])
    wrong = [name for name in names if as_object(there.get(name, {})).get("type") != database.property(name).type]
    if wrong:
        raise TrackingError(
            f"{database.title} lacks {', '.join(wrong)}, or has it with another type:"
            " christmas notion check says what to do"
        )
    return source


def _sent(notion: Notion, source: str, progress: Progress) -> tuple[dict[str, dict[int, str]], int]:
    """When which e-mail was sent, by address, for those who were sent one; and how many such pages have no address."""
    pages = schema.SEQUENCE_PAGES
    of_campaign = [
        page_values.equals(pages, notion_names.PAGE_TEMPLATE_TYPE, SIGNUP.template_type),
        page_values.equals(pages, notion_names.PAGE_CAMPAIGN, facts.NAME),
    ]
    sent: dict[str, dict[int, str]] = {}
    without_address = 0
    for count, page in enumerate(notion.pages(source, {"filter": {"and": of_campaign}}), 1):
        if count % 100 == 0:
            progress(f"{pages.title}: {count} signups read")
        dates = _dates(page_values.plain(page))
        if page_values.archived(page) or not dates:
            continue
        email = _address(page, notion_names.PAGE_EMAIL)
        if not email:
            without_address += 1
            continue
        # An address may have two pages of one campaign: what either says was sent was sent, when it first was.
        earlier = sent.setdefault(email, {})
        for number, when in dates.items():
            earlier[number] = min(earlier.get(number, when), when, key=times.parse)
    return sent, without_address


def _address(page: Page, name: str) -> str:
    return str(page_values.plain(page).get(name) or "").strip().lower()


def _dates(said: Mapping[str, PropertyValue]) -> dict[int, str]:
    dates = {number: said.get(notion_names.page_sent(number)) for number in range(1, notion_names.CONTACT_EMAILS + 1)}
    return {number: str(value) for number, value in dates.items() if page_values.moment(value) is not None}


def _note(email: str, page: Page, sent: Mapping[int, str]) -> Note | None:
    """What a contact's page does not say yet; a date that stands there, perhaps by hand, is never replaced."""
    said = page_values.plain(page)
    values: dict[str, str | bool] = {}
    emails = []
    for number, when in sorted(sent.items()):
        lacking: dict[str, str | bool] = {}
        if not said.get(notion_names.contact_sent(number)):
            lacking[notion_names.contact_sent(number)] = True
        if not said.get(notion_names.contact_date(number)):
            lacking[notion_names.contact_date(number)] = when
        if lacking:
            emails.append(number)
            values |= lacking
    return Note(email, str(page["id"]), tuple(emails), values) if values else None


def write(notion: Notion, notes: Iterable[Note]) -> Iterator[tuple[Note, str | None]]:
    """Write each note, one call for each; returns it with what Notion says against it, or ``None`` where it is written.

    Raises ``NotionError`` where Notion cannot be asked at all.
    """
    for note in notes:
        try:
            notion.update_page(note.page, schema.CONTACTS, note.values)
        except NotionError as error:
            if error.status not in _THIS_PAGE_ONLY:
                raise
            yield note, error.reason
        else:
            yield note, None
