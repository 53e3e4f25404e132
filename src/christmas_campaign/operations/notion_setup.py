"""Adds missing databases, properties and options to Notion. It never deletes, renames or changes the type of anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.errors import CommandError
from christmas_campaign.notion.schema import Database
from christmas_campaign.operations.notion_check import DatabaseCheck, compare, properties_of

_PAGE_ID = re.compile(r"([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.IGNORECASE)


class SetupError(CommandError):
    """The databases cannot be set up as requested; the message names the missing page."""


class Done(NamedTuple):
    """A completed step: the database, the name of the property, and the id of a new database (``made``)."""

    database: Database
    name: str | None
    step: str
    made: str | None = None

    def line(self, environment: Environment) -> str | None:
        """Return the line for the settings file with the id of the new database, ``None`` if the step made none."""
        return None if self.made is None else environment.line(self.database.setting, self.made)


def page_id(id_or_address: str) -> str:
    """Return the id of a page from its id or its web address. Raises ``SetupError``."""
    match = _PAGE_ID.search(id_or_address.strip().split("?")[0].split("#")[0])
    if match is None:
        raise SetupError(
            f"{id_or_address!r} is not the id of a Notion page: use the 32 letters and digits at the end of its address"
        )
    return match[0]


def apply(notion: Notion, checks: Iterable[DatabaseCheck], parent: str | None) -> Iterator[Done]:
    """Correct the faults that have a step, one database after the other, and yield each step after it is completed.

    ``parent`` is the id of the page below which new databases are made. Raises ``SetupError`` before any change if it is
    needed and ``None``, and ``NotionError`` if Notion refuses a change.
    """
    # New databases come first: if the page is wrong, nothing has been changed yet.
    ordered = sorted(checks, key=lambda check: check.source is not None)
    if parent is None:
        refuse_without_page(ordered)
    for check in ordered:
        names = {fault.name for fault in check.faults if fault.step}
        if not names:
            continue
        if check.source is None:
            database_id = notion.create_database(check.database, str(parent))
            yield Done(check.database, None, "make the database", database_id)
            continue
        # Compared again, because the list of options is replaced as a whole: one that a person added since would be lost.
        current_faults = compare(check.database, properties_of(notion.describe(check.source)))
        faults = [fault for fault in current_faults if fault.step and fault.name in names]
        if faults:
            notion.change_properties(check.source, {str(fault.name): fault.change for fault in faults})
        for fault in faults:
            yield Done(check.database, fault.name, str(fault.step))


def to_make(checks: Iterable[DatabaseCheck]) -> list[str]:
    """Return the titles of the databases that ``apply`` makes."""
    return [
        check.database.title for check in checks if check.source is None and any(fault.step for fault in check.faults)
    ]


def refuse_without_page(checks: Iterable[DatabaseCheck]) -> None:
    """Raise ``SetupError`` if a database must be made: no page for it was named."""
    titles = ", ".join(to_make(checks))
    if titles:
        raise SetupError(f"{titles} must be made: share a page with the integration and name it with --parent PAGE_ID")
