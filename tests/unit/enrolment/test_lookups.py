from __future__ import annotations

from typing import Any

import pytest

from christmas_campaign.enrolment import lookups
from christmas_campaign.enrolment.lookups import Lookups
from christmas_campaign.events import intake
from christmas_campaign.sequences.registry import sequence
from unit import build, native

OLDEST_FIRST = [{"timestamp": "created_time", "direction": "ascending"}]
EMAIL = {"property": "Email", "email": {"equals": "zoe@example.com"}}
CAMPAIGN = {"property": "Campaign", "select": {"equals": "Christmas 2025"}}


WITHOUT_TYPE = {"property": "Template Type", "select": {"is_empty": True}}


def kind(name: str) -> dict[str, Any]:
    return {"property": "Template Type", "select": {"equals": name}}


#: Pages that say why the contact was stopped.
STOPPED = {"and": [EMAIL, CAMPAIGN, {"property": "Stop Reason", "rich_text": {"is_not_empty": True}}]}
SIGNUP = {"and": [EMAIL, CAMPAIGN, kind("5-Day Sequence")]}


def either(asked: Lookups) -> Any:
    """Return the filters of which a page of Email Sequence has to meet one."""
    pages: dict[str, Any] = asked.pages
    return pages["filter"]["or"]


def test_what_a_signup_looks_up() -> None:
    assert lookups.lookups(build.event(email=" ZOE@example.com")).as_json() == {
        "contact": {
            "filter": {"property": "email", "email": {"equals": "zoe@example.com"}},
            "sorts": OLDEST_FIRST,
        },
        "pages": {"filter": {"or": [SIGNUP, {"and": [EMAIL, CAMPAIGN, WITHOUT_TYPE]}, STOPPED]}, "sorts": OLDEST_FIRST},
    }


def test_what_a_noshow_looks_up() -> None:
    uri = {"property": "Calendly Event URI", "rich_text": {"equals": "https://api.calendly.com/scheduled_events/AAA"}}
    found = lookups.lookups(build.event("noshow"))
    assert found.pages == {
        "filter": {
            "or": [
                SIGNUP,
                {"and": [EMAIL, kind("No-Show Recovery"), uri]},
                {"and": [EMAIL, WITHOUT_TYPE, uri]},
                STOPPED,
            ]
        },
        "sorts": OLDEST_FIRST,
    }
    assert found.portals is None


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("2025-11-20T14:00:00Z", ["2025-11-20T09:00:00-05:00", "2025-11-20T14:00:00Z"]),
        ("2025-11-20T09:00:00-05:00", ["2025-11-20T09:00:00-05:00"]),
        ("2025-11-20", ["2025-11-20T00:00:00-05:00", "2025-11-20"]),
    ],
)
def test_a_call_is_looked_up_as_it_is_written_here_and_as_it_came(given: str, asked: list[str]) -> None:
    found = lookups.lookups(build.event("postcall", call_date=given))
    ways = [{"property": "Call Date", "rich_text": {"equals": each}} for each in asked]
    assert either(found) == [
        SIGNUP,
        *({"and": [EMAIL, kind("Post-Call Follow-Up"), way]} for way in ways),
        *({"and": [EMAIL, WITHOUT_TYPE, way]} for way in ways),
        STOPPED,
    ]


def test_a_payment_is_looked_up_with_a_day_on_both_sides() -> None:
    found = lookups.lookups(build.event("onboarding"))
    since = {"property": "Payment Date", "date": {"on_or_after": "2025-11-19"}}
    until = {"property": "Payment Date", "date": {"on_or_before": "2025-11-21"}}
    assert either(found) == [
        SIGNUP,
        {"and": [EMAIL, kind("Onboarding"), since, until]},
        {"and": [EMAIL, WITHOUT_TYPE, since, until]},
        STOPPED,
    ]
    assert found.portals == {"filter": EMAIL, "sorts": OLDEST_FIRST}


def test_a_sequence_that_a_contact_enters_once_is_looked_up_in_this_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    once = sequence("postcall")._replace(event_field=None, adopts=False)
    monkeypatch.setattr(intake, "sequence", lambda _: once)
    event = build.event("postcall")
    found = lookups.lookups(event)
    assert either(found) == [SIGNUP, {"and": [EMAIL, kind("Post-Call Follow-Up"), CAMPAIGN]}, STOPPED]
    theirs = build.sequence_page({"Template Type": "Post-Call Follow-Up"})
    older = build.sequence_page({"Template Type": "Post-Call Follow-Up", "Campaign": "Christmas 2024"})
    assert lookups.own_page(event, [older, theirs]) is theirs


def test_what_lies_in_the_trash_is_passed_over() -> None:
    page = build.sequence_page({"Template Type": "5-Day Sequence"})
    assert lookups.own_page(build.event(), [{**page, "in_trash": True}, page]) is page


def test_the_signup_of_a_contact_is_kept_under_its_own_id() -> None:
    assert lookups.signup_id(build.event()) is None
    assert lookups.signup_id(build.event("noshow")) == build.event().id
    assert lookups.signup_id(build.event("noshow", email="other@example.com")) != build.event().id


NATIVE = intake.read(native.calendly({"first_name": None, "name": None}), "noshow", build.NOW)


@pytest.mark.parametrize("name", ["first_name", "business_name"])
@pytest.mark.parametrize("nobody", [None, "", " \n"])
def test_the_names_are_the_events_then_the_signups_then_the_contacts(name: str, nobody: str | None) -> None:
    unnamed = {"first_name": "there", "business_name": "your business"}
    event = build.event("noshow", first_name="of the event", business_name="of the event")
    signup, contact = {name: "of the signup"}, {name: "of the contact"}
    assert lookups.contact_names(event, signup, contact) == dict.fromkeys(unnamed, "of the event")
    assert lookups.contact_names(NATIVE, signup, contact) == {**unnamed, name: "of the signup"}
    assert lookups.contact_names(NATIVE, {name: nobody or ""}, contact) == {**unnamed, name: "of the contact"}
    assert lookups.contact_names(NATIVE, {}, contact) == {**unnamed, name: "of the contact"}
    assert lookups.contact_names(NATIVE, {}, {name: nobody}) == unnamed
    assert lookups.contact_names(NATIVE, {}, {}) == unnamed


def test_a_signup_without_a_business_is_your_business_as_ever() -> None:
    assert lookups.contact_names(build.event(), {}, {"business_name": "Another"}) == {
        "first_name": "Zoë",
        "business_name": "your business",
    }
