"""Looking for all that is kept of a contact: in Kestra, behind the door, in Notion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.page_values import Page
from christmas_campaign.notion.schema import Database
from christmas_campaign.stops import rules

NAMESPACE = "christmas"

#: The databases that have pages of contacts, and the property with the address.
PLACES = {
    schema.CONTACTS: notion_names.CONTACT_EMAIL,
    schema.SEQUENCE_PAGES: notion_names.PAGE_EMAIL,
    schema.ANALYTICS: notion_names.ANALYTICS_EMAIL,
    schema.PORTALS: notion_names.PORTAL_EMAIL,
}

#: Those that the books may need, which the law wants kept.
BOOKS = (schema.CONTACTS, schema.PORTALS)


class Systems(NamedTuple):
    """Where to look: ``sources`` are the ids of Notion's data sources, ``inbox`` is the door's file; ``progress`` shows what is
    being done."""

    kestra: Kestra
    notion: Notion
    sources: Mapping[Database, str]
    inbox: Path
    progress: Callable[[str], None]


class Found(NamedTuple):
    """All that is kept of a contact.

    ``entries`` are the values of Kestra's KV store by key, without what suppresses, which is ``stop`` (``None``: nothing does).
    ``runs`` are Kestra's, as it has them, by id; ``naming`` the ids of other contacts' runs that have her address in them.
    ``calls`` are the door's (``None``: there is no inbox), ``pages`` those of Notion by id, each with its database.
    """

    person: Person
    stop: Any
    entries: Mapping[str, Any]
    runs: Mapping[str, JsonObject]
    naming: tuple[str, ...]
    calls: tuple[InboxCall, ...] | None
    pages: Mapping[str, tuple[Database, Page]]

    @property
    def live(self) -> list[JsonObject]:
        """The runs that have something to do yet."""
        return [run for run in self.runs.values() if as_object(run["state"])["current"] in kestra_models.LIVE]

    def to_erase(self, keep: Iterable[Database]) -> list[str]:
        """What is to go, place and id of each; pages of the databases ``keep`` stay."""
        kept = set(keep)
        return [
            *(f"run {run['flowId']} {each}" for each, run in self.runs.items()),
            *(f"entry {each}" for each in self.entries),
            *(f"call {each.id}" for each in self.calls or ()),
            *(f"page {each} in {at.title}" for each, (at, _) in self.pages.items() if at not in kept),
        ]


def look(systems: Systems, person: Person, typed: str) -> Found:
    """Look everywhere. ``typed`` is the address as a person has typed it: Notion looks for that spelling too.

    Raises ``KestraError``, ``NotionError`` and ``InboxError``.
    """
    kestra, progress = systems.kestra, systems.progress
    keys = kestra.kv_list(NAMESPACE)
    person = person._replace(enrolments=person.enrolments | _enrolments(kestra, person, keys, progress))
    entries = {key: kestra.kv_get(key, NAMESPACE) for key in ownership.keys_of(keys, person)}
    runs, naming = _runs(kestra, person, progress)
    calls = _calls(systems.inbox, person)
    spelled = {person.email, typed.strip()} | ownership.spellings(
        [*runs.values(), *(each.body for each in calls or ())], person.email
    )
    pages = _pages(systems, person, sorted(spelled), entries)
    progress("")
    stop = kestra.kv_get(rules.key(person.contact), NAMESPACE)
    # What has expired since the list was made is gone.
    there = {key: value for key, value in entries.items() if value is not None}
    return Found(person, stop, there, runs, naming, calls, pages)


def _enrolments(kestra: Kestra, person: Person, keys: Iterable[str], progress: Callable[[str], None]) -> set[str]:
    labels = {"contact": person.contact}
    found = ownership.enrolments_of(kestra.executions_json(namespace=NAMESPACE, labels=labels), person.contact)
    records = [key for key in keys if key.startswith(ownership.RECORD)]
    for number, key in enumerate(records, 1):
        progress(f"{number} of {len(records)} enrolments")
        enrolment = key.removeprefix(ownership.RECORD)
        if enrolment not in found and ownership.is_record_of(kestra.kv_get(key, NAMESPACE), person.email):
            found.add(enrolment)
    return found


def _runs(
    kestra: Kestra, person: Person, progress: Callable[[str], None]
) -> tuple[dict[str, JsonObject], tuple[str, ...]]:
    hers: dict[str, JsonObject] = {}
    naming = []
    for number, run in enumerate(kestra.executions_json(namespace=NAMESPACE), 1):
        if number % 100 == 0:
            progress(f"{number} runs looked at, {len(hers)} of them hers")
        match ownership.whose(run, person):
            case Whose.OWN:
                hers[str(run["id"])] = run
            case Whose.MENTIONS:
                naming.append(str(run["id"]))
    return hers, tuple(dict.fromkeys(naming))


def _calls(inbox: Path, person: Person) -> tuple[InboxCall, ...] | None:
    if not inbox.exists():
        return None
    names = (person.contact, *person.enrolments)
    return tuple(
        each
        for each in erasure.read_calls(inbox)
        if ownership.mentions(each.body, person.email)
        or any(name in text for text in ownership.texts(each.body) for name in names)
    )


def _pages(
    systems: Systems, person: Person, spelled: Iterable[str], entries: Mapping[str, Any]
) -> dict[str, tuple[Database, Page]]:
    found: dict[str, tuple[Database, Page]] = {}
    for database, name in PLACES.items():
        systems.progress(f"Looking into {database.title}")
        either = {"or": [page_values.equals(database, name, each) for each in spelled]}
        for page in systems.notion.pages(systems.sources[database], {"filter": either}):
            if not page_values.archived(page):
                found[str(page["id"])] = (database, page)
    # A page of an enrolment of hers from which somebody took the address has her name still.
    for key, page_id in entries.items():
        if key.startswith("page.") and str(page_id) not in found:
            own = _page(systems.notion, str(page_id))
            if own is not None and not _is_of_another(own, person.email):
                found[str(page_id)] = (schema.SEQUENCE_PAGES, own)
    return found


def _page(notion: Notion, page_id: str) -> Page | None:
    try:
        page = notion.page(page_id)
    except NotionError as error:
        if error.status in (400, 404):
            return None
        raise
    return None if page_values.archived(page) else page


def _is_of_another(page: Page, email: str) -> bool:
    said = page_values.plain(page).get(notion_names.PAGE_EMAIL)
    try:
        return isinstance(said, str) and email_address.normalise(said) != email
    except ValueError:
        return False


__all__ = ["BOOKS", "Found", "InboxError", "Systems", "look"]
