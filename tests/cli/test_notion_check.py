"""``christmas notion check``: each fault of Notion's databases is reported with its correction."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.notion.schema import (
    ANALYTICS,
    CONTACTS,
    DATABASES,
    SEQUENCE_PAGES,
    TEMPLATES,
    Database,
    Property,
)
from christmas_campaign.operations import notion_check
from cli.notion_world import UNRELATED, World, replace


def fault_of_database(world: World) -> dict[str, Any]:
    """Run ``check``; return its only fault, which is about a database and no property."""
    (fault,) = world.json("check", code=1)
    assert fault["property"] is None
    return dict(fault)


def test_complete_databases_have_no_fault(notion: World) -> None:
    result = notion.run("check")
    assert (result.exit_code, result.stdout) == (0, "All 5 databases have what the campaign needs.\n")
    assert notion.changes() == []
    assert notion.json("check") == []


@pytest.mark.parametrize(
    ("database", "problem", "correction"),
    [
        (replace(CONTACTS, "Christmas Email 3 Date"), "it is missing (date)", "notion setup adds it"),
        (
            replace(CONTACTS, "Phase", Property("Phase", "rich_text")),
            "it is rich_text, not select",
            "in Notion, make it select, or give it another name and have christmas notion setup add a new one",
        ),
        (
            replace(CONTACTS, "Booking Status", Property("Booking Status", "select", ("Booked", "Other", "No-Show"))),
            "it lacks the options Not Booked, Completed",
            "notion setup adds it",
        ),
        (
            replace(CONTACTS, "first_name", Property("Name", "title")),
            'the title is called "Name" instead',
            'in Notion, rename "Name" to "first_name"',
        ),
        (
            replace(CONTACTS, "first_name", Property("Name", "title"), Property("first_name", "rich_text")),
            'the title is called "Name" instead',
            'in Notion, rename "first_name" to something else, then "Name" to "first_name"',
        ),
        (
            replace(CONTACTS, "email", Property("E mail ", "email")),
            'it is missing; there is "E mail "',
            'in Notion, rename "E mail " to "email"',
        ),
    ],
)
def test_fault_of_a_property_has_a_correction(world: World, database: Database, problem: str, correction: str) -> None:
    world.create_all(database)
    (fault,) = world.json("check", code=1)
    assert problem in fault["problem"]
    assert correction in fault["mend"]
    assert fault["mendable"] is ("setup adds it" in correction)
    line = f'{fault["database"]}, "{fault["property"]}": {fault["problem"]}; {fault["mend"]}\n'
    result = world.run("check")
    assert (result.exit_code, result.stdout) == (1, line)


@pytest.mark.parametrize("exists", [True, False])
def test_missing_setting_is_reported_with_the_line_to_paste(notion: World, exists: bool) -> None:
    name = f"SECRET_{TEMPLATES.setting}"
    line = f"{name}={notion.settings.pop(name)}"
    if not exists:
        notion.sandbox.reset(notion=True)
    fault = next(fault for fault in notion.json("check", code=1) if fault["database"] == "Email Templates")
    assert fault["problem"].startswith(f"{name} is missing in {notion.file}")
    assert (f"add the line {line}" if exists else "--parent") in fault["mend"]
    assert fault["mendable"] is not exists


#: Ids of the contacts' database that are wrong, the problem, and a part of the correction.
WRONG_IDS: list[tuple[Callable[[World], str], str, str]] = [
    (lambda _: str(uuid.uuid4()), "there is no database with the id in SECRET_NOTION_BUSINESSX_DB_ID", "Connections"),
    (
        lambda world: world.source(CONTACTS),
        "holds the id of a data source",
        "add the line SECRET_NOTION_BUSINESSX_DB_ID=",
    ),
    (lambda world: world.add(CONTACTS, {"first_name": "Ana"}), "holds the id of a page", ""),
]


@pytest.mark.parametrize(("wrong_id", "problem", "correction"), WRONG_IDS)
def test_id_of_something_else_is_reported(
    notion: World, wrong_id: Callable[[World], str], problem: str, correction: str
) -> None:
    line = Environment({}).line(CONTACTS.setting, notion.ids[CONTACTS.setting])
    notion.secret(CONTACTS.setting, wrong_id(notion))
    fault = fault_of_database(notion)
    assert problem in fault["problem"]
    assert (line if "line" in correction else correction) in fault["mend"]
    assert fault["mendable"] is False


@pytest.mark.parametrize("text", ["not base64!", "ICA="])
def test_unreadable_setting_is_named_without_its_value(notion: World, text: str) -> None:
    notion.settings[f"SECRET_{CONTACTS.setting}"] = text
    fault = fault_of_database(notion)
    assert fault["problem"].startswith(f"SECRET_{CONTACTS.setting} ")
    assert text not in str(fault)


def test_ids_of_other_databases_are_reported_under_both_settings(notion: World) -> None:
    def faults() -> list[tuple[str, str]]:
        return [(fault["database"], fault["problem"]) for fault in notion.json("check", code=1)]

    ids = dict(notion.ids)
    notion.secret(ANALYTICS.setting, ids[SEQUENCE_PAGES.setting].upper().replace("-", ""))
    assert faults() == [
        (own.title, f"SECRET_{own.setting} holds the same id as SECRET_{other.setting}")
        for own, other in ((SEQUENCE_PAGES, ANALYTICS), (ANALYTICS, SEQUENCE_PAGES))
    ]
    notion.secret(SEQUENCE_PAGES.setting, ids[ANALYTICS.setting])
    for (database, problem), other in zip(faults(), (ANALYTICS, SEQUENCE_PAGES), strict=True):
        assert database != other.title
        assert f'holds the id of "{other.title}", whose properties are those of {other.title}' in problem


def test_database_without_any_property_of_the_campaign_is_not_completed(world: World) -> None:
    world.create_all(UNRELATED)
    (fault,) = world.json("check", code=1)
    assert (fault["property"], fault["mendable"]) == (None, False)
    assert fault["problem"].endswith('holds the id of "Groceries", which has no property of BusinessX')
    assert 'add "last_name" (rich_text) by hand first' in fault["mend"]


def test_database_with_the_same_title_is_completed(world: World) -> None:
    properties = (Property("first_name", "title"), Property("Bought", "checkbox"))
    world.create_all(Database(CONTACTS.setting, "businessx", properties))
    faults = world.json("check", code=1)
    assert [fault["property"] for fault in faults] == [declared.name for declared in CONTACTS.properties[1:]]
    assert {fault["mendable"] for fault in faults} == {True}


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        ({"data_sources": []}, "it has no data source that the integration may see"),
        (
            {"data_sources": [{"id": "a", "name": "BusinessX"}, {"id": "b", "name": "Old ones"}]},
            "(BusinessX, Old ones)",
        ),
        ({"in_trash": True}, "it is in the trash"),
        ({"data_sources": [{"id": "0" * 32, "name": "x"}]}, "its data source is not shared with the integration"),
    ],
)
def test_unusable_database_is_reported(
    notion: World, monkeypatch: pytest.MonkeyPatch, response: dict[str, Any], problem: str
) -> None:
    real = Notion.database

    def database(self: Notion, database_id: str) -> dict[str, Any]:
        answer: Any = real(self, database_id)
        return {**answer, **response} if answer["title"][0]["plain_text"] == "BusinessX" else answer

    monkeypatch.setattr(Notion, "database", database)
    fault = fault_of_database(notion)
    assert (problem in fault["problem"], fault["mendable"]) == (True, False)


@pytest.mark.parametrize(
    ("setting", "text", "error"),
    [
        ("SECRET_NOTION_TOKEN", None, "SECRET_NOTION_TOKEN is missing in "),
        ("SECRET_NOTION_TOKEN", "bnRuX290aGVy", "HTTP 401: API token is invalid."),
        ("ENV_NOTION_URL", "http://[", "Notion"),
    ],
)
def test_check_without_access_to_notion_ends_with_2(notion: World, setting: str, text: str | None, error: str) -> None:
    del notion.settings[setting]
    notion.settings |= {setting: text} if text else {}
    result = notion.run("check", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("christmas: ")
    assert len(result.stderr.splitlines()) == 1
    assert error in result.stderr
    assert "ntn_other" not in result.output


@pytest.mark.parametrize("path", ["databases/.*", "pages/ID"])
def test_failing_notion_is_not_mistaken_for_a_wrong_id(notion: World, path: str) -> None:
    unknown = uuid.uuid4()
    if path.endswith("ID"):
        notion.secret(CONTACTS.setting, str(unknown))
    notion.sandbox.fault("notion", "status", status=503, path=f"/v1/{path.replace('ID', unknown.hex)}")
    result = notion.run("check")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "HTTP 503" in result.stderr


def test_schema_has_no_more_options_than_notion_accepts() -> None:
    options = [len(declared.options) for database in DATABASES for declared in database.properties]
    assert max(options) <= notion_check.MOST_OPTIONS
