"""``christmas notion check``: each kind of fault is named, with its mend; exit codes; JSON."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from click.testing import CliRunner

from christmas_campaign.cli.notion_commands import notion as group
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.notion import schema
from christmas_campaign.notion.schema import CONTACTS, DATABASES, SEQUENCE_PAGES, TEMPLATES, Database, Property
from christmas_campaign.operations import notion_check
from cli.notion_world import World


def without(database: Database, *names: str) -> Database:
    """A database that lacks these properties."""
    return database._replace(properties=tuple(each for each in database.properties if each.name not in names))


def instead(database: Database, name: str, *others: Property) -> Database:
    """A database that has other properties in the place of one."""
    properties: list[Property] = []
    for each in database.properties:
        properties += others if each.name == name else (each,)
    return database._replace(properties=tuple(properties))


def test_all_is_well(whole: World) -> None:
    result = whole.run("check")
    assert (result.exit_code, result.stdout) == (0, "All 5 databases have what the campaign needs.\n")
    assert whole.changes() == []
    assert whole.json("check") == []


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (
            without(CONTACTS, "Christmas Email 3 Date"),
            'BusinessX, "Christmas Email 3 Date": it is missing (date); christmas notion setup adds it',
        ),
        (
            instead(CONTACTS, "Phase", Property("Phase", "rich_text")),
            'BusinessX, "Phase": it is rich_text, not select; in Notion, make it select, or give it another name and have'
            " christmas notion setup add a new one",
        ),
        (
            instead(CONTACTS, "Booking Status", Property("Booking Status", "select", ("Booked", "Other", "No-Show"))),
            'BusinessX, "Booking Status": it lacks the options Not Booked, Completed; christmas notion setup adds it',
        ),
        (
            instead(SEQUENCE_PAGES, "Campaign", Property("Campaign", "select")),
            'Email Sequence, "Campaign": it lacks the option Christmas 2025; christmas notion setup adds it',
        ),
        (
            instead(CONTACTS, "first_name", Property("Name", "title")),
            'BusinessX, "first_name": the title is called "Name" instead; in Notion, rename "Name" to "first_name"',
        ),
        (
            instead(CONTACTS, "first_name", Property("Name", "title"), Property("first_name", "rich_text")),
            'BusinessX, "first_name": the title is called "Name" instead; in Notion, rename "first_name" to something else,'
            ' then "Name" to "first_name"',
        ),
        (
            instead(CONTACTS, "email", Property("E mail ", "email")),
            'BusinessX, "email": it is missing; there is "E mail ", which differs only in spaces or capitals; in Notion,'
            ' rename "E mail " to "email"',
        ),
    ],
    ids=lambda value: value.split(";")[0] if isinstance(value, str) else "",
)
def test_a_fault_of_a_property_is_one_line_with_its_mend(world: World, made: Database, line: str) -> None:
    world.make_all(made)
    result = world.run("check")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [line]
    (fault,) = world.json("check", code=1)
    assert fault["mendable"] is line.endswith("setup adds it")
    assert f'{fault["database"]}, "{fault["property"]}": {fault["problem"]}; {fault["mend"]}' == line


def test_json_is_a_list_with_a_fault_in_each_object(world: World) -> None:
    world.make_all(without(instead(CONTACTS, "Phase", Property("Phase", "rich_text")), "last_name"))
    del world.settings["SECRET_NOTION_TOKEN"]
    assert world.run("check", "--json").stdout == ""
    world.secret("NOTION_TOKEN", "ntn_for_tests")
    assert world.json("check", code=1) == [
        {
            "database": "BusinessX",
            "property": "last_name",
            "problem": "it is missing (rich_text)",
            "mend": "christmas notion setup adds it",
            "mendable": True,
        },
        {
            "database": "BusinessX",
            "property": "Phase",
            "problem": "it is rich_text, not select",
            "mend": "in Notion, make it select, or give it another name and have christmas notion setup add a new one",
            "mendable": False,
        },
    ]


def test_the_title_is_not_taken_for_a_property_that_differs_only_in_capitals(world: World) -> None:
    world.make_all(without(instead(CONTACTS, "first_name", Property("EMAIL", "title")), "email"))
    title, email = world.json("check", code=1)
    assert title["problem"] == 'the title is called "EMAIL" instead'
    assert (email["problem"], email["mendable"]) == ("it is missing (email)", True)


def test_options_beyond_what_the_api_takes_are_added_by_hand(world: World) -> None:
    many = Property("Phase", "select", tuple(str(number) for number in range(96)))
    world.make_all(instead(CONTACTS, "Phase", many))
    (fault,) = world.json("check", code=1)
    assert fault["mendable"] is False
    assert fault["mend"] == "add by hand in Notion, whose API accepts at most 100 options"


def only_fault(world: World) -> dict[str, Any]:
    """The only fault that ``check`` finds, of a whole database."""
    (fault,) = world.json("check", code=1)
    assert fault["property"] is None
    return dict(fault)


def test_a_missing_setting_is_named(whole: World) -> None:
    del whole.settings["SECRET_NOTION_EMAIL_TEMPLATES_DB_ID"]
    whole.sandbox.reset(notion=True)
    found = whole.json("check", code=1)[2]
    assert found["database"] == "Email Templates"
    assert found["problem"] == f"SECRET_NOTION_EMAIL_TEMPLATES_DB_ID is missing in {whole.file}"
    assert "--parent" in found["mend"]
    assert found["mendable"] is True


def test_a_missing_setting_whose_database_is_there_is_given_to_paste(whole: World) -> None:
    line = f"SECRET_NOTION_EMAIL_TEMPLATES_DB_ID={whole.settings.pop('SECRET_NOTION_EMAIL_TEMPLATES_DB_ID')}"
    fault = only_fault(whole)
    assert fault["problem"].endswith("is missing in " + str(whole.file) + ", but there is a database of this name")
    assert fault["mend"] == f"add the line {line}"
    assert fault["mendable"] is False


@pytest.mark.parametrize("value", ["not base64!", "ICA="])
def test_a_setting_that_cannot_be_read_is_named_without_its_value(whole: World, value: str) -> None:
    whole.settings["SECRET_NOTION_BUSINESSX_DB_ID"] = value
    fault = only_fault(whole)
    assert fault["problem"].startswith("SECRET_NOTION_BUSINESSX_DB_ID ")
    assert value not in str(fault)
    assert fault["mend"] == "write the id as base64: printf %s ID | base64"


@pytest.mark.parametrize("held", ["5e3a0db2-db5c-4991-b2ff-61eb11b441c2", "BusinessX"])
def test_an_id_that_notion_does_not_know(whole: World, held: str) -> None:
    whole.secret(CONTACTS.setting, held)
    fault = only_fault(whole)
    assert fault["problem"] == (
        "there is no database with the id in SECRET_NOTION_BUSINESSX_DB_ID, or it is not shared with the integration"
    )
    assert "Connections" in fault["mend"]
    assert fault["mendable"] is False


def test_an_id_of_a_data_source_is_said_to_be_one_with_the_right_line(whole: World) -> None:
    whole.secret(CONTACTS.setting, whole.source(CONTACTS))
    fault = only_fault(whole)
    assert fault["problem"] == "SECRET_NOTION_BUSINESSX_DB_ID holds the id of a data source"
    assert Environment({}).line(CONTACTS.setting, whole.ids[CONTACTS.setting]) in fault["mend"]


def test_an_id_of_a_page_is_said_to_be_one(whole: World) -> None:
    whole.secret(CONTACTS.setting, whole.add(CONTACTS, {"first_name": "Ana"}))
    assert only_fault(whole)["problem"] == "SECRET_NOTION_BUSINESSX_DB_ID holds the id of a page"


def test_one_id_in_two_settings_is_a_fault_of_both(whole: World) -> None:
    whole.secret(CONTACTS.setting, whole.ids[TEMPLATES.setting].upper().replace("-", ""))
    faults = whole.json("check", code=1)
    assert [fault["problem"] for fault in faults] == [
        "SECRET_NOTION_BUSINESSX_DB_ID holds the same id as SECRET_NOTION_EMAIL_TEMPLATES_DB_ID",
        "SECRET_NOTION_EMAIL_TEMPLATES_DB_ID holds the same id as SECRET_NOTION_BUSINESSX_DB_ID",
    ]


def test_two_ids_the_wrong_way_round_are_seen(whole: World) -> None:
    whole.secret(schema.ANALYTICS.setting, whole.ids[SEQUENCE_PAGES.setting])
    whole.secret(SEQUENCE_PAGES.setting, whole.ids[schema.ANALYTICS.setting])
    faults = whole.json("check", code=1)
    assert [fault["problem"] for fault in faults] == [
        'SECRET_NOTION_EMAIL_SEQUENCE_DB_ID holds the id of "Email Analytics", whose properties are those of'
        " Email Analytics",
        'SECRET_NOTION_EMAIL_ANALYTICS_DB_ID holds the id of "Email Sequence", whose properties are those of Email Sequence',
    ]


def test_a_database_of_something_else_is_seen(world: World) -> None:
    groceries = Database(CONTACTS.setting, "Groceries", (Property("Name", "title"), Property("Bought", "checkbox")))
    world.make_all(groceries)
    fault = only_fault(world)
    assert fault["problem"] == (
        'SECRET_NOTION_BUSINESSX_DB_ID holds the id of "Groceries", which has no property of BusinessX'
    )
    assert 'add "last_name" (rich_text) by hand first' in fault["mend"]
    assert fault["mendable"] is False


@pytest.mark.parametrize("title", ["Contacts", "businessx"])
def test_a_database_that_is_still_empty_or_has_the_right_name_is_the_right_one(world: World, title: str) -> None:
    own = (Property("first_name", "title"),) + ((Property("Bought", "checkbox"),) if title == "businessx" else ())
    world.make_all(Database(CONTACTS.setting, title, own))
    faults = world.json("check", code=1)
    assert [fault["property"] for fault in faults] == [each.name for each in CONTACTS.properties[1:]]
    assert all(fault["mendable"] for fault in faults)


def test_several_data_sources_are_a_fault(whole: World) -> None:
    parent = {"type": "database_id", "database_id": whole.ids[CONTACTS.setting]}
    body = {"parent": parent, "title": [{"text": {"content": "Old ones"}}], "properties": {"Name": {"title": {}}}}
    whole.client._call("POST", "/data_sources", body)
    fault = only_fault(whole)
    assert fault["problem"] == "it has 2 data sources (BusinessX, Old ones), and the campaign reads only the first"
    assert fault["mendable"] is False


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        ({"data_sources": []}, "it has no data source that the integration may see"),
        ({"in_trash": True}, "it is in the trash"),
    ],
)
def test_what_the_sandbox_never_shows(
    whole: World, monkeypatch: pytest.MonkeyPatch, shown: dict[str, Any], problem: str
) -> None:
    real = Notion.database

    def database(self: Notion, database_id: str) -> dict[str, Any]:
        found: Any = real(self, database_id)
        return {**found, **shown} if found["title"][0]["plain_text"] == "BusinessX" else found

    monkeypatch.setattr(Notion, "database", database)
    assert only_fault(whole)["problem"] == problem


def test_a_data_source_that_is_not_shared(whole: World) -> None:
    whole.sandbox.fault("notion", "status", status=404, path="/v1/data_sources/" + whole.source(CONTACTS))
    assert only_fault(whole)["problem"] == "its data source is not shared with the integration"


def test_without_a_token_it_cannot_be_checked(whole: World) -> None:
    del whole.settings["SECRET_NOTION_TOKEN"]
    result = whole.run("check")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"christmas: SECRET_NOTION_TOKEN is missing in {whole.file}\n"


def test_with_a_wrong_token_it_cannot_be_checked(whole: World) -> None:
    whole.secret("NOTION_TOKEN", "ntn_of_somebody_else")
    result = whole.run("check")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "HTTP 401: API token is invalid." in result.stderr
    assert "ntn_of_somebody_else" not in result.output


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[", "nowhere"])
def test_a_notion_that_cannot_be_reached_cannot_be_checked(whole: World, url: str) -> None:
    whole.settings["ENV_NOTION_URL"] = url
    result = whole.run("check")
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("path", ["databases", "data_sources"])
def test_a_notion_that_fails_cannot_be_checked(whole: World, path: str) -> None:
    whole.sandbox.fault("notion", "status", status=503, path=f"/v1/{path}/.*")
    result = whole.run("check")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "HTTP 503" in result.stderr


@pytest.mark.parametrize("kind", ["data_sources", "pages"])
def test_a_notion_that_fails_is_not_taken_for_a_wrong_id(whole: World, kind: str) -> None:
    held = str(uuid.uuid4())
    whole.secret(CONTACTS.setting, held)
    whole.sandbox.fault("notion", "status", status=500, path=f"/v1/{kind}/{held.replace('-', '')}")
    assert whole.run("check").exit_code == 2


def test_the_settings_come_from_the_environment_or_a_file_that_it_names(
    whole: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole.run("check")
    monkeypatch.setenv("CHRISTMAS_ENV_FILE", str(whole.file))
    assert CliRunner().invoke(group, ["check"]).exit_code == 0
    monkeypatch.delenv("CHRISTMAS_ENV_FILE")
    for name in ("SECRET_NOTION_TOKEN", *(f"SECRET_{each.setting}" for each in DATABASES)):
        monkeypatch.delenv(name, raising=False)
    missing = CliRunner().invoke(group, ["check"])
    assert missing.exit_code == 2
    assert missing.stderr == "christmas: SECRET_NOTION_TOKEN is missing in the environment\n"
    for name, value in whole.settings.items():
        monkeypatch.setenv(name, value)
    assert CliRunner().invoke(group, ["check"]).exit_code == 0


def test_the_schema_asks_for_no_more_options_than_notion_takes() -> None:
    assert max(len(each.options) for database in DATABASES for each in database.properties) <= notion_check.MOST_OPTIONS
