"""Pages, schemas and queries: the official Notion SDK gets Notion's answers from the sandbox."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notion_client.helpers import collect_paginated_api, is_full_data_source, is_full_database, is_full_page

from christmas_campaign.local.sandbox import Sandbox, SandboxError
from sandbox.contract import PROPERTIES, REQUESTS, notion_refusal, plain_values, properties

Add = Callable[..., dict[str, Any]]

VALUES: dict[str, Any] = {
    "Name": "Zoë “Lệ” O'Neil", "Notes": "two lines\nand a 🎄", "Email": "zoe@example.com", "Score": 52.5, "Done": True,
    "When": "2025-12-05", "Phase": "One", "Labels": ["a", "b"], "Site": "https://example.com",
    "Phone": "+1 416 555 0100", "State": "Done",
}  # fmt: skip
EMPTY: dict[str, Any] = {**dict.fromkeys(VALUES), "Name": [], "Notes": [], "Done": False, "Labels": []}


def ids(answer: Any) -> list[str]:
    """Return the ids of the objects in a list answer."""
    return [item["id"] for item in answer["results"]]


# Objects


def test_database_names_its_data_source_which_has_the_properties(notion: Any, source: str) -> None:
    data_source = notion.data_sources.retrieve(source.replace("-", "").upper())
    database = notion.databases.retrieve(data_source["parent"]["database_id"])
    assert is_full_database(database)
    assert is_full_data_source(data_source)
    assert database["data_sources"] == [{"id": source, "name": "Everything"}]
    assert database["title"][0]["plain_text"] == "Everything"
    assert "properties" not in database
    types = {name: {prop["type"]} for name, prop in data_source["properties"].items()}
    assert types == {name: set(config) for name, config in PROPERTIES.items()}
    assert data_source["properties"]["Name"]["id"] == "title"
    options = data_source["properties"]["Phase"]["select"]["options"]
    assert [(option["name"], option["color"]) for option in options] == [("One", "red"), ("Two", "default")]
    workspace = {"type": "workspace", "workspace": True}
    assert notion.databases.create(parent=workspace)["parent"] == workspace


def test_page_is_read_as_it_was_written(notion: Any, add: Add, source: str) -> None:
    page = add(**VALUES)
    read = notion.pages.retrieve(page["id"].replace("-", ""))
    assert is_full_page(read)
    assert plain_values(read) == VALUES
    assert read["properties"] == page["properties"]
    assert read["properties"]["Phase"]["select"]["color"] == "red"
    assert str(uuid.UUID(page["id"])) == page["id"]
    assert (page["parent"]["type"], page["parent"]["data_source_id"]) == ("data_source_id", source)
    assert (page["in_trash"], page["archived"]) == (False, False)
    assert page["url"].endswith(page["id"].replace("-", ""))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z", page["created_time"])


def test_update_changes_only_the_named_properties(notion: Any, add: Add) -> None:
    page = add(**VALUES)
    updated = notion.pages.update(page["id"], properties=properties(Score=2))
    assert plain_values(updated) == VALUES | {"Score": 2}
    assert notion.pages.retrieve(page["id"])["properties"] == updated["properties"]
    no_values = {name: {kind: EMPTY[name]} for name, config in PROPERTIES.items() for kind in config}
    assert plain_values(notion.pages.update(page["id"], properties=no_values)) == EMPTY
    assert plain_values(add(Notes="")) == EMPTY


def test_page_in_the_trash_is_not_queried_and_not_edited(notion: Any, add: Add, source: str) -> None:
    page = add(Name="x")["id"]
    notion.pages.update(page, in_trash=True)
    assert ids(notion.data_sources.query(source)) == ids(notion.search(query="x")) == []
    assert ids(notion.data_sources.query(source, in_trash=True)) == [page]
    assert notion.pages.retrieve(page)["in_trash"] is True
    assert "archived" in str(notion_refusal(lambda: notion.pages.update(page, properties=properties(Score=1))))
    notion.pages.update(page, archived=False)
    assert ids(notion.data_sources.query(source)) == [page]
    assert notion.pages.retrieve(page)["properties"]["Score"]["number"] is None


def test_database_as_parent_means_its_only_data_source(notion: Any, source: str) -> None:
    database = notion.data_sources.retrieve(source)["parent"]["database_id"]
    page = notion.pages.create(parent={"database_id": database}, properties=properties(Score=1))
    assert page["parent"]["data_source_id"] == source
    notion.data_sources.create(parent={"database_id": database}, properties={"Name": {"title": {}}})
    refusal = notion_refusal(lambda: notion.pages.create(parent={"database_id": database}, properties={}))
    assert refusal.additional_data["error_type"] == "multiple_data_sources_for_database"
    assert source in refusal.additional_data["child_data_source_ids"]


# Values


def test_time_is_returned_with_milliseconds_and_offset(notion: Any, add: Add) -> None:
    times = {
        "2025-12-05T10:20:30.456Z": "2025-12-05T10:20:30.456+00:00",
        "2025-12-05T10:20:30.456789012+00:00": "2025-12-05T10:20:30.456+00:00",
        "2025-12-05T10:20:30-05:00": "2025-12-05T10:20:30.000-05:00",
        "2025-12-05T10:20": "2025-12-05T10:20:00.000+00:00",
    }
    assert {time: plain_values(add(When=time))["When"] for time in times} == times
    zone = {"start": "2025-12-05T10:00:00", "end": "2025-12-05T11:00:00", "time_zone": "America/Toronto"}
    page = notion.pages.update(add()["id"], properties={"When": {"date": zone}})
    start, end = "2025-12-05T10:00:00.000-05:00", "2025-12-05T11:00:00.000-05:00"
    assert page["properties"]["When"]["date"] == {"start": start, "end": end, "time_zone": None}


def test_rich_text_has_links_styles_and_equations(notion: Any, add: Add) -> None:
    link = {"text": {"content": "here", "link": {"url": "https://example.com"}}, "annotations": {"bold": True}}
    equation = {"equation": {"expression": "e=mc^2"}, "annotations": {"color": "red_background"}}
    page = notion.pages.update(add()["id"], properties={"Notes": {"rich_text": [link, equation]}})
    first, second = page["properties"]["Notes"]["rich_text"]
    styles = dict.fromkeys(("bold", "italic", "strikethrough", "underline", "code"), False)
    assert (first["text"], first["href"]) == (link["text"], "https://example.com")
    assert first["annotations"] == styles | {"bold": True, "color": "default"}
    assert second["annotations"] == styles | {"color": "red_background"}
    assert second["plain_text"] == "e=mc^2"


@REQUESTS
@given(content=st.text(min_size=1, max_size=900))
def test_any_text_is_read_as_it_was_written(notion: Any, add: Add, content: str) -> None:
    read = notion.pages.retrieve(add(Notes=content)["id"])["properties"]["Notes"]["rich_text"]
    assert (read[0]["text"]["content"], read[0]["plain_text"]) == (content, content)


# Schemas


def test_new_property_can_be_written_and_queried(notion: Any, add: Add, source: str) -> None:
    page = add(**VALUES)["id"]
    notion.data_sources.update(
        source, properties={"Kind": {"select": {"options": [{"name": "A"}]}}, "Memo": {"rich_text": {}}}
    )
    assert plain_values(notion.pages.retrieve(page)) == VALUES | {"Kind": None, "Memo": []}
    notion.pages.update(page, properties={"Kind": {"select": {"name": "A"}}})
    assert ids(notion.data_sources.query(source, filter={"property": "Kind", "select": {"equals": "A"}})) == [page]


def test_new_option_is_added_once_and_a_list_replaces_all_options(notion: Any, add: Add, source: str) -> None:
    one, three, again = add(Phase="One")["id"], add(Phase="Three"), add(Phase="Three")
    assert three["properties"]["Phase"] == again["properties"]["Phase"]
    options = notion.data_sources.retrieve(source)["properties"]["Phase"]["select"]["options"]
    assert [option["name"] for option in options] == ["One", "Two", "Three"]
    by_id = {"Phase": {"select": {"id": options[1]["id"]}}}
    assert plain_values(notion.pages.update(again["id"], properties=by_id))["Phase"] == "Two"
    new_options = {"select": {"options": [{"name": "Three"}, {"name": "Four"}]}}
    notion.data_sources.update(source, properties={"Phase": new_options})
    # Options that stay keep their id; removed ones disappear from the pages.
    assert notion.pages.retrieve(three["id"])["properties"]["Phase"] == three["properties"]["Phase"]
    assert notion.pages.retrieve(one)["properties"]["Phase"]["select"] is None


def test_renamed_property_keeps_its_values_and_a_removed_one_loses_them(notion: Any, add: Add, source: str) -> None:
    page = add(Score=7, Done=True)["id"]
    score = {"name": "Points", "description": "of 100", "number": {"format": "percent"}}
    notion.data_sources.update(source, properties={"Score": score, "Done": None})
    values = plain_values(notion.pages.retrieve(page))
    assert (values["Points"], "Score" in values, "Done" in values) == (7, False, False)
    points = notion.data_sources.retrieve(source)["properties"]["Points"]
    assert (points["description"], points["number"]) == ("of 100", {"format": "percent"})
    notion.data_sources.update(source, properties={"Done": {"checkbox": {}}})
    assert plain_values(notion.pages.retrieve(page))["Done"] is False


# Queries


def test_cursor_returns_every_page_once_while_pages_are_added(notion: Any, add: Add, source: str) -> None:
    pages = [add(Name=f"{number:03}")["id"] for number in range(102)][::-1]
    first = notion.data_sources.query(source)
    assert (ids(first), first["has_more"]) == (pages[:100], True)
    add(Name="late")
    second = notion.data_sources.query(source, start_cursor=first["next_cursor"])
    assert (ids(second), second["has_more"], second["next_cursor"]) == (pages[100:], False, None)
    collected = collect_paginated_api(notion.data_sources.query, data_source_id=source, page_size=40)
    assert [page["id"] for page in collected][1:] == pages


def test_only_the_requested_properties_are_returned(notion: Any, add: Add, source: str) -> None:
    page = add(Name="x", Score=1)
    names = ["title", page["properties"]["Score"]["id"]]
    (queried,) = notion.data_sources.query(source, filter_properties=names)["results"]
    assert set(queried["properties"]) == {"Name", "Score"}
    assert set(notion.pages.retrieve(page["id"], filter_properties=names)["properties"]) == {"Name", "Score"}
    refusal = notion_refusal(lambda: notion.pages.retrieve(page["id"], filter_properties=["nope"]))
    assert str(refusal) == "Could not find property with name or id: nope"


def test_search_returns_pages_and_data_sources_by_title(notion: Any, add: Add, source: str) -> None:
    page = add(Name="Bảo Sang Beauty Salon")["id"]
    assert ids(notion.search(query="beauty")) == [page]
    assert ids(notion.search(filter={"property": "object", "value": "data_source"})) == [source]


#: A property and its condition, and the names of the matching pages.
FILTERS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("Name", {"title": {"equals": "anna"}}, ["anna"]),
    ("title", {"title": {"equals": "anna"}}, ["anna"]),
    ("Notes", {"rich_text": {"contains": "tea"}}, ["anna"]),
    ("Notes", {"rich_text": {"is_empty": True}}, ["cleo", "dora"]),
    ("Notes", {"rich_text": {"is_not_empty": True}}, ["anna", "bob"]),
    ("Email", {"email": {"equals": "bob@example.com"}}, ["bob"]),
    ("Email", {"email": {"is_empty": True}}, ["dora"]),
    ("Score", {"number": {"equals": 0}}, ["cleo"]),
    ("Score", {"number": {"is_empty": True}}, ["dora"]),
    ("Done", {"checkbox": {"equals": True}}, ["anna"]),
    ("Done", {"checkbox": {"equals": False}}, ["bob", "cleo", "dora"]),
    ("Phase", {"select": {"equals": "One"}}, ["anna"]),
    ("Phase", {"select": {"equals": "Unknown"}}, []),
    ("State", {"status": {"equals": "Done"}}, ["anna"]),
    ("Labels", {"multi_select": {"contains": "blue"}}, ["anna", "cleo"]),
    ("Labels", {"multi_select": {"is_empty": True}}, ["bob", "dora"]),
    # A day is compared with days in UTC, an instant with instants.
    ("When", {"date": {"equals": "2025-12-01"}}, ["anna"]),
    ("When", {"date": {"equals": "2025-12-01T13:00:00Z"}}, ["anna"]),
    ("When", {"date": {"equals": "2025-12-01T13:00:00.001Z"}}, []),
    ("When", {"date": {"on_or_before": "2025-12-02"}}, ["anna", "bob"]),
    ("When", {"date": {"on_or_after": "2025-12-02"}}, ["bob", "cleo"]),
]


def test_each_filter_returns_the_matching_pages(notion: Any, add: Add, source: str) -> None:
    # A title in two text objects is compared as one text.
    anna = VALUES | {"Name": ["an", "na"], "Notes": "likes tea", "Labels": ["red", "blue"]}
    add(**anna | {"When": "2025-12-01T08:00:00-05:00", "Score": 10})
    add(Name="bob", Notes="likes Tea", Email="bob@example.com", Score=20, When="2025-12-02", Phase="Two")
    add(Name="cleo", Email="cleo@example.org", Score=0, When="2025-12-03T00:30:00.250Z", Labels=["blue"])
    add(Name="dora")

    def matching(condition: dict[str, Any]) -> list[str]:
        return sorted(
            plain_values(page)["Name"] for page in notion.data_sources.query(source, filter=condition)["results"]
        )

    for name, condition, names in FILTERS:
        assert matching({"property": name, **condition}) == names, condition
    twenty, done = {"property": "Score", "number": {"equals": 20}}, {"property": "Done", "checkbox": {"equals": True}}
    has_email = {"property": "Email", "email": {"is_not_empty": True}}
    assert matching({"and": [has_email, {"or": [twenty, done]}]}) == ["anna", "bob"]
    assert matching({"and": []}) == ["anna", "bob", "cleo", "dora"]
    assert matching({"timestamp": "created_time", "created_time": {"on_or_before": "2020-01-01"}}) == []


def test_pages_are_sorted_by_timestamps_and_equal_pages_stay_newest_first(
    sandbox: Sandbox, notion: Any, add: Add, source: str
) -> None:
    first = add()["id"]
    sandbox.advance(60)
    second, third = add()["id"], add()["id"]
    sandbox.advance(60)
    notion.pages.update(first, properties=properties(Score=1))

    def order(*sorts: tuple[str, str]) -> list[str]:
        body = [{"timestamp": name, "direction": direction} for name, direction in sorts]
        return ids(notion.data_sources.query(source, sorts=body))

    assert order(("created_time", "ascending")) == [first, third, second]
    assert order(("last_edited_time", "descending")) == [first, third, second]
    assert order(("created_time", "descending"), ("last_edited_time", "descending")) == [third, second, first]


def test_filters_ignore_capitals_if_they_are_set_to(sandbox: Sandbox, notion: Any, source: str, add: Add) -> None:
    add(Name="First")
    add(Name="second")

    def found(condition: str, text: str) -> int:
        query = {"property": "Name", "title": {condition: text}}
        return len(notion.data_sources.query(source, filter=query)["results"])

    queries = [("equals", "first"), ("contains", "IRS"), ("starts_with", "fir"), ("ends_with", "RST")]
    assert [found(*query) for query in queries] == [0, 0, 0, 0]
    assert [found("starts_with", "Fir"), found("ends_with", "rst")] == [1, 1]
    sandbox.set_case_sensitive(False)
    assert [found(*query) for query in queries] == [1, 1, 1, 1]
    sandbox.reset()
    assert found("equals", "first") == 0
    with pytest.raises(SandboxError, match="case_sensitive must be true or false"):
        sandbox.set_case_sensitive("yes")  # type: ignore[arg-type]
