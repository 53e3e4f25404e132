"""A query's sorts, the most important one first. The sandbox sorts only by timestamps."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from christmas_campaign.sandbox.notion.errors import invalid, malformed
from christmas_campaign.sandbox.notion.filters import TIMESTAMPS, Row
from christmas_campaign.sandbox.notion.schema import Schema, find

_Row = TypeVar("_Row", bound=Row)


class Sort(NamedTuple):
    """One sort: the timestamp that it compares, and whether the latest page comes first."""

    timestamp: str
    descending: bool

    def key(self, row: Row) -> datetime:
        """Return the row's value of this timestamp."""
        time: datetime = getattr(row, self.timestamp)
        return time


def compile_sorts(schema: Schema, value: Any) -> list[Sort]:
    """Return the sorts of a query's body, in order.

    Raises ``NotionError`` for a sort that Notion would refuse. Also for a sort by a property: the sandbox does not support it.
    """
    if not isinstance(value, list):
        raise malformed("body.sorts", "should be an array", value)
    return [_sort(schema, item, f"body.sorts[{index}]") for index, item in enumerate(value)]


def sort_rows(rows: list[_Row], sorts: list[Sort]) -> list[_Row]:
    """Return the rows sorted by all sorts. Rows that are equal in all of them keep their order."""
    for sort in reversed(sorts):
        rows = sorted(rows, key=sort.key, reverse=sort.descending)
    return rows


def _sort(schema: Schema, item: Any, where: str) -> Sort:
    if not isinstance(item, dict) or item.get("direction") not in ("ascending", "descending"):
        raise malformed(f"{where}.direction", 'should be `"ascending"` or `"descending"`', item)
    timestamp = item.get("timestamp")
    if timestamp is not None:
        if timestamp not in TIMESTAMPS:
            raise malformed(f"{where}.timestamp", f"should be one of {', '.join(TIMESTAMPS)}", timestamp)
        return Sort(timestamp, item["direction"] == "descending")
    name = item.get("property")
    if not isinstance(name, str):
        raise malformed(f"{where}.property", "should be defined")
    if find(schema, name) is None:
        raise invalid(f"Could not find sort property with name or id: {name}")
    raise invalid(f"body failed validation: {where}.property is not supported by the sandbox.")
