"""The workspace: databases, their data sources and their pages.

All objects are in memory, and every change is also written to the store. A query of thousands of pages reads no file.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from christmas_campaign.json_types import JsonObject
from christmas_campaign.sandbox.clock import Clock
from christmas_campaign.sandbox.notion.schema import Schema
from christmas_campaign.sandbox.store import Store


@dataclass
class Database:
    """A database: a title for its data sources. Here and below, times are seconds since 1970, UTC."""

    id: str
    title: list[JsonObject]
    parent: JsonObject
    created: float
    edited: float


@dataclass
class DataSource:
    """A data source: a table with a title and properties."""

    id: str
    database_id: str
    title: list[JsonObject]
    schema: Schema
    created: float
    edited: float


@dataclass
class Page:
    """A page: a row of a data source, with its values by property id."""

    id: str
    source_id: str
    values: JsonObject
    created: float
    edited: float
    in_trash: bool = False

    @property
    def created_time(self) -> datetime:
        """When the page was created, rounded down to the minute (aware, UTC)."""
        return _minute(self.created)

    @property
    def last_edited_time(self) -> datetime:
        """When the page was last edited, rounded down to the minute (aware, UTC)."""
        return _minute(self.edited)


def _minute(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds // 60 * 60, UTC)


class Workspace:
    """All databases, data sources and pages. Ids are UUIDs with dashes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Load all objects from the store; ``clock`` gives the time of changes."""
        self._store = store
        self._clock = clock
        #: Whether the filter of a query tells capitals from small letters. Notion does not say whether its own do.
        self.case_sensitive = True
        self._load()

    def _load(self) -> None:
        self.databases: dict[str, Database] = {}
        self.sources: dict[str, DataSource] = {}
        self.pages: dict[str, Page] = {}
        self._rows: dict[str, dict[str, Page]] = {}
        self._seq: dict[str, int] = {}
        for kind, seq, body in self._store.notion_objects():
            # The fields of the dataclass, as `_write` stored them.
            fields: Any = body
            self._seq[fields["id"]] = seq
            if kind == "database":
                self.databases[fields["id"]] = Database(**fields)
            elif kind == "source":
                self.sources[fields["id"]] = DataSource(**fields)
            else:
                page = Page(**fields)
                self.pages[page.id] = page
                self._rows.setdefault(page.source_id, {})[page.id] = page
        self._next = max(self._seq.values(), default=0) + 1

    def clear(self) -> None:
        """Delete all objects."""
        self._store.clear_notion()
        self._load()

    def sources_of(self, database_id: str) -> list[DataSource]:
        """Return a database's data sources, oldest first."""
        return [source for source in self.sources.values() if source.database_id == database_id]

    def rows_of(self, source_id: str) -> list[Page]:
        """Return a data source's pages, newest first, including those in the trash."""
        return list(reversed(self._rows.get(source_id, {}).values()))

    def add_database(self, title: list[JsonObject], parent: JsonObject) -> Database:
        """Create a database without data sources."""
        now = self._clock.timestamp()
        database = Database(str(uuid.uuid4()), title, parent, now, now)
        self.databases[database.id] = database
        self._write("database", database)
        return database

    def add_source(self, database_id: str, title: list[JsonObject], schema: Schema) -> DataSource:
        """Create a data source in a database."""
        now = self._clock.timestamp()
        source = DataSource(str(uuid.uuid4()), database_id, title, schema, now, now)
        self.sources[source.id] = source
        self._write("source", source)
        return source

    def add_page(self, source: DataSource, values: JsonObject, schema: Schema) -> Page:
        """Create a page in a data source. ``schema`` is the source's schema with the options that the values add."""
        now = self._clock.timestamp()
        page = Page(str(uuid.uuid4()), source.id, values, now, now)
        self.pages[page.id] = page
        self._rows.setdefault(source.id, {})[page.id] = page
        self._write("page", page)
        self._store_schema(source, schema)
        return page

    def change_page(self, page: Page, values: JsonObject, schema: Schema, *, in_trash: bool) -> None:
        """Change some values of a page, and move it into or out of the trash. ``schema`` as in ``add_page``."""
        page.values = {**page.values, **values}
        page.in_trash = in_trash
        page.edited = self._clock.timestamp()
        self._write("page", page)
        self._store_schema(self.sources[page.source_id], schema)

    def change_source(self, source: DataSource, *, title: list[JsonObject], schema: Schema) -> None:
        """Set the title and the properties of a data source."""
        source.title = title
        source.schema = schema
        source.edited = self._clock.timestamp()
        self._write("source", source)

    def rewrite(self, page: Page, values: JsonObject) -> None:
        """Replace all values of a page without changing its last edited time."""
        page.values = values
        self._write("page", page)

    def _store_schema(self, source: DataSource, schema: Schema) -> None:
        if schema != source.schema:
            source.schema = schema
            self._write("source", source)

    def _write(self, kind: str, item: Database | DataSource | Page) -> None:
        if item.id not in self._seq:
            self._seq[item.id] = self._next
            self._next += 1
        self._store.put_notion(kind, self._seq[item.id], asdict(item))
