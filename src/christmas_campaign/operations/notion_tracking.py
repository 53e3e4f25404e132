"""Looks up contacts in Notion, and notes on their pages which e-mails of the campaign were sent to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from christmas_campaign.campaign import facts, notion_names, times
from christmas_campaign.clients.notion import Notion, NotionError
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.errors import CommandError
from christmas_campaign.json_types import Json, JsonObject, as_object
from christmas_campaign.notion import addresses, page_values, schema
from christmas_campaign.notion.page_values import Page, PropertyValue
from christmas_campaign.notion.schema import Database
from christmas_campaign.sequences.signup import SIGNUP

#: Notion's limit of requests a second for one integration.
PER_SECOND = 3

#: How many addresses one query asks for: Notion's limit of conditions in a filter.
_ADDRESSES = 100

#: A date on a contact's page that is older than this belongs to the campaign of an earlier year.
_CAMPAIGNS_APART = timedelta(days=180)

_OLDEST_FIRST: list[Json] = [{"timestamp": "created_time", "direction": "ascending"}]

#: Notion's status codes for a problem with one page, after which the next page may succeed.
_THIS_PAGE_ONLY = (400, 404, 409)

#: A function that shows a line which replaces the previous one.
Progress = Callable[[str], None]


class TrackingError(CommandError):
    """The sent e-mails cannot be noted; the message says why, and what to do."""


class ContactPage(NamedTuple):
    """A contact's page: its database's title, its id, when it was made, its web address, and its values that are not empty."""

    database: str
    id: str
    created: str
    url: str
    values: Mapping[str, PropertyValue]


class Note(NamedTuple):
    """What to write on a contact's page: the values by property name, and the numbers of the e-mails that they are about."""

    email: str
    page: str
    emails: tuple[int, ...]
    values: dict[str, str | bool]


class Tracking(NamedTuple):
    """The notes to write, and the counts of contacts up to date, addresses without a contact, and pages without an address."""

    notes: tuple[Note, ...]
    up_to_date: int
    without_contact: tuple[str, ...]
    without_address: int


def contact(environment: Environment, notion: Notion, email: str) -> Iterator[ContactPage]:
    """Yield the pages of an address (in lower case) in BusinessX and then in Email Sequence, the oldest first.

    Raises ``SettingError`` and ``NotionError``.
    """
    for database, name in (
        (schema.CONTACTS, notion_names.CONTACT_EMAIL),
        (schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL),
    ):
        source = notion.data_source(environment.database(database))
        query: JsonObject = {"filter": {"and": addresses.conditions(database, name, email)}, "sorts": _OLDEST_FIRST}
        for page in addresses.of_contact(notion.pages(source, query), name, email):
            # An unticked checkbox counts as empty; the number 0 does not.
            properties = page_values.plain(page).items()
            values = {
                key: value for key, value in properties if value is not None and value is not False and value != ""
            }
            yield ContactPage(database.title, str(page["id"]), str(page["created_time"]), str(page["url"]), values)


def plan(environment: Environment, notion: Notion, progress: Progress) -> Tracking:
    """Find the e-mails that the signup pages say were sent, and that the contacts' pages do not say yet.

    Raises ``TrackingError`` if a property is missing, ``SettingError`` and ``NotionError``.
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
    contact_pages: dict[str, Page] = {}
    emails = iter(sorted(sent))
    while chunk := list(islice(emails, _ADDRESSES)):
        equal = [page_values.equals(contacts, notion_names.CONTACT_EMAIL, email) for email in chunk]
        for page in notion.pages(contact_source, {"filter": {"or": [*equal]}, "sorts": _OLDEST_FIRST}):
            if not page_values.archived(page):
                contact_pages.setdefault(_address(page, notion_names.CONTACT_EMAIL), page)
        progress(f"{contacts.title}: {len(contact_pages)} contacts read")
    for email in sorted(contact_pages):
        note = _note(email, contact_pages[email], sent[email])
        if note is None:
            up_to_date += 1
        else:
            notes.append(note)
    return Tracking(tuple(notes), up_to_date, tuple(sorted(sent.keys() - contact_pages.keys())), without_address)


def _source(environment: Environment, notion: Notion, database: Database, names: Iterable[str]) -> str:
    """Return the id of a database's data source, after a check that it has these properties. Raises ``TrackingError``."""
    source = notion.data_source(environment.database(database))
    properties = as_object(notion.describe(source)["properties"])
    wrong = [name for name in names if as_object(properties.get(name, {})).get("type") != database.property(name).type]
    if wrong:
        raise TrackingError(
            f"{database.title} lacks {', '.join(wrong)}, or has it with another type:"
            " christmas notion check says what to do"
        )
    return source


def _sent(notion: Notion, source: str, progress: Progress) -> tuple[dict[str, dict[int, str]], int]:
    """Return when each e-mail was sent, by address and number, and how many pages with a sent e-mail have no address."""
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
        # An address may have two signup pages in one campaign. Of each e-mail the earlier time counts.
        earlier = sent.setdefault(email, {})
        for number, when in dates.items():
            earlier[number] = min(earlier.get(number, when), when, key=times.parse)
    return sent, without_address


def _address(page: Page, name: str) -> str:
    return str(page_values.plain(page).get(name) or "").strip().lower()


def _dates(properties: Mapping[str, PropertyValue]) -> dict[int, str]:
    dates = {
        number: properties.get(notion_names.page_sent(number)) for number in range(1, notion_names.CONTACT_EMAILS + 1)
    }
    return {number: str(value) for number, value in dates.items() if page_values.moment(value) is not None}


def _note(email: str, page: Page, sent: Mapping[int, str]) -> Note | None:
    """Return the note for a contact's page, ``None`` if it lacks nothing.

    A date that is there, perhaps set by hand, is not replaced, unless it is from an earlier campaign.
    """
    properties = page_values.plain(page)
    values: dict[str, str | bool] = {}
    emails = []
    for number, when in sorted(sent.items()):
        missing: dict[str, str | bool] = {}
        noted = page_values.moment(properties.get(notion_names.contact_date(number)))
        is_earlier = noted is not None and noted < times.parse(when) - _CAMPAIGNS_APART
        if is_earlier or not properties.get(notion_names.contact_sent(number)):
            missing[notion_names.contact_sent(number)] = True
        if is_earlier or not properties.get(notion_names.contact_date(number)):
            missing[notion_names.contact_date(number)] = when
        if missing:
            emails.append(number)
            values |= missing
    return Note(email, str(page["id"]), tuple(emails), values) if values else None


def write(notion: Notion, notes: Iterable[Note]) -> Iterator[tuple[Note, str | None]]:
    """Write the notes, one request for each; yield each note with Notion's refusal (``None``: it is written).

    Raises ``NotionError`` if Notion does not answer, or refuses more than this page.
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
