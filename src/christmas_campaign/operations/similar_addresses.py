"""Look an address up in Notion, and find addresses that are spelled almost like it, for an owner who may have mistyped it."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import islice
from typing import NamedTuple

from christmas_campaign.campaign import notion_names
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.notion import addresses, page_values, schema

#: The most similar addresses to offer.
MOST_OFFERED = 3

#: The most pages to read from a database. They share the name or the domain of the address, which may be a common one.
MOST_PAGES = 1000

#: How alike two addresses must be, from 0 to 1: see ``likeness``. One missing letter in a name of four gives 0.86.
LEAST_LIKENESS = 0.7


class AddressLookup(NamedTuple):
    """Whether a contact has the address, and the similar addresses of other contacts, the most similar first."""

    exists: bool
    similar: tuple[str, ...]


def look_up(environment: Environment, notion: Notion, email: str) -> AddressLookup:
    """Look an address (in lower case) up in BusinessX and in Email Sequence.

    Raises ``SettingError`` and ``NotionError``.
    """
    name, _, domain = email.partition("@")
    candidates: set[str] = set()
    for database, property_name in (
        (schema.CONTACTS, notion_names.CONTACT_EMAIL),
        (schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL),
    ):
        source = notion.data_source(environment.database(database))
        query: JsonObject = {"filter": {"and": addresses.conditions(database, property_name, email)}}
        if addresses.of_contact(notion.pages(source, query), property_name, email):
            return AddressLookup(True, ())
        either: list[Json] = [
            page_values.where(database, property_name, {"contains": part}) for part in (f"{name}@", f"@{domain}")
        ]
        for page in islice(notion.pages(source, {"filter": {"or": either}}), MOST_PAGES):
            candidates.add(str(page_values.plain(page).get(property_name) or "").strip().lower())
    similar = [address for address in sorted(candidates) if likeness(email, address) >= LEAST_LIKENESS]
    similar.sort(key=lambda address: likeness(email, address), reverse=True)
    return AddressLookup(False, tuple(similar[:MOST_OFFERED]))


def likeness(address: str, other: str) -> float:
    """Return how alike two addresses are, from 0 to 1: the likeness of their names or of their domains, the smaller one."""
    parts = zip(address.partition("@"), other.partition("@"), strict=True)
    return min(SequenceMatcher(None, part, other_part).ratio() for part, other_part in parts)
