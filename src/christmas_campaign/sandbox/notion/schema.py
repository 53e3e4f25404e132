"""A data source's schema: its properties with their types and options, and how they change.

A property is stored as Notion shows it: ``{"id", "name", "description", "type", <type>: {...}}``.
"""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Iterable
from typing import Any

from christmas_campaign.json_types import Json, JsonObject, as_list, as_object, as_objects, as_text
from christmas_campaign.sandbox.notion.errors import invalid, malformed
from christmas_campaign.sandbox.notion.text import check_length

Schema = dict[str, JsonObject]

TYPES = (
    "title", "rich_text", "email", "number", "checkbox", "date", "select", "multi_select", "status", "url",
    "phone_number",
)  # fmt: skip
WITH_OPTIONS = ("select", "multi_select", "status")
OPTION_COLORS = ("default", "gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red")
_STATUSES = (("Not started", "default", "To-do"), ("In progress", "blue", "In progress"), ("Done", "green", "Complete"))


def find(schema: Schema, name_or_id: str) -> JsonObject | None:
    """Return the property with this name, else the one with this id, else ``None``."""
    if name_or_id in schema:
        return schema[name_or_id]
    return next((prop for prop in schema.values() if prop["id"] == name_or_id), None)


def id_of(prop: JsonObject) -> str:
    """Return a property's id."""
    return as_text(prop["id"])


def kind_of(prop: JsonObject) -> str:
    """Return a property's type, which is also the key of its settings."""
    return as_text(prop["type"])


def options_of(prop: JsonObject) -> list[JsonObject]:
    """Return a new list of the options of a select, multi-select or status property."""
    return as_objects(as_object(prop[kind_of(prop)])["options"])


def title_name(schema: Schema) -> str:
    """Return the name of the title property; every data source has one."""
    return next(name for name, prop in schema.items() if prop["type"] == "title")


def create(properties: Any, where: str) -> Schema:
    """Return the schema of a new data source. Raises ``NotionError`` if it is invalid or has not exactly one title."""
    if not isinstance(properties, dict):
        raise malformed(where, "should be an object", properties)
    schema: Schema = {}
    for name, config in properties.items():
        schema[name] = _property(name, config, f"{where}.{name}", used_ids=(id_of(prop) for prop in schema.values()))
    titles = [prop for prop in schema.values() if prop["type"] == "title"]
    if not titles:
        raise invalid("Title is not provided")
    if len(titles) > 1:
        raise invalid("A data source has exactly one title property.")
    return schema


def update(schema: Schema, changes: Any, where: str) -> tuple[Schema, set[str]]:
    """Return the changed schema, and the ids of the removed properties and options. Raises ``NotionError``.

    ``None`` removes a property, ``{"name": ...}`` renames it, and a new name adds one. A list of options replaces the old
    list, so an option that is not in it is removed.
    """
    if not isinstance(changes, dict):
        raise malformed(where, "should be an object", changes)
    new = {name: dict(prop) for name, prop in schema.items()}
    removed_ids: set[str] = set()
    for key, config in changes.items():
        prop = find(new, key)
        if prop is None:
            if config is None:
                raise invalid(f"{key} is not a property that exists.")
            new[key] = _property(key, config, f"{where}.{key}", used_ids=(id_of(old) for old in new.values()))
            if new[key]["type"] == "title":
                raise invalid("A data source has exactly one title property.")
        elif config is None:
            if prop["type"] == "title":
                raise invalid("Cannot delete the title property.")
            removed_ids.add(id_of(prop))
            del new[as_text(prop["name"])]
        else:
            new, removed_options = _changed(new, prop, config, f"{where}.{key}")
            removed_ids |= removed_options
    return new, removed_ids


def option(prop: JsonObject, name: str) -> JsonObject:
    """Return the option with this name, and add it to the property if it is new. Raises ``NotionError`` for a comma."""
    if "," in name:
        raise invalid(f"Invalid select option, commas not allowed: {name}")
    options = options_of(prop)
    for existing in options:
        if existing["name"] == name:
            return existing
    new = _option(name, random.choice(OPTION_COLORS), options)  # noqa: S311  (a colour is no secret)
    as_list(as_object(prop[kind_of(prop)])["options"]).append(new)
    return new


def _changed(schema: Schema, prop: dict[str, Any], config: Any, where: str) -> tuple[Schema, set[str]]:
    if not isinstance(config, dict):
        raise malformed(where, "should be an object or `null`", config)
    name, kind = prop["name"], prop["type"]
    new_type = _type_of(config, where)
    if new_type is not None and new_type != kind:
        raise invalid(f"The sandbox does not change a property's type: {name} is {kind}, not {new_type}.")
    removed_options: set[str] = set()
    changed = dict(prop)
    if kind in ("select", "multi_select") and isinstance(config.get(kind), dict) and "options" in config[kind]:
        options = _options(config[kind]["options"], prop[kind]["options"], f"{where}.{kind}.options")
        removed_options = {old["id"] for old in prop[kind]["options"]} - {new["id"] for new in options}
        changed[kind] = {"options": options}
    elif kind == "number" and isinstance(config.get("number"), dict):
        changed["number"] = {"format": config["number"].get("format", prop["number"]["format"])}
    if isinstance(config.get("description"), str):
        changed["description"] = config["description"]
    renamed = config.get("name", name)
    if not isinstance(renamed, str) or not renamed:
        raise malformed(f"{where}.name", "should be a string", renamed)
    if renamed != name and renamed in schema:
        raise invalid(f"{renamed} is a property that exists already.")
    changed["name"] = renamed
    return {
        changed["name"] if key == name else key: changed if key == name else old for key, old in schema.items()
    }, removed_options


def _type_of(config: dict[str, Any], where: str) -> str | None:
    types = [key for key in config if key not in ("id", "name", "description", "type")]
    if len(types) > 1:
        raise malformed(f"{where}.{types[1]}", "should be not present", config[types[1]])
    kind = types[0] if types else config.get("type")
    if kind is not None and (kind not in TYPES or config.get("type", kind) != kind):
        raise malformed(f"{where}.{kind}", f"should be one of {', '.join(TYPES)}")
    return None if kind is None else str(kind)


def _property(name: str, config: Any, where: str, *, used_ids: Iterable[str]) -> JsonObject:
    if not name or not isinstance(config, dict):
        raise malformed(where, "should be an object", config)
    kind = _type_of(config, where)
    if kind is None:
        raise malformed(f"{where}.type", "should be defined")
    inner = config.get(kind, {})
    if not isinstance(inner, dict):
        raise malformed(f"{where}.{kind}", "should be an object", inner)
    settings: dict[str, Any] = {}
    if kind == "number":
        settings = {"format": inner.get("format", "number")}
    elif kind == "status":
        settings = _status()
    elif kind in WITH_OPTIONS:
        settings = {"options": _options(inner.get("options", []), [], f"{where}.{kind}.options")}
    prop_id = "title" if kind == "title" else _new_id(set(used_ids))
    return {"id": prop_id, "name": name, "description": config.get("description"), "type": kind, kind: settings}


def _new_id(used_ids: set[str]) -> str:
    while True:
        new = "".join(random.choices(string.ascii_letters, k=4))  # noqa: S311  (an id is no secret)
        if new not in used_ids:
            return new


def _status() -> JsonObject:
    options: list[JsonObject] = []
    groups: list[Json] = []
    for name, color, group in _STATUSES:
        options.append(_option(name, color, options))
        groups.append({"id": str(uuid.uuid4()), "name": group, "color": color, "option_ids": [options[-1]["id"]]})
    return {"options": [*options], "groups": groups}


def _options(value: Any, existing: list[dict[str, Any]], where: str) -> list[JsonObject]:
    if not isinstance(value, list):
        raise malformed(where, "should be an array", value)
    if len(value) > 100:
        raise invalid(f"body failed validation: {where}.length should be ≤ `100`, instead was `{len(value)}`.")
    options: list[dict[str, Any]] = []
    for index, item in enumerate(value):
        if not isinstance(item, dict) or not (item.get("name") or item.get("id")):
            raise malformed(f"{where}[{index}].name", "should be a string", item)
        matching = [old for old in existing if old["id"] == item.get("id") or old["name"] == item.get("name")]
        if matching:
            options.append(matching[0])
            continue
        name = item.get("name")
        if not isinstance(name, str) or not name:
            raise malformed(f"{where}[{index}].name", "should be a string", name)
        check_length(name, 100, f"{where}[{index}].name")
        if "," in name:
            raise invalid(f"Invalid select option, commas not allowed: {name}")
        if any(old["name"] == name for old in options):
            raise invalid(f"Cannot create select options with duplicate names: {name}")
        color = item.get("color", "default")
        if color not in OPTION_COLORS:
            raise malformed(f"{where}[{index}].color", f"should be one of {', '.join(OPTION_COLORS)}", color)
        options.append(_option(name, color, options))
    return options


def _option(name: str, color: str, others: list[dict[str, Any]]) -> JsonObject:
    return {"id": _new_id({other["id"] for other in others}), "name": name, "color": color, "description": None}
