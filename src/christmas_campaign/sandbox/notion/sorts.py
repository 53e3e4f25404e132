"""A query's sorts, the first named being the one that counts most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from christmas_campaign.sandbox.notion import dates, text
from christmas_campaign.sandbox.notion.errors import invalid, malformed
from christmas_campaign.sandbox.notion.filters import TEXTS, TIMESTAMPS, Row
from christmas_campaign.sandbox.notion.schema import Schema, find

# One sort: the value that it looks at (``None``: empty, always last), and whether the greatest comes first.
Sort = tuple[Callable[[Row], Any], bool]
_Row = TypeVar("_Row", bound=Row)


def compile_sorts(schema: Schema, value: Any) -> list[Sort]:
    """The sorts of a query's body, in order; raises ``NotionError`` for what Notion would not take."""
    if not isinstance(value, list):
        raise malformed("body.sorts", "should be an array", value)
    return [_sort(schema, item, f"body.sorts[{index}]") for index, item in enumerate(value)]


def arrange(rows: list[_Row], sorts: list[Sort]) -> list[_Row]:
    """The rows in the order of the sorts; rows that are equal in all of them keep the order that they came in."""
    for key, descending in reversed(sorts):
        filled = [row for row in rows if key(row) is not None]
        blank = [row for row in rows if key(row) is None]
        filled.sort(key=key, reverse=descending)
        rows = filled + blank
    return rows


def _sort(schema: Schema, item: Any, where: str) -> Sort:
    if not isinstance(item, dict) or item.get("direction") not in ("ascending", "descending"):
        raise malformed(f"{where}.direction", 'should be `"ascending"` or `"descending"`', item)
    descending = item["direction"] == "descending"
    timestamp = item.get("timestamp")
    if timestamp is not None:
        if timestamp not in TIMESTAMPS:
            raise malformed(f"{where}.timestamp", f"should be one of {', '.join(TIMESTAMPS)}", timestamp)
        return lambda row: getattr(row, timestamp), descending
    name = item.get("property")
    if not isinstance(name, str):
        raise malformed(f"{where}.property", "should be defined")
    prop = find(schema, name)
    if prop is None:
        raise invalid(f"Could not find sort property with name or id: {name}")
    prop_id, kind = prop["id"], prop["type"]
    order = {choice["id"]: place for place, choice in enumerate(prop[kind].get("options", []))}
    return lambda row: _key(kind, row.values.get(prop_id), order), descending


def _key(kind: str, held: Any, order: dict[str, int]) -> Any:
    if kind == "checkbox":
        return bool(held)
    if held is None or held == []:
        return None
    if kind in TEXTS:
        return (text.plain(held) if isinstance(held, list) else held).casefold()
    if kind == "date":
        return dates.instant_of(dates.parse(held["start"]))
    if kind == "multi_select":
        return [order.get(choice["id"], -1) for choice in held]
    return order.get(held["id"], -1) if isinstance(held, dict) else held
