"""The database, data source and page objects of Notion's answers."""

from __future__ import annotations

from datetime import UTC, datetime

from christmas_campaign.json_types import JsonObject, as_objects
from christmas_campaign.sandbox.notion import dates, text, values
from christmas_campaign.sandbox.notion.schema import id_of, title_name
from christmas_campaign.sandbox.notion.workspace import Database, DataSource, Page, Workspace

BOT_ID = "5a4d0b0e-5a4d-4b0e-8a4d-0b0e5a4d0b0e"
# An invalid host, so that nobody mistakes a page of the sandbox for a real one.
_HOST = "https://notion.invalid"


def _times(created: float, edited: float) -> JsonObject:
    return {
        "created_time": dates.stamp(datetime.fromtimestamp(created, UTC)),
        "created_by": {"object": "user", "id": BOT_ID},
        "last_edited_by": {"object": "user", "id": BOT_ID},
        "last_edited_time": dates.stamp(datetime.fromtimestamp(edited, UTC)),
    }


def _url(object_id: str) -> str:
    return f"{_HOST}/{object_id.replace('-', '')}"


def database(item: Database, workspace: Workspace) -> JsonObject:
    """Return a database object, with the ids and names of its data sources."""
    sources = workspace.sources_of(item.id)
    return {
        "object": "database",
        "id": item.id,
        "title": [*item.title],
        "description": [],
        "parent": item.parent,
        "is_inline": False,
        "in_trash": False,
        "archived": False,
        "is_locked": False,
        **_times(item.created, item.edited),
        "data_sources": [{"id": source.id, "name": text.plain(source.title)} for source in sources],
        "icon": None,
        "cover": None,
        "url": _url(item.id),
        "public_url": None,
    }


def source(item: DataSource, workspace: Workspace) -> JsonObject:
    """Return a data source object, with its properties."""
    return {
        "object": "data_source",
        "id": item.id,
        "title": [*item.title],
        "description": [],
        "parent": {"type": "database_id", "database_id": item.database_id},
        "database_parent": workspace.databases[item.database_id].parent,
        "is_inline": False,
        "in_trash": False,
        "archived": False,
        **_times(item.created, item.edited),
        "properties": {**item.schema},
        "icon": None,
        "cover": None,
        "url": _url(item.database_id),
        "public_url": None,
    }


def page(item: Page, workspace: Workspace, only: set[str] | None = None) -> JsonObject:
    """Return a page object, with all its properties or only those with the ids in ``only``."""
    source_of_page = workspace.sources[item.source_id]
    return {
        "object": "page",
        "id": item.id,
        **_times(item.created, item.edited),
        "cover": None,
        "icon": None,
        "parent": {
            "type": "data_source_id",
            "data_source_id": item.source_id,
            "database_id": source_of_page.database_id,
        },
        "archived": item.in_trash,
        "in_trash": item.in_trash,
        "is_locked": False,
        "properties": values.render(source_of_page.schema, item.values, only),
        "url": _url(item.id),
        "public_url": None,
    }


def page_title(item: Page, workspace: Workspace) -> str:
    """Return a page's title as plain text."""
    schema = workspace.sources[item.source_id].schema
    return text.plain(as_objects(item.values.get(id_of(schema[title_name(schema)])) or []))
