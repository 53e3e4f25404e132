"""The conversion of Notion pages to plain values, and of plain values to requests.

Every property of a page may be null or absent; reading never fails. Writing follows the schema, so a wrong property name is an
error here and not in Notion.
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

#: The plain value of a property on a page.
PropertyValue = str | int | float | bool | None

#: A page as Notion's API returns it.
Page: TypeAlias = Mapping[str, Json]

#: A value to write to a property: a JSON value, or a time (aware).
Value: TypeAlias = Json | datetime


class PageUpdate(NamedTuple):
    """A request (PATCH) that changes a page of Notion."""

    path: str
    body: JsonObject


class PageRequest(NamedTuple):
    """A request that creates (POST) or changes (PATCH) a page of Notion."""

    method: str
    path: str
    body: JsonObject


def pieces(text: str) -> list[str]:
    """Return ``text`` split into pieces of at most ``TEXT_OBJECT`` characters, in order."""
    # Notion counts UTF-16 units, as JavaScript does: an emoji has two, and they must not be split.
    pieces: list[str] = []
    piece, size = "", 0
    for character in text:
        units = 2 if ord(character) > 0xFFFF else 1
        if size + units > TEXT_OBJECT:
            pieces.append(piece)
            piece, size = "", 0
        piece += character
        size += units
    if piece:
        pieces.append(piece)
    return pieces


def rich_text(text: str) -> list[JsonObject]:
    """Return ``text`` as a list of Notion's text objects: see ``pieces``."""
    return [{"type": "text", "text": {"content": piece}} for piece in pieces(text)]


def _property_json(property_type: str, value: Value) -> Json:
    match property_type:
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
    """Return ``values``, by property name, as the properties of a request. ``None`` empties a property.

    Raises ``LookupError`` for a property that the schema does not have.
    """
    properties: JsonObject = {}
    for name, value in values.items():
        property_type = database.property(name).type
        properties[name] = {property_type: _property_json(property_type, value)}
    return properties


def _plain_value(page_property: Mapping[str, Json]) -> PropertyValue:
    property_type = page_property.get("type")
    value = page_property.get(property_type) if isinstance(property_type, str) else None
    if value is None:
        return None
    match property_type:
        case "title" | "rich_text":
            return "".join(str(part.get("plain_text") or "") for part in as_objects(value)) or None
        case "select" | "status":
            return _scalar(value.get("name")) if isinstance(value, dict) else None
        case "date":
            return _scalar(value.get("start")) if isinstance(value, dict) else None
        case _:
            return _scalar(value)


def _scalar(value: Json) -> PropertyValue:
    """Return a text, a number or a boolean as it is; ``None`` for any other value."""
    return value if isinstance(value, str | int | float | bool) else None


def plain(page: Page) -> dict[str, PropertyValue]:
    """Return the plain values of a page by property name; ``None`` if a property is empty or has no plain value.

    A text is joined from all its text objects. A date is its start, as Notion spells it.
    """
    properties = page.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    return {name: _plain_value(value) for name, value in properties.items() if isinstance(value, Mapping)}


def moment(value: Json) -> datetime | None:
    """Return the plain value of a date property as a time in UTC; ``None`` if it is empty or not a date."""
    if not isinstance(value, str):
        return None
    try:
        return times.parse(value)
    except ValueError:
        return None


def archived(page: Page) -> bool:
    """Return whether the page is in Notion's trash."""
    return bool(page.get("archived") or page.get("in_trash"))


def update(page: Page, database: Database, values: Mapping[str, Value]) -> PageUpdate:
    """Return the request that writes ``values`` to a page of ``database``: see ``properties``."""
    return PageUpdate(f"/v1/pages/{page['id']}", {"properties": properties(database, values)})


def link(page_id: str) -> str:
    """Return the URL of a page for people."""
    return f"https://www.notion.so/{page_id.replace('-', '')}"


def equals(database: Database, name: str, value: str) -> JsonObject:
    """Return Notion's filter for pages whose property ``name`` equals ``value``; raises as ``where`` does."""
    return where(database, name, {"equals": value})


def where(database: Database, name: str, condition: JsonObject) -> JsonObject:
    """Return Notion's filter for pages whose property ``name`` meets ``condition``.

    Raises ``LookupError`` if the schema does not have the property.
    """
    return {"property": name, database.property(name).type: condition}
