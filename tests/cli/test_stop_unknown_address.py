"""``christmas stop`` with an address that no contact has: it says so, offers similar ones, and still stops."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from christmas_campaign.campaign import notion_names
from christmas_campaign.cli.main import main
from christmas_campaign.events import opaque_ids
from christmas_campaign.notion.schema import CONTACTS, SEQUENCE_PAGES
from christmas_campaign.operations import stop as operation
from christmas_campaign.operations.stop import ContactStops
from cli.notion_world import World

UNKNOWN = "Neither Kestra nor Notion knows this address: check the spelling.\n"


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The contacts that were suppressed, in a Kestra that knows no contact."""
    contacts: list[str] = []

    def stop(_: object, contact: str, __: object) -> ContactStops:
        contacts.append(contact)
        return ContactStops(contact, ())

    monkeypatch.setattr(operation, "count_waiting", lambda *_: 0)
    monkeypatch.setattr(operation, "read_stops", lambda _, contact: ContactStops(contact, ()))
    monkeypatch.setattr(operation, "stop", stop)
    return contacts


def run_stop(world: World, email: str, *options: str) -> Result:
    settings = "".join(f"{name}={value}\n" for name, value in world.settings.items())
    world.file.write_text(settings, encoding="utf-8")
    return CliRunner().invoke(main, ["stop", email, "--env-file", str(world.file), *options])


@pytest.mark.parametrize(
    ("typed", "warning"),
    [
        ("ana@salon.example.com", ""),
        ("Bea@salon.example.com", ""),
        ("anna@salon.example.com", f"{UNKNOWN}Similar addresses: ana@salon.example.com\n"),
        ("zoe@elsewhere.example.org", UNKNOWN),
    ],
)
def test_unknown_address_is_reported_with_similar_ones(
    notion: World, stops: list[str], typed: str, warning: str
) -> None:
    notion.add(CONTACTS, {notion_names.CONTACT_EMAIL: "ana@salon.example.com"})
    notion.add(SEQUENCE_PAGES, {notion_names.PAGE_EMAIL: "bea@salon.example.com"})
    result = run_stop(notion, typed, "--yes")
    assert (result.exit_code, result.stderr) == (0, warning)
    assert stops == [opaque_ids.contact_id(typed.lower())]


def test_stop_works_without_notion(notion: World, stops: list[str]) -> None:
    del notion.settings["SECRET_NOTION_TOKEN"]
    result = run_stop(notion, "ana@salon.example.com", "--yes")
    assert result.exit_code == 0
    assert result.stderr.startswith("Kestra does not know this address, and Notion could not be searched: ")
    assert len(stops) == 1


def test_stop_without_confirmation_ends_with_code_3_and_json(notion: World, stops: list[str]) -> None:
    result = run_stop(notion, "ana@salon.example.com", "--json")
    assert result.exit_code == 3
    contact = opaque_ids.contact_id("ana@salon.example.com")
    assert json.loads(result.stdout) == {"contact": contact, "stops": [], "waiting": 0, "similar": []}
    assert "run it again with --yes" in result.stderr
    wrong = run_stop(notion, "nobody", "--yes")
    assert (wrong.exit_code, "this is not an e-mail address: it has no @" in wrong.stderr) == (2, True)
    assert stops == []
