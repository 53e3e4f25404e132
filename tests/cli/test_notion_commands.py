"""``christmas notion contact`` and ``track``: what Notion says of a contact, and noting what was sent."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from click.testing import CliRunner

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.cli import prompts
from christmas_campaign.cli.notion_commands import notion as group
from christmas_campaign.notion import page_values
from christmas_campaign.notion.schema import CONTACTS, SEQUENCE_PAGES
from christmas_campaign.operations import notion_tracking
from christmas_campaign.sequences.signup import SIGNUP
from cli.notion_world import World

DAY = "2025-11-20"
MOMENT = "2025-11-21T15:00:00.000+00:00"


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the real Notion's limit here."""
    monkeypatch.setattr(notion_tracking, "PER_SECOND", 10_000)


def add_contact(world: World, email: str, **values: Any) -> str:
    return world.add(CONTACTS, {notion_names.CONTACT_EMAIL: email, "first_name": "Ana", **values})


def add_signup(world: World, email: str | None, sent: dict[int, str], **values: Any) -> str:
    said = {
        notion_names.PAGE_EMAIL: email,
        notion_names.PAGE_TEMPLATE_TYPE: SIGNUP.template_type,
        notion_names.PAGE_CAMPAIGN: facts.NAME,
        **{notion_names.page_sent(number): when for number, when in sent.items()},
    }
    return world.add(SEQUENCE_PAGES, {**said, **values})


def said(world: World, page: str) -> dict[str, Any]:
    """What a contact's page says of the campaign's e-mails, without what is empty."""
    plain = page_values.plain(world.client.page(page))
    return {name: value for name, value in plain.items() if name.startswith("Christmas Email") and value}


@pytest.mark.parametrize("words", [[], ["check"], ["setup"], ["contact"], ["release"], ["track"]], ids=" ".join)
def test_every_command_has_help(words: list[str]) -> None:
    result = CliRunner().invoke(group, [*words, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 6


# contact


def test_a_contact_is_shown_with_her_pages_and_without_what_is_empty(whole: World) -> None:
    page = add_contact(whole, "ana@example.com", **{"Segment": "URGENT", "Assessment Score": 0})
    add_contact(whole, "bea@example.com")
    add_signup(whole, "ana@example.com", {1: DAY}, Name="ana@example.com signup")
    result = whole.run("contact", " Ana@Example.com")
    assert result.exit_code == 0
    contact, sequence = result.stdout.split("Email Sequence, created ")
    header, *values = contact.splitlines()
    assert header.startswith("BusinessX, created 2")
    assert header.endswith(page.replace("-", ""))
    assert values == [
        "  first_name        Ana",
        "  email             ana@example.com",
        "  Assessment Score  0",
        "  Segment           URGENT",
    ]
    assert sequence.splitlines()[1:] == [
        "  Name           ana@example.com signup",
        "  Email          ana@example.com",
        "  Template Type  5-Day Sequence",
        "  Campaign       Christmas 2025",
        f"  Email 1 Sent   {DAY}",
    ]
    assert whole.changes() == []


def test_a_box_that_is_ticked_is_a_yes(whole: World) -> None:
    add_contact(whole, "ana@example.com", **{notion_names.contact_sent(1): True})
    assert "  Christmas Email 1 Sent  yes\n" in whole.run("contact", "ana@example.com").stdout


def test_a_contact_as_json(whole: World) -> None:
    page = add_contact(whole, "ana@example.com", **{notion_names.contact_sent(2): True, "Segment": None})
    (shown,) = whole.json("contact", "ana@example.com")
    assert set(shown) == {"database", "id", "created", "url", "values"}
    assert (shown["database"], shown["id"]) == ("BusinessX", page)
    assert shown["values"] == {"first_name": "Ana", "email": "ana@example.com", "Christmas Email 2 Sent": True}


def test_all_pages_of_a_contact_are_found_the_oldest_first(whole: World) -> None:
    pages = [add_signup(whole, "ana@example.com", {}) for _ in range(103)]
    found = whole.json("contact", "ana@example.com")
    assert {each["id"] for each in found} == set(pages)
    assert len(found) == 103
    assert [each["created"] for each in found] == sorted(each["created"] for each in found)


def test_pages_in_the_trash_are_not_shown(whole: World) -> None:
    whole.client.archive_page(add_contact(whole, "ana@example.com"))
    assert whole.json("contact", "ana@example.com", code=1) == []


def test_nobody_of_that_address(whole: World) -> None:
    add_contact(whole, "ana@example.com")
    result = whole.run("contact", "bea@example.com")
    assert (result.exit_code, result.stdout) == (1, "There is no page of bea@example.com in Notion.\n")
    assert whole.json("contact", "bea@example.com", code=1) == []


def test_only_a_sequence_page_is_something(whole: World) -> None:
    add_signup(whole, "ana@example.com", {})
    result = whole.run("contact", "ana@example.com")
    assert result.exit_code == 0
    assert result.stdout.startswith("Email Sequence, created ")


def test_an_address_that_is_none_is_refused(whole: World) -> None:
    result = whole.run("contact", "ana")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "christmas: 'ana' is not an e-mail address: it has no @\n"


def test_a_contact_cannot_be_looked_up_without_the_setting(whole: World) -> None:
    del whole.settings["SECRET_NOTION_BUSINESSX_DB_ID"]
    assert whole.run("contact", "ana@example.com").exit_code == 2


# track


def test_what_was_sent_is_noted_with_one_call_for_each_contact_and_nothing_twice(whole: World) -> None:
    ana, bea = add_contact(whole, "ana@example.com"), add_contact(whole, "bea@example.com", first_name="Bea")
    carla = add_contact(whole, "carla@example.com")
    add_signup(whole, "ana@example.com", {1: DAY, 2: MOMENT})
    add_signup(whole, "Bea@Example.com ", {5: MOMENT, 6: MOMENT})
    add_signup(whole, "carla@example.com", {})
    result = whole.run("track", "--yes")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "To write, on the pages of 2 contacts:",
        "  ana@example.com: E1, E2",
        "  bea@example.com: E5",
        "0 contacts are up to date.",
        "Written: 2 contacts.",
    ]
    assert said(whole, ana) == {
        "Christmas Email 1 Sent": True,
        "Christmas Email 1 Date": DAY,
        "Christmas Email 2 Sent": True,
        "Christmas Email 2 Date": MOMENT,
    }
    assert said(whole, bea) == {"Christmas Email 5 Sent": True, "Christmas Email 5 Date": MOMENT}
    assert said(whole, carla) == {}
    written = {call.path.rsplit("/", 1)[1]: call.request["properties"] for call in whole.changes()}
    assert len(whole.changes()) == 2
    assert set(written) == {ana, bea}
    assert written[bea] == {
        "Christmas Email 5 Sent": {"checkbox": True},
        "Christmas Email 5 Date": {"date": {"start": MOMENT}},
    }

    again = whole.run("track", "--yes")
    assert again.exit_code == 0
    assert again.stdout.splitlines() == ["There is nothing to write.", "2 contacts are up to date."]
    assert whole.changes() == []


def test_only_what_is_lacking_is_written_and_a_date_that_stands_there_stays(whole: World) -> None:
    page = add_contact(
        whole,
        "ana@example.com",
        **{
            notion_names.contact_sent(1): True,
            notion_names.contact_date(1): "2025-01-01",
            notion_names.contact_date(2): "2025-01-02",
        },
        **{notion_names.contact_sent(3): True},
    )
    add_signup(whole, "ana@example.com", {1: DAY, 2: DAY, 3: DAY})
    assert whole.json("track", "--yes")["to_write"] == [{"email": "ana@example.com", "page": page, "emails": [2, 3]}]
    (call,) = whole.changes()
    assert set(call.request["properties"]) == {notion_names.contact_sent(2), notion_names.contact_date(3)}
    assert said(whole, page)[notion_names.contact_date(1)] == "2025-01-01"
    assert said(whole, page)[notion_names.contact_date(2)] == "2025-01-02"


def test_what_the_page_does_not_say_is_never_taken_back(whole: World) -> None:
    page = add_contact(whole, "ana@example.com", **{notion_names.contact_sent(4): True})
    add_signup(whole, "ana@example.com", {1: DAY})
    whole.run("track", "--yes")
    assert said(whole, page)[notion_names.contact_sent(4)] is True


def test_only_the_signups_of_this_campaign_count(whole: World) -> None:
    page = add_contact(whole, "ana@example.com")
    add_signup(whole, "ana@example.com", {1: DAY}, **{notion_names.PAGE_TEMPLATE_TYPE: "No-Show Recovery"})
    add_signup(whole, "ana@example.com", {2: DAY}, **{notion_names.PAGE_CAMPAIGN: "Easter 2026"})
    add_signup(whole, "ana@example.com", {3: DAY}, **{notion_names.PAGE_TEMPLATE_TYPE: None})
    assert whole.run("track", "--yes").stdout.splitlines()[0] == "There is nothing to write."
    assert said(whole, page) == {}


def test_pages_in_the_trash_are_left_out(whole: World) -> None:
    gone = add_contact(whole, "ana@example.com")
    whole.client.archive_page(gone)
    bea = add_contact(whole, "bea@example.com")
    add_signup(whole, "ana@example.com", {1: DAY})
    whole.client.archive_page(add_signup(whole, "bea@example.com", {1: DAY}))
    result = whole.run("track", "--yes")
    assert result.stdout.splitlines() == [
        "There is nothing to write.",
        "0 contacts are up to date.",
        "1 address is not in BusinessX: ana@example.com",
    ]
    assert said(whole, bea) == {}


def test_of_several_contacts_with_one_address_the_oldest_is_written(whole: World) -> None:
    pages = []
    for _ in range(3):
        pages.append(add_contact(whole, "ana@example.com"))
        whole.sandbox.advance(120)
    add_signup(whole, "ana@example.com", {1: DAY})
    whole.run("track", "--yes")
    assert [bool(said(whole, page)) for page in pages] == [True, False, False]


@pytest.mark.parametrize("turned", [False, True])
def test_two_signups_of_one_address_are_one_note_and_the_earlier_date_counts(whole: World, turned: bool) -> None:
    page = add_contact(whole, "ana@example.com")
    for sent in ({1: DAY, 2: DAY}, {2: MOMENT, 3: MOMENT})[:: -1 if turned else 1]:
        add_signup(whole, "ana@example.com", sent)
        whole.sandbox.advance(120)
    whole.run("track", "--yes")
    assert len(whole.changes()) == 1
    assert [said(whole, page)[notion_names.contact_date(number)] for number in (1, 2, 3)] == [DAY, DAY, MOMENT]


def test_empty_pages_are_borne_and_said(whole: World) -> None:
    whole.add(CONTACTS, {})
    whole.add(SEQUENCE_PAGES, {})
    add_signup(whole, None, {})
    add_signup(whole, None, {1: DAY})
    result = whole.run("track", "--yes")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "There is nothing to write.",
        "0 contacts are up to date.",
        "1 signup page has no address.",
    ]


def test_more_than_a_hundred_of_everything(whole: World) -> None:
    emails = [f"ana-{number:03}@example.com" for number in range(205)]
    for email in emails:
        add_signup(whole, email, {1: DAY})
    for email in emails[5:]:
        add_contact(whole, email)
    shown = whole.json("track", code=3)
    assert [note["email"] for note in shown["to_write"]] == emails[5:]
    assert shown["without_contact"] == emails[:5]
    queries = [call for call in whole.sandbox.requests("notion") if call.path.endswith("/query")]
    assert len(queries) == 3 + 3, "three parts of a list of pages, and one query for a hundred contacts"
    assert whole.changes() == []


def test_without_a_terminal_and_without_yes_nothing_is_written(whole: World) -> None:
    add_contact(whole, "ana@example.com")
    add_signup(whole, "ana@example.com", {1: DAY})
    result = whole.run("track")
    assert result.exit_code == 3
    assert "  ana@example.com: E1\n" in result.stdout
    assert result.stdout.endswith("Nothing was changed: run it again with --yes to do it.\n")
    assert whole.changes() == []


@pytest.mark.parametrize(("answer", "changes"), [("n\n", 0), ("y\n", 1)])
def test_on_a_terminal_it_asks(whole: World, monkeypatch: pytest.MonkeyPatch, answer: str, changes: int) -> None:
    monkeypatch.setattr(prompts, "terminal", lambda: True)
    add_contact(whole, "ana@example.com")
    add_signup(whole, "ana@example.com", {1: DAY})
    result = whole.run("track", answer=answer)
    assert result.exit_code == 0
    assert "Write this? [y/N]" in result.stdout
    assert len(whole.changes()) == changes
    assert "Write this?" not in whole.run("track", "--json", answer=answer).stdout
    assert whole.changes() == []


def test_what_was_done_as_json(whole: World) -> None:
    page = add_contact(whole, "ana@example.com")
    add_signup(whole, "ana@example.com", {1: DAY, 4: DAY})
    add_signup(whole, "bea@example.com", {1: DAY})
    assert whole.json("track", "--yes") == {
        "to_write": [{"email": "ana@example.com", "page": page, "emails": [1, 4]}],
        "written": ["ana@example.com"],
        "failed": [],
        "up_to_date": 0,
        "without_contact": ["bea@example.com"],
        "without_address": 0,
    }


def test_a_page_that_notion_does_not_take_is_said_and_the_others_are_written(whole: World) -> None:
    pages = [add_contact(whole, f"{name}@example.com") for name in ("ana", "bea", "carla")]
    for name in ("ana", "bea", "carla"):
        add_signup(whole, f"{name}@example.com", {1: DAY})
    whole.sandbox.fault("notion", "status", status=409, method="PATCH", path=f"/v1/pages/{pages[1]}", times=1)
    result = whole.run("track", "--yes")
    assert result.exit_code == 1
    assert "Written: 2 contacts.\nNot written: bea@example.com: " in result.stdout
    assert [bool(said(whole, page)) for page in pages] == [True, False, True]
    assert whole.json("track", "--yes")["written"] == ["bea@example.com"]


def test_a_notion_that_fails_ends_it_and_what_was_written_is_said(whole: World) -> None:
    pages = [add_contact(whole, f"{name}@example.com") for name in ("ana", "bea")]
    for name in ("ana", "bea"):
        add_signup(whole, f"{name}@example.com", {1: DAY})
    whole.sandbox.fault("notion", "status", status=500, method="PATCH", path=f"/v1/pages/{pages[1]}")
    result = whole.run("track", "--yes")
    assert result.exit_code == 2
    assert "Written: 1 contact.\n" in result.stdout
    assert "HTTP 500" in result.stderr


def test_a_property_that_is_missing_is_named_before_anything_is_written(world: World) -> None:
    world.make_all(CONTACTS._replace(properties=CONTACTS.properties[:-1]))
    add_contact(world, "ana@example.com")
    add_signup(world, "ana@example.com", {1: DAY})
    result = world.run("track", "--yes")
    assert result.exit_code == 2
    assert result.stderr.startswith("christmas: BusinessX lacks Christmas Email 5 Date, or has it with another type")
    assert world.changes() == []


def test_it_keeps_to_the_pace_that_notion_takes(whole: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert notion_tracking.PER_SECOND == 3
    for name in ("ana", "bea", "carla"):
        add_contact(whole, f"{name}@example.com")
        add_signup(whole, f"{name}@example.com", {1: DAY})
    whole.sandbox.limit(notion=3)
    result = whole.run("track", "--yes")
    assert "Written: 3 contacts.\n" in result.stdout
    assert {call.status for call in whole.sandbox.requests("notion")} == {200}


def test_work_is_shown_on_a_terminal_alone(
    whole: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_contact(whole, "ana@example.com")
    add_signup(whole, "ana@example.com", {1: DAY})
    assert whole.run("track").stderr == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    show = prompts.progress()
    show("1 of 2 contacts")
    assert capsys.readouterr().err == "\r\x1b[K1 of 2 contacts"
