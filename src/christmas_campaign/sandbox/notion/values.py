"""A page's property values: what is written, checked against the schema, and what is shown.

A value is kept by the property's id, as it is shown; a property that was never written has none and shows as empty.
"""

from __future__ import annotations

import copy
import math
from typing import Any
from zoneinfo import ZoneInfo

from christmas_campaign.json_types import Json, JsonObject, as_objects
from christmas_campaign.sandbox.notion import dates, text
from christmas_campaign.sandbox.notion.errors import invalid, malformed
from christmas_campaign.sandbox.notion.schema import (
    TYPES,
    WITH_OPTIONS,
    Schema,
    find,
    id_of,
    kind_of,
    option,
    options_of,
)

_EMPTY: JsonObject = {"title": [], "rich_text": [], "multi_select": [], "checkbox": False}
_LONGEST = {"email": 200, "phone_number": 200, "url": 2000}


def empty(kind: str) -> Json:
    """What a property of this type shows when nothing was ever written to it."""
    return copy.deepcopy(_EMPTY.get(kind))


def write(schema: Schema, properties: Any) -> tuple[JsonObject, Schema]:
    """The values to keep, by property id, and the schema with the options that are new.

    Raises ``NotionError``: everything that is wrong with names and types in one message, as Notion says it.
    """
    if not isinstance(properties, dict):
        raise malformed("body.properties", "should be an object", properties)
    problems: list[str] = []
    found: list[tuple[str, JsonObject, Any]] = []
    schema = copy.deepcopy(schema)
    for name, value in properties.items():
        where = f"body.properties.{name}"
        if not isinstance(value, dict):
            raise malformed(where, "should be an object", value)
        kinds = [key for key in value if key not in ("id", "name", "type")]
        unknown = [key for key in kinds if key not in TYPES]
        if unknown or len(kinds) > 1:
            extra = unknown[0] if unknown else kinds[1]
            raise malformed(f"{where}.{extra}", "should be not present", value[extra])
        prop = find(schema, name)
        if prop is None:
            problems.append(f"{name} is not a property that exists.")
        elif kinds != [prop["type"]] or value.get("type", prop["type"]) != prop["type"]:
            if not kinds:
                raise malformed(f"{where}.{prop['type']}", "should be defined")
            problems.append(f"{name} is expected to be {prop['type']}.")
        else:
            found.append((where, prop, value[prop["type"]]))
    if problems:
        raise invalid(" ".join(problems))
    return {id_of(prop): _value(prop, value, f"{where}.{prop['type']}") for where, prop, value in found}, schema


def show(schema: Schema, values: JsonObject, only: set[str] | None = None) -> JsonObject:
    """Every property of the schema (or only those with these ids), with its id, its type and its value."""
    shown: JsonObject = {}
    for name, prop in schema.items():
        if only is not None and prop["id"] not in only:
            continue
        kind = kind_of(prop)
        value = values.get(id_of(prop))
        shown[name] = {"id": prop["id"], "type": kind, kind: empty(kind) if value is None else value}
    return shown


def without(values: JsonObject, gone: set[str]) -> JsonObject:
    """The values without the properties and the options that have these ids."""
    kept: JsonObject = {}
    for prop_id, value in values.items():
        if prop_id in gone:
            continue
        if isinstance(value, dict) and value.get("id") in gone:
            kept[prop_id] = None
        elif isinstance(value, list):
            kept[prop_id] = [item for item in as_objects(value) if item.get("id") not in gone]
        else:
            kept[prop_id] = value
    return kept


def _value(prop: JsonObject, value: Any, where: str) -> Any:
    kind = kind_of(prop)
    if kind in ("title", "rich_text"):
        return text.parse(value, where)
    if kind == "checkbox":
        if not isinstance(value, bool):
            raise malformed(where, "should be a boolean", value)
        return value
    if kind == "multi_select":
        return _many(prop, value, where)
    if value is None:
        return None
    if kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) == math.inf:
            raise malformed(where, "should be a number or `null`", value)
        return value
    if kind == "date":
        return _date(value, where)
    if kind in WITH_OPTIONS:
        return _choice(prop, value, where)
    if not isinstance(value, str):
        raise malformed(where, "should be a string or `null`", value)
    if not value:
        raise invalid(f"body failed validation: {where}.length should be ≥ `1`, instead was `0`.")
    text.check_length(value, _LONGEST[kind], where)
    return value


def _many(prop: JsonObject, value: Any, where: str) -> list[JsonObject]:
    if not isinstance(value, list):
        raise malformed(where, "should be an array", value)
    if len(value) > 100:
        raise invalid(f"body failed validation: {where}.length should be ≤ `100`, instead was `{len(value)}`.")
    return [_choice(prop, item, f"{where}[{index}]") for index, item in enumerate(value)]


def _choice(prop: JsonObject, value: Any, where: str) -> JsonObject:
    if not isinstance(value, dict):
        raise malformed(where, "should be an object or `null`", value)
    unknown = set(value) - {"id", "name", "color", "description"}
    if unknown:
        name = sorted(unknown)[0]
        raise malformed(f"{where}.{name}", "should be not present", value[name])
    kind = kind_of(prop)
    if "name" not in value:
        known = [item for item in options_of(prop) if item["id"] == value.get("id")]
        if not known:
            raise malformed(f"{where}.name", "should be defined")
        return _shown(known[0])
    name = value["name"]
    if not isinstance(name, str):
        raise malformed(f"{where}.name", "should be a string", name)
    if not name:
        raise invalid(f"body failed validation: {where}.name.length should be ≥ `1`, instead was `0`.")
    text.check_length(name, 100, f"{where}.name")
    if kind == "status" and all(item["name"] != name for item in options_of(prop)):
        raise invalid(f'Invalid status option. Status option "{name}" does not exist.')
    return _shown(option(prop, name))


def _shown(choice: JsonObject) -> JsonObject:
    return {key: choice[key] for key in ("id", "name", "color")}


def _date(value: Any, where: str) -> JsonObject:
    if not isinstance(value, dict):
        raise malformed(where, "should be an object or `null`", value)
    unknown = set(value) - {"start", "end", "time_zone"}
    if unknown:
        name = sorted(unknown)[0]
        raise malformed(f"{where}.{name}", "should be not present", value[name])
    zone_name = value.get("time_zone")
    zone = None
    if zone_name is not None:
        try:
            zone = ZoneInfo(zone_name)
        except (KeyError, ValueError, TypeError, OSError):
            raise malformed(f"{where}.time_zone", "should be a time zone", zone_name) from None
    shown: JsonObject = {"start": None, "end": None, "time_zone": None}
    for end in ("start", "end"):
        written = value.get(end)
        if written is None and end == "end":
            continue
        if not isinstance(written, str):
            raise malformed(f"{where}.{end}", "should be a valid ISO 8601 date string", written)
        try:
            moment = dates.in_zone(written, zone) if zone else dates.parse(written)
        except ValueError:
            raise malformed(f"{where}.{end}", "should be a valid ISO 8601 date string", written) from None
        # Notion shows the zone as an offset and leaves time_zone empty, whatever was written.
        shown[end] = dates.render(moment)
    return shown
