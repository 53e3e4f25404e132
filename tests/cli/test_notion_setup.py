"""``christmas notion setup``: it adds what is missing, keeps what is there, and does nothing unasked."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest

from christmas_campaign.campaign import notion_names
from christmas_campaign.cli import prompts
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.notion import page_values
from christmas_campaign.notion.schema import CONTACTS, DATABASES, PORTALS, SEQUENCE_PAGES, Database, Property
from christmas_campaign.operations import notion_setup
from christmas_campaign.operations.notion_check import examine
from cli.notion_world import World

PARENT = "b55c9c91-384d-452b-81db-d1ef79372b75"

#: Contacts as a person may have them: a property too few, an option too few, one too many of each.
OWN = Database(
    CONTACTS.setting,
    CONTACTS.title,
    (
        *(each for each in CONTACTS.properties if each.name not in ("Christmas Email 5 Date", "Phase")),
        Property("Phase", "select", ("Phase 2C DIY", "Mine", "Phase 1 Assessment")),
        Property("Shoe size", "number"),
    ),
)

#: Email Sequence as it is in some real workspaces: without the template type and without what the later sequences need.
OLD = SEQUENCE_PAGES._replace(
    properties=tuple(
        each
        for each in SEQUENCE_PAGES.properties[: SEQUENCE_PAGES.properties.index(Property("Email 7 Sent", "date")) + 1]
        if each.name != notion_names.PAGE_TEMPLATE_TYPE
    )
)


def names(properties: dict[str, Any], name: str) -> list[str]:
    """The options of a select."""
    return [option["name"] for option in properties[name]["select"]["options"]]


def someone_sits_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "terminal", lambda: True)


def test_it_adds_what_is_missing_and_a_second_run_has_nothing_to_do(world: World) -> None:
    world.make_all(OWN, OLD)
    result = world.run("setup", "--yes")
    assert result.exit_code == 0
    assert 'Done: BusinessX: add "Christmas Email 5 Date" (date)\n' in result.stdout
    assert (
        'Done: BusinessX: add to "Phase": Phase 1 Diagnostic, Phase 2A Done-For-You, Phase 2B Coaching\n'
        in result.stdout
    )
    assert (
        'Done: Email Sequence: add "Template Type" (select: 5-Day Sequence, No-Show Recovery, Post-Call Follow-Up,'
        " Onboarding, Pre-Call Prep)\n" in result.stdout
    )
    assert 'Done: Email Sequence: add "Payment Amount" (number)\n' in result.stdout
    calls = [f"{call.method} {call.path.removeprefix('/notion/v1')}" for call in world.changes()]
    assert calls == [f"PATCH /data_sources/{world.source(each)}" for each in (CONTACTS, SEQUENCE_PAGES)]
    assert world.run("check").exit_code == 0

    again = world.run("setup", "--yes")
    assert (again.exit_code, again.stdout) == (0, "There is nothing to do.\n")
    assert world.changes() == []


def test_what_is_there_stays_as_it_is(world: World) -> None:
    world.make_all(OWN, OLD)
    page = world.add(CONTACTS, {"first_name": "Ana", "Phase": "Phase 2C DIY"})
    before = world.properties(CONTACTS)
    assert world.run("setup", "--yes").exit_code == 0
    after = world.properties(CONTACTS)
    options = after["Phase"]["select"]["options"]
    assert options[:3] == before["Phase"]["select"]["options"]
    assert names(after, "Phase")[3:] == ["Phase 1 Diagnostic", "Phase 2A Done-For-You", "Phase 2B Coaching"]
    assert {name: each for name, each in after.items() if name in before and name != "Phase"} == {
        name: each for name, each in before.items() if name != "Phase"
    }
    assert set(after) - set(before) == {"Christmas Email 5 Date"}
    assert page_values.plain(world.client.page(page))["Phase"] == "Phase 2C DIY"


def test_an_option_goes_back_with_its_id_and_its_colour(world: World) -> None:
    world.make_all(OWN)
    before = world.properties(CONTACTS)["Phase"]["select"]["options"]
    world.run("setup", "--yes")
    (call,) = world.changes()
    sent = call.request["properties"]["Phase"]["select"]["options"]
    assert sent[:3] == [{key: option[key] for key in ("id", "name", "color")} for option in before]
    assert sent[3:] == [{"name": name} for name in ("Phase 1 Diagnostic", "Phase 2A Done-For-You", "Phase 2B Coaching")]
    assert set(call.request["properties"]) == {"Christmas Email 5 Date", "Phase"}


def test_an_option_that_somebody_adds_in_the_meantime_is_kept(world: World) -> None:
    world.make_all(OWN)
    environment = Environment(world.settings)
    found = examine(environment, world.client)
    options = world.properties(CONTACTS)["Phase"]["select"]["options"]
    world.client.change_properties(
        world.source(CONTACTS), {"Phase": {"select": {"options": [*options, {"name": "Late"}]}}}
    )
    done = list(notion_setup.apply(world.client, found, None))
    assert {each.name for each in done} == {"Christmas Email 5 Date", "Phase"}
    assert "Late" in names(world.properties(CONTACTS), "Phase")


def test_what_somebody_does_in_the_meantime_is_not_done_again(world: World) -> None:
    world.make_all(OWN)
    environment = Environment(world.settings)
    found = examine(environment, world.client)
    world.run("setup", "--yes")
    world.sandbox.reset_log()
    assert list(notion_setup.apply(world.client, found, None)) == []
    assert world.changes() == []


def test_without_a_terminal_and_without_yes_it_only_shows(world: World) -> None:
    world.make_all(OWN, OLD)
    result = world.run("setup")
    assert result.exit_code == 3
    assert result.stdout.startswith('To do:\n  BusinessX: add to "Phase": Phase 1 Diagnostic, ')
    assert '  BusinessX: add "Christmas Email 5 Date" (date)\n' in result.stdout
    assert result.stdout.endswith("Nothing was changed: run it again with --yes to do it.\n")
    assert world.changes() == []


@pytest.mark.parametrize(("answer", "changes"), [("n\n", 0), ("y\n", 1), ("\n", 0)])
def test_on_a_terminal_it_asks(world: World, monkeypatch: pytest.MonkeyPatch, answer: str, changes: int) -> None:
    someone_sits_there(monkeypatch)
    world.make_all(OWN)
    result = world.run("setup", answer=answer)
    assert result.exit_code == 0
    assert "Do this? [y/N]" in result.stdout
    assert len(world.changes()) == changes
    assert ("Nothing was changed." in result.stdout) is not bool(changes)


def test_what_it_cannot_mend_is_left_and_said_and_the_rest_is_done(world: World) -> None:
    wrong = OWN._replace(
        properties=(*(each for each in OWN.properties if each.name != "email"), Property("email", "url"))
    )
    world.make_all(wrong)
    result = world.run("setup", "--yes")
    assert result.exit_code == 1
    assert 'To correct by hand:\n  BusinessX, "email": it is url, not email; in Notion, make it email' in result.stdout
    assert 'Done: BusinessX: add "Christmas Email 5 Date" (date)\n' in result.stdout
    assert world.properties(CONTACTS)["email"]["type"] == "url"
    again = world.run("setup", "--yes")
    assert again.exit_code == 1
    assert again.stdout.endswith("There is nothing else to do.\n")
    assert world.changes() == []


def test_a_renamed_title_is_not_renamed_back(world: World) -> None:
    world.make_all(
        CONTACTS._replace(properties=(Property("Who", "title"), *CONTACTS.properties[1:-1])),
    )
    result = world.run("setup", "--yes")
    assert result.exit_code == 1
    assert 'the title is called "Who" instead' in result.stdout
    assert [name for name, each in world.properties(CONTACTS).items() if each["type"] == "title"] == ["Who"]
    assert "Christmas Email 5 Date" in world.properties(CONTACTS)


def test_nothing_is_added_to_somebody_elses_database(world: World) -> None:
    groceries = Database(CONTACTS.setting, "Groceries", (Property("Name", "title"), Property("Bought", "checkbox")))
    world.make_all(groceries)
    assert world.run("setup", "--yes").exit_code == 1
    assert world.changes() == []


def test_nothing_is_added_to_a_database_that_two_settings_name(whole: World) -> None:
    whole.secret(CONTACTS.setting, whole.ids[PORTALS.setting])
    result = whole.run("setup", "--yes", "--parent", PARENT)
    assert result.exit_code == 1
    assert whole.changes() == []


def test_an_id_that_notion_does_not_know_makes_no_new_database(whole: World) -> None:
    whole.secret(CONTACTS.setting, str(uuid.uuid4()))
    result = whole.run("setup", "--yes", "--parent", PARENT)
    assert result.exit_code == 1
    assert "not shared with the integration" in result.stdout
    assert whole.changes() == []


def test_missing_databases_are_made_and_their_settings_are_printed_to_paste(world: World) -> None:
    result = world.run("setup", "--yes", "--parent", PARENT)
    assert result.exit_code == 0
    pasted = [line.strip().split("=", 1) for line in result.stdout.splitlines() if line.strip().startswith("SECRET_")]
    assert [name for name, _ in pasted] == [f"SECRET_{each.setting}" for each in DATABASES]
    for _, value in pasted:
        assert f"its id is {base64.b64decode(value).decode()};" in result.stdout
    assert {call.request["parent"]["page_id"] for call in world.changes()} == {PARENT}
    world.settings |= dict(pasted)
    assert world.run("check").exit_code == 0
    assert world.run("setup", "--yes").stdout == "There is nothing to do.\n"


def test_a_second_run_before_the_settings_are_pasted_makes_nothing_twice(world: World) -> None:
    world.run("setup", "--yes", "--parent", PARENT)
    again = world.run("setup", "--yes", "--parent", PARENT)
    assert again.exit_code == 1
    assert again.stdout.count("but there is a database of this name; add the line SECRET_NOTION_") == len(DATABASES)
    assert world.changes() == []


def test_only_the_missing_one_is_made_and_before_anything_is_added(world: World) -> None:
    for database in DATABASES:
        if database is not PORTALS:
            world.make(OWN if database is CONTACTS else database)
    world.run("setup", "--yes", "--parent", f"https://www.notion.so/Campaign-{PARENT.replace('-', '')}?pvs=4")
    made, added = world.changes()
    assert (made.method, made.path) == ("POST", "/notion/v1/databases")
    assert made.request["title"][0]["text"]["content"] == "Customer Projects"
    assert added.path.endswith(world.source(CONTACTS))


@pytest.mark.parametrize("terminal", [False, True])
def test_a_page_that_is_needed_and_not_given_is_asked_for_first(
    world: World, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    if terminal:
        someone_sits_there(monkeypatch)
    world.make(OWN)
    result = world.run("setup", *([] if terminal else ["--yes"]), answer="y\n")
    assert result.exit_code == 2
    assert result.stderr == (
        "christmas: Email Sequence, Email Templates, Email Analytics, Customer Projects must be made: share a page with the"
        " integration and name it with --parent PAGE_ID\n"
    )
    assert world.changes() == []


def test_a_dry_run_says_that_a_page_is_needed(world: World) -> None:
    result = world.run("setup")
    assert result.exit_code == 3
    assert "  Customer Projects: make the database\n" in result.stdout
    assert result.stdout.endswith("Nothing was changed: run it again with --yes and --parent PAGE_ID to do it.\n")
    assert world.changes() == []


def test_a_page_that_is_none_is_refused(world: World) -> None:
    result = world.run("setup", "--yes", "--parent", "my page")
    assert result.exit_code == 2
    assert "'my page' is not the id of a Notion page" in result.stderr
    assert world.sandbox.requests("notion") == []


@pytest.mark.parametrize(
    "said",
    [
        PARENT,
        PARENT.replace("-", "").upper(),
        f" https://www.notion.so/team/A-cafe-{PARENT.replace('-', '')}?pvs=4 ",
        f"https://www.notion.so/{PARENT.replace('-', '')}#abc",
    ],
)
def test_a_page_is_named_by_its_id_or_its_address(said: str) -> None:
    assert uuid.UUID(notion_setup.page_id(said)) == uuid.UUID(PARENT)


def test_json_only_shows_without_yes_also_on_a_terminal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    someone_sits_there(monkeypatch)
    world.make_all(OWN, PORTALS._replace(properties=(*PORTALS.properties[:-1], Property("Created Date", "checkbox"))))
    shown = world.json("setup", code=3)
    assert shown["steps"] == [
        {
            "database": "BusinessX",
            "property": "Phase",
            "step": 'add to "Phase": Phase 1 Diagnostic, Phase 2A Done-For-You, Phase 2B Coaching',
        },
        {"database": "BusinessX", "property": "Christmas Email 5 Date", "step": 'add "Christmas Email 5 Date" (date)'},
    ]
    assert shown["done"] == []
    assert [(each["property"], each["mendable"]) for each in shown["left"]] == [("Created Date", False)]
    assert world.changes() == []


def test_json_says_what_was_done(world: World) -> None:
    for database in DATABASES:
        if database is not PORTALS:
            world.make(OWN if database is CONTACTS else database)
    result = world.json("setup", "--yes", "--parent", PARENT)
    made, *added = result["done"]
    assert (made["database"], made["property"], made["step"]) == ("Customer Projects", None, "make the database")
    assert made["setting"] == Environment({}).line(PORTALS.setting, made["id"])
    assert [each["property"] for each in added] == ["Phase", "Christmas Email 5 Date"]
    assert added[0]["id"] is None
    assert result["left"] == []


def test_a_database_that_was_made_is_said_also_when_notion_then_fails(world: World) -> None:
    world.sandbox.fault("notion", "status", status=500, method="POST", path="/v1/search", times=1)
    assert world.run("setup", "--yes", "--parent", PARENT, "--json").exit_code == 2
    world.make(OWN)
    world.sandbox.fault("notion", "status", status=500, method="PATCH")
    result = world.run("setup", "--yes", "--parent", PARENT, "--json")
    assert result.exit_code == 2
    assert result.stdout.count('"SECRET_NOTION_') == len(DATABASES) - 1
    assert "HTTP 500" in result.stderr
