from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from christmas_campaign.enrolment import amend
from christmas_campaign.enrolment.amend import variables
from unit import build

VALUES: dict[str, Any] = {
    "contact": {"email": "zoe@example.com", "last_name": "Old"},
    "signup": {"assessment_score": 40},
}
RECORD = build.record("noshow", **VALUES, variables={"a": "1", "b": "2"})


def test_repeated_event_adds_its_variables_and_nothing_else() -> None:
    later = build.NOW + timedelta(days=1)
    again = build.event("noshow", at=later, variables={"b": "3", "c": "4"}, first_name="Anna")
    event = RECORD.event._replace(variables={"a": "1", "b": "3", "c": "4"})
    assert amend.amend(RECORD, again) == RECORD._replace(event=event)
    assert amend.amend(RECORD, build.event("noshow")) == RECORD


@pytest.mark.parametrize(("hours", "b"), [(-1, "2"), (0, "3"), (1, "3")])
def test_variable_of_the_later_event_counts(hours: int, b: str) -> None:
    again = build.event("noshow", at=build.NOW + timedelta(hours=hours), variables={"b": "3"})
    assert variables(RECORD.event, again) == {"a": "1", "b": b}


def test_contact_and_signup_are_read_again() -> None:
    contacts = [build.contact(last_name="New"), build.contact("contact-2", last_name="Another")]
    signup = build.event(assessment_score=52, red_systems=2)
    amended = amend.amend(RECORD, RECORD.event, contacts=contacts, signup=signup)
    assert amended.contact["last_name"] == "New"
    assert amended.signup == signup.fields
    assert amended._replace(contact=RECORD.contact, signup=RECORD.signup) == RECORD


def test_signup_without_a_record_is_read_from_its_page() -> None:
    page = build.sequence_page({"Template Type": "5-Day Sequence", "Assessment Score": 61})
    assert amend.amend(RECORD, RECORD.event, pages=[page]).signup["assessment_score"] == 61
