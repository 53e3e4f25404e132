from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from christmas_campaign.enrolment import amend
from christmas_campaign.enrolment.amend import variables
from unit import build

KNOWN: dict[str, Any] = {
    "contact": {"email": "zoe@example.com", "last_name": "Old"},
    "signup": {"assessment_score": 40},
}
RECORD = build.record("noshow", **KNOWN, variables={"a": "1", "b": "2"})
AGAIN = build.event("noshow", at=build.NOW + timedelta(days=1), variables={"b": "3", "c": "4"})


def test_an_event_that_comes_again_adds_its_variables_and_nothing_else() -> None:
    again = AGAIN._replace(fields={**AGAIN.fields, "first_name": "Anna"})
    event = RECORD.event._replace(variables={"a": "1", "b": "3", "c": "4"})
    assert amend.amend(RECORD, again) == RECORD._replace(event=event)


def test_an_event_without_anything_new_changes_nothing() -> None:
    assert amend.amend(RECORD, build.event("noshow")) == RECORD


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(-1, {"a": "1", "b": "2"}), (0, {"a": "1", "b": "3"}), (1, {"a": "1", "b": "3"})],
)
def test_of_two_values_of_a_name_the_one_that_came_later_counts(hours: int, expected: dict[str, str]) -> None:
    again = build.event("noshow", at=build.NOW + timedelta(hours=hours), variables={"b": "3"})
    assert variables(RECORD.event, again) == expected


def test_the_contact_and_the_signup_are_read_again() -> None:
    contacts = [build.contact(last_name="New"), build.contact("contact-2", last_name="Another")]
    amended = amend.amend(
        RECORD, RECORD.event, contacts=contacts, signup=build.event(assessment_score=52, red_systems=2)
    )
    assert amended.contact["last_name"] == "New"
    assert (amended.signup["assessment_score"], amended.signup["red_systems"]) == (52, 2)
    assert amended._replace(contact=RECORD.contact, signup=RECORD.signup) == RECORD


def test_a_signup_that_is_not_kept_is_read_from_its_page() -> None:
    page = build.sequence_page({"Template Type": "5-Day Sequence", "Assessment Score": 61})
    assert amend.amend(RECORD, RECORD.event, pages=[page]).signup["assessment_score"] == 61


def test_what_is_gone_meanwhile_keeps_its_old_values() -> None:
    assert amend.amend(RECORD, RECORD.event, contacts=[], pages=[]) == RECORD
