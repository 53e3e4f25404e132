"""A page's property values: parsed from a request and rendered in answers.

Values are stored by property id, in the form of Notion's answers. A property that was never written has no stored value and
renders as empty.
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
    """Return the value of a property of this type that was never written."""
    return copy.deepcopy(_EMPTY.get(kind))


def parse(schema: Schema, properties: Any) -> tuple[JsonObject, Schema]:
    """Return the values to store, by property id, and the schema with the new options added.

    Raises ``NotionError``. As in Notion, one message lists all wrong property names and types.
    """
    if not isinstance(properties, dict):
        raise malformed("body.properties", "should be an object", properties)
    problems: list[str] = []
    checked: list[tuple[str, JsonObject, Any]] = []
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
            checked.append((where, prop, value[prop["type"]]))
    if problems:
        raise invalid(" ".join(problems))
    return {id_of(prop): _value(prop, value, f"{where}.{prop['type']}") for where, prop, value in checked}, schema


def render(schema: Schema, values: JsonObject, only: set[str] | None = None) -> JsonObject:
    """Return each property's id, type and value by name; with ``only``, just the properties with these ids."""
    rendered: JsonObject = {}
    for name, prop in schema.items():
        if only is not None and prop["id"] not in only:
            continue
        kind = kind_of(prop)
        value = values.get(id_of(prop))
        rendered[name] = {"id": prop["id"], "type": kind, kind: empty(kind) if value is None else value}
    return rendered


def without(values: JsonObject, removed_ids: set[str]) -> JsonObject:
    """Return the values without the properties and the options with these ids."""
    remaining: JsonObject = {}
    for prop_id, value in values.items():
        if prop_id in removed_ids:
            continue
        if isinstance(value, dict) and value.get("id") in removed_ids:
            remaining[prop_id] = None
        elif isinstance(value, list):
            remaining[prop_id] = [item for item in as_objects(value) if item.get("id") not in removed_ids]
        else:
            remaining[prop_id] = value
    return remaining


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
        matching = [item for item in options_of(prop) if item["id"] == value.get("id")]
        if not matching:
            raise malformed(f"{where}.name", "should be defined")
        return _rendered_option(matching[0])
    name = value["name"]
    if not isinstance(name, str):
        raise malformed(f"{where}.name", "should be a string", name)
    if not name:
        raise invalid(f"body failed validation: {where}.name.length should be ≥ `1`, instead was `0`.")
    text.check_length(name, 100, f"{where}.name")
    if kind == "status" and all(item["name"] != name for item in options_of(prop)):
        raise invalid(f'Invalid status option. Status option "{name}" does not exist.')
    return _rendered_option(option(prop, name))


def _rendered_option(choice: JsonObject) -> JsonObject:
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
    date: JsonObject = {"start": None, "end": None, "time_zone": None}
    for end in ("start", "end"):
        text_value = value.get(end)
        if text_value is None and end == "end":
            continue
        if not isinstance(text_value, str):
            raise malformed(f"{where}.{end}", "should be a valid ISO 8601 date string", text_value)
        try:
            moment = dates.in_zone(text_value, zone) if zone else dates.parse(text_value)
        except ValueError:
            raise malformed(f"{where}.{end}", "should be a valid ISO 8601 date string", text_value) from None
        # Notion returns the time zone as an offset and always leaves time_zone empty.
        date[end] = dates.render(moment)
    return date
