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


def with_type(name: str) -> dict[str, Any]:
    return {"property": "Template Type", "select": {"equals": name}}


#: The filter for pages with a stop reason.
STOP_REASON = {"and": [EMAIL, CAMPAIGN, {"property": "Stop Reason", "rich_text": {"is_not_empty": True}}]}
SIGNUP = {"and": [EMAIL, CAMPAIGN, with_type("5-Day Sequence")]}


def page_filters(queries: Lookups) -> Any:
    """Return the filters for pages in Email Sequence. Notion returns the pages that meet one of them."""
    pages: dict[str, Any] = queries.pages
    assert pages["sorts"] == OLDEST_FIRST
    return pages["filter"]["or"]


def test_queries_of_a_signup() -> None:
    assert lookups.lookups(build.event(email=" ZOE@example.com")).as_json() == {
        "contact": {
            "filter": {"property": "email", "email": {"equals": "zoe@example.com"}},
            "sorts": OLDEST_FIRST,
        },
        "pages": {
            "filter": {"or": [SIGNUP, {"and": [EMAIL, CAMPAIGN, WITHOUT_TYPE]}, STOP_REASON]},
            "sorts": OLDEST_FIRST,
        },
    }


def test_queries_of_a_noshow() -> None:
    uri = {"property": "Calendly Event URI", "rich_text": {"equals": "https://api.calendly.com/scheduled_events/AAA"}}
    queries = lookups.lookups(build.event("noshow"))
    assert page_filters(queries) == [
        SIGNUP,
        {"and": [EMAIL, with_type("No-Show Recovery"), uri]},
        {"and": [EMAIL, WITHOUT_TYPE, uri]},
        STOP_REASON,
    ]
    assert queries.portals is None


@pytest.mark.parametrize(
    ("call_date", "spellings"),
    [
        ("2025-11-20T14:00:00Z", ["2025-11-20T09:00:00-05:00", "2025-11-20T14:00:00Z"]),
        ("2025-11-20T09:00:00-05:00", ["2025-11-20T09:00:00-05:00"]),
        ("2025-11-20", ["2025-11-20T00:00:00-05:00", "2025-11-20"]),
    ],
)
def test_call_date_is_queried_in_the_campaigns_zone_and_as_in_the_payload(call_date: str, spellings: list[str]) -> None:
    queries = lookups.lookups(build.event("postcall", call_date=call_date))
    dates = [{"property": "Call Date", "rich_text": {"equals": spelling}} for spelling in spellings]
    assert page_filters(queries) == [
        SIGNUP,
        *({"and": [EMAIL, with_type("Post-Call Follow-Up"), date]} for date in dates),
        *({"and": [EMAIL, WITHOUT_TYPE, date]} for date in dates),
        STOP_REASON,
    ]


def test_payment_date_is_queried_with_the_day_before_and_after() -> None:
    queries = lookups.lookups(build.event("onboarding"))
    since = {"property": "Payment Date", "date": {"on_or_after": "2025-11-19"}}
    until = {"property": "Payment Date", "date": {"on_or_before": "2025-11-21"}}
    assert page_filters(queries) == [
        SIGNUP,
        {"and": [EMAIL, with_type("Onboarding"), since, until]},
        {"and": [EMAIL, WITHOUT_TYPE, since, until]},
        STOP_REASON,
    ]
    assert queries.portals == {"filter": EMAIL, "sorts": OLDEST_FIRST}


def test_sequence_without_an_event_field_is_queried_in_this_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    once = sequence("postcall")._replace(event_field=None, adopts=False)
    monkeypatch.setattr(intake, "sequence", lambda _: once)
    event = build.event("postcall")
    of_sequence = {"and": [EMAIL, with_type("Post-Call Follow-Up"), CAMPAIGN]}
    assert page_filters(lookups.lookups(event)) == [SIGNUP, of_sequence, STOP_REASON]
    page = build.sequence_page({"Template Type": "Post-Call Follow-Up"})
    last_year = build.sequence_page({"Template Type": "Post-Call Follow-Up", "Campaign": "Christmas 2024"})
    assert lookups.own_page(event, [last_year, page]) is page


def test_page_in_the_trash_is_ignored() -> None:
    page = build.sequence_page({"Template Type": "5-Day Sequence"})
    assert lookups.own_page(build.event(), [{**page, "in_trash": True}, page]) is page


def test_signup_id_is_the_enrolment_of_the_contacts_signup() -> None:
    assert lookups.signup_id(build.event()) is None
    assert lookups.signup_id(build.event("noshow")) == build.event().id
    assert lookups.signup_id(build.event("noshow", email="other@example.com")) != build.event().id


NAMELESS = intake.read(native.calendly({"first_name": None, "name": None}), "noshow", build.NOW)


@pytest.mark.parametrize("name", ["first_name", "business_name"])
@pytest.mark.parametrize("blank", [None, "", " \n"])
def test_names_come_from_the_event_then_the_signup_then_the_contact(name: str, blank: str | None) -> None:
    unnamed = {"first_name": "there", "business_name": "your business"}
    event = build.event("noshow", first_name="of the event", business_name="of the event")
    signup, contact = {name: "of the signup"}, {name: "of the contact"}
    assert lookups.contact_names(event, signup, contact) == dict.fromkeys(unnamed, "of the event")
    assert lookups.contact_names(NAMELESS, signup, contact) == {**unnamed, name: "of the signup"}
    assert lookups.contact_names(NAMELESS, {name: blank or ""}, contact) == {**unnamed, name: "of the contact"}
    assert lookups.contact_names(NAMELESS, {}, {name: blank}) == unnamed
    assert lookups.contact_names(NAMELESS, {}, {}) == unnamed


def test_signup_without_a_business_name_has_its_default() -> None:
    assert lookups.contact_names(build.event(), {}, {"business_name": "Another"}) == {
        "first_name": "Zoë",
        "business_name": "your business",
    }
