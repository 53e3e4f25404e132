from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.schema import Database
from unit import build

every_database = pytest.mark.parametrize("database", schema.DATABASES, ids=lambda database: database.title)


def pieces(text: str) -> list[str]:
    """Return the contents of the text objects of ``text``."""
    contents = page_values.pieces(text)
    assert page_values.rich_text(text) == [{"type": "text", "text": {"content": piece}} for piece in contents]
    return contents


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("x" * 2_000, ["x" * 2_000]),
        ("x" * 4_001, ["x" * 2_000, "x" * 2_000, "x"]),
        ("ệ" * 2_001, ["ệ" * 2_000, "ệ"]),
        # An emoji has two UTF-16 units.
        ("💇" * 1_001, ["💇" * 1_000, "💇"]),
        ("x" * 1_999 + "💇", ["x" * 1_999, "💇"]),
        ("x" * 1_998 + "💇y", ["x" * 1_998 + "💇", "y"]),
        ("\uffff" * 2_000 + "\U00010000" * 1_001, ["\uffff" * 2_000, "\U00010000" * 1_000, "\U00010000"]),
    ],
)
def test_long_text_is_split_after_2000_units_and_never_within_an_emoji(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@given(st.text(st.characters() | st.sampled_from("💇🎄x"), min_size=0, max_size=200).map(lambda text: text * 40))
def test_pieces_are_full_and_join_to_the_text(text: str) -> None:
    parts = pieces(text)
    units = [len(part.encode("utf-16-le", "surrogatepass")) // 2 for part in parts]
    assert "".join(parts) == text
    assert all(0 < size <= 2_000 for size in units)
    assert all(size >= 1_999 for size in units[:-1])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("first_name", "Zoë", {"title": [{"type": "text", "text": {"content": "Zoë"}}]}),
        ("first_name", None, {"title": []}),
        ("last_name", 5, {"rich_text": [{"type": "text", "text": {"content": "5"}}]}),
        ("email", "zoe@example.com", {"email": "zoe@example.com"}),
        ("email", None, {"email": None}),
        ("Assessment Score", 0, {"number": 0}),
        ("Segment", "URGENT", {"select": {"name": "URGENT"}}),
        ("Segment", None, {"select": None}),
        ("Christmas Email 2 Sent", True, {"checkbox": True}),
        ("Christmas Email 2 Sent", None, {"checkbox": False}),
        ("Diagnostic Call Date", "2025-11-20", {"date": {"start": "2025-11-20"}}),
        (
            "Diagnostic Call Date",
            datetime(2025, 11, 20, 15, tzinfo=UTC),
            {"date": {"start": "2025-11-20T15:00:00.000Z"}},
        ),
        ("Diagnostic Call Date", None, {"date": None}),
    ],
)
def test_value_is_written_in_the_form_of_its_type(name: str, value: Any, expected: dict[str, Any]) -> None:
    assert page_values.properties(schema.CONTACTS, {name: value}) == {name: expected}


def test_unknown_property_is_an_error() -> None:
    with pytest.raises(LookupError, match="the database BusinessX has no property 'Assesment Score'"):
        page_values.properties(schema.CONTACTS, {"Assesment Score": 52})
    with pytest.raises(LookupError, match="the database BusinessX has no property 'Name'"):
        page_values.equals(schema.CONTACTS, "Name", "Zoë")


@every_database
def test_every_property_may_be_null(database: Database) -> None:
    assert page_values.plain(build.page(database)) == {own.name: None for own in database.properties}


@every_database
def test_written_values_are_read_again(database: Database) -> None:
    samples: dict[str, Any] = {
        "title": build.AWKWARD,
        "rich_text": "💇" * 3_000,
        "email": "zoe@example.com",
        "number": 52,
        "select": "An option",
        "checkbox": True,
        "date": "2025-11-20T15:00:00.000Z",
    }
    values = {own.name: samples[own.type] for own in database.properties}
    properties: Any = page_values.properties(database, values)
    # Notion adds the type of each property, and the plain text of each text object.
    for own in database.properties:
        properties[own.name]["type"] = own.type
        if own.type in ("title", "rich_text"):
            for text_object in properties[own.name][own.type]:
                text_object["plain_text"] = text_object["text"]["content"]
    assert page_values.plain({"properties": properties}) == values


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("title", [], None),
        ("rich_text", [{"plain_text": "a"}, {"plain_text": "b"}], "ab"),
        ("rich_text", [{"plain_text": None}, {}, {"plain_text": "b"}], "b"),
        ("rich_text", [{"plain_text": ""}], None),
        ("select", {}, None),
        ("select", "URGENT", None),
        ("status", {"name": "Done"}, "Done"),
        ("date", {"start": "2025-11-20", "end": None}, "2025-11-20"),
        ("date", {"start": None}, None),
        ("date", "2025-11-20", None),
        ("checkbox", False, False),
        ("number", 0, 0),
        ("number", 2.5, 2.5),
        ("number", None, None),
        ("url", "https://x", "https://x"),
        ("formula", {"type": "number", "number": 1}, None),
        ("multi_select", [{"name": "a"}], None),
    ],
)
def test_property_is_read_and_none_if_it_has_no_plain_value(kind: str, value: Any, expected: Any) -> None:
    assert page_values.plain({"properties": {"x": {"type": kind, kind: value}}}) == {"x": expected}


@pytest.mark.parametrize("wrong", [{}, {"type": None}, {"type": "number"}, {"type": ["number"], "number": 1}])
def test_property_without_its_type_or_value_is_none(wrong: dict[str, Any]) -> None:
    assert page_values.plain({"properties": {"x": wrong}}) == {"x": None}


@pytest.mark.parametrize("page", [{}, {"properties": None}, {"properties": []}, {"properties": {"x": None}}])
def test_page_without_properties_has_no_values(page: dict[str, Any]) -> None:
    assert page_values.plain(page) == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-11-20T10:00:00.000-05:00", datetime(2025, 11, 20, 15, tzinfo=UTC)),
        ("2025-11-20", datetime(2025, 11, 20, 5, tzinfo=UTC)),
        *((wrong, None) for wrong in (None, "", "soon", 5, True)),
    ],
)
def test_date_property_is_a_time_or_none(value: Any, expected: datetime | None) -> None:
    assert page_values.moment(value) == expected


@pytest.mark.parametrize(
    ("page", "expected"),
    [({}, False), ({"archived": True}, True), ({"in_trash": True}, True), ({"archived": None}, False)],
)
def test_page_in_the_trash_is_archived(page: dict[str, Any], expected: bool) -> None:
    assert page_values.archived(page) is expected


def test_filter_has_the_type_of_its_property() -> None:
    name, status = {"title": {"equals": "5-Day E2"}}, {"select": {"equals": "Active"}}
    assert page_values.equals(schema.TEMPLATES, "Template Name", "5-Day E2") == {"property": "Template Name", **name}
    assert page_values.equals(schema.TEMPLATES, "Status", "Active") == {"property": "Status", **status}
