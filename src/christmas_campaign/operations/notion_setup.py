"""Adding what the databases in Notion lack.

Nothing is ever deleted, renamed or given another type: what a person made stays, and a person decides about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.errors import CommandError
from christmas_campaign.notion.schema import Database
from christmas_campaign.operations.notion_check import Found, compare, properties_of

_PAGE_ID = re.compile(r"([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.IGNORECASE)


class SetupError(CommandError):
    """The databases cannot be set up as it was asked for; the message says what is needed."""


class Done(NamedTuple):
    """One step that was done, with the property's name; ``made`` is the id of a database that it made."""

    database: Database
    name: str | None
    step: str
    made: str | None = None

    def line(self, environment: Environment) -> str | None:
        """Return the line that holds the id of the database that was made, ready to be put where the settings come from."""
        return None if self.made is None else environment.line(self.database.setting, self.made)


def page_id(said: str) -> str:
    """Return the id of a page from itself or from the page's address; raises ``SetupError``."""
    match = _PAGE_ID.search(said.strip().split("?")[0].split("#")[0])
    if match is None:
        raise SetupError(
            f"{said!r} is not the id of a Notion page: it is the 32 letters and digits that its address ends with"
        )
    return match[0]


def apply(notion: Notion, found: Iterable[Found], parent: str | None) -> Iterator[Done]:
    """Do what ``setup`` can about the faults that were found, one database after the other, and return each step done.

    ``parent`` is the page below which databases are made. Raises ``SetupError`` before anything is done if it is needed and
    not given, ``NotionError`` where Notion refuses.
    """
    # Those that are made come first: if the page is the wrong one, nothing has been changed yet.
    todo = sorted(found, key=lambda each: each.source is not None)
    if parent is None:
        refuse_without_page(todo)
    for each in todo:
        wanted = {fault.name for fault in each.faults if fault.step}
        if not wanted:
            continue
        if each.source is None:
            made = notion.create_database(each.database, str(parent))
            yield Done(each.database, None, "make the database", made)
            continue
        # Looked at again: an option that somebody has added since would be gone otherwise, for the whole list is replaced.
        now = compare(each.database, properties_of(notion.describe(each.source)))
        faults = [fault for fault in now if fault.step and fault.name in wanted]
        if faults:
            notion.change_properties(each.source, {str(fault.name): fault.change for fault in faults})
        for fault in faults:
            yield Done(each.database, fault.name, str(fault.step))


def to_make(found: Iterable[Found]) -> list[str]:
    """Return the titles of the databases that ``setup`` makes."""
    return [each.database.title for each in found if each.source is None and any(fault.step for fault in each.faults)]


def refuse_without_page(found: Iterable[Found]) -> None:
    """Raise ``SetupError`` if a database must be made: nobody has said below which page."""
    titles = ", ".join(to_make(found))
    if titles:
        raise SetupError(f"{titles} must be made: share a page with the integration and name it with --parent PAGE_ID")
