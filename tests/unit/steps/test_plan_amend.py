"""The step ``plan`` for an event that is enrolled already."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from christmas_campaign.enrolment import lookups
from christmas_campaign.enrolment.record import Record
from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps import plan as plan_step
from unit import build
from unit.steps import contexts, run

step: run.Step = plan_step.step


RECORD = build.record("noshow", variables={"a": "1"})
WHO = RECORD.labels


def enrolled(**changes: Any) -> dict[str, Any]:
    """Return the context for the same event with another variable, without responses of Notion."""
    event = build.event("noshow", variables={"b": "100% {% raw %}"})
    return contexts.plan(
        "noshow",
        **{
            "event": {**event.as_json(), "lookups": lookups.lookups(event).as_json()},
            "enrolled": True,
            "refresh": False,
            "contacts": None,
            "pages": None,
            "record": RECORD.as_json(),
            "seen": "a digest",
            **changes,
        },
    )


def test_repeated_event_adds_its_variables_to_the_record() -> None:
    outputs = step(enrolled(), build.NOW)
    assert (outputs["go"], outputs["outcome"], outputs["reason"]) == (False, "skipped", "duplicate_noshow_sequence")
    assert "%" not in outputs["amended"]
    assert (outputs["seen"], outputs["record"]) == ("a digest", outputs["amended"])
    assert outputs["note"] == "This very event is enrolled already; the new values were added."
    event = RECORD.event._replace(variables={"a": "1", "b": "100% {% raw %}"})
    assert Record.from_json(json.loads(outputs["amended"])) == RECORD._replace(event=event)


def test_amended_record_keeps_its_expiry() -> None:
    later = build.NOW + timedelta(hours=48)
    assert step(enrolled(), later)["ttl"] == "PT2592000S"
    outputs = step(enrolled(), later + timedelta(days=30))
    assert (outputs["amended"], "ttl" in outputs) == (None, False)


@pytest.mark.parametrize("changes", [{"event": contexts.plan("noshow")["event"]}, {"record": None}])
def test_event_that_adds_nothing_is_only_labelled(changes: dict[str, Any]) -> None:
    outputs = step(enrolled(**changes), build.NOW)
    assert (outputs["amended"], outputs["note"]) == (None, "This very event is enrolled already.")
    assert json.loads(outputs["labels"]) == {"outcome": "skipped", "reason": "duplicate_noshow_sequence", **WHO}


def test_replay_reads_the_contact_and_the_signup_again() -> None:
    signup = build.record(assessment_score=52).as_json()
    contacts = build.found(build.contact(last_name="New"))
    outputs = step(enrolled(refresh=True, contacts=contacts, pages=build.found(), signup=signup), build.NOW)
    record = Record.from_json(json.loads(outputs["amended"]))
    assert (record.contact["last_name"], record.signup["assessment_score"]) == ("New", 52)
    assert outputs["reason"] == "duplicate_noshow_sequence"


@pytest.mark.parametrize("missing", ["contacts", "pages"])
def test_replay_without_an_answer_of_notion_still_adds_the_variables(missing: str) -> None:
    answers: dict[str, Any] = {"contacts": build.found(build.contact(last_name="New")), "pages": build.found()}
    outputs = step(enrolled(refresh=True, **{**answers, missing: None}), build.NOW)
    assert json.loads(outputs["labels"]) == {"outcome": "skipped", "reason": "notion_unreachable", **WHO}
    record = Record.from_json(json.loads(outputs["amended"]))
    assert (record.contact, record.event.variables["b"]) == ({}, "100% {% raw %}")


@pytest.mark.parametrize(
    ("name", "look_up"), [("contacts", "the look-up in BusinessX"), ("pages", "the look-up in Email Sequence")]
)
def test_replay_that_notion_refuses_breaks_the_step(name: str, look_up: str) -> None:
    answers = {"contacts": build.found(), "pages": build.found(), name: build.response({"code": "unauthorized"}, 401)}
    with pytest.raises(UnusableContext, match=f"^{look_up}: Notion answered HTTP 401"):
        step(enrolled(refresh=True, **answers), build.NOW)


def test_replay_reads_the_page_of_the_signup_again() -> None:
    page = build.sequence_page({"Template Type": "5-Day Sequence", "Assessment Score": 61})
    outputs = step(enrolled(refresh=True, contacts=build.found(), pages=build.found(page)), build.NOW)
    assert Record.from_json(json.loads(outputs["amended"])).signup["assessment_score"] == 61


def test_unfinished_enrolment_has_the_variables_of_both_events() -> None:
    event = build.event("noshow", at=build.NOW + timedelta(hours=1), variables={"b": "2"}, first_name="Anna")
    context = contexts.plan(
        "noshow", event={**event.as_json(), "lookups": lookups.lookups(event).as_json()}, record=RECORD.as_json()
    )
    outputs = step(context, build.NOW)
    assert Record.from_json(json.loads(outputs["record"])).event == event._replace(variables={"a": "1", "b": "2"})
