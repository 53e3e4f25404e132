"""Notion's endpoints. Each one takes a checked id or a JSON body, or both."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, TypeVar

from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.sandbox.clock import Clock
from christmas_campaign.sandbox.notion import objects, text, values
from christmas_campaign.sandbox.notion import schema as schemas
from christmas_campaign.sandbox.notion.errors import NotionError, invalid, malformed, not_found
from christmas_campaign.sandbox.notion.filters import compile_filter
from christmas_campaign.sandbox.notion.sorts import compile_sorts, sort_rows
from christmas_campaign.sandbox.notion.workspace import Database, DataSource, Page, Workspace

_Item = TypeVar("_Item", bound=Page | DataSource)
# Fields that only change how a page looks: accepted and ignored.
_IGNORED = {"icon", "cover", "description", "is_inline", "is_locked"}


class Endpoints:
    """One method for each endpoint. It returns Notion's JSON answer or raises ``NotionError``."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        """Take the workspace and the clock."""
        self._workspace = workspace
        self._clock = clock

    # Databases

    def create_database(self, body: JsonObject) -> JsonObject:
        """Create a database with its first data source."""
        _check_fields(body, {"parent", "title", "initial_data_source"} | _IGNORED)
        parent = body.get("parent")
        if not isinstance(parent, dict):
            raise malformed("body.parent", "should be defined")
        if parent.get("type", "page_id") == "page_id":
            stored_parent: JsonObject = {
                "type": "page_id",
                "page_id": _uuid(parent.get("page_id"), "body.parent.page_id"),
            }
        elif parent == {"type": "workspace", "workspace": True}:
            stored_parent = dict(parent)
        else:
            raise malformed("body.parent.type", 'should be `"page_id"` or `"workspace"`', parent.get("type"))
        title = text.parse(body.get("title", []), "body.title")
        first = body.get("initial_data_source", {})
        if not isinstance(first, dict):
            raise malformed("body.initial_data_source", "should be an object", first)
        properties = first.get("properties", {"Name": {"title": {}}})
        schema = schemas.create(properties, "body.initial_data_source.properties")
        database = self._workspace.add_database(title, stored_parent)
        self._workspace.add_source(database.id, title, schema)
        return objects.database(database, self._workspace)

    def retrieve_database(self, database_id: str) -> JsonObject:
        """Return a database with the ids of its data sources."""
        return objects.database(self._database(database_id), self._workspace)

    # Data sources

    def create_source(self, body: JsonObject) -> JsonObject:
        """Create another data source in a database."""
        _check_fields(body, {"parent", "title", "properties"} | _IGNORED)
        parent = body.get("parent")
        if not isinstance(parent, dict):
            raise malformed("body.parent", "should be defined")
        database = self._database(_uuid(parent.get("database_id"), "body.parent.database_id"))
        schema = schemas.create(body.get("properties"), "body.properties")
        title = text.parse(body.get("title", []), "body.title")
        return objects.source(self._workspace.add_source(database.id, title, schema), self._workspace)

    def retrieve_source(self, source_id: str) -> JsonObject:
        """Return a data source with its properties."""
        return objects.source(self._source(source_id), self._workspace)

    def update_source(self, source_id: str, body: JsonObject) -> JsonObject:
        """Change the title or the properties of a data source.

        Values of removed properties and options disappear from its pages.
        """
        _check_fields(body, {"title", "properties"} | _IGNORED)
        source = self._source(source_id)
        title = text.parse(body["title"], "body.title") if "title" in body else source.title
        schema, removed_ids = schemas.update(source.schema, body.get("properties", {}), "body.properties")
        self._workspace.change_source(source, title=title, schema=schema)
        if removed_ids:
            for page in self._workspace.rows_of(source.id):
                self._workspace.rewrite(page, values.without(page.values, removed_ids))
        return objects.source(source, self._workspace)

    def query(self, source_id: str, body: JsonObject, only: list[str]) -> JsonObject:
        """Return the pages that match a filter, sorted, up to 100 at a time.

        ``only`` limits each page to the properties with these names or ids; empty: all.
        """
        _check_fields(body, {"filter", "sorts", "start_cursor", "page_size", "archived", "in_trash", "result_type"})
        source = self._source(source_id)
        ids = _property_ids(source, only)
        fold = str if self._workspace.case_sensitive else str.lower
        matches = compile_filter(source.schema, body["filter"], fold) if "filter" in body else None
        sorts = compile_sorts(source.schema, body.get("sorts", []))
        in_trash = body.get("in_trash", body.get("archived", False))
        if not isinstance(in_trash, bool):
            raise malformed("body.in_trash", "should be a boolean", in_trash)
        pages = [page for page in self._workspace.rows_of(source.id) if page.in_trash is in_trash]
        if matches is not None:
            pages = [page for page in pages if matches(page)]
        batch, cursor = _batch(sort_rows(pages, sorts), body)
        return _list([objects.page(page, self._workspace, ids) for page in batch], cursor)

    # Pages

    def create_page(self, body: JsonObject) -> JsonObject:
        """Create a page in a data source."""
        _check_fields(body, {"parent", "properties"} | _IGNORED)
        source = self._parent(body.get("parent"))
        new_values, schema = values.parse(source.schema, body.get("properties", {}))
        return objects.page(self._workspace.add_page(source, new_values, schema), self._workspace)

    def retrieve_page(self, page_id: str, only: list[str]) -> JsonObject:
        """Return a page, also if it is in the trash."""
        page = self._page(page_id)
        return objects.page(page, self._workspace, _property_ids(self._workspace.sources[page.source_id], only))

    def update_page(self, page_id: str, body: JsonObject) -> JsonObject:
        """Change values of a page, or move it into or out of the trash."""
        _check_fields(body, {"properties", "archived", "in_trash"} | _IGNORED)
        page = self._page(page_id)
        in_trash = page.in_trash
        for name in ("archived", "in_trash"):
            if name in body:
                value = body[name]
                if not isinstance(value, bool):
                    raise malformed(f"body.{name}", "should be a boolean", value)
                in_trash = value
        if page.in_trash and in_trash:
            raise invalid("Can't edit block that is archived. You must unarchive the block before editing.")
        new_values, schema = values.parse(self._workspace.sources[page.source_id].schema, body.get("properties", {}))
        self._workspace.change_page(page, new_values, schema, in_trash=in_trash)
        return objects.page(page, self._workspace)

    # Search and users

    def search(self, body: JsonObject) -> JsonObject:
        """Return the data sources and pages whose title contains the query, newest first."""
        _check_fields(body, {"query", "filter", "sort", "start_cursor", "page_size"})
        query = body.get("query", "")
        if not isinstance(query, str):
            raise malformed("body.query", "should be a string", query)
        kinds: tuple[Json, ...] = ("data_source", "page")
        kind = body.get("filter")
        if kind is not None:
            if not isinstance(kind, dict) or kind.get("property") != "object" or kind.get("value") not in kinds:
                raise malformed("body.filter.value", 'should be `"page"` or `"data_source"`', kind)
            kinds = (kind["value"],)
        matches: list[Page | DataSource] = []
        if "page" in kinds:
            pages = [page for page in self._workspace.pages.values() if not page.in_trash]
            matches += [page for page in pages if query.lower() in objects.page_title(page, self._workspace).lower()]
        if "data_source" in kinds:
            sources = self._workspace.sources.values()
            matches += [source for source in sources if query.lower() in text.plain(source.title).lower()]
        batch, cursor = _batch(matches[::-1], body)
        results = [
            objects.page(item, self._workspace) if isinstance(item, Page) else objects.source(item, self._workspace)
            for item in batch
        ]
        return _list(results, cursor)

    def me(self) -> JsonObject:
        """Return the user of the token: a bot."""
        bot: JsonObject = {"owner": {"type": "workspace", "workspace": True}, "workspace_name": "Sandbox"}
        return {
            "object": "user",
            "id": objects.BOT_ID,
            "name": "Sandbox",
            "avatar_url": None,
            "type": "bot",
            "bot": bot,
        }

    # Look-ups

    def _database(self, database_id: str) -> Database:
        database = self._workspace.databases.get(database_id)
        if database is None:
            raise not_found("database", database_id)
        return database

    def _source(self, source_id: str) -> DataSource:
        source = self._workspace.sources.get(source_id)
        if source is None:
            raise not_found("data_source", source_id)
        return source

    def _page(self, page_id: str) -> Page:
        page = self._workspace.pages.get(page_id)
        if page is None:
            raise not_found("page", page_id)
        return page

    def _parent(self, parent: Any) -> DataSource:
        if not isinstance(parent, dict):
            raise malformed("body.parent", "should be defined")
        if "data_source_id" in parent:
            return self._source(_uuid(parent["data_source_id"], "body.parent.data_source_id"))
        if "database_id" in parent:
            database = self._database(_uuid(parent["database_id"], "body.parent.database_id"))
            sources = self._workspace.sources_of(database.id)
            if len(sources) == 1:
                return sources[0]
            raise NotionError(
                400,
                "validation_error",
                "Databases with multiple data sources are not supported in this API version.",
                {
                    "error_type": "multiple_data_sources_for_database",
                    "database_id": database.id,
                    "child_data_source_ids": [source.id for source in sources],
                    "minimum_api_version": "2025-09-03",
                },
            )
        if "page_id" in parent:
            raise not_found("page", _uuid(parent["page_id"], "body.parent.page_id"))
        raise malformed("body.parent.data_source_id", "should be defined")


def _check_fields(body: JsonObject, allowed: set[str]) -> None:
    unknown = sorted(set(body) - allowed)
    if unknown:
        raise malformed(f"body.{unknown[0]}", "should be not present", body[unknown[0]])


def _uuid(value: Any, where: str) -> str:
    try:
        return str(uuid.UUID(value))
    except (ValueError, TypeError, AttributeError):
        raise malformed(where, "should be a valid uuid", value) from None


def _property_ids(source: DataSource, names: list[str]) -> set[str] | None:
    if not names:
        return None
    ids: set[str] = set()
    for name in names:
        prop = schemas.find(source.schema, name)
        if prop is None:
            raise invalid(f"Could not find property with name or id: {name}")
        ids.add(schemas.id_of(prop))
    return ids


def _batch(items: Sequence[_Item], body: JsonObject) -> tuple[Sequence[_Item], str | None]:
    size = body.get("page_size", 100)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise malformed("body.page_size", "should be a number from 1 to 100", size)
    if size > 100:
        raise invalid(f"body failed validation: body.page_size should be ≤ `100`, instead was `{size}`.")
    start = 0
    if body.get("start_cursor") is not None:
        # A cursor is the id of the next item, so that items added in the meantime do not shift the batches.
        cursor = _uuid(body["start_cursor"], "body.start_cursor")
        positions = [position for position, item in enumerate(items) if item.id == cursor]
        if not positions:
            raise invalid(f"The start_cursor provided is invalid: {cursor}")
        start = positions[0]
    rest = items[start + size : start + size + 1]
    return items[start : start + size], rest[0].id if rest else None


def _list(results: list[JsonObject], cursor: str | None) -> JsonObject:
    return {
        "object": "list",
        "results": [*results],
        "next_cursor": cursor,
        "has_more": cursor is not None,
        "type": "page_or_data_source",
        "page_or_data_source": {},
    }
