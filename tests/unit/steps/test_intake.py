"""The step ``intake``: its outputs. ``tests/unit/events`` tests how payloads are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.enrolment import lookups
from christmas_campaign.events import intake, opaque_ids
from christmas_campaign.events.intake import Accepted, Event
from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps import intake as intake_step
from unit import build, native
from unit.steps import contexts

CONTACT = opaque_ids.contact_id("zoe@example.com")


def run_intake(**changes: Any) -> dict[str, Any]:
    """Return the outputs of the step at ``build.NOW`` in a changed context."""
    return dict(intake_step.step(contexts.intake(**changes), build.NOW))


def test_awkward_payload_is_accepted_without_percent_signs() -> None:
    """Kestra would render ``{%`` in an output as a template."""
    payload = build.payload(first_name=build.AWKWARD, business_name="100% {% raw %} 💇 `'; --")
    outputs = run_intake(payload=payload)
    assert "%" not in outputs["event"]
    assert json.loads(outputs["event"])["fields"] == payload


def test_accepted_event_comes_with_ids_labels_and_response() -> None:
    outputs = run_intake()
    event = build.event()
    assert (outputs["enrolment"], outputs["contact"]) == (event.id, CONTACT)
    assert json.loads(outputs["event"]) == {
        **event.as_json(),
        "lookups": lookups.lookups(event).as_json(),
        "duplicate": "already_in_sequence",
        "signup": None,
        "stop": "stop.7ece2a81c666152c41fce3d8",
        "bought": None,
    }
    ids = {"enrolment": event.id, "contact": CONTACT}
    assert json.loads(outputs["labels"]) == {"outcome": "accepted", **ids}
    assert json.loads(outputs["labels_if_known"]) == {"outcome": "skipped", "reason": "already_in_sequence", **ids}
    answer = intake.answer(build.payload(), "signup", build.NOW, "execution-1")
    assert isinstance(answer, Accepted)
    assert {name: outputs[name] for name in ("code", "body", "body_if_known", "outcome", "reason")} == {
        "code": 200,
        "body": answer.body,
        "body_if_known": answer.body_if_known,
        "outcome": "accepted",
        "reason": None,
    }


def test_handler_of_an_older_release_cannot_end_the_emails_about_a_missed_call() -> None:
    context = {**contexts.intake(payload=build.payload("noshow", no_show_status="withdrawn")), "sequence": "noshow"}
    assert intake_step.step(context, build.NOW)["answers"]["first"]["flow"] == "booking"
    del context["settings"]
    with pytest.raises(UnusableContext, match="deploy the flows of this release"):
        intake_step.step(context, build.NOW)
    # It can handle every other event.
    context["payload"] = build.payload("noshow")
    assert intake_step.step(context, build.NOW)["outcome"] == "accepted"


ANSWER_FIELDS = {
    "status", "message", "email", "campaign", "timestamp", "execution_id", "call_outcome", "payment_amount", "reason", "errors",
}  # fmt: skip


def test_settings_say_which_calls_count_and_who_signs() -> None:
    coffee = build.payload("precall", event_type="Coffee")
    outputs = run_intake(payload=coffee, sequence="precall", settings={"sales_call_types": "Diagnostic"})
    assert (outputs["code"], outputs["reason"], outputs["answers"]["first"]["starts"]) == (200, "other_call", False)
    envelope = native.docusign(native.signer("robin@example.net"), native.signer())
    outputs = run_intake(payload=envelope, sequence="onboarding", settings={"own_domains": "example.net"})
    assert outputs["contact"] == CONTACT


@pytest.mark.parametrize(
    ("name", "fields", "flow"),
    [
        ("signup", {}, "enroll"),
        ("noshow", {}, "enroll"),
        ("noshow", {"no_show_status": "withdrawn"}, "booking"),
        ("precall", {}, "booking"),
        ("precall", {"status": "cancelled"}, "booking"),
        ("precall", {"status": "requested", "variables": {"a": "1"}}, "booking"),
    ],
)
def test_event_of_a_call_starts_the_flow_that_ends_emails(name: str, fields: dict[str, Any], flow: str) -> None:
    answers = run_intake(payload=build.payload(name, **fields), sequence=name)["answers"]
    assert (answers["first"]["flow"], answers["again"]["flow"]) == (flow, "enroll")


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
    outputs = run_intake(payload=payload)
    first, again = outputs["answers"]["first"], outputs["answers"]["again"]
    assert outputs["enrolled_key"] == key
    assert (first["starts"], again["starts"]) == (starts_first, starts_again)
    assert first["code"] == again["code"] == outputs["code"]
    assert (first["labels"], again["labels"]) == (outputs["labels"], outputs["labels_if_known"])
    for answer, body in ((first, outputs["body"]), (again, outputs["body_if_known"])):
        fields = json.loads(answer["body"])
        assert fields.keys() == ANSWER_FIELDS
        assert {name: value for name, value in fields.items() if value is not None} == body


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (build.payload(), False),
        (build.payload(variables={"a": " "}), False),
        (build.payload(variables={"a": "1"}), True),
        ("not JSON", False),
    ],
)
def test_variables_of_the_payload_are_reported(payload: Any, expected: bool) -> None:
    assert run_intake(payload=payload)["has_variables"] is expected


def test_other_sequences_name_the_contacts_signup() -> None:
    outputs = run_intake(payload=build.payload("noshow"), sequence="noshow")
    assert json.loads(outputs["event"])["signup"] == build.event().id


def test_event_without_a_sequence_starts_no_flow_and_is_labelled() -> None:
    payload = build.payload("postcall", call_outcome="No", variables={"a": "1"})
    outputs = run_intake(payload=payload, sequence="postcall")
    assert (outputs["answers"]["first"]["starts"], outputs["answers"]["again"]["starts"]) == (False, False)
    assert (outputs["code"], outputs["outcome"], outputs["reason"]) == (200, "skipped", "not_a_maybe")
    body = {"status": "skipped", "reason": "not_a_maybe", "email": "zoe@example.com"}
    assert outputs["body"] == outputs["body_if_known"] == body
    ids = {"enrolment": build.event("postcall").id, "contact": CONTACT}
    assert json.loads(outputs["labels"]) == {"outcome": "skipped", "reason": "not_a_maybe", **ids}
    assert outputs["labels_if_known"] == outputs["labels"]


@pytest.mark.parametrize("payload", ["{not json", None, ...])
def test_refused_payload_starts_nothing(payload: Any) -> None:
    context = {name: value for name, value in contexts.intake(payload=payload).items() if value is not ...}
    outputs = intake_step.step(context, build.NOW)
    assert (outputs["code"], outputs["event"], outputs["enrolment"], outputs["contact"]) == (422, None, None, None)
    assert (outputs["outcome"], outputs["reason"]) == ("rejected", "invalid_payload")
    assert json.loads(outputs["labels"]) == {"outcome": "rejected", "reason": "invalid_payload"}
    assert json.loads(outputs["labels_if_known"]) == {"outcome": "rejected"}
    errors = [{"field": "body", "problem": "must be a JSON object"}]
    assert outputs["body"] == outputs["body_if_known"] == {"status": "rejected", "errors": errors}


@pytest.mark.parametrize(
    ("received_at", "expected"),
    [
        (None, "2025-11-20T15:00:00.000Z"),
        ("2025-11-20T14:30:00.250Z", "2025-11-20T14:30:00.250Z"),
        ("2025-11-20T15:30:00Z", "2025-11-20T15:00:00.000Z"),
        ("soon", "2025-11-20T15:00:00.000Z"),
    ],
)
def test_event_has_the_time_when_the_door_received_it(received_at: str | None, expected: str) -> None:
    outputs = run_intake(received_at=received_at)
    assert json.loads(outputs["event"])["received_at"] == expected
    assert outputs["body"]["timestamp"] == expected


def test_webhook_of_calendly_is_read_like_any_other_event() -> None:
    outputs = run_intake(payload=native.calendly(), sequence="noshow")
    assert (outputs["code"], outputs["enrolment"]) == (200, build.event("noshow").id)
    event_json = json.loads(outputs["event"])
    assert Event.from_json(event_json) == intake.read(native.calendly(), "noshow", build.NOW)
    assert event_json["lookups"] == lookups.lookups(build.event("noshow")).as_json()
