"""Finds the data of a contact in Kestra, in the door's inbox and in Notion."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from christmas_campaign.campaign import email_address, notion_names
from christmas_campaign.clients import kestra_models
from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.clients.notion import Notion, NotionError
from christmas_campaign.door.inbox import erasure
from christmas_campaign.door.inbox.erasure import InboxCall
from christmas_campaign.door.inbox.store import InboxError
from christmas_campaign.erasure import ownership
from christmas_campaign.erasure.ownership import Person, Whose
from christmas_campaign.json_types import JsonObject, as_object
from christmas_campaign.notion import addresses, page_values, schema
from christmas_campaign.notion.page_values import Page
from christmas_campaign.notion.schema import Database
from christmas_campaign.stops import rules

NAMESPACE = "christmas"

#: The databases with pages of contacts, and their property with the address.
PLACES = {
    schema.CONTACTS: notion_names.CONTACT_EMAIL,
    schema.SEQUENCE_PAGES: notion_names.PAGE_EMAIL,
    schema.ANALYTICS: notion_names.ANALYTICS_EMAIL,
    schema.PORTALS: notion_names.PORTAL_EMAIL,
}

#: The databases that may be part of the accounts, which the law requires to be kept.
BOOKS = (schema.CONTACTS, schema.PORTALS)


class Systems(NamedTuple):
    """Where to search: ``sources`` are the ids of Notion's data sources, ``inbox`` is the door's file.

    ``progress`` shows a line that replaces the previous one.
    """

    kestra: Kestra
    notion: Notion
    sources: Mapping[Database, str]
    inbox: Path
    progress: Callable[[str], None]


class ContactData(NamedTuple):
    """All data of a contact.

    ``entries`` are KV entries by key, without the contact's stops, which are in ``stop`` (``None``: no entry). ``executions``
    are Kestra's JSON by id, ``mentioned_in`` the ids of other contacts' executions that contain the address. ``calls`` are
    those in the door's inbox (``None``: there is no inbox), ``pages`` Notion's by id, each with its database.
    """

    person: Person
    stop: Any
    entries: Mapping[str, Any]
    executions: Mapping[str, JsonObject]
    mentioned_in: tuple[str, ...]
    calls: tuple[InboxCall, ...] | None
    pages: Mapping[str, tuple[Database, Page]]

    @property
    def live(self) -> list[JsonObject]:
        """The executions that have not ended."""
        return [
            execution
            for execution in self.executions.values()
            if as_object(execution["state"])["current"] in kestra_models.LIVE
        ]

    def to_erase(self, keep: Iterable[Database]) -> list[str]:
        """Return the kind and id of everything to erase; pages of the databases ``keep`` stay."""
        databases_to_keep = set(keep)
        return [
            *(f"execution {execution['flowId']} {execution_id}" for execution_id, execution in self.executions.items()),
            *(f"entry {key}" for key in self.entries),
            *(f"call {call.id}" for call in self.calls or ()),
            *(
                f"page {page_id} in {database.title}"
                for page_id, (database, _) in self.pages.items()
                if database not in databases_to_keep
            ),
        ]


def find_data(systems: Systems, person: Person, typed: str) -> ContactData:
    """Search all systems for a contact's data. ``typed`` is the address as the owner typed it: Notion may use that spelling.

    Raises ``KestraError``, ``NotionError`` and ``InboxError``.
    """
    kestra, progress = systems.kestra, systems.progress
    keys = kestra.kv_list(NAMESPACE)
    person = person._replace(enrolments=person.enrolments | _enrolments(kestra, person, keys, progress))
    entries = {key: kestra.kv_get(key, NAMESPACE) for key in ownership.keys_of(keys, person)}
    executions, mentioned_in = _executions(kestra, person, progress)
    calls = _calls(systems.inbox, person)
    spellings = {typed.strip()} | ownership.spellings(
        [*executions.values(), *(call.body for call in calls or ())], person.email
    )
    pages = _pages(systems, person, sorted(spellings), entries)
    progress("")
    stop = kestra.kv_get(rules.key(person.contact), NAMESPACE)
    # An entry that expired after the list was made is ``None``.
    existing = {key: value for key, value in entries.items() if value is not None}
    return ContactData(person, stop, existing, executions, mentioned_in, calls, pages)


def _enrolments(kestra: Kestra, person: Person, keys: Iterable[str], progress: Callable[[str], None]) -> set[str]:
    labels = {"contact": person.contact}
    enrolments = ownership.enrolments_of(kestra.executions_json(namespace=NAMESPACE, labels=labels), person.contact)
    records = [key for key in keys if key.startswith(ownership.RECORD)]
    for number, key in enumerate(records, 1):
        progress(f"{number} of {len(records)} enrolments")
        enrolment = key.removeprefix(ownership.RECORD)
        if enrolment not in enrolments and ownership.is_record_of(kestra.kv_get(key, NAMESPACE), person.email):
            enrolments.add(enrolment)
    return enrolments


def _executions(
    kestra: Kestra, person: Person, progress: Callable[[str], None]
) -> tuple[dict[str, JsonObject], tuple[str, ...]]:
    own: dict[str, JsonObject] = {}
    mentioned_in = []
    for number, execution in enumerate(kestra.executions_json(namespace=NAMESPACE), 1):
        if number % 100 == 0:
            progress(f"{number} executions searched, {len(own)} belong to the contact")
        match ownership.whose(execution, person):
            case Whose.OWN:
                own[str(execution["id"])] = execution
            case Whose.MENTIONS:
                mentioned_in.append(str(execution["id"]))
    return own, tuple(dict.fromkeys(mentioned_in))


def _calls(inbox: Path, person: Person) -> tuple[InboxCall, ...] | None:
    if not inbox.exists():
        return None
    ids = (person.contact, *person.enrolments)
    return tuple(
        call
        for call in erasure.read_calls(inbox)
        if ownership.mentions(call.body, person.email)
        or any(opaque_id in text for text in ownership.texts(call.body) for opaque_id in ids)
    )


def _pages(
    systems: Systems, person: Person, spellings: Collection[str], entries: Mapping[str, Any]
) -> dict[str, tuple[Database, Page]]:
    pages: dict[str, tuple[Database, Page]] = {}
    for database, name in PLACES.items():
        systems.progress(f"Searching {database.title}")
        query: JsonObject = {"filter": {"and": addresses.conditions(database, name, person.email, spellings)}}
        for page in addresses.of_contact(systems.notion.pages(systems.sources[database], query), name, person.email):
            if not page_values.archived(page):
                pages[str(page["id"])] = (database, page)
    # The page of an enrolment belongs to the contact even if a person has removed the address: it still has their name.
    for key, page_id in entries.items():
        if key.startswith("page.") and str(page_id) not in pages:
            enrolment_page = _page(systems.notion, str(page_id))
            if enrolment_page is not None and not _has_other_address(enrolment_page, person.email):
                pages[str(page_id)] = (schema.SEQUENCE_PAGES, enrolment_page)
    return pages


def _page(notion: Notion, page_id: str) -> Page | None:
    try:
        page = notion.page(page_id)
    except NotionError as error:
        if error.status in (400, 404):
            return None
        raise
    return None if page_values.archived(page) else page


def _has_other_address(page: Page, email: str) -> bool:
    page_email = page_values.plain(page).get(notion_names.PAGE_EMAIL)
    try:
        return isinstance(page_email, str) and email_address.normalise(page_email) != email
    except ValueError:
        return False


__all__ = ["BOOKS", "ContactData", "InboxError", "Systems", "find_data"]
