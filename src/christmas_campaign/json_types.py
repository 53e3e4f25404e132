"""The type of a JSON value, for the places where JSON is made or read."""

from __future__ import annotations

from typing import TypeAlias, Union

Json: TypeAlias = Union[bool, int, float, str, "list[Json]", "dict[str, Json]", None]
JsonObject: TypeAlias = "dict[str, Json]"


def as_object(value: Json) -> JsonObject:
    """Return a JSON value that is an object; raises ``TypeError`` for another value."""
    if not isinstance(value, dict):
        raise TypeError(f"expected a JSON object, got {type(value).__name__}")
    return value


def as_list(value: Json) -> list[Json]:
    """Return a JSON value that is a list; raises ``TypeError`` for another value."""
    if not isinstance(value, list):
        raise TypeError(f"expected a JSON list, got {type(value).__name__}")
    return value


def as_objects(value: Json) -> list[JsonObject]:
    """Return a JSON value that is a list of objects; raises ``TypeError`` for another value."""
    return [as_object(item) for item in as_list(value)]


def as_text(value: Json) -> str:
    """Return a JSON value that is a text; raises ``TypeError`` for another value."""
    if not isinstance(value, str):
        raise TypeError(f"expected a JSON text, got {type(value).__name__}")
    return value
