"""The step ``plan`` for an event that is enrolled already."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.enrolment import lookups
from christmas_campaign.enrolment.record import Record
from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps import plan as the_step
from unit import build
from unit.steps import contexts, run


def step(context: Any, now: datetime) -> dict[str, Any]:
    return dict(the_step.step(context, now))


RECORD = build.record("noshow", variables={"a": "1"})
WHO = RECORD.labels


def enrolled(**changed: Any) -> dict[str, Any]:
    """The context for the same event again, with a variable more; Notion was not asked."""
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
            **changed,
        },
    )


def test_as_a_task(tmp_path: Path) -> None:
    record = RECORD._replace(emails={1: datetime.now(UTC).replace(microsecond=0)})
    said = run.outputs(tmp_path, "plan", enrolled(record=record.as_json()))
    assert (said["go"], said["outcome"], said["reason"]) == (False, "skipped", "duplicate_noshow_sequence")
    assert "%" not in said["amended"]
    assert said["seen"] == "a digest"
    event = RECORD.event._replace(variables={"a": "1", "b": "100% {% raw %}"})
    assert Record.from_json(json.loads(said["amended"])) == record._replace(event=event)


def test_the_record_expires_when_it_would_have_and_is_not_written_after_that() -> None:
    later = build.NOW + timedelta(hours=48)
    assert step(enrolled(), later)["ttl"] == "PT2592000S"
    said = step(enrolled(), later + timedelta(days=30))
    assert (said["amended"], "ttl" in said) == (None, False)


@pytest.mark.parametrize("changed", [{"event": contexts.plan("noshow")["event"]}, {"record": None}])
def test_without_anything_to_add_or_to_add_it_to_nothing_is_written(changed: dict[str, Any]) -> None:
    said = step(enrolled(**changed), build.NOW)
    assert (said["amended"], said["note"]) == (None, "This very event is enrolled already.")
    assert json.loads(said["labels"]) == {"outcome": "skipped", "reason": "duplicate_noshow_sequence", **WHO}


def test_a_replay_reads_the_contact_and_the_signup_again() -> None:
    signup = build.record(assessment_score=52).as_json()
    contacts = build.found(build.contact(last_name="New"))
    said = step(enrolled(refresh=True, contacts=contacts, pages=build.found(), signup=signup), build.NOW)
    record = Record.from_json(json.loads(said["amended"]))
    assert (record.contact["last_name"], record.signup["assessment_score"]) == ("New", 52)
    assert said["reason"] == "duplicate_noshow_sequence"


@pytest.mark.parametrize("missing", ["contacts", "pages"])
def test_a_replay_hears_that_notion_did_not_answer_and_the_variables_are_added_all_the_same(missing: str) -> None:
    answers: dict[str, Any] = {"contacts": build.found(build.contact(last_name="New")), "pages": build.found()}
    said = step(enrolled(refresh=True, **{**answers, missing: None}), build.NOW)
    assert json.loads(said["labels"]) == {"outcome": "skipped", "reason": "notion_unreachable", **WHO}
    record = Record.from_json(json.loads(said["amended"]))
    assert (record.contact, record.event.variables["b"]) == ({}, "100% {% raw %}")


def test_a_replay_that_notion_refuses_is_an_error() -> None:
    refusal = build.response({"code": "unauthorized"}, 401)
    with pytest.raises(UnusableContext, match="the look-up in BusinessX"):
        step(enrolled(refresh=True, contacts=refusal, pages=build.found()), build.NOW)


def test_an_enrolment_that_was_begun_keeps_the_variables_of_both_events() -> None:
    event = build.event("noshow", at=build.NOW + timedelta(hours=1), variables={"b": "2"}, first_name="Anna")
    context = contexts.plan(
        "noshow", event={**event.as_json(), "lookups": lookups.lookups(event).as_json()}, record=RECORD.as_json()
    )
    said = step(context, build.NOW)
    assert Record.from_json(json.loads(said["record"])).event == event._replace(variables={"a": "1", "b": "2"})
