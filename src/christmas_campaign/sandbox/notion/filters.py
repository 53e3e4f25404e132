"""A query's filter: it is checked against the schema once and then applied to every page."""

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
    """The parts of a page that filters and sorts read: its values by property id, and its two times (aware, UTC)."""

    values: dict[str, Any]

    @property
    def created_time(self) -> datetime:
        """Return when the page was created, rounded down to the minute."""

    @property
    def last_edited_time(self) -> datetime:
        """Return when the page was last edited, rounded down to the minute."""


RowTest = Callable[[Row], bool]
_ValueTest = Callable[[Any], bool]


def compile_filter(
    schema: Schema, value: Any, fold: Callable[[str], str] = str, where: str = "body.filter", depth: int = 0
) -> RowTest:
    """Return a function that tests whether a page matches the filter.

    ``fold`` is applied to both texts of a comparison. Without it text is compared case-sensitively; ``str.lower`` ignores case.

    Raises ``NotionError`` for a filter that Notion would refuse, and for a condition that the sandbox does not support.
    """
    if not isinstance(value, dict):
        raise malformed(where, "should be an object", value)
    for operator, combine in (("and", all), ("or", any)):
        if operator in value:
            return _compound(schema, value, operator, combine, fold, where, depth)
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
    check = _condition(kind, value[kind], f"{where}.{kind}", fold)
    prop_id = id_of(prop)
    return lambda row: check(row.values.get(prop_id))


def _compound(
    schema: Schema,
    value: dict[str, Any],
    operator: str,
    combine: Callable[[Any], bool],
    fold: Callable[[str], str],
    where: str,
    depth: int,
) -> RowTest:
    parts = value[operator]
    if len(value) != 1 or not isinstance(parts, list):
        raise malformed(f"{where}.{operator}", "should be an array and stand alone", value)
    if depth >= MAX_DEPTH:
        raise malformed(f"{where}.{operator}", "should be not present: filters nest two levels deep")
    if len(parts) > 100:
        raise invalid(
            f"body failed validation: {where}.{operator}.length should be ≤ `100`, instead was `{len(parts)}`."
        )
    tests = [
        compile_filter(schema, part, fold, f"{where}.{operator}[{index}]", depth + 1)
        for index, part in enumerate(parts)
    ]
    return lambda row: combine(test(row) for test in tests)


def _timestamp(value: dict[str, Any], where: str) -> RowTest:
    name = value["timestamp"]
    if name not in TIMESTAMPS or set(value) - {"timestamp", "type"} != {name}:
        raise malformed(f"{where}.timestamp", f"should be one of {', '.join(TIMESTAMPS)}, with its condition", name)
    check = _condition("date", value[name], f"{where}.{name}")
    attribute = str(name)
    return lambda row: check({"start": dates.render(getattr(row, attribute))})


def _condition(kind: str, value: Any, where: str, fold: Callable[[str], str] = str) -> _ValueTest:
    if not isinstance(value, dict) or len(value) != 1:
        raise malformed(where, "should be an object with exactly one condition", value)
    operator, operand = next(iter(value.items()))
    place = f"{where}.{operator}"
    if operator in ("is_empty", "is_not_empty") and kind != "checkbox":
        if operand is not True:
            raise malformed(place, "should be `true`", operand)
        return _is_empty if operator == "is_empty" else lambda stored: not _is_empty(stored)
    if operator in _NOT_SUPPORTED:
        raise invalid(f"body failed validation: {place} is not supported by the sandbox.")
    if kind in TEXTS:
        return _text(operator, operand, place, fold)
    if kind == "number":
        return _number(operator, operand, place)
    if kind == "checkbox":
        return _checkbox(operator, operand, place)
    if kind == "date":
        return _date(operator, operand, place)
    return _choice(kind, operator, operand, place)


#: Conditions that Notion has and the campaign does not use. A query with one of them fails instead of returning wrong pages.
_NOT_SUPPORTED = frozenset(
    (
        "does_not_equal",
        "does_not_contain",
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


def _is_empty(stored: Any) -> bool:
    return stored is None or stored == []


def _unknown_operator(place: str) -> Exception:
    return malformed(place, "should be not present")


def _plain_text(stored: Any) -> str:
    if isinstance(stored, list):
        return text.plain(stored)
    return stored if isinstance(stored, str) else ""


def _text(operator: str, operand: Any, place: str, fold: Callable[[str], str]) -> _ValueTest:
    if operator not in _TEXT_TESTS:
        raise _unknown_operator(place)
    if not isinstance(operand, str):
        raise malformed(place, "should be a string", operand)
    test, text_of_filter = _TEXT_TESTS[operator], fold(operand)
    return lambda stored: test(fold(_plain_text(stored)), text_of_filter)


_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "equals": str.__eq__,
    "contains": str.__contains__,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}


def _number(operator: str, operand: Any, place: str) -> _ValueTest:
    if operator != "equals":
        raise _unknown_operator(place)
    if isinstance(operand, bool) or not isinstance(operand, int | float):
        raise malformed(place, "should be a number", operand)
    return lambda stored: bool(stored == operand)


def _checkbox(operator: str, operand: Any, place: str) -> _ValueTest:
    if operator != "equals":
        raise _unknown_operator(place)
    if not isinstance(operand, bool):
        raise malformed(place, "should be a boolean", operand)
    return lambda stored: bool(stored) is operand


def _choice(kind: str, operator: str, operand: Any, place: str) -> _ValueTest:
    if operator != ("contains" if kind == "multi_select" else "equals"):
        raise _unknown_operator(place)
    if not isinstance(operand, str):
        raise malformed(place, "should be a string", operand)

    def has_option(stored: Any) -> bool:
        options = stored if isinstance(stored, list) else [] if stored is None else [stored]
        return any(option["name"] == operand for option in options)

    return has_option


def _date(operator: str, operand: Any, place: str) -> _ValueTest:
    if operator not in _COMPARISONS:
        raise _unknown_operator(place)
    if not isinstance(operand, str):
        raise malformed(place, "should be a valid ISO 8601 date string", operand)
    try:
        date_or_instant = dates.parse(operand)
    except ValueError:
        raise malformed(place, "should be a valid ISO 8601 date string", operand) from None
    # A day is compared with days in UTC, an instant with instants to the millisecond.
    is_instant = isinstance(date_or_instant, datetime)
    comparable: Callable[[date | datetime], Any] = dates.instant_of if is_instant else dates.day_of
    compare, target = _COMPARISONS[operator], comparable(date_or_instant)
    return lambda stored: stored is not None and compare(comparable(dates.parse(stored["start"])), target)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda stored, target: bool(stored == target),
    "on_or_before": lambda stored, target: bool(stored <= target),
    "on_or_after": lambda stored, target: bool(stored >= target),
}
