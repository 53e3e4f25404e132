from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.schema import Database
from unit import build


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def contents(text: str) -> list[str]:
    objects: Any = page_values.rich_text(text)
    assert all(set(each) == {"type", "text"} and each["type"] == "text" for each in objects)
    assert all(set(each["text"]) == {"content"} for each in objects)
    return [each["text"]["content"] for each in objects]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("short", ["short"]),
        ("x" * 2_000, ["x" * 2_000]),
        ("x" * 2_001, ["x" * 2_000, "x"]),
        ("x" * 4_000, ["x" * 2_000, "x" * 2_000]),
        ("ệ" * 2_001, ["ệ" * 2_000, "ệ"]),
        # An emoji is two UTF-16 units.
        ("💇" * 1_000, ["💇" * 1_000]),
        ("💇" * 1_001, ["💇" * 1_000, "💇"]),
        ("x" * 1_999 + "💇", ["x" * 1_999, "💇"]),
        ("x" * 1_998 + "💇y", ["x" * 1_998 + "💇", "y"]),
        ("\U00010000" * 1_001, ["\U00010000" * 1_000, "\U00010000"]),
        ("\uffff" * 2_000 + "\U00010000", ["\uffff" * 2_000, "\U00010000"]),
    ],
)
def test_a_long_text_is_cut_where_notion_counts_and_never_within_an_emoji(text: str, expected: list[str]) -> None:
    assert contents(text) == expected


@given(st.text(st.characters() | st.sampled_from("💇🎄x"), min_size=0, max_size=200).map(lambda text: text * 40))
def test_the_pieces_of_a_text_joined_are_the_text(text: str) -> None:
    pieces = contents(text)
    assert "".join(pieces) == text
    assert all(0 < units(piece) <= 2_000 for piece in pieces)
    assert all(units(piece) >= 1_999 for piece in pieces[:-1])


@pytest.mark.parametrize(
    ("database", "values", "expected"),
    [
        (schema.CONTACTS, {"first_name": "Zoë"}, {"title": [{"type": "text", "text": {"content": "Zoë"}}]}),
        (schema.CONTACTS, {"first_name": None}, {"title": []}),
        (schema.CONTACTS, {"last_name": 5}, {"rich_text": [{"type": "text", "text": {"content": "5"}}]}),
        (schema.CONTACTS, {"last_name": ""}, {"rich_text": []}),
        (schema.CONTACTS, {"email": "zoe@example.com"}, {"email": "zoe@example.com"}),
        (schema.CONTACTS, {"email": None}, {"email": None}),
        (schema.CONTACTS, {"Assessment Score": 0}, {"number": 0}),
        (schema.CONTACTS, {"Assessment Score": None}, {"number": None}),
        (schema.CONTACTS, {"Segment": "URGENT"}, {"select": {"name": "URGENT"}}),
        (schema.CONTACTS, {"Segment": None}, {"select": None}),
        (schema.CONTACTS, {"Christmas Email 2 Sent": True}, {"checkbox": True}),
        (schema.CONTACTS, {"Christmas Email 2 Sent": None}, {"checkbox": False}),
        (schema.CONTACTS, {"Diagnostic Call Date": "2025-11-20"}, {"date": {"start": "2025-11-20"}}),
        (
            schema.CONTACTS,
            {"Diagnostic Call Date": datetime(2025, 11, 20, 15, tzinfo=UTC)},
            {"date": {"start": "2025-11-20T15:00:00.000Z"}},
        ),
        (schema.CONTACTS, {"Diagnostic Call Date": None}, {"date": None}),
    ],
)
def test_a_value_is_written_as_its_type_asks(
    database: Database, values: dict[str, Any], expected: dict[str, Any]
) -> None:
    (name,) = values
    assert page_values.properties(database, values) == {name: expected}


def test_a_property_that_the_schema_does_not_have_is_found_here_and_not_by_notion() -> None:
    with pytest.raises(LookupError, match="no property 'Assesment Score'"):
        page_values.properties(schema.CONTACTS, {"Assesment Score": 52})
    with pytest.raises(LookupError, match="no property 'Name'"):
        page_values.equals(schema.CONTACTS, "Name", "Zoë")


@pytest.mark.parametrize("database", schema.DATABASES, ids=lambda database: database.title)
def test_every_property_may_be_null(database: Database) -> None:
    page = build.page(database)
    assert page_values.plain(page) == {each.name: None for each in database.properties}


@pytest.mark.parametrize("database", schema.DATABASES, ids=lambda database: database.title)
def test_what_is_written_is_read_again(database: Database) -> None:
    samples: dict[str, Any] = {
        "title": build.AWKWARD,
        "rich_text": "💇" * 3_000,
        "email": "zoe@example.com",
        "number": 52,
        "select": "An option",
        "checkbox": True,
        "date": "2025-11-20T15:00:00.000Z",
    }
    values = {each.name: samples[each.type] for each in database.properties}
    written: dict[str, Any] = page_values.properties(database, values)
    # Notion adds the type, and the plain text of each text object.
    for (kind,), item in [(tuple(item), item) for item in written.values()]:
        item["type"] = kind
        for each in item[kind] if kind in ("title", "rich_text") else ():
            each["plain_text"] = each["text"]["content"]
    assert page_values.plain({"properties": written}) == values


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"type": "title", "title": []}, None),
        ({"type": "rich_text", "rich_text": [{"plain_text": "a"}, {"plain_text": "b"}]}, "ab"),
        ({"type": "rich_text", "rich_text": [{"plain_text": None}, {}, {"plain_text": "b"}]}, "b"),
        ({"type": "rich_text", "rich_text": [{"plain_text": ""}]}, None),
        ({"type": "select", "select": {"name": "URGENT"}}, "URGENT"),
        ({"type": "select", "select": {}}, None),
        ({"type": "select", "select": "URGENT"}, None),
        ({"type": "status", "status": {"name": "Done"}}, "Done"),
        ({"type": "date", "date": {"start": "2025-11-20", "end": None}}, "2025-11-20"),
        ({"type": "date", "date": {"start": None}}, None),
        ({"type": "date", "date": "2025-11-20"}, None),
        ({"type": "checkbox", "checkbox": False}, False),
        ({"type": "number", "number": 0}, 0),
        ({"type": "number", "number": 2.5}, 2.5),
        ({"type": "url", "url": "https://x"}, "https://x"),
        ({"type": "created_time", "created_time": "2025-11-20T15:00:00.000Z"}, "2025-11-20T15:00:00.000Z"),
        ({"type": "formula", "formula": {"type": "number", "number": 1}}, None),
        ({"type": "multi_select", "multi_select": [{"name": "a"}]}, None),
        ({"type": "people", "people": []}, None),
        ({"type": "number"}, None),
        ({"type": None}, None),
        ({"type": ["number"], "number": 1}, None),
        ({}, None),
    ],
)
def test_a_property_is_read_whatever_it_lacks(item: dict[str, Any], expected: Any) -> None:
    assert page_values.plain({"properties": {"x": item}}) == {"x": expected}


@pytest.mark.parametrize("page", [{}, {"properties": None}, {"properties": []}, {"properties": {"x": None}}])
def test_a_page_without_properties_has_no_values(page: dict[str, Any]) -> None:
    assert page_values.plain(page) == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-11-20T10:00:00.000-05:00", datetime(2025, 11, 20, 15, tzinfo=UTC)),
        ("2025-11-20", datetime(2025, 11, 20, 5, tzinfo=UTC)),
        (None, None),
        ("", None),
        ("soon", None),
        (5, None),
        (True, None),
    ],
)
def test_a_date_property_is_a_moment_or_none(value: Any, expected: datetime | None) -> None:
    assert page_values.moment(value) == expected


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ({}, False),
        ({"archived": False, "in_trash": False}, False),
        ({"archived": True}, True),
        ({"in_trash": True}, True),
        ({"archived": None, "in_trash": None}, False),
    ],
)
def test_a_page_in_the_trash_is_archived(page: dict[str, Any], expected: bool) -> None:
    assert page_values.archived(page) is expected


def test_a_filter_has_the_type_of_its_property() -> None:
    assert page_values.equals(schema.TEMPLATES, "Template Name", "5-Day E2") == {
        "property": "Template Name",
        "title": {"equals": "5-Day E2"},
    }
    assert page_values.equals(schema.TEMPLATES, "Status", "Active") == {
        "property": "Status",
        "select": {"equals": "Active"},
    }
