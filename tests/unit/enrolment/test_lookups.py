from __future__ import annotations

from typing import Any

import pytest

from christmas_campaign.enrolment import lookups
from christmas_campaign.enrolment.lookups import Lookups
from christmas_campaign.events import intake
from christmas_campaign.notion import addresses, schema
from christmas_campaign.sequences.registry import sequence
from unit import build, native

OLDEST_FIRST = [{"timestamp": "created_time", "direction": "ascending"}]
LAST_EDITED_FIRST = [{"timestamp": "last_edited_time", "direction": "descending"}]
EMAIL = addresses.conditions(schema.SEQUENCE_PAGES, "Email", "zoe@example.com")
WITHOUT_TYPE = {"property": "Template Type", "select": {"is_empty": True}}
STOP_REASON = {"property": "Stop Reason", "rich_text": {"is_not_empty": True}}


def with_type(name: str) -> dict[str, Any]:
    return {"property": "Template Type", "select": {"equals": name}}


SIGNUP = with_type("5-Day Sequence")


def page_filters(queries: Lookups) -> Any:
    """Return the filters of which a contact's page in Email Sequence must meet one."""
    pages: dict[str, Any] = queries.pages
    assert pages["sorts"] == OLDEST_FIRST
    *address, one_of = pages["filter"]["and"]
    assert address == EMAIL
    return one_of["or"]


def test_queries_of_a_signup() -> None:
    assert lookups.lookups(build.event(email=" ZOE@example.com")).as_json() == {
        "contact": {
            "filter": {"and": addresses.conditions(schema.CONTACTS, "email", "zoe@example.com")},
            "sorts": LAST_EDITED_FIRST,
        },
        "pages": {
            "filter": {"and": [*EMAIL, {"or": [SIGNUP, WITHOUT_TYPE, STOP_REASON]}]},
            "sorts": OLDEST_FIRST,
        },
    }


def test_queries_of_a_noshow() -> None:
    uri = {"property": "Calendly Event URI", "rich_text": {"equals": "https://api.calendly.com/scheduled_events/AAA"}}
    queries = lookups.lookups(build.event("noshow"))
    assert page_filters(queries) == [SIGNUP, uri, STOP_REASON]
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
    assert page_filters(queries) == [SIGNUP, *dates, STOP_REASON]


def test_payment_date_is_queried_from_the_day_before() -> None:
    queries = lookups.lookups(build.event("onboarding"))
    since = {"property": "Payment Date", "date": {"on_or_after": "2025-11-19"}}
    assert page_filters(queries) == [SIGNUP, since, STOP_REASON]
    assert queries.portals == {"filter": {"and": EMAIL}, "sorts": OLDEST_FIRST}


@pytest.mark.parametrize(("adopts", "filters"), [(False, []), (True, [WITHOUT_TYPE])])
def test_sequence_without_an_event_field_is_queried_by_its_type(
    monkeypatch: pytest.MonkeyPatch, *, adopts: bool, filters: list[Any]
) -> None:
    once = sequence("postcall")._replace(event_field=None, adopts=adopts)
    monkeypatch.setattr(intake, "sequence", lambda _: once)
    event = build.event("postcall")
    of_sequence = with_type("Post-Call Follow-Up")
    assert page_filters(lookups.lookups(event)) == [SIGNUP, of_sequence, *filters, STOP_REASON]
    page = build.sequence_page({"Template Type": "Post-Call Follow-Up"})
    last_year = build.sequence_page({"Template Type": "Post-Call Follow-Up", "Campaign": "Christmas 2024"})
    assert lookups.own_page(event, [last_year, page]) is page


def test_names_of_the_signup_are_checked_too() -> None:
    spam, event = "You won https://spam.example.com", build.event("noshow")
    signup = build.event()._replace(fields={**build.event().fields, "first_name": spam})
    assert "first_name" not in lookups.signup_fields(event, signup, [])
    page = build.sequence_page({"Template Type": "5-Day Sequence", "First Name": spam, "Assessment Score": 52})
    assert lookups.signup_fields(event, None, [page]) == {"email": "zoe@example.com", "assessment_score": 52}


def test_only_pages_with_the_contacts_address_count() -> None:
    other = "joanzoe@example.com"
    own, event = build.contact(email=" Zoe@Example.com"), build.event()
    assert lookups.contacts_of(event, [build.contact(email=other), own, build.contact(email=None)]) == [own]
    page = build.sequence_page({"Email": "ZOE@example.com"})
    assert lookups.sequence_pages_of(event, [build.sequence_page({"Email": other}), page]) == [page]
    portal = build.page(schema.PORTALS, {"Email": "zoe@Example.com"})
    assert lookups.portals_of(event, [build.page(schema.PORTALS, {"Email": other}), portal]) == [portal]


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
