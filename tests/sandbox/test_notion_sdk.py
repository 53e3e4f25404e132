"""The official SDK believes that it talks to Notion."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from notion_client import APIErrorCode, APIResponseError
from notion_client.helpers import collect_paginated_api, is_full_data_source, is_full_database, is_full_page

from christmas_campaign.local.sandbox import Sandbox

Add = Callable[..., dict[str, Any]]


def test_a_database_leads_to_its_data_source_and_that_to_its_properties(notion: Any, source: str) -> None:
    described = notion.data_sources.retrieve(source)
    database = notion.databases.retrieve(described["parent"]["database_id"])
    assert database["data_sources"] == [{"id": source, "name": "Everything"}]
    assert database["title"][0]["plain_text"] == "Everything"
    assert "properties" not in database
    assert is_full_database(database)
    assert is_full_data_source(described)
    assert {name: prop["type"] for name, prop in described["properties"].items()} == {
        "Name": "title",
        "Notes": "rich_text",
        "Email": "email",
        "Score": "number",
        "Done": "checkbox",
        "When": "date",
        "Phase": "select",
        "Labels": "multi_select",
        "Site": "url",
        "Phone": "phone_number",
        "State": "status",
    }
    assert described["properties"]["Name"]["id"] == "title"
    options = described["properties"]["Phase"]["select"]["options"]
    assert [(option["name"], option["color"]) for option in options] == [("One", "red"), ("Two", "default")]


def test_a_page_reads_as_it_was_written_with_every_property_present(notion: Any, add: Add) -> None:
    page = add(
        Name="Zoë “Lệ” O'Neil",
        Notes="two lines\nand a 🎄",
        Email="zoe@example.com",
        Score=52.5,
        Done=True,
        When="2025-12-05",
        Phase="One",
        Labels=["a", "b"],
        Site="https://example.com",
        Phone="+1 416 555 0100",
        State="Done",
    )
    read = notion.pages.retrieve(page["id"])
    assert is_full_page(read)
    assert read["properties"] == page["properties"]
    values = read["properties"]
    assert values["Name"]["title"][0]["text"] == {"content": "Zoë “Lệ” O'Neil", "link": None}
    assert values["Name"]["title"][0]["plain_text"] == "Zoë “Lệ” O'Neil"
    assert values["Name"]["title"][0]["annotations"] == {
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "code": False,
        "color": "default",
    }
    assert values["Notes"]["rich_text"][0]["plain_text"] == "two lines\nand a 🎄"
    assert values["Email"]["email"] == "zoe@example.com"
    assert values["Score"]["number"] == 52.5
    assert values["Done"]["checkbox"] is True
    assert values["When"]["date"] == {"start": "2025-12-05", "end": None, "time_zone": None}
    assert values["Phase"]["select"]["name"] == "One"
    assert values["Phase"]["select"]["color"] == "red"
    assert [label["name"] for label in values["Labels"]["multi_select"]] == ["a", "b"]
    assert values["Site"]["url"] == "https://example.com"
    assert values["Phone"]["phone_number"] == "+1 416 555 0100"
    assert values["State"]["status"]["name"] == "Done"


def test_what_was_never_written_reads_as_empty(add: Add) -> None:
    page = add(Name="bare")
    shown = {name: value[value["type"]] for name, value in page["properties"].items() if name != "Name"}
    assert shown == {
        "Notes": [],
        "Email": None,
        "Score": None,
        "Done": False,
        "When": None,
        "Phase": None,
        "Labels": [],
        "Site": None,
        "Phone": None,
        "State": None,
    }


def test_a_page_object_says_where_it_belongs_and_when_it_was_made(add: Add, source: str) -> None:
    page = add(Name="x")
    assert page["object"] == "page"
    assert str(uuid.UUID(page["id"])) == page["id"]
    assert page["parent"]["type"] == "data_source_id"
    assert page["parent"]["data_source_id"] == source
    assert page["in_trash"] is False
    assert page["archived"] is False
    assert page["url"].endswith(page["id"].replace("-", ""))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z", page["created_time"])
    assert page["last_edited_time"] == page["created_time"]


def test_an_update_changes_what_it_names_and_nothing_else(notion: Any, add: Add) -> None:
    page = add(Name="x", Score=1, Phase="One", When="2025-12-05")
    updated = notion.pages.update(page["id"], properties={"Score": {"number": 2}, "Phase": {"select": None}})
    assert updated["properties"]["Score"]["number"] == 2
    assert updated["properties"]["Phase"]["select"] is None
    assert updated["properties"]["When"] == page["properties"]["When"]
    assert notion.pages.retrieve(page["id"])["properties"] == updated["properties"]


def test_null_and_empty_lists_clear(notion: Any, add: Add) -> None:
    page = add(Notes="x", Email="a@example.com", Score=1, When="2025-12-05", Labels=["a"], Site="https://example.com")
    cleared = notion.pages.update(
        page["id"],
        properties={
            "Notes": {"rich_text": []},
            "Email": {"email": None},
            "Score": {"number": None},
            "When": {"date": None},
            "Labels": {"multi_select": []},
            "Site": {"url": None},
        },
    )
    shown = [cleared["properties"][name] for name in ("Notes", "Email", "Score", "When", "Labels", "Site")]
    assert [value[value["type"]] for value in shown] == [[], None, None, None, [], None]


def test_cursors_lead_through_every_page_once(notion: Any, add: Add, source: str) -> None:
    made = [add(Name=f"{number:03}")["id"] for number in range(253)]
    first = notion.data_sources.query(source)
    assert len(first["results"]) == 100
    assert first["has_more"] is True
    second = notion.data_sources.query(source, start_cursor=first["next_cursor"])
    third = notion.data_sources.query(source, start_cursor=second["next_cursor"])
    assert len(third["results"]) == 53
    assert third["has_more"] is False
    assert third["next_cursor"] is None
    seen = [page["id"] for part in (first, second, third) for page in part["results"]]
    assert seen == made[::-1]
    collected = collect_paginated_api(notion.data_sources.query, data_source_id=source, page_size=40)
    assert [page["id"] for page in collected] == seen


def test_pages_added_while_a_cursor_is_followed_move_nothing(notion: Any, add: Add, source: str) -> None:
    made = [add(Name=str(number))["id"] for number in range(6)]
    first = notion.data_sources.query(source, page_size=3)
    add(Name="late")
    second = notion.data_sources.query(source, page_size=3, start_cursor=first["next_cursor"])
    assert [page["id"] for page in first["results"] + second["results"]] == made[::-1]


def test_ids_are_taken_with_and_without_dashes(notion: Any, add: Add, source: str) -> None:
    page = add(Name="x")
    assert notion.pages.retrieve(page["id"].replace("-", ""))["id"] == page["id"]
    assert notion.data_sources.retrieve(source.replace("-", "").upper())["id"] == source


def test_a_page_in_the_trash_is_not_found_by_queries_and_not_edited(notion: Any, add: Add, source: str) -> None:
    page = add(Name="x")
    notion.pages.update(page["id"], in_trash=True)
    assert notion.data_sources.query(source)["results"] == []
    assert notion.data_sources.query(source, in_trash=True)["results"][0]["id"] == page["id"]
    assert notion.pages.retrieve(page["id"])["in_trash"] is True
    with pytest.raises(APIResponseError) as refused:
        notion.pages.update(page["id"], properties={"Score": {"number": 1}})
    assert refused.value.code == APIErrorCode.ValidationError
    assert "archived" in str(refused.value)
    notion.pages.update(page["id"], archived=False)
    back = notion.data_sources.query(source)["results"]
    assert [found["id"] for found in back] == [page["id"]]
    assert back[0]["properties"]["Score"]["number"] is None


def test_only_the_properties_that_are_asked_for(notion: Any, add: Add, source: str) -> None:
    page = add(Name="x", Score=1)
    score = page["properties"]["Score"]["id"]
    found = notion.data_sources.query(source, filter_properties=["title", score])["results"][0]
    assert set(found["properties"]) == {"Name", "Score"}
    assert set(notion.pages.retrieve(page["id"], filter_properties=[score])["properties"]) == {"Score"}


def test_search_finds_pages_and_data_sources_by_title(notion: Any, add: Add, source: str) -> None:
    page = add(Name="Bảo Sang Beauty Salon")
    assert [found["id"] for found in notion.search(query="beauty")["results"]] == [page["id"]]
    only = notion.search(filter={"property": "object", "value": "data_source"})["results"]
    assert [found["id"] for found in only] == [source]


def test_the_token_belongs_to_a_bot(notion: Any) -> None:
    assert notion.users.me()["type"] == "bot"


def test_a_database_as_parent_means_its_only_data_source(notion: Any, source: str) -> None:
    database = notion.data_sources.retrieve(source)["parent"]["database_id"]
    page = notion.pages.create(parent={"database_id": database}, properties={"Score": {"number": 1}})
    assert page["parent"]["data_source_id"] == source
    notion.data_sources.create(parent={"database_id": database}, properties={"Name": {"title": {}}})
    with pytest.raises(APIResponseError) as refused:
        notion.pages.create(parent={"database_id": database}, properties={})
    assert refused.value.code == APIErrorCode.ValidationError
    assert refused.value.additional_data["error_type"] == "multiple_data_sources_for_database"
    assert source in refused.value.additional_data["child_data_source_ids"]


@pytest.mark.parametrize("kind", ["pages", "databases", "data_sources"])
def test_an_unknown_id_is_object_not_found(notion: Any, kind: str) -> None:
    with pytest.raises(APIResponseError) as refused:
        getattr(notion, kind).retrieve(str(uuid.uuid4()))
    assert refused.value.code == APIErrorCode.ObjectNotFound
    assert refused.value.status == 404


def test_an_error_carries_code_status_message_and_request_id(notion: Any, source: str) -> None:
    with pytest.raises(APIResponseError) as refused:
        notion.pages.create(parent={"data_source_id": source}, properties={"Nope": {"number": 1}})
    assert refused.value.code == APIErrorCode.ValidationError
    assert refused.value.status == 400
    assert str(refused.value) == "Nope is not a property that exists."
    assert uuid.UUID(refused.value.request_id)


def test_the_sdk_itself_waits_and_tries_again_after_a_429(sandbox: Sandbox, source: str) -> None:
    import notion_client

    sandbox.fault("notion", "status", status=429, retry_after=1, times=1)
    with notion_client.Client(auth="ntn_for_tests", base_url=sandbox.notion_url) as patient:
        assert patient.data_sources.query(source)["results"] == []
    assert [call.status for call in sandbox.requests("notion")][-2:] == [429, 200]
