"""A query's filter: checked against the schema first, then asked of every page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Protocol

from christmas_campaign.sandbox.notion import dates, text
from christmas_campaign.sandbox.notion.errors import invalid, malformed
from christmas_campaign.sandbox.notion.schema import Schema, find, id_of, kind_of

MAX_DEPTH = 2
TEXTS = ("title", "rich_text", "email", "url", "phone_number")
TIMESTAMPS = ("created_time", "last_edited_time")


class Row(Protocol):
    """A page as filters and sorts see it: its values by property id, and its two times (aware, UTC)."""

    values: dict[str, Any]

    @property
    def created_time(self) -> datetime:
        """When it was made, rounded down to the minute."""

    @property
    def last_edited_time(self) -> datetime:
        """When it was last changed, rounded down to the minute."""


Test = Callable[[Row], bool]
_Check = Callable[[Any], bool]


def compile_filter(schema: Schema, value: Any, where: str = "body.filter", depth: int = 0) -> Test:
    """Return the test that a filter stands for. Text is compared as it is written, case included.

    Raises ``NotionError`` for what Notion would refuse, and for conditions that the sandbox does not support.
    """
    if not isinstance(value, dict):
        raise malformed(where, "should be an object", value)
    for word, combine in (("and", all), ("or", any)):
        if word in value:
            return _compound(schema, value, word, combine, where, depth)
    if "timestamp" in value:
        return _timestamp(value, where)
    name = value.get("property")
    if not isinstance(name, str):
        raise malformed(f"{where}.property", "should be defined")
    kinds = [key for key in value if key not in ("property", "type")]
    if len(kinds) != 1:
        raise malformed(where, "should have exactly one condition", value)
    prop = find(schema, name)
    if prop is None:
        raise invalid(f"Could not find property with name or id: {name}")
    kind = kind_of(prop)
    if kinds[0] != kind:
        raise invalid(f"database property {kind} does not match filter {kinds[0]}")
    check = _condition(kind, value[kind], f"{where}.{kind}")
    prop_id = id_of(prop)
    return lambda row: check(row.values.get(prop_id))


def _compound(
    schema: Schema,
    value: dict[str, Any],
    word: str,
    combine: Callable[[Any], bool],
    where: str,
    depth: int,
) -> Test:
    parts = value[word]
    if len(value) != 1 or not isinstance(parts, list):
        raise malformed(f"{where}.{word}", "should be an array and stand alone", value)
    if depth >= MAX_DEPTH:
        raise malformed(f"{where}.{word}", "should be not present: filters nest two levels deep")
    if len(parts) > 100:
        raise invalid(f"body failed validation: {where}.{word}.length should be ≤ `100`, instead was `{len(parts)}`.")
    tests = [compile_filter(schema, part, f"{where}.{word}[{index}]", depth + 1) for index, part in enumerate(parts)]
    return lambda row: combine(test(row) for test in tests)


def _timestamp(value: dict[str, Any], where: str) -> Test:
    name = value["timestamp"]
    if name not in TIMESTAMPS or set(value) - {"timestamp", "type"} != {name}:
        raise malformed(f"{where}.timestamp", f"should be one of {', '.join(TIMESTAMPS)}, with its condition", name)
    check = _condition("date", value[name], f"{where}.{name}")
    attribute = str(name)
    return lambda row: check({"start": dates.render(getattr(row, attribute))})


def _condition(kind: str, value: Any, where: str) -> _Check:
    if not isinstance(value, dict) or len(value) != 1:
        raise malformed(where, "should be an object with exactly one condition", value)
    operator, operand = next(iter(value.items()))
    place = f"{where}.{operator}"
    if operator in ("is_empty", "is_not_empty") and kind != "checkbox":
        if operand is not True:
            raise malformed(place, "should be `true`", operand)
        return _is_empty if operator == "is_empty" else lambda held: not _is_empty(held)
    if operator in _NOT_SUPPORTED:
        raise invalid(f"body failed validation: {place} is not supported by the sandbox.")
    if kind in TEXTS:
        return _text(operator, operand, place)
    if kind == "number":
        return _number(operator, operand, place)
    if kind == "checkbox":
        return _checkbox(operator, operand, place)
    if kind == "date":
        return _date(operator, operand, place)
    return _choice(kind, operator, operand, place)


#: Conditions that Notion knows and nothing here asks for: a query with one of them fails instead of finding the wrong pages.
_NOT_SUPPORTED = frozenset(
    (
        "does_not_equal",
        "does_not_contain",
        "starts_with",
        "ends_with",
        "greater_than",
        "less_than",
        "greater_than_or_equal_to",
        "less_than_or_equal_to",
        "before",
        "after",
        "past_week",
        "past_month",
        "past_year",
        "this_week",
        "next_week",
        "next_month",
        "next_year",
    )
)


def _is_empty(held: Any) -> bool:
    return held is None or held == []


def _unknown(place: str) -> Exception:
    return malformed(place, "should be not present")


def _held_text(held: Any) -> str:
    if isinstance(held, list):
        return text.plain(held)
    return held if isinstance(held, str) else ""


def _text(operator: str, operand: Any, place: str) -> _Check:
    if operator not in ("equals", "contains"):
        raise _unknown(place)
    if not isinstance(operand, str):
        raise malformed(place, "should be a string", operand)
    if operator == "equals":
        return lambda held: _held_text(held) == operand
    return lambda held: operand in _held_text(held)


def _number(operator: str, operand: Any, place: str) -> _Check:
    if operator != "equals":
        raise _unknown(place)
    if isinstance(operand, bool) or not isinstance(operand, int | float):
        raise malformed(place, "should be a number", operand)
    return lambda held: bool(held == operand)


def _checkbox(operator: str, operand: Any, place: str) -> _Check:
    if operator != "equals":
        raise _unknown(place)
    if not isinstance(operand, bool):
        raise malformed(place, "should be a boolean", operand)
    return lambda held: bool(held) is operand


def _choice(kind: str, operator: str, operand: Any, place: str) -> _Check:
    if operator != ("contains" if kind == "multi_select" else "equals"):
        raise _unknown(place)
    if not isinstance(operand, str):
        raise malformed(place, "should be a string", operand)

    def chosen(held: Any) -> bool:
        options = held if isinstance(held, list) else [] if held is None else [held]
        return any(choice["name"] == operand for choice in options)

    return chosen


def _date(operator: str, operand: Any, place: str) -> _Check:
    if operator not in _ORDERS:
        raise _unknown(place)
    if not isinstance(operand, str):
        raise malformed(place, "should be a valid ISO 8601 date string", operand)
    try:
        wanted = dates.parse(operand)
    except ValueError:
        raise malformed(place, "should be a valid ISO 8601 date string", operand) from None
    # A day is compared with days, an instant with instants, to the millisecond.
    reduce: Callable[[date | datetime], Any] = dates.instant_of if isinstance(wanted, datetime) else dates.day_of
    order, target = _ORDERS[operator], reduce(wanted)
    return lambda held: held is not None and order(reduce(dates.parse(held["start"])), target)


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda held, wanted: bool(held == wanted),
    "on_or_before": lambda held, wanted: bool(held <= wanted),
    "on_or_after": lambda held, wanted: bool(held >= wanted),
}
