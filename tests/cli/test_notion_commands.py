"""``christmas notion contact`` shows a contact's pages; ``christmas notion track`` records sent e-mails in BusinessX."""

from __future__ import annotations

import re
from typing import Any

import pytest

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.notion import page_values
from christmas_campaign.notion.schema import CONTACTS, SEQUENCE_PAGES
from christmas_campaign.operations import notion_tracking
from christmas_campaign.sequences.signup import SIGNUP
from cli.notion_world import World, replace

DAY = "2025-11-20"
MOMENT = "2025-11-21T15:00:00.000+00:00"
ANA, BEA, CARLA = EMAILS = [f"{name}@example.com" for name in ("ana", "bea", "carla")]


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the real Notion's rate limit."""
    monkeypatch.setattr(notion_tracking, "PER_SECOND", 10_000)


def add_contact(world: World, email: str, **values: Any) -> str:
    return world.add(CONTACTS, {notion_names.CONTACT_EMAIL: email, "first_name": "Ana", **values})


def add_signup(world: World, email: str | None, sent: dict[int, str], **values: Any) -> str:
    """Add a signup's page with the moments at which its e-mails were sent, by number."""
    signup = {
        notion_names.PAGE_EMAIL: email,
        notion_names.PAGE_TEMPLATE_TYPE: SIGNUP.template_type,
        notion_names.PAGE_CAMPAIGN: facts.NAME,
        **{notion_names.page_sent(number): when for number, when in sent.items()},
    }
    return world.add(SEQUENCE_PAGES, {**signup, **values})


def tracked(world: World, page: str) -> dict[str, Any]:
    """Return the properties of a contact's page about the campaign's e-mails, without empty ones."""
    plain = page_values.plain(world.client.page(page))
    return {name: value for name, value in plain.items() if name.startswith("Christmas Email") and value}


# contact


def test_contact_is_shown_with_all_pages_and_no_empty_value(notion: World) -> None:
    values = {"Segment": "URGENT", "Assessment Score": 0, notion_names.contact_sent(1): True}
    page = add_contact(notion, ANA, **values)
    add_contact(notion, BEA)
    add_signup(notion, ANA, {1: DAY}, Name="ana@example.com signup")
    result = notion.run("contact", " Ana@Example.com")
    assert result.exit_code == 0
    contact, sequence = result.stdout.split("Email Sequence, created ")
    header, *lines = contact.splitlines()
    assert header.startswith("BusinessX, created 2")
    assert header.endswith(page.replace("-", ""))
    assert [re.split(" {2,}", line.strip()) for line in lines] == [
        ["first_name", "Ana"],
        ["email", ANA],
        ["Assessment Score", "0"],
        ["Segment", "URGENT"],
        ["Christmas Email 1 Sent", "yes"],
    ]
    assert [re.split(" {2,}", line.strip())[0] for line in sequence.splitlines()[1:]] == [
        *("Name", "Email", "Template Type", "Campaign", "Email 1 Sent")
    ]
    assert notion.changes() == []
    report, _ = notion.json("contact", ANA)
    assert set(report) == {"database", "id", "created", "url", "values"}
    assert (report["database"], report["id"]) == ("BusinessX", page)
    assert report["values"] == {"first_name": "Ana", "email": ANA, **values}


def test_unknown_contact_ends_with_1(notion: World) -> None:
    notion.client.archive_page(add_contact(notion, ANA))
    result = notion.run("contact", ANA)
    assert (result.exit_code, result.stdout) == (1, f"There is no page of {ANA} in Notion.\n")
    assert notion.json("contact", ANA, code=1) == []


def test_contact_refuses_a_wrong_address(notion: World) -> None:
    assert "'ana' is not an e-mail address: it has no @" in notion.run("contact", "ana").stderr


# track


def test_track_writes_each_contact_once_and_a_second_run_nothing(notion: World) -> None:
    ana, bea, carla = (add_contact(notion, email) for email in EMAILS)
    add_signup(notion, ANA, {1: DAY, 2: MOMENT})
    add_signup(notion, "Bea@Example.com ", {5: MOMENT, 6: MOMENT})
    add_signup(notion, CARLA, {})
    result = notion.run("track", "--yes")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == [
        f"  {ANA}: E1, E2",
        f"  {BEA}: E5",
        "0 contacts are up to date.",
        "Written: 2 contacts.",
    ]
    assert [call.path.rsplit("/", 1)[1] for call in notion.changes()] == [ana, bea]
    assert tracked(notion, ana) == {
        **{notion_names.contact_sent(number): True for number in (1, 2)},
        notion_names.contact_date(1): DAY,
        notion_names.contact_date(2): MOMENT,
    }
    assert tracked(notion, bea) == {notion_names.contact_sent(5): True, notion_names.contact_date(5): MOMENT}
    assert tracked(notion, carla) == {}
    again = notion.run("track", "--yes")
    assert again.stdout.splitlines() == ["There is nothing to write.", "2 contacts are up to date."]
    assert notion.changes() == []


def test_track_adds_missing_values_and_keeps_existing_ones(notion: World) -> None:
    before = {
        notion_names.contact_sent(1): True,
        notion_names.contact_date(1): "2025-11-01",
        notion_names.contact_date(2): "2025-11-02",
        notion_names.contact_sent(3): True,
        notion_names.contact_sent(4): True,
    }
    page = add_contact(notion, ANA, **before)
    add_signup(notion, ANA, {1: DAY, 2: DAY, 3: DAY})
    add_signup(notion, BEA, {1: DAY})
    assert notion.json("track", "--yes") == {
        "to_write": [{"email": ANA, "page": page, "emails": [2, 3]}],
        "written": [ANA],
        "failed": [],
        "up_to_date": 0,
        "without_contact": [BEA],
        "without_address": 0,
    }
    (call,) = notion.changes()
    assert set(call.request["properties"]) == {notion_names.contact_sent(2), notion_names.contact_date(3)}
    assert tracked(notion, page) == {**before, notion_names.contact_sent(2): True, notion_names.contact_date(3): DAY}


def test_track_replaces_the_dates_of_an_earlier_campaign(notion: World) -> None:
    before = {notion_names.contact_sent(1): True, notion_names.contact_date(1): "2024-11-20"}
    page = add_contact(notion, ANA, **before)
    add_signup(notion, ANA, {1: DAY})
    assert notion.json("track", "--yes")["written"] == [ANA]
    assert tracked(notion, page) == {notion_names.contact_sent(1): True, notion_names.contact_date(1): DAY}


def test_track_reads_only_signups_of_this_campaign_that_have_an_address(notion: World) -> None:
    add_contact(notion, ANA)
    add_signup(notion, ANA, {1: DAY}, **{notion_names.PAGE_TEMPLATE_TYPE: "No-Show Recovery"})
    add_signup(notion, ANA, {2: DAY}, **{notion_names.PAGE_CAMPAIGN: "Easter 2026"})
    add_signup(notion, ANA, {3: DAY}, **{notion_names.PAGE_TEMPLATE_TYPE: None})
    notion.client.archive_page(add_signup(notion, ANA, {1: DAY}))
    notion.client.archive_page(add_contact(notion, BEA))
    add_signup(notion, BEA, {1: DAY})
    notion.add(CONTACTS, {})
    notion.add(SEQUENCE_PAGES, {})
    for sent in ({}, {1: DAY}):
        add_signup(notion, None, sent)
    assert notion.run("track", "--yes").stdout.splitlines() == [
        "There is nothing to write.",
        "0 contacts are up to date.",
        f"1 address is not in BusinessX: {BEA}",
        "1 signup page has no address.",
    ]
    assert notion.changes() == []


@pytest.mark.parametrize("newest_first", [False, True])
def test_oldest_contact_gets_the_earliest_date_of_several_signups(notion: World, newest_first: bool) -> None:
    contacts = []
    for _ in range(2):
        contacts.append(add_contact(notion, ANA))
        notion.sandbox.advance(120)
    for sent in ({1: DAY, 2: DAY}, {2: MOMENT, 3: MOMENT})[:: -1 if newest_first else 1]:
        add_signup(notion, ANA, sent)
        notion.sandbox.advance(120)
    notion.run("track", "--yes")
    assert len(notion.changes()) == 1
    oldest, newer = (tracked(notion, page) for page in contacts)
    assert [oldest[notion_names.contact_date(number)] for number in (1, 2, 3)] == [DAY, DAY, MOMENT]
    assert newer == {}


def test_track_reads_hundreds_of_pages_with_few_queries(notion: World) -> None:
    emails = [f"ana-{number:03}@example.com" for number in range(205)]
    for email in emails:
        add_signup(notion, email, {1: DAY})
    for email in emails[5:]:
        add_contact(notion, email)
    report = notion.json("track", code=3)
    assert [entry["email"] for entry in report["to_write"]] == emails[5:]
    assert report["without_contact"] == emails[:5]
    queries = [call for call in notion.sandbox.requests("notion") if call.path.endswith("/query")]
    assert len(queries) == 3 + 3, "three responses list the signups, one query finds a hundred contacts"


@pytest.mark.parametrize(
    ("status", "code", "complete"), [(409, 1, [True, False, True]), (500, 2, [True, False, False])]
)
def test_track_reports_a_page_that_notion_refuses(notion: World, status: int, code: int, complete: list[bool]) -> None:
    """After a refusal the next contacts are written; where Notion itself fails, track ends."""
    pages = [add_contact(notion, email) for email in EMAILS]
    for email in EMAILS:
        add_signup(notion, email, {1: DAY})
    notion.sandbox.fault("notion", "status", status=status, method="PATCH", path=f"/v1/pages/{pages[1]}", times=None)
    result = notion.run("track", "--yes")
    assert result.exit_code == code
    assert "Written: " in result.stdout
    assert "Not written: bea@example.com: " in result.stdout if status == 409 else "HTTP 500" in result.stderr
    assert [bool(tracked(notion, page)) for page in pages] == complete
    notion.sandbox.clear_faults()
    assert notion.json("track", "--yes")["written"] == [
        email for email, done in zip(EMAILS, complete, strict=True) if not done
    ]


def test_track_names_a_missing_property_before_it_writes(world: World) -> None:
    world.create_all(replace(CONTACTS, "Christmas Email 5 Date"))
    add_contact(world, ANA)
    add_signup(world, ANA, {1: DAY})
    result = world.run("track", "--yes")
    assert result.exit_code == 2
    assert "BusinessX lacks Christmas Email 5 Date" in result.stderr
    assert world.changes() == []


def test_track_respects_the_rate_limit_of_notion(notion: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert notion_tracking.PER_SECOND == 3
    for email in EMAILS:
        add_contact(notion, email)
        add_signup(notion, email, {1: DAY})
    notion.sandbox.limit(notion=3)
    assert "Written: 3 contacts.\n" in notion.run("track", "--yes").stdout
    assert {call.status for call in notion.sandbox.requests("notion")} == {200}
