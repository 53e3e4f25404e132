from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.enrolment import lookups
from christmas_campaign.events import intake, opaque_ids
from christmas_campaign.events.intake import Accepted, Event
from christmas_campaign.steps import intake as the_step
from unit import build, native
from unit.steps import contexts, run


def step(context: Any, now: datetime) -> dict[str, Any]:
    return dict(the_step.step(context, now))


def test_as_a_task(tmp_path: Path) -> None:
    payload = build.payload(first_name=build.AWKWARD, business_name="100% {% raw %} 💇 `'; --")
    said = run.outputs(tmp_path, "intake", contexts.intake(payload=payload))
    assert said["code"] == 200
    assert said["body"]["status"] == "accepted"
    assert said["outcome"] == "accepted"
    assert "%" not in said["event"]
    event = json.loads(said["event"])
    assert event["fields"] == payload
    assert event["lookups"] == lookups.lookups(Event.from_json(event)).as_json()
    assert said["enrolment"] == Event.from_json(event).id


def test_a_good_payload_comes_with_the_opaque_ids() -> None:
    said = dict(step(contexts.intake(), build.NOW))
    event = build.event()
    assert said["enrolment"] == event.id
    assert said["contact"] == opaque_ids.contact_id("zoe@example.com")
    assert json.loads(said["event"]) == {
        **event.as_json(),
        "lookups": lookups.lookups(event).as_json(),
        "duplicate": "already_in_sequence",
        "signup": None,
        "stop": "stop.7ece2a81c666152c41fce3d8",
        "bought": None,
    }
    assert json.loads(said["labels"]) == {
        "outcome": "accepted",
        "enrolment": event.id,
        "contact": opaque_ids.contact_id("zoe@example.com"),
    }
    assert json.loads(said["labels_if_known"]) == {
        "outcome": "skipped",
        "reason": "already_in_sequence",
        "enrolment": event.id,
        "contact": opaque_ids.contact_id("zoe@example.com"),
    }
    answer = intake.answer(build.payload(), "signup", build.NOW, "execution-1")
    assert isinstance(answer, Accepted)
    assert {name: said[name] for name in ("code", "body", "body_if_known", "outcome", "reason")} == {
        "code": 200,
        "body": answer.body,
        "body_if_known": answer.body_if_known,
        "outcome": "accepted",
        "reason": None,
    }


ANSWER_FIELDS = {
    "status", "message", "email", "campaign", "timestamp", "execution_id", "call_outcome", "payment_amount", "reason", "errors",
}  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "starts_first", "starts_again", "key"),
    [
        (build.payload(), True, False, f"enrolled.{build.event().id}"),
        (build.payload(variables={"a": "1"}), True, True, f"enrolled.{build.event().id}"),
        ("not JSON", False, False, "enrolled.none"),
    ],
)
def test_answers_for_a_first_and_a_repeated_event(
    payload: Any, starts_first: bool, starts_again: bool, key: str
) -> None:
    outputs = step(contexts.intake(payload=payload), build.NOW)
    first, again = outputs["answers"]["first"], outputs["answers"]["again"]
    assert outputs["enrolled_key"] == key
    assert (first["starts"], again["starts"]) == (starts_first, starts_again)
    assert first["code"] == again["code"] == outputs["code"]
    assert (first["labels"], again["labels"]) == (outputs["labels"], outputs["labels_if_known"])
    for answer, body in ((first, outputs["body"]), (again, outputs["body_if_known"])):
        fields = json.loads(answer["body"])
        assert fields.keys() == ANSWER_FIELDS
        assert {name: value for name, value in fields.items() if value is not None} == body


def test_an_event_that_starts_nothing_starts_no_flow() -> None:
    payload = build.payload("postcall", call_outcome="No", variables={"a": "1"})
    outputs = step({**contexts.intake(payload=payload), "sequence": "postcall"}, build.NOW)
    assert (outputs["answers"]["first"]["starts"], outputs["answers"]["again"]["starts"]) == (False, False)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (build.payload(), False),
        (build.payload(variables={}), False),
        (build.payload(variables={"a": " "}), False),
        (build.payload(variables={"a": "1"}), True),
        ("not JSON", False),
    ],
)
def test_a_payload_that_brings_variables_says_so(payload: Any, expected: bool) -> None:
    assert step(contexts.intake(payload=payload), build.NOW)["has_variables"] is expected


def test_the_other_sequences_know_where_the_contacts_signup_is_kept() -> None:
    said = step({**contexts.intake(payload=build.payload("noshow")), "sequence": "noshow"}, build.NOW)
    assert json.loads(said["event"])["signup"] == build.event().id


def test_an_event_that_starts_nothing_is_found_by_its_contact() -> None:
    payload = build.payload("postcall", call_outcome="No")
    said = step({**contexts.intake(payload=payload), "sequence": "postcall"}, build.NOW)
    assert (said["code"], said["outcome"], said["reason"]) == (200, "skipped", "not_a_maybe")
    assert (
        said["body"]
        == said["body_if_known"]
        == {
            "status": "skipped",
            "reason": "not_a_maybe",
            "email": "zoe@example.com",
        }
    )
    assert (
        json.loads(said["labels"])
        == json.loads(said["labels_if_known"])
        == {
            "outcome": "skipped",
            "reason": "not_a_maybe",
            "enrolment": build.event("postcall").id,
            "contact": opaque_ids.contact_id("zoe@example.com"),
        }
    )


@pytest.mark.parametrize("context", [contexts.intake(payload="{not json"), contexts.intake(payload=None)])
def test_a_refused_payload_starts_nothing(context: dict[str, Any]) -> None:
    said = step(context, build.NOW)
    assert (said["code"], said["event"], said["enrolment"], said["contact"]) == (422, None, None, None)
    assert (said["outcome"], said["reason"]) == ("rejected", "invalid_payload")
    assert json.loads(said["labels"]) == {"outcome": "rejected", "reason": "invalid_payload"}
    assert json.loads(said["labels_if_known"]) == {"outcome": "rejected"}
    errors = [{"field": "body", "problem": "must be a JSON object"}]
    assert said["body"] == said["body_if_known"] == {"status": "rejected", "errors": errors}


def test_no_payload_at_all_is_refused() -> None:
    context = contexts.intake()
    del context["payload"]
    assert step(context, build.NOW)["body"]["errors"] == [{"field": "body", "problem": "must be a JSON object"}]


@pytest.mark.parametrize(
    ("said", "arrived"),
    [
        (None, "2025-11-20T15:00:00.000Z"),
        ("2025-11-20T14:30:00.250Z", "2025-11-20T14:30:00.250Z"),
        ("2025-11-20T15:30:00Z", "2025-11-20T15:00:00.000Z"),
        ("soon", "2025-11-20T15:00:00.000Z"),
    ],
)
def test_a_call_that_the_door_has_kept_arrived_when_the_door_got_it(said: str | None, arrived: str) -> None:
    answer = step(contexts.intake(received_at=said), build.NOW)
    assert json.loads(answer["event"])["received_at"] == arrived
    assert answer["body"]["timestamp"] == arrived


def test_calendlys_own_call_is_a_call_like_any_other() -> None:
    answer = step(contexts.intake(payload=native.calendly(), sequence="noshow"), build.NOW)
    assert answer["code"] == 200
    assert answer["enrolment"] == build.event("noshow").id
    event = Event.from_json(json.loads(answer["event"]))
    assert event == intake.read(native.calendly(), "noshow", build.NOW)
    assert json.loads(answer["event"])["lookups"] == lookups.lookups(build.event("noshow")).as_json()
