"""Notion's pages to plain values, and plain values to what Notion takes.

Reading never fails on what a page lacks: every property may be null. Writing goes by the schema, so that a wrong name or
type is found here and not by Notion.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias

from christmas_campaign.campaign import times
from christmas_campaign.json_types import Json, JsonObject, as_objects
from christmas_campaign.notion.schema import Database

#: The most characters that one text object of Notion holds.
TEXT_OBJECT = 2_000

#: A plain value of a property.
PropertyValue = str | int | float | bool | None

#: A page as Notion gives it.
Page: TypeAlias = Mapping[str, Json]

#: What ``properties`` takes for a property: a JSON value, or a time (aware).
Value: TypeAlias = Json | datetime


class PageUpdate(NamedTuple):
    """A request that changes a page of Notion: its path, and the body."""

    path: str
    body: JsonObject


class PageRequest(NamedTuple):
    """A request that creates (POST) or changes (PATCH) a page of Notion."""

    method: str
    path: str
    body: JsonObject


def pieces(text: str) -> list[str]:
    """Return ``text`` cut into pieces of the size that Notion takes in one text object, in order."""
    # Notion counts UTF-16 units, as JavaScript does: an emoji is two, and none may be cut in half.
    cut: list[str] = []
    piece, size = "", 0
    for character in text:
        units = 2 if ord(character) > 0xFFFF else 1
        if size + units > TEXT_OBJECT:
            cut.append(piece)
            piece, size = "", 0
        piece += character
        size += units
    if piece:
        cut.append(piece)
    return cut


def rich_text(text: str) -> list[JsonObject]:
    """Return ``text`` as Notion's text objects, each of the size that Notion takes, in order."""
    return [{"type": "text", "text": {"content": piece}} for piece in pieces(text)]


def _write(kind: str, value: Value) -> Json:
    match kind:
        case "title" | "rich_text":
            return [*rich_text("" if value is None else str(value))]
        case "select":
            return None if value is None else {"name": str(value)}
        case "date":
            return None if value is None else {"start": _plain_json(value)}
        case "checkbox":
            return bool(value)
        case _:
            return _plain_json(value)


def _plain_json(value: Value) -> Json:
    return times.text(value) if isinstance(value, datetime) else value


def properties(database: Database, values: Mapping[str, Value]) -> JsonObject:
    """Return ``values`` (plain, by property name; ``None`` empties; times aware) as the properties of a request.

    Raises ``LookupError`` for a property that the schema does not have.
    """
    written: JsonObject = {}
    for name, value in values.items():
        kind = database.property(name).type
        written[name] = {kind: _write(kind, value)}
    return written


def _read(item: Page) -> PropertyValue:
    kind = item.get("type")
    value = item.get(kind) if isinstance(kind, str) else None
    if value is None:
        return None
    match kind:
        case "title" | "rich_text":
            return "".join(str(part.get("plain_text") or "") for part in as_objects(value)) or None
        case "select" | "status":
            return _scalar(value.get("name")) if isinstance(value, dict) else None
        case "date":
            return _scalar(value.get("start")) if isinstance(value, dict) else None
        case _:
            return _scalar(value)


def _scalar(value: Json) -> PropertyValue:
    """Return a value that is a text, a number or a truth value; ``None`` for another one."""
    return value if isinstance(value, str | int | float | bool) else None


def plain(page: Page) -> dict[str, PropertyValue]:
    """Return the plain values of a page by property name; ``None`` for what is empty or of a kind that has no plain value.

    A text is put together from all its objects; a date is its start, as Notion wrote it.
    """
    found = page.get("properties")
    if not isinstance(found, Mapping):
        return {}
    return {name: _read(item) for name, item in found.items() if isinstance(item, Mapping)}


def moment(value: Json) -> datetime | None:
    """Return a date property's value as an aware time in UTC, or ``None`` when it is empty or no date."""
    if not isinstance(value, str):
        return None
    try:
        return times.parse(value)
    except ValueError:
        return None


def archived(page: Page) -> bool:
    """Whether a person has put the page into the trash."""
    return bool(page.get("archived") or page.get("in_trash"))


def update(page: Page, database: Database, values: Mapping[str, Value]) -> PageUpdate:
    """Return the request that writes ``values`` (as ``properties`` takes them) to a page of ``database``."""
    return PageUpdate(f"/v1/pages/{page['id']}", {"properties": properties(database, values)})


def link(page_id: str) -> str:
    """Return the address at which a person sees the page with this id."""
    return f"https://www.notion.so/{page_id.replace('-', '')}"


def equals(database: Database, name: str, value: str) -> JsonObject:
    """Return Notion's filter for pages whose property ``name`` equals ``value``; raises ``LookupError``."""
    return where(database, name, {"equals": value})


def where(database: Database, name: str, condition: JsonObject) -> JsonObject:
    """Return Notion's filter for pages whose property ``name`` meets ``condition``; raises ``LookupError``."""
    return {"property": name, database.property(name).type: condition}
