"""Data sources are made and changed as Notion lets them be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from notion_client import APIErrorCode, APIResponseError

Add = Callable[..., dict[str, Any]]
PARENT = {"type": "page_id", "page_id": "b55c9c91384d452b81dbd1ef79372b75"}


def test_properties_are_added_and_old_pages_show_them_empty(notion: Any, add: Add, source: str) -> None:
    page = add(Name="x", Score=1)
    notion.data_sources.update(
        source,
        properties={
            "Call Date": {"date": {}},
            "Kind": {"select": {"options": [{"name": "A"}]}},
            "Memo": {"rich_text": {}},
        },
    )
    read = notion.pages.retrieve(page["id"])["properties"]
    assert read["Call Date"]["date"] is None
    assert read["Kind"]["select"] is None
    assert read["Memo"]["rich_text"] == []
    assert read["Score"]["number"] == 1
    notion.pages.update(page["id"], properties={"Kind": {"select": {"name": "A"}}})
    found = notion.data_sources.query(source, filter={"property": "Kind", "select": {"equals": "A"}})
    assert [result["id"] for result in found["results"]] == [page["id"]]


def test_options_are_added_by_the_whole_list_and_known_ones_keep_their_id(notion: Any, add: Add, source: str) -> None:
    page = add(Name="x", Phase="One")
    notion.data_sources.update(
        source, properties={"Phase": {"select": {"options": [{"name": "One"}, {"name": "Two"}, {"name": "Three"}]}}}
    )
    options = notion.data_sources.retrieve(source)["properties"]["Phase"]["select"]["options"]
    assert [option["name"] for option in options] == ["One", "Two", "Three"]
    assert options[0]["id"] == page["properties"]["Phase"]["select"]["id"]


def test_an_option_that_is_left_out_is_gone_also_from_the_pages(notion: Any, add: Add, source: str) -> None:
    gone, kept = add(Name="x", Phase="One"), add(Name="y", Phase="Two")
    notion.data_sources.update(source, properties={"Phase": {"select": {"options": [{"name": "Two"}]}}})
    assert notion.pages.retrieve(gone["id"])["properties"]["Phase"]["select"] is None
    assert notion.pages.retrieve(kept["id"])["properties"]["Phase"]["select"]["name"] == "Two"


def test_a_property_is_renamed_and_keeps_its_values(notion: Any, add: Add, source: str) -> None:
    page = add(Name="x", Score=7)
    notion.data_sources.update(source, properties={"Score": {"name": "Points"}})
    read = notion.pages.retrieve(page["id"])["properties"]
    assert read["Points"]["number"] == 7
    assert "Score" not in read
    with pytest.raises(APIResponseError, match="Score is not a property that exists"):
        notion.pages.update(page["id"], properties={"Score": {"number": 1}})


def test_a_property_is_removed_with_its_values(notion: Any, add: Add, source: str) -> None:
    page = add(Name="x", Score=7)
    notion.data_sources.update(source, properties={"Score": None})
    assert "Score" not in notion.pages.retrieve(page["id"])["properties"]
    notion.data_sources.update(source, properties={"Score": {"number": {}}})
    assert notion.pages.retrieve(page["id"])["properties"]["Score"]["number"] is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Name": None}, "Cannot delete the title property"),
        ({"Other": {"title": {}}}, "exactly one title"),
        ({"Score": {"rich_text": {}}}, "type"),
        ({"New": {"teleport": {}}}, "should be one of"),
        ({"New": {}}, "should be defined"),
        ({"New": {"number": {}, "date": {}}}, "should be not present"),
        ({"New": {"select": {"options": [{"name": "a,b"}]}}}, "commas not allowed"),
        ({"New": {"select": {"options": [{"name": "a"}, {"name": "a"}]}}}, "duplicate"),
        ({"New": {"select": {"options": [{"name": "a", "color": "mauve"}]}}}, "should be one of"),
        ({"New": "number"}, "should be an object"),
        ({"New": {"number": 5}}, "should be an object"),
        ({"Score": 5}, "should be an object or `null`"),
        ({"Score": {"name": ""}}, "name should be a string"),
        ({"New": {"type": "number", "date": {}}}, "should be one of"),
        ({"Phase": {"select": {"options": {}}}}, "should be an array"),
        ({"Phase": {"select": {"options": [{"name": ""}]}}}, "should be a string"),
        ({"Phase": {"select": {"options": [{"name": str(n)} for n in range(101)]}}}, "should be ≤ `100`"),
        ({"Nope": None}, "Nope is not a property that exists."),
        ({"Score": {"name": "Email"}}, "exists already"),
    ],
)
def test_a_change_that_notion_does_not_make(raw: httpx.Client, source: str, changes: dict[str, Any], said: str) -> None:
    before = raw.get(f"/v1/data_sources/{source}").json()["properties"]
    answer = raw.patch(f"/v1/data_sources/{source}", json={"properties": {"Fresh": {"number": {}}, **changes}})
    assert answer.status_code == 400
    assert answer.json()["code"] == "validation_error"
    assert said in answer.json()["message"]
    assert raw.get(f"/v1/data_sources/{source}").json()["properties"] == before


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"initial_data_source": {"properties": {"Name": {"title": {}}}}}, "body.parent should be defined"),
        ({"parent": {"type": "page_id", "page_id": "x"}}, "valid uuid"),
        ({"parent": {"type": "block_id"}}, "body.parent.type"),
        ({"parent": PARENT, "initial_data_source": {"properties": {"A": {"number": {}}}}}, "Title is not provided"),
        (
            {"parent": PARENT, "initial_data_source": {"properties": {"A": {"title": {}}, "B": {"title": {}}}}},
            "one title",
        ),
        ({"parent": PARENT, "title": "plain"}, "body.title should be an array"),
    ],
)
def test_a_database_that_notion_does_not_make(raw: httpx.Client, body: dict[str, Any], said: str) -> None:
    answer = raw.post("/v1/databases", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert raw.post("/v1/search", json={}).json()["results"] == []


def test_a_database_may_stand_in_the_workspace_itself(notion: Any) -> None:
    database = notion.databases.create(
        parent={"type": "workspace", "workspace": True}, initial_data_source={"properties": {"Who": {"title": {}}}}
    )
    assert database["parent"] == {"type": "workspace", "workspace": True}
    source = notion.data_sources.retrieve(database["data_sources"][0]["id"])
    assert [(name, prop["type"]) for name, prop in source["properties"].items()] == [("Who", "title")]
    assert source["database_parent"] == database["parent"]


def test_a_data_source_is_not_a_database(notion: Any, source: str) -> None:
    with pytest.raises(APIResponseError) as refused:
        notion.databases.retrieve(source)
    assert refused.value.code == APIErrorCode.ObjectNotFound
