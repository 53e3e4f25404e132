"""Queries find what Notion would find, in the order that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from notion_client import APIErrorCode, APIResponseError

from christmas_campaign.sandbox.notion.sorts import compile_sorts, sort_rows

Add = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(notion: Any, source: str) -> Callable[..., list[str]]:
    """The names of the pages that a filter finds, sorted by name."""

    def names(value: dict[str, Any]) -> list[str]:
        found = notion.data_sources.query(source, filter=value)
        return sorted(
            "".join(part["plain_text"] for part in page["properties"]["Name"]["title"]) for page in found["results"]
        )

    return names


@pytest.fixture
def people(add: Add) -> None:
    add(
        Name="anna",
        Notes="likes tea",
        Email="anna@example.com",
        Score=10,
        Done=True,
        When="2025-12-01T08:00:00-05:00",
        Phase="One",
        Labels=["red", "blue"],
        Site="https://a.example.com",
        Phone="111",
        State="Done",
    )
    add(Name="bob", Notes="likes Tea and cake", Email="bob@example.com", Score=20, When="2025-12-02", Phase="Two")
    add(Name="cleo", Email="cleo@example.org", Score=0, When="2025-12-03T00:30:00.250Z", Labels=["blue"])
    add(Name="dora")


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({"property": "Name", "title": {"equals": "anna"}}, ["anna"]),
    ({"property": "title", "title": {"equals": "anna"}}, ["anna"]),
    ({"property": "Notes", "rich_text": {"contains": "likes"}}, ["anna", "bob"]),
    ({"property": "Notes", "rich_text": {"is_empty": True}}, ["cleo", "dora"]),
    ({"property": "Notes", "rich_text": {"is_not_empty": True}}, ["anna", "bob"]),
    ({"property": "Email", "email": {"equals": "bob@example.com"}}, ["bob"]),
    ({"property": "Email", "email": {"contains": "@example.com"}}, ["anna", "bob"]),
    ({"property": "Email", "email": {"is_empty": True}}, ["dora"]),
    ({"property": "Phone", "phone_number": {"equals": "111"}}, ["anna"]),
    ({"property": "Score", "number": {"equals": 0}}, ["cleo"]),
    ({"property": "Score", "number": {"is_empty": True}}, ["dora"]),
    ({"property": "Score", "number": {"is_not_empty": True}}, ["anna", "bob", "cleo"]),
    ({"property": "Done", "checkbox": {"equals": True}}, ["anna"]),
    ({"property": "Done", "checkbox": {"equals": False}}, ["bob", "cleo", "dora"]),
    ({"property": "Phase", "select": {"equals": "One"}}, ["anna"]),
    ({"property": "Phase", "select": {"equals": "Unheard of"}}, []),
    ({"property": "Phase", "select": {"is_empty": True}}, ["cleo", "dora"]),
    ({"property": "Phase", "select": {"is_not_empty": True}}, ["anna", "bob"]),
    ({"property": "State", "status": {"equals": "Done"}}, ["anna"]),
    ({"property": "Labels", "multi_select": {"contains": "blue"}}, ["anna", "cleo"]),
    ({"property": "Labels", "multi_select": {"is_empty": True}}, ["bob", "dora"]),
    # A day is compared with days (in UTC), an instant with instants.
    ({"property": "When", "date": {"equals": "2025-12-01"}}, ["anna"]),
    ({"property": "When", "date": {"equals": "2025-12-01T13:00:00Z"}}, ["anna"]),
    ({"property": "When", "date": {"equals": "2025-12-01T13:00:00.001Z"}}, []),
    ({"property": "When", "date": {"on_or_before": "2025-12-02"}}, ["anna", "bob"]),
    ({"property": "When", "date": {"on_or_after": "2025-12-02"}}, ["bob", "cleo"]),
    ({"property": "When", "date": {"is_empty": True}}, ["dora"]),
    ({"property": "When", "date": {"is_not_empty": True}}, ["anna", "bob", "cleo"]),
    (
        {
            "and": [
                {"property": "Email", "email": {"is_not_empty": True}},
                {
                    "or": [
                        {"property": "Score", "number": {"equals": 20}},
                        {"property": "Done", "checkbox": {"equals": True}},
                    ]
                },
            ]
        },
        ["anna", "bob"],
    ),
    (
        {"or": [{"property": "Name", "title": {"equals": "dora"}}, {"property": "Score", "number": {"equals": 0}}]},
        ["cleo", "dora"],
    ),
    ({"and": []}, ["anna", "bob", "cleo", "dora"]),
    ({"timestamp": "created_time", "created_time": {"on_or_after": "2020-01-01"}}, ["anna", "bob", "cleo", "dora"]),
    ({"timestamp": "last_edited_time", "last_edited_time": {"on_or_before": "2020-01-01"}}, []),
]


@pytest.mark.usefixtures("people")
def test_every_condition_finds_what_it_says(ask: Callable[..., list[str]]) -> None:
    wrong = [(value, found, wanted) for value, wanted in CASES if (found := ask(value)) != wanted]
    assert wrong == []


def test_a_property_is_also_known_by_its_id(add: Add, ask: Callable[..., list[str]]) -> None:
    page = add(Name="x", Email="x@example.com")
    assert ask({"property": page["properties"]["Email"]["id"], "email": {"equals": "x@example.com"}}) == ["x"]


def test_text_in_pieces_is_compared_as_one(notion: Any, source: str, ask: Callable[..., list[str]]) -> None:
    pieces = [{"text": {"content": "half "}}, {"text": {"content": "and half"}}]
    notion.pages.create(parent={"data_source_id": source}, properties={"Name": {"title": pieces}})
    assert ask({"property": "Name", "title": {"equals": "half and half"}}) == ["half and half"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"property": "Nope", "email": {"equals": "x"}}, "Could not find property with name or id: Nope"),
        ({"property": "Name", "rich_text": {"equals": "x"}}, "database property title does not match filter rich_text"),
        ({"property": "Phase", "status": {"equals": "x"}}, "database property select does not match filter status"),
        ({"property": "Name", "title": {"equals": 5}}, "should be a string"),
        ({"property": "Name", "title": {"is": "x"}}, "should be not present"),
        ({"property": "Name", "title": {}}, "exactly one condition"),
        ({"property": "Name", "title": {"equals": "x", "contains": "x"}}, "exactly one condition"),
        ({"property": "Name", "title": {"is_empty": False}}, "should be `true`"),
        ({"property": "Name"}, "exactly one condition"),
        ({"property": "Score", "number": {"equals": "5"}}, "should be a number"),
        ({"property": "Done", "checkbox": {"equals": "true"}}, "should be a boolean"),
        ({"property": "Done", "checkbox": {"is_empty": True}}, "should be not present"),
        ({"property": "Phase", "select": {"contains": "One"}}, "should be not present"),
        ({"property": "When", "date": {"on_or_after": "tomorrow"}}, "valid ISO 8601"),
        ({"property": "Name", "title": {"starts_with": "x"}}, "title.starts_with is not supported by the sandbox"),
        ({"property": "Score", "number": {"greater_than": 5}}, "number.greater_than is not supported by the sandbox"),
        ({"property": "When", "date": {"past_week": {}}}, "date.past_week is not supported by the sandbox"),
        ({"title": {"equals": "x"}}, "property should be defined"),
        ({"and": {"property": "Name", "title": {"equals": "x"}}}, "should be an array"),
        ({"and": [], "or": []}, "stand alone"),
        ({"and": [{"or": [{"and": []}]}]}, "two levels deep"),
        ({"or": [{"property": "Name", "title": {"is_empty": True}}] * 101}, "length should be ≤ `100`"),
        ({"timestamp": "deleted_time", "deleted_time": {"on_or_after": "2025-12-05"}}, "timestamp should be one of"),
        ([], "should be an object"),
        (None, "should be an object"),
    ],
)
def test_a_filter_that_notion_does_not_take(raw: Any, source: str, value: Any, said: str) -> None:
    answer = raw.post(f"/v1/data_sources/{source}/query", json={"filter": value})
    assert answer.status_code == 400
    assert answer.json()["code"] == "validation_error"
    assert said in answer.json()["message"]


def sort(direction: str) -> dict[str, str]:
    return {"timestamp": "created_time", "direction": direction}


@dataclass
class Row:
    created_time: datetime
    values: dict[str, Any]
    last_edited_time: datetime


def test_rows_are_sorted_by_their_timestamps_and_equal_ones_keep_their_order() -> None:
    early, late = datetime(2025, 12, 1, tzinfo=UTC), datetime(2025, 12, 2, tzinfo=UTC)
    rows = [Row(late, {"n": 1}, early), Row(early, {"n": 2}, late), Row(late, {"n": 3}, late)]

    def order(*sorts: tuple[str, str]) -> list[int]:
        asked = [{"timestamp": name, "direction": direction} for name, direction in sorts]
        return [row.values["n"] for row in sort_rows(rows, compile_sorts({}, asked))]

    assert order(("created_time", "ascending")) == [2, 1, 3]
    assert order(("created_time", "descending")) == [1, 3, 2]
    assert order(("created_time", "descending"), ("last_edited_time", "descending")) == [3, 1, 2]


@pytest.mark.usefixtures("people")
def test_cursor_follows_the_filter(notion: Any, source: str) -> None:
    body = {"filter": {"property": "Score", "number": {"is_not_empty": True}}, "sorts": [sort("ascending")]}
    first = notion.data_sources.query(source, **body, page_size=2)
    second = notion.data_sources.query(source, **body, page_size=2, start_cursor=first["next_cursor"])
    scores = [page["properties"]["Score"]["number"] for page in first["results"] + second["results"]]
    assert sorted(scores) == [0, 10, 20]
    assert (first["has_more"], second["has_more"]) == (True, False)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"property": "Name"}, 'should be `"ascending"`'),
        ({"property": "Nope", "direction": "ascending"}, "Could not find sort property"),
        ({"direction": "up"}, 'should be `"ascending"`'),
        ({"property": "Name", "direction": "ascending"}, "not supported by the sandbox"),
    ],
)
def test_unusable_sort_is_refused(notion: Any, source: str, value: Any, message: str) -> None:
    with pytest.raises(APIResponseError) as refused:
        notion.data_sources.query(source, sorts=[value])
    assert refused.value.code == APIErrorCode.ValidationError
    assert message in str(refused.value)
