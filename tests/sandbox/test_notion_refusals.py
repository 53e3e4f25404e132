"""The sandbox refuses invalid requests with Notion's status, code and message, and changes nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from notion_client import APIErrorCode

from sandbox.contract import NOTION_TOKEN, PARENT, REQUESTS, json_values, notion_refusal

Add = Callable[..., dict[str, Any]]


def rich_text(content: Any, **more: Any) -> dict[str, Any]:
    """Return the value of a rich text property with one text object."""
    return {"rich_text": [{"text": {"content": content}, **more}]}


def check_refused(notion: Any, method: str, path: str, body: Any, message: str) -> None:
    """Send a request with the SDK; check that it is refused as invalid with this message and that nothing changes."""
    before = notion.search()["results"]
    refusal = notion_refusal(lambda: notion.request(path, method, body=body))
    assert (refusal.status, refusal.code) == (400, APIErrorCode.ValidationError)
    assert message in str(refusal)
    assert uuid.UUID(refusal.request_id)
    assert notion.search()["results"] == before


#: Invalid values of properties, and a part of Notion's message.
VALUES: list[tuple[dict[str, Any], str]] = [
    ({"Nope": {"number": 1}}, "Nope is not a property that exists."),
    ({"Email": {"number": 1}}, "Email is expected to be email."),
    ({"Nope": {"number": 1}, "Score": rich_text("1")}, "Nope is not a property that exists. Score is expected"),
    ({"Score": None}, "should be an object"),
    ({"Score": {}}, "body.properties.Score.number should be defined"),
    ({"Score": {"integer": 1}}, "should be not present"),
    ({"Score": {"number": "52"}}, 'should be a number or `null`, instead was `"52"`'),
    ({"Score": {"number": True}}, "should be a number"),
    ({"Done": {"checkbox": None}}, "should be a boolean"),
    ({"Email": {"email": ""}}, "length should be ≥ `1`"),
    ({"Email": {"email": "a" * 201}}, "length should be ≤ `200`, instead was `201`"),
    ({"Notes": rich_text("x" * 2001)}, "rich_text[0].text.content.length should be ≤ `2000`, instead was `2001`"),
    # Notion counts UTF-16 units: 1,001 of these characters are 2,002 units.
    ({"Notes": rich_text("🎄" * 1001)}, "should be ≤ `2000`, instead was `2002`"),
    ({"Notes": {"rich_text": [{"text": {"content": "x"}}] * 101}}, "length should be ≤ `100`"),
    ({"Notes": {"rich_text": ["x"]}}, "rich_text[0] should be an object"),
    ({"Notes": {"rich_text": [{}]}}, "rich_text[0].text should be defined"),
    ({"Notes": rich_text(5)}, "text.content should be a string"),
    ({"Notes": rich_text("x", annotations={"bold": "yes"})}, "annotations.bold should be a boolean"),
    ({"Notes": {"rich_text": [{"equation": {"expression": 1}}]}}, "expression should be a string"),
    ({"Phase": {"select": {"name": ""}}}, "name.length should be ≥ `1`"),
    ({"When": {"date": "2025-12-05"}}, "should be an object or `null`"),
    ({"Notes": rich_text("x", size=3)}, "should be not present"),
    ({"Notes": rich_text("x", type="mention")}, "rich_text[0].type"),
    ({"Notes": {"rich_text": [{"text": {"content": "x", "link": "y"}}]}}, "text.link should be an object"),
    ({"Notes": rich_text("x", annotations={"color": ["red"]})}, "annotations.color should be a color"),
    ({"Notes": rich_text("x", annotations={"blink": True})}, "annotations.blink should be not present"),
    ({"Notes": {"rich_text": [{"equation": {"expression": "x" * 1001}}]}}, "should be ≤ `1000`"),
    ({"Phase": {"select": "One"}}, "should be an object or `null`"),
    ({"Phase": {"select": {"name": "x" * 101}}}, "length should be ≤ `100`"),
    ({"Phase": {"select": {"name": "One, Two"}}}, "commas not allowed"),
    ({"Phase": {"select": {"id": "nope"}}}, "select.name should be defined"),
    ({"State": {"status": {"name": "Nope"}}}, 'Status option "Nope" does not exist'),
    ({"Labels": {"multi_select": {"name": "a"}}}, "should be an array"),
    ({"When": {"date": {"start": "2025-12-05", "zone": 1}}}, "date.zone should be not present"),
    ({"When": {"date": {"start": "2025-02-30"}}}, "should be a valid ISO 8601 date string"),
    ({"When": {"date": {"start": "0001-01-01T00:00:00+14:00"}}}, "should be a valid ISO 8601 date string"),
    ({"When": {"date": {"start": "2025-12-05T10:00", "time_zone": "Mars/X"}}}, "time_zone"),
    ({"When": {"date": {"start": "2025-12-05T10:00:00Z", "time_zone": "America/Toronto"}}}, "date.start"),
]


@pytest.mark.parametrize(("properties", "message"), VALUES, ids=[message for _, message in VALUES])
def test_invalid_value_is_refused(notion: Any, add: Add, source: str, properties: dict[str, Any], message: str) -> None:
    page = add(Name="unchanged", Score=1)["id"]
    body = {"parent": {"data_source_id": source}, "properties": properties}
    check_refused(notion, "POST", "pages", body, message)
    changes = {"properties": {"Done": {"checkbox": True}, **properties}}
    check_refused(notion, "PATCH", f"pages/{page}", changes, message)


QUERY, CHANGE = "POST data_sources/{source}/query", "PATCH data_sources/{source}"

#: Invalid bodies of the other requests, and a part of Notion's message.
BODIES: dict[str, list[tuple[Any, str]]] = {
    QUERY: [
        ([], "body should be an object"),
        ({"filters": {}}, "body.filters should be not present"),
        ({"page_size": 101}, "body.page_size"),
        ({"start_cursor": "nope"}, "body.start_cursor should be a valid uuid"),
        ({"start_cursor": str(uuid.uuid4())}, "start_cursor provided is invalid"),
        ({"sorts": [{"property": "Name"}]}, 'should be `"ascending"`'),
        ({"sorts": [{"timestamp": "now", "direction": "ascending"}]}, "sorts[0].timestamp should be one of"),
        ({"in_trash": "no"}, "body.in_trash should be a boolean"),
        ({"sorts": [{"property": "Nope", "direction": "ascending"}]}, "Could not find sort property"),
        ({"sorts": [{"property": "Name", "direction": "ascending"}]}, "not supported by the sandbox"),
        ({"filter": {"property": "Nope", "email": {"equals": "x"}}}, "Could not find property with name or id: Nope"),
        ({"filter": {"property": "Name"}}, "exactly one condition"),
        ({"filter": {"property": "Phase", "status": {"equals": "x"}}}, "property select does not match filter status"),
        ({"filter": {"property": "Name", "title": {"equals": 5}}}, "should be a string"),
        ({"filter": {"property": "Name", "title": {"is": "x"}}}, "should be not present"),
        ({"filter": {"property": "Name", "title": {"is_empty": False}}}, "should be `true`"),
        ({"filter": {"property": "Name", "title": {"does_not_contain": "x"}}}, "not supported by the sandbox"),
        ({"filter": {"property": "Done", "checkbox": {"equals": "true"}}}, "should be a boolean"),
        ({"filter": {"property": "Done", "checkbox": {"is_empty": True}}}, "should be not present"),
        ({"filter": {"property": "Phase", "select": {"contains": "One"}}}, "should be not present"),
        ({"filter": {"property": "When", "date": {"on_or_after": "tomorrow"}}}, "valid ISO 8601"),
        ({"filter": {"and": [], "or": []}}, "stand alone"),
        ({"filter": {"and": [{"or": [{"and": []}]}]}}, "two levels deep"),
        ({"filter": {"or": [{"property": "Name", "title": {"is_empty": True}}] * 101}}, "should be ≤ `100`"),
        ({"filter": {"timestamp": "x", "x": {"on_or_after": "2025-12-05"}}}, "timestamp should be one of"),
    ],
    CHANGE: [
        ({"properties": {"Name": None}}, "Cannot delete the title property"),
        ({"properties": {"Nope": None}}, "Nope is not a property that exists."),
        ({"properties": {"Other": {"title": {}}}}, "exactly one title"),
        ({"properties": {"Score": {"rich_text": {}}}}, "does not change a property's type"),
        ({"properties": {"Score": {"name": ""}}}, "name should be a string"),
        ({"properties": {"Score": {"name": "Email"}}}, "exists already"),
        ({"properties": {"New": "number"}}, "should be an object"),
        ({"properties": {"New": {"select": {"options": [{"name": "a,b"}]}}}}, "commas not allowed"),
        ({"properties": {"New": {}}}, "should be defined"),
        ({"properties": {"New": {"teleport": {}}}}, "should be one of"),
        ({"properties": {"New": {"number": {}, "date": {}}}}, "should be not present"),
        ({"properties": {"New": {"select": {"options": [{"name": "a"}] * 2}}}}, "duplicate"),
        ({"properties": {"New": {"select": {"options": [{"name": "a", "color": "mauve"}]}}}}, "should be one of"),
        ({"properties": {"Phase": {"select": {"options": [{"name": str(n)} for n in range(101)]}}}}, "should be ≤ `100`"),
    ],
    "POST databases": [
        ({}, "body.parent should be defined"),
        ({"parent": PARENT, "properties": {"Name": {"title": {}}}}, "body.properties should be not present"),
        ({"parent": {"type": "page_id", "page_id": "x"}}, "should be a valid uuid"),
        ({"parent": PARENT, "title": "plain"}, "body.title should be an array"),
        ({"parent": PARENT, "initial_data_source": {"properties": {"A": {"number": {}}}}}, "Title is not provided"),
        ({"parent": {"type": "block_id"}}, "body.parent.type"),
        ({"parent": PARENT, "initial_data_source": {"properties": {"A": {"title": {}}, "B": {"title": {}}}}}, "one title"),
    ],
    "POST pages": [
        ({}, "body.parent should be defined"),
        ({"parent": {"data_source_id": "nope"}}, "body.parent.data_source_id should be a valid uuid"),
    ],
    "POST search": [
        ({"filter": {"property": "object", "value": "block"}}, "body.filter.value"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("request_line", "body", "message"), [(line, *case) for line, cases in BODIES.items() for case in cases]
)
def test_invalid_body_is_refused(notion: Any, source: str, request_line: str, body: Any, message: str) -> None:
    method, path = request_line.format(source=source).split()
    if request_line == CHANGE:
        # The valid change beside the invalid one is not made either.
        body = {"properties": {"Valid": {"number": {}}, **body["properties"]}}
    check_refused(notion, method, path, body, message)


def test_unknown_id_is_object_not_found(notion: Any, source: str) -> None:
    unknown = str(uuid.uuid4())
    calls: list[Callable[[], object]] = [
        lambda: notion.pages.retrieve(unknown),
        lambda: notion.data_sources.retrieve(unknown),
        lambda: notion.databases.retrieve(source),
        lambda: notion.pages.create(parent={"page_id": unknown}, properties={}),
    ]
    for call in calls:
        refusal = notion_refusal(call)
        assert (refusal.status, refusal.code) == (404, APIErrorCode.ObjectNotFound)


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, code and message of an answer in Notion's error format."""
    body = answer.json()
    assert (body["object"], body["status"]) == ("error", answer.status_code)
    return answer.status_code, body["code"], body["message"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": ""}, 401, "unauthorized"),
        ({"Authorization": "Bearer wrong"}, 401, "unauthorized"),
        ({"Authorization": NOTION_TOKEN}, 401, "unauthorized"),
        ({"Notion-Version": "2022-06-28"}, 400, "validation_error"),
    ],
)
def test_call_with_wrong_headers_is_refused(
    notion_http: httpx.Client, headers: dict[str, str], status: int, code: str
) -> None:
    assert notion_http.get("/v1/users/me").json()["type"] == "bot"
    assert error(notion_http.get("/v1/users/me", headers=headers))[:2] == (status, code)
    del notion_http.headers["Notion-Version"]
    assert error(notion_http.get("/v1/users/me"))[:2] == (400, "missing_version")


@pytest.mark.parametrize(
    ("method", "path", "content", "code", "message"),
    [
        ("POST", "/v1/search", b"{", "invalid_json", ""),
        ("POST", "/v1/search", b'{"page_size": Infinity}', "invalid_json", ""),
        ("POST", "/v1/search", b"\xff", "invalid_json", ""),
        ("POST", "/v1/search", b'{"x": "' + b"x" * 512_000 + b'"}', "validation_error", "the limit is 512000 bytes"),
        ("GET", "/v1/pages/nope", b"", "validation_error", "path.page_id should be a valid uuid"),
        ("GET", "/v1/pages/" + "-" * 32, b"", "validation_error", "path.page_id should be a valid uuid"),
        ("GET", "/v1/nothing", b"", "invalid_request_url", ""),
        ("PUT", "/v1/pages", b"", "invalid_request_url", ""),
        ("GET", "", b"", "invalid_request_url", ""),
    ],
)
def test_invalid_request_is_refused(
    notion_http: httpx.Client, method: str, path: str, content: bytes, code: str, message: str
) -> None:
    status, actual_code, actual_message = error(notion_http.request(method, path, content=content))
    assert (status, actual_code) == (400, code)
    assert message in actual_message


SHAPES = json_values(
    "and", "or", "property", "email", "date", "equals", "Email", "When", "filter", "sorts", "page_size",
    "start_cursor", "start", "end", "time_zone", "direction", "timestamp", "created_time", "is_empty", "past_week",
    "number", "Score", "greater_than", "rich_text", "Notes", "text", "content", "annotations", "color", "select",
    "Phase", "name", "id", "options",
)  # fmt: skip
KINDS = {"When": "date", "Notes": "rich_text", "Phase": "select", "Score": "number", "Email": "email"}


@REQUESTS
@given(shape=SHAPES, name=st.sampled_from(sorted(KINDS)))
def test_any_json_is_answered_with_200_or_400(notion_http: httpx.Client, source: str, shape: Any, name: str) -> None:
    query, parent = f"/v1/data_sources/{source}/query", {"data_source_id": source}
    queries = [shape, {"filter": shape}, {"filter": {"property": name, KINDS[name]: shape}}, {"sorts": [shape]}]
    answers = [notion_http.post(query, json=body) for body in queries]
    for value in (shape, {KINDS[name]: shape}, {KINDS[name]: [shape]}):
        answers.append(notion_http.post("/v1/pages", json={"parent": parent, "properties": {name: value}}))
    changes = {"properties": {"New": shape, "Phase": {"select": shape}}}
    answers.append(notion_http.patch(f"/v1/data_sources/{source}", json=changes))
    assert {answer.status_code for answer in answers} <= {200, 400}
    assert all(answer.json()["object"] for answer in answers)
