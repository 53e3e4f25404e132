"""The types of JSON values, and functions that check the type of a value that was read from JSON."""

from __future__ import annotations

from typing import TypeAlias, Union

Json: TypeAlias = Union[bool, int, float, str, "list[Json]", "dict[str, Json]", None]
JsonObject: TypeAlias = "dict[str, Json]"


def as_object(value: Json) -> JsonObject:
    """Return ``value`` if it is a JSON object; raise ``TypeError`` if it is not."""
    if not isinstance(value, dict):
        raise TypeError(f"expected a JSON object, got {type(value).__name__}")
    return value


def as_list(value: Json) -> list[Json]:
    """Return ``value`` if it is a JSON list; raise ``TypeError`` if it is not."""
    if not isinstance(value, list):
        raise TypeError(f"expected a JSON list, got {type(value).__name__}")
    return value


def as_objects(value: Json) -> list[JsonObject]:
    """Return ``value`` if it is a JSON list of objects; raise ``TypeError`` if it is not."""
    return [as_object(item) for item in as_list(value)]


def as_text(value: Json) -> str:
    """Return ``value`` if it is a JSON string; raise ``TypeError`` if it is not."""
    if not isinstance(value, str):
        raise TypeError(f"expected a JSON text, got {type(value).__name__}")
    return value
