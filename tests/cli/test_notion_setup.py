"""``christmas notion setup`` adds missing databases and properties, changes nothing else, and asks first."""

from __future__ import annotations

import base64
import uuid

import pytest

from christmas_campaign.deployment.environment import Environment
from christmas_campaign.notion import page_values
from christmas_campaign.notion.schema import CONTACTS, DATABASES, PORTALS, SEQUENCE_PAGES, Property
from christmas_campaign.operations import notion_setup
from christmas_campaign.operations.notion_check import examine
from cli.notion_world import UNRELATED, World, replace

PARENT = "b55c9c91-384d-452b-81db-d1ef79372b75"
LAST = "Christmas Email 5 Date"

#: Contacts of a real workspace: a property and some options are missing, another property and option are the owner's.
OWN = CONTACTS._replace(
    properties=(
        *replace(replace(CONTACTS, LAST), "Phase").properties,
        Property("Phase", "select", ("Phase 2C DIY", "Mine", "Phase 1 Assessment")),
        Property("Shoe size", "number"),
    )
)
NEW_PHASES = ["Phase 1 Diagnostic", "Phase 2A Done-For-You", "Phase 2B Coaching"]


def phases(world: World) -> list[dict[str, str]]:
    """Return the options of the contacts' phase."""
    return list(world.properties(CONTACTS)["Phase"]["select"]["options"])


def test_setup_adds_what_is_missing_and_keeps_the_rest(world: World) -> None:
    world.create_all(OWN, replace(SEQUENCE_PAGES, "Template Type"))
    page = world.add(CONTACTS, {"first_name": "Ana", "Phase": "Phase 2C DIY"})
    before, options = world.properties(CONTACTS), phases(world)
    result = world.run("setup", "--yes")
    assert result.exit_code == 0
    assert f'Done: BusinessX: add to "Phase": {", ".join(NEW_PHASES)}\n' in result.stdout
    assert 'Done: Email Sequence: add "Template Type" (select: 5-Day Sequence, No-Show Recovery, ' in result.stdout
    contacts, sequence_pages = world.changes()
    assert contacts.path.endswith(world.source(CONTACTS))
    assert sequence_pages.path.endswith(world.source(SEQUENCE_PAGES))
    assert set(contacts.request["properties"]) == {LAST, "Phase"}
    # Options that Notion does not get back with their ids would be deleted.
    sent = contacts.request["properties"]["Phase"]["select"]["options"]
    assert sent == [{key: option[key] for key in ("id", "name", "color")} for option in options] + [
        {"name": name} for name in NEW_PHASES
    ]
    after = world.properties(CONTACTS)
    assert phases(world)[:3] == options
    assert {name: after[name] for name in before if name != "Phase"} == {
        name: described for name, described in before.items() if name != "Phase"
    }
    assert set(after) - set(before) == {LAST}
    assert page_values.plain(world.client.page(page))["Phase"] == "Phase 2C DIY"
    assert world.run("check").exit_code == 0
    assert world.run("setup", "--yes").stdout == "There is nothing to do.\n"
    assert world.changes() == []


@pytest.mark.parametrize("meanwhile", ["option added", "setup done"])
def test_change_since_the_examination_is_respected(world: World, meanwhile: str) -> None:
    world.create_all(OWN)
    examination = examine(Environment(world.settings), world.client)
    if meanwhile == "setup done":
        world.run("setup", "--yes")
        world.sandbox.reset_log()
        assert list(notion_setup.apply(world.client, examination, None)) == []
        assert world.changes() == []
    else:
        options = {"Phase": {"select": {"options": [*phases(world), {"name": "Late"}]}}}
        world.client.change_properties(world.source(CONTACTS), options)
        assert len(list(notion_setup.apply(world.client, examination, None))) == 2
        assert "Late" in [option["name"] for option in phases(world)]


def test_setup_lists_what_the_owner_must_change_and_does_the_rest(world: World) -> None:
    world.create_all(replace(OWN, "email", Property("email", "url")))
    before = world.properties(CONTACTS)
    result = world.run("setup", "--yes")
    assert result.exit_code == 1
    assert '"email": it is url, not email; in Notion, make it email' in result.stdout
    after = world.properties(CONTACTS)
    assert {name: after[name]["type"] for name in before} == {name: before[name]["type"] for name in before}
    assert LAST in after
    again = world.run("setup", "--yes")
    assert again.exit_code == 1
    assert again.stdout.endswith("There is nothing else to do.\n")
    assert world.changes() == []


@pytest.mark.parametrize("contacts_id", ["unrelated database", "another setting's id", "unknown id"])
def test_setup_changes_no_database_that_may_be_the_wrong_one(world: World, contacts_id: str) -> None:
    world.create_all(UNRELATED)
    if contacts_id != "unrelated database":
        ids = {"another setting's id": world.ids[PORTALS.setting], "unknown id": str(uuid.uuid4())}
        world.secret(CONTACTS.setting, ids[contacts_id])
    assert world.run("setup", "--yes", "--parent", PARENT).exit_code == 1
    assert world.changes() == []


def test_setup_creates_databases_and_prints_their_settings(world: World) -> None:
    result = world.run("setup", "--yes", "--parent", PARENT)
    assert result.exit_code == 0
    pasted = dict(line.strip().split("=", 1) for line in result.stdout.splitlines() if line.startswith("  SECRET_"))
    assert list(pasted) == [f"SECRET_{database.setting}" for database in DATABASES]
    for encoded in pasted.values():
        assert f"its id is {base64.b64decode(encoded).decode()};" in result.stdout
    assert {call.request["parent"]["page_id"] for call in world.changes()} == {PARENT}
    before_pasting = world.run("setup", "--yes", "--parent", PARENT)
    assert before_pasting.exit_code == 1
    assert before_pasting.stdout.count("add the line SECRET_NOTION_") == len(DATABASES)
    assert world.changes() == []
    world.settings |= pasted
    assert world.run("setup", "--yes").stdout == "There is nothing to do.\n"


def test_json_without_yes_lists_steps_and_faults(world: World) -> None:
    world.create_all(OWN, replace(PORTALS, "Created Date", Property("Created Date", "checkbox")))
    report = world.json("setup", code=3)
    assert report["steps"] == [
        {"database": "BusinessX", "property": "Phase", "step": f'add to "Phase": {", ".join(NEW_PHASES)}'},
        {"database": "BusinessX", "property": LAST, "step": f'add "{LAST}" (date)'},
    ]
    assert report["done"] == []
    assert [(fault["property"], fault["mendable"]) for fault in report["left"]] == [("Created Date", False)]
    assert world.changes() == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], f"{PORTALS.title} must be made: share a page with the integration"),
        (["--parent", "my page"], "'my page' is not the id of a Notion page"),
    ],
)
def test_missing_database_needs_a_parent_page(world: World, words: list[str], error: str) -> None:
    world.create_all(OWN, without=PORTALS)
    result = world.run("setup", "--yes", *words)
    assert (result.exit_code, error in result.stderr) == (2, True), result.output
    assert world.changes() == []


@pytest.mark.parametrize(
    "text",
    [
        PARENT.replace("-", "").upper(),
        f" https://www.notion.so/team/A-cafe-{PARENT.replace('-', '')}?pvs=4 ",
        f"https://www.notion.so/{PARENT.replace('-', '')}#abc",
    ],
)
def test_page_is_accepted_as_an_id_or_an_address(text: str) -> None:
    assert uuid.UUID(notion_setup.page_id(text)) == uuid.UUID(PARENT)


def test_created_databases_are_printed_even_if_notion_fails_afterwards(world: World) -> None:
    world.create(OWN)
    world.sandbox.fault("notion", "status", status=500, method="PATCH")
    result = world.run("setup", "--yes", "--parent", PARENT, "--json")
    assert result.exit_code == 2
    assert result.stdout.count('"SECRET_NOTION_') == len(DATABASES) - 1
    assert "HTTP 500" in result.stderr
