"""What the real Notion refuses, the sandbox refuses, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Add = Callable[..., dict[str, Any]]

LONG = "x" * 2001
HALF = "🎄" * 1001  # 1,001 characters, 2,002 units of UTF-16, which is what Notion counts


def text(content: Any) -> dict[str, Any]:
    return {"rich_text": [{"text": {"content": content}}]}


def styled(**annotations: Any) -> dict[str, Any]:
    return {"rich_text": [{"text": {"content": "x"}, "annotations": annotations}]}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("unknown", {"Nope": {"number": 1}}, "Nope is not a property that exists."),
    ("wrong-type", {"Email": {"number": 1}}, "Email is expected to be email."),
    ("both", {"Nope": {"number": 1}, "Score": text("1")}, "Nope is not a property that exists. Score is expected"),
    ("number-as-text", {"Score": {"number": "52"}}, 'should be a number or `null`, instead was `"52"`'),
    ("number-as-boolean", {"Score": {"number": True}}, "should be a number"),
    ("checkbox-as-text", {"Done": {"checkbox": "true"}}, "should be a boolean"),
    ("checkbox-null", {"Done": {"checkbox": None}}, "should be a boolean"),
    ("email-number", {"Email": {"email": 7}}, "should be a string or `null`"),
    ("email-empty", {"Email": {"email": ""}}, "length should be ≥ `1`"),
    ("email-long", {"Email": {"email": "a" * 201}}, "length should be ≤ `200`, instead was `201`"),
    ("url-long", {"Site": {"url": "https://" + LONG}}, "length should be ≤ `2000`"),
    ("text-not-a-list", {"Notes": {"rich_text": "plain"}}, "rich_text should be an array"),
    ("text-null", {"Notes": {"rich_text": None}}, "rich_text should be an array"),
    ("text-long", {"Notes": text(LONG)}, "rich_text[0].text.content.length should be ≤ `2000`, instead was `2001`"),
    ("text-long-in-utf-16", {"Notes": text(HALF)}, "should be ≤ `2000`, instead was `2002`"),
    ("text-not-text", {"Notes": text(5)}, "text.content should be a string"),
    ("text-many", {"Notes": {"rich_text": [{"text": {"content": "x"}}] * 101}}, "length should be ≤ `100`"),
    ("text-unknown-field", {"Notes": {"rich_text": [{"text": {"content": "x"}, "size": 3}]}}, "should be not present"),
    ("text-item-a-string", {"Notes": {"rich_text": ["x"]}}, "rich_text[0] should be an object"),
    ("text-mention", {"Notes": {"rich_text": [{"type": "mention", "text": {"content": "x"}}]}}, "rich_text[0].type"),
    ("text-nothing", {"Notes": {"rich_text": [{}]}}, "rich_text[0].text should be defined"),
    (
        "text-inner-field",
        {"Notes": {"rich_text": [{"text": {"content": "x", "y": 1}}]}},
        "text.y should be not present",
    ),
    ("text-link", {"Notes": {"rich_text": [{"text": {"content": "x", "link": "y"}}]}}, "text.link should be an object"),
    ("text-color", {"Notes": styled(color=["red"])}, "annotations.color should be a color"),
    ("text-style", {"Notes": styled(bold="yes")}, "annotations.bold should be a boolean"),
    ("text-style-unknown", {"Notes": styled(blink=True)}, "annotations.blink should be not present"),
    ("equation-long", {"Notes": {"rich_text": [{"equation": {"expression": "x" * 1001}}]}}, "should be ≤ `1000`"),
    ("equation-number", {"Notes": {"rich_text": [{"equation": {"expression": 1}}]}}, "expression should be a string"),
    ("select-name-number", {"Phase": {"select": {"name": 1}}}, "select.name should be a string"),
    ("select-unknown-id", {"Phase": {"select": {"id": "nope"}}}, "select.name should be defined"),
    ("select-unknown-field", {"Phase": {"select": {"name": "One", "size": 1}}}, "should be not present"),
    ("labels-101", {"Labels": {"multi_select": [{"name": "a"}] * 101}}, "should be ≤ `100`"),
    ("date-unknown-field", {"When": {"date": {"start": "2025-12-05", "zone": 1}}}, "date.zone should be not present"),
    ("date-before-all-years", {"When": {"date": {"start": "0001-01-01T00:00:00+14:00"}}}, "valid ISO 8601"),
    ("title-wrong-shape", {"Name": {"title": {"text": "x"}}}, "title should be an array"),
    ("select-as-text", {"Phase": {"select": "One"}}, "should be an object or `null`"),
    ("select-comma", {"Phase": {"select": {"name": "One, Two"}}}, "commas not allowed"),
    ("select-empty", {"Phase": {"select": {"name": ""}}}, "name.length should be ≥ `1`"),
    ("select-long", {"Phase": {"select": {"name": "x" * 101}}}, "length should be ≤ `100`"),
    ("status-unknown", {"State": {"status": {"name": "Nope"}}}, 'Status option "Nope" does not exist'),
    ("labels-object", {"Labels": {"multi_select": {"name": "a"}}}, "should be an array"),
    ("date-as-text", {"When": {"date": "2025-12-05"}}, "should be an object or `null`"),
    ("date-not-iso", {"When": {"date": {"start": "5 Dec 2025"}}}, "should be a valid ISO 8601 date string"),
    ("date-impossible", {"When": {"date": {"start": "2025-02-30"}}}, "should be a valid ISO 8601 date string"),
    ("date-no-start", {"When": {"date": {"end": "2025-12-05"}}}, "date.start should be a valid ISO 8601"),
    ("date-zone-unknown", {"When": {"date": {"start": "2025-12-05T10:00", "time_zone": "Mars/X"}}}, "time_zone"),
    (
        "date-zone-and-offset",
        {"When": {"date": {"start": "2025-12-05T10:00:00Z", "time_zone": "America/Toronto"}}},
        "date.start",
    ),
    ("value-null", {"Score": None}, "should be an object"),
    ("two-values", {"Score": {"number": 1, "email": "a@example.com"}}, "should be not present"),
    ("unknown-type", {"Score": {"integer": 1}}, "should be not present"),
]


@pytest.mark.parametrize(("properties", "said"), [pytest.param(*rest, id=name) for name, *rest in REFUSED])
def test_a_wrong_value_is_refused_and_nothing_written(
    raw: httpx.Client, add: Add, source: str, properties: dict[str, Any], said: str
) -> None:
    before = add(Name="untouched", Score=1)
    created = raw.post("/v1/pages", json={"parent": {"data_source_id": source}, "properties": properties})
    updated = raw.patch(f"/v1/pages/{before['id']}", json={"properties": {"Done": {"checkbox": True}, **properties}})
    for answer in (created, updated):
        assert answer.status_code == 400
        body = answer.json()
        assert body["object"] == "error"
        assert body["status"] == 400
        assert body["code"] == "validation_error"
        assert said in body["message"]
        assert body["request_id"]
    rows = raw.post(f"/v1/data_sources/{source}/query", json={}).json()["results"]
    assert [row["properties"] for row in rows] == [before["properties"]]


def test_exactly_the_longest_text_is_taken(add: Add) -> None:
    page = add(Notes="🎄" * 1000)
    assert page["properties"]["Notes"]["rich_text"][0]["plain_text"] == "🎄" * 1000


def test_a_hundred_text_objects_keep_their_order(raw: httpx.Client, source: str) -> None:
    items = [{"text": {"content": f"{number:04}" * 500}} for number in range(100)]
    answer = raw.post(
        "/v1/pages", json={"parent": {"data_source_id": source}, "properties": {"Notes": {"rich_text": items}}}
    )
    held = answer.json()["properties"]["Notes"]["rich_text"]
    assert "".join(item["plain_text"] for item in held) == "".join(item["text"]["content"] for item in items)
    # What was read may be written back as it is.
    again = raw.patch(f"/v1/pages/{answer.json()['id']}", json={"properties": {"Notes": {"rich_text": held}}})
    assert again.status_code == 200
    assert again.json()["properties"]["Notes"]["rich_text"] == held


def test_links_and_styles_are_kept(raw: httpx.Client, source: str) -> None:
    item = {"text": {"content": "here", "link": {"url": "https://example.com"}}, "annotations": {"bold": True}}
    answer = raw.post(
        "/v1/pages", json={"parent": {"data_source_id": source}, "properties": {"Notes": {"rich_text": [item]}}}
    )
    held = answer.json()["properties"]["Notes"]["rich_text"][0]
    assert held["href"] == "https://example.com"
    assert held["annotations"]["bold"] is True
    assert held["annotations"]["color"] == "default"


def test_an_equation_and_an_option_by_its_id_are_taken(notion: Any, raw: httpx.Client, source: str) -> None:
    option = notion.data_sources.retrieve(source)["properties"]["Phase"]["select"]["options"][1]
    properties = {
        "Notes": {"rich_text": [{"equation": {"expression": "e=mc^2"}}]},
        "Phase": {"select": {"id": option["id"]}},
    }
    shown = raw.post("/v1/pages", json={"parent": {"data_source_id": source}, "properties": properties}).json()[
        "properties"
    ]
    assert shown["Notes"]["rich_text"][0]["plain_text"] == "e=mc^2"
    assert shown["Phase"]["select"]["name"] == "Two"


def test_empty_text_reads_as_no_text(add: Add) -> None:
    assert add(Name="x", Notes="")["properties"]["Notes"]["rich_text"] == []


def test_an_option_that_is_new_is_added_to_the_schema_once(notion: Any, add: Add, source: str) -> None:
    first, second = add(Phase="Three"), add(Phase="Three")
    assert first["properties"]["Phase"]["select"] == second["properties"]["Phase"]["select"]
    options = notion.data_sources.retrieve(source)["properties"]["Phase"]["select"]["options"]
    assert [option["name"] for option in options] == ["One", "Two", "Three"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2025-12-05", "2025-12-05"),
        ("2025-12-05T10:20:30.456Z", "2025-12-05T10:20:30.456+00:00"),
        ("2025-12-05T10:20:30.456789+00:00", "2025-12-05T10:20:30.456+00:00"),
        ("2025-12-05T10:20:30-05:00", "2025-12-05T10:20:30.000-05:00"),
        ("2025-12-05T10:20:30", "2025-12-05T10:20:30.000+00:00"),
        ("2025-12-05T10:20", "2025-12-05T10:20:00.000+00:00"),
    ],
)
def test_dates_are_shown_as_notion_shows_them(add: Add, written: str, shown: str) -> None:
    assert add(When=written)["properties"]["When"]["date"] == {"start": shown, "end": None, "time_zone": None}


def test_a_time_zone_becomes_an_offset(raw: httpx.Client, source: str) -> None:
    date = {"start": "2025-12-05T10:00:00", "end": "2025-12-05T11:00:00", "time_zone": "America/Toronto"}
    answer = raw.post("/v1/pages", json={"parent": {"data_source_id": source}, "properties": {"When": {"date": date}}})
    assert answer.json()["properties"]["When"]["date"] == {
        "start": "2025-12-05T10:00:00.000-05:00",
        "end": "2025-12-05T11:00:00.000-05:00",
        "time_zone": None,
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.text(min_size=1, max_size=900))
def test_any_text_reads_as_it_was_written(raw: httpx.Client, source: str, content: str) -> None:
    properties = {"Notes": {"rich_text": [{"text": {"content": content}}]}}
    answer = raw.post("/v1/pages", json={"parent": {"data_source_id": source}, "properties": properties})
    assert answer.status_code == 200
    read = raw.get(f"/v1/pages/{answer.json()['id']}").json()["properties"]["Notes"]["rich_text"]
    assert read[0]["text"]["content"] == content
    assert read[0]["plain_text"] == content


WORDS = [
    "and", "or", "property", "email", "date", "equals", "Email", "When", "filter", "sorts", "page_size",
    "start_cursor", "start", "end", "time_zone", "direction", "timestamp", "created_time", "is_empty", "past_week",
    "number", "Score", "greater_than", "rich_text", "Notes", "text", "content", "annotations", "color", "select",
    "Phase", "name", "id", "options",
]  # fmt: skip
SHAPES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=SHAPES, name=st.sampled_from(["When", "Notes", "Phase", "Score", "Email"]))
def test_no_body_is_too_odd_for_an_answer(raw: httpx.Client, source: str, shape: Any, name: str) -> None:
    kind = {"When": "date", "Notes": "rich_text", "Phase": "select", "Score": "number", "Email": "email"}[name]
    query, parent = f"/v1/data_sources/{source}/query", {"data_source_id": source}
    answers = [
        raw.post(query, json=shape),
        raw.post(query, json={"filter": shape}),
        raw.post(query, json={"filter": {"property": name, kind: shape}}),
        raw.post(query, json={"sorts": [shape]}),
        raw.post("/v1/pages", json={"parent": parent, "properties": {name: shape}}),
        raw.post("/v1/pages", json={"parent": parent, "properties": {name: {kind: shape}}}),
        raw.post("/v1/pages", json={"parent": parent, "properties": {name: {kind: [shape]}}}),
        raw.patch(f"/v1/data_sources/{source}", json={"properties": {"Fresh": shape, "Phase": {"select": shape}}}),
    ]
    assert {answer.status_code for answer in answers} <= {200, 400}
    assert all(answer.json()["object"] for answer in answers)
