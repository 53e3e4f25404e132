"""What each of Notion's endpoints does with a checked id and a JSON body."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, TypeVar

from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.sandbox.clock import Clock
from christmas_campaign.sandbox.notion import schema as schemas
from christmas_campaign.sandbox.notion import shown, text, values
from christmas_campaign.sandbox.notion.errors import NotionError, invalid, malformed, not_found
from christmas_campaign.sandbox.notion.filters import compile_filter
from christmas_campaign.sandbox.notion.sorts import arrange, compile_sorts
from christmas_campaign.sandbox.notion.workspace import Database, DataSource, Page, Workspace

_Item = TypeVar("_Item", bound=Page | DataSource)
# Taken, and not kept: looks, not data.
_LOOKS = {"icon", "cover", "description", "is_inline", "is_locked"}


class Endpoints:
    """Every method answers what Notion would, as JSON, or raises ``NotionError``."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        """Take what they work on, and the time."""
        self._space = workspace
        self._clock = clock

    # Databases

    def create_database(self, body: JsonObject) -> JsonObject:
        """A new database with its first data source."""
        _only(body, {"parent", "title", "initial_data_source"} | _LOOKS)
        parent = body.get("parent")
        if not isinstance(parent, dict):
            raise malformed("body.parent", "should be defined")
        if parent.get("type", "page_id") == "page_id":
            kept: JsonObject = {"type": "page_id", "page_id": _uuid(parent.get("page_id"), "body.parent.page_id")}
        elif parent == {"type": "workspace", "workspace": True}:
            kept = dict(parent)
        else:
            raise malformed("body.parent.type", 'should be `"page_id"` or `"workspace"`', parent.get("type"))
        title = text.parse(body.get("title", []), "body.title")
        first = body.get("initial_data_source", {})
        if not isinstance(first, dict):
            raise malformed("body.initial_data_source", "should be an object", first)
        properties = first.get("properties", {"Name": {"title": {}}})
        schema = schemas.create(properties, "body.initial_data_source.properties")
        database = self._space.add_database(title, kept)
        self._space.add_source(database.id, title, schema)
        return shown.database(database, self._space)

    def retrieve_database(self, database_id: str) -> JsonObject:
        """A database and the ids of its data sources."""
        return shown.database(self._database(database_id), self._space)

    # Data sources

    def create_source(self, body: JsonObject) -> JsonObject:
        """One more data source in a database."""
        _only(body, {"parent", "title", "properties"} | _LOOKS)
        parent = body.get("parent")
        if not isinstance(parent, dict):
            raise malformed("body.parent", "should be defined")
        database = self._database(_uuid(parent.get("database_id"), "body.parent.database_id"))
        schema = schemas.create(body.get("properties"), "body.properties")
        title = text.parse(body.get("title", []), "body.title")
        return shown.source(self._space.add_source(database.id, title, schema), self._space)

    def retrieve_source(self, source_id: str) -> JsonObject:
        """A data source with its properties."""
        return shown.source(self._source(source_id), self._space)

    def update_source(self, source_id: str, body: JsonObject) -> JsonObject:
        """A data source under another name or with other properties."""
        _only(body, {"title", "properties"} | _LOOKS)
        source = self._source(source_id)
        title = text.parse(body["title"], "body.title") if "title" in body else source.title
        schema, gone = schemas.update(source.schema, body.get("properties", {}), "body.properties")
        self._space.change_source(source, title=title, schema=schema)
        if gone:
            for page in self._space.rows_of(source.id):
                self._space.rewrite(page, values.without(page.values, gone))
        return shown.source(source, self._space)

    def query(self, source_id: str, body: JsonObject, only: list[str]) -> JsonObject:
        """The pages that a filter lets through, in order, up to a hundred at a time."""
        _only(body, {"filter", "sorts", "start_cursor", "page_size", "archived", "in_trash", "result_type"})
        source = self._source(source_id)
        ids = _property_ids(source, only)
        keep = compile_filter(source.schema, body["filter"]) if "filter" in body else None
        sorts = compile_sorts(source.schema, body.get("sorts", []))
        trash = body.get("in_trash", body.get("archived", False))
        if not isinstance(trash, bool):
            raise malformed("body.in_trash", "should be a boolean", trash)
        pages = [page for page in self._space.rows_of(source.id) if page.in_trash is trash]
        if keep is not None:
            pages = [page for page in pages if keep(page)]
        part, cursor = _part(arrange(pages, sorts), body)
        return _list([shown.page(page, self._space, ids) for page in part], cursor)

    # Pages

    def create_page(self, body: JsonObject) -> JsonObject:
        """A new page in a data source."""
        _only(body, {"parent", "properties"} | _LOOKS)
        source = self._parent(body.get("parent"))
        written, schema = values.write(source.schema, body.get("properties", {}))
        return shown.page(self._space.add_page(source, written, schema), self._space)

    def retrieve_page(self, page_id: str, only: list[str]) -> JsonObject:
        """A page, also from the trash."""
        page = self._page(page_id)
        return shown.page(page, self._space, _property_ids(self._space.sources[page.source_id], only))

    def update_page(self, page_id: str, body: JsonObject) -> JsonObject:
        """A page with other values, or put into the trash or taken out."""
        _only(body, {"properties", "archived", "in_trash"} | _LOOKS)
        page = self._page(page_id)
        trash = page.in_trash
        for name in ("archived", "in_trash"):
            if name in body:
                value = body[name]
                if not isinstance(value, bool):
                    raise malformed(f"body.{name}", "should be a boolean", value)
                trash = value
        if page.in_trash and trash:
            raise invalid("Can't edit block that is archived. You must unarchive the block before editing.")
        written, schema = values.write(self._space.sources[page.source_id].schema, body.get("properties", {}))
        self._space.change_page(page, written, schema, in_trash=trash)
        return shown.page(page, self._space)

    # The rest

    def search(self, body: JsonObject) -> JsonObject:
        """Data sources and pages whose title holds the query, newest first."""
        _only(body, {"query", "filter", "sort", "start_cursor", "page_size"})
        wanted = body.get("query", "")
        if not isinstance(wanted, str):
            raise malformed("body.query", "should be a string", wanted)
        kinds: tuple[Json, ...] = ("data_source", "page")
        chosen = body.get("filter")
        if chosen is not None:
            if not isinstance(chosen, dict) or chosen.get("property") != "object" or chosen.get("value") not in kinds:
                raise malformed("body.filter.value", 'should be `"page"` or `"data_source"`', chosen)
            kinds = (chosen["value"],)
        found: list[Page | DataSource] = []
        if "page" in kinds:
            pages = [page for page in self._space.pages.values() if not page.in_trash]
            found += [page for page in pages if wanted.lower() in shown.page_title(page, self._space).lower()]
        if "data_source" in kinds:
            sources = self._space.sources.values()
            found += [source for source in sources if wanted.lower() in text.plain(source.title).lower()]
        part, cursor = _part(found[::-1], body)
        results = [
            shown.page(item, self._space) if isinstance(item, Page) else shown.source(item, self._space)
            for item in part
        ]
        return _list(results, cursor)

    def me(self) -> JsonObject:
        """The user that the token stands for: a bot."""
        bot: JsonObject = {"owner": {"type": "workspace", "workspace": True}, "workspace_name": "Sandbox"}
        return {"object": "user", "id": shown.BOT_ID, "name": "Sandbox", "avatar_url": None, "type": "bot", "bot": bot}

    # Look-ups

    def _database(self, database_id: str) -> Database:
        found = self._space.databases.get(database_id)
        if found is None:
            raise not_found("database", database_id)
        return found

    def _source(self, source_id: str) -> DataSource:
        found = self._space.sources.get(source_id)
        if found is None:
            raise not_found("data_source", source_id)
        return found

    def _page(self, page_id: str) -> Page:
        found = self._space.pages.get(page_id)
        if found is None:
            raise not_found("page", page_id)
        return found

    def _parent(self, parent: Any) -> DataSource:
        if not isinstance(parent, dict):
            raise malformed("body.parent", "should be defined")
        if "data_source_id" in parent:
            return self._source(_uuid(parent["data_source_id"], "body.parent.data_source_id"))
        if "database_id" in parent:
            database = self._database(_uuid(parent["database_id"], "body.parent.database_id"))
            sources = self._space.sources_of(database.id)
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


def _only(body: JsonObject, known: set[str]) -> None:
    unknown = sorted(set(body) - known)
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


def _part(items: Sequence[_Item], body: JsonObject) -> tuple[Sequence[_Item], str | None]:
    size = body.get("page_size", 100)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise malformed("body.page_size", "should be a number from 1 to 100", size)
    if size > 100:
        raise invalid(f"body failed validation: body.page_size should be ≤ `100`, instead was `{size}`.")
    start = 0
    if body.get("start_cursor") is not None:
        # A cursor is the id of the page that comes next, so that pages added meanwhile move nothing.
        cursor = _uuid(body["start_cursor"], "body.start_cursor")
        places = [place for place, item in enumerate(items) if item.id == cursor]
        if not places:
            raise invalid(f"The start_cursor provided is invalid: {cursor}")
        start = places[0]
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
