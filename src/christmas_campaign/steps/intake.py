"""The step ``intake``: checks a webhook's payload, and decides the answer and what the enrolment needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import sender_settings
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.events import intake, opaque_ids
from christmas_campaign.events.intake import Accepted, Event, Rejected
from christmas_campaign.json_types import JsonObject
from christmas_campaign.sequences.noshow import WITHDRAWN
from christmas_campaign.steps import UnusableContext, json_text, with_labels
from christmas_campaign.steps.outputs import call_time
from christmas_campaign.stops import bookings

#: The flow that enrols a contact.
ENROLL = "enroll"

#: The fields of every answer. A flow reads each of them, so each is present, with ``None`` if it has no value.
ANSWER_FIELDS = (
    "status",
    "message",
    "email",
    "campaign",
    "timestamp",
    "execution_id",
    "call_outcome",
    "payment_amount",
    "reason",
    "errors",
)


class Answer(TypedDict):
    """How the call is answered: ``code`` is the HTTP status, ``body`` the JSON text with ``ANSWER_FIELDS``.

    ``labels`` are those of the execution, as JSON text. ``starts``: whether the flow starts another one for the event, and
    ``flow`` which one.
    """

    code: int
    body: str
    labels: str
    starts: bool
    flow: str


class Answers(TypedDict):
    """The answer to an event that is not enrolled yet (``first``), and to one that is (``again``)."""

    first: Answer
    again: Answer


class Outputs(TypedDict):
    """The flow looks up ``enrolled_key`` in the KV store and gives one of the ``answers``. ``enrolment`` and ``contact`` are
    opaque ids, ``event`` is JSON text for the input of the flow `enroll`; all three are ``None`` when the payload is refused.

    Executions of revisions up to 0.4 read the others: ``code``, ``body``, ``labels`` and ``outcome`` of the first answer,
    ``body_if_known`` and ``labels_if_known`` of the other one, and ``has_variables``, whether an event that is enrolled starts
    the flow `enroll` too, to add the payload's variables.
    """

    answers: Answers
    enrolled_key: str
    enrolment: str | None
    contact: str | None
    code: int
    body: JsonObject
    body_if_known: JsonObject
    outcome: Outcome
    reason: Reason | None
    event: str | None
    labels: str
    labels_if_known: str
    has_variables: bool


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``payload`` and ``headers`` of the call, ``sequence``, ``execution_id``, ``settings``. Revisions up to 0.4 have
    ``received_at`` in place of the headers, and no settings.

    Raises ``UnusableContext`` if the handler of such a revision cannot handle the event.
    """
    answer = intake.answer(
        context.get("payload"),
        context["sequence"],
        call_time(context, now),
        context["execution_id"],
        sender_settings.read(context.get("settings") or {}),
    )
    if isinstance(answer, Rejected):
        return _outputs(422, answer.body, answer.body, Outcome.REJECTED, Reason.INVALID_PAYLOAD, None)
    if "settings" not in context and answer.event.status == WITHDRAWN:
        # That handler would enrol the contact. The sender, or the door, repeats a call that was answered with 500.
        raise UnusableContext("the flow is older than this event: deploy the flows of this release")
    if isinstance(answer, Accepted):
        return _outputs(200, answer.body, answer.body_if_known, Outcome.ACCEPTED, None, answer.event)
    return _outputs(200, answer.body, answer.body, Outcome.SKIPPED, answer.reason, answer.event)


def _outputs(
    code: int, body: JsonObject, if_known: JsonObject, outcome: Outcome, reason: Reason | None, event: Event | None
) -> Outputs:
    ids = {"enrolment": event.id, "contact": opaque_ids.contact_id(event.email)} if event else {}
    labels = with_labels({"outcome": outcome, "reason": reason}, **ids)["labels"]
    labels_if_known = with_labels({"outcome": if_known["status"], "reason": if_known.get("reason")}, **ids)["labels"]
    starts, has_variables = outcome is Outcome.ACCEPTED, bool(event and event.variables)
    flow = bookings.FLOW if event and bookings.booking_stops(event) else ENROLL
    return {
        "answers": {
            "first": _answer(code, body, labels, flow if starts else None),
            "again": _answer(code, if_known, labels_if_known, ENROLL if starts and has_variables else None),
        },
        "enrolled_key": f"enrolled.{event.id if event else 'none'}",
        "enrolment": ids.get("enrolment"),
        "contact": ids.get("contact"),
        "code": code,
        "body": body,
        "body_if_known": if_known,
        "outcome": outcome,
        "reason": reason,
        "event": json_text(enroll_input(event)) if event else None,
        "labels": labels,
        "labels_if_known": labels_if_known,
        "has_variables": has_variables,
    }


def _answer(code: int, body: JsonObject, labels: str, flow: str | None) -> Answer:
    fields = dict.fromkeys(ANSWER_FIELDS) | body
    return {
        "code": code,
        "body": json_text(fields),
        "labels": labels,
        "starts": flow is not None,
        "flow": flow or ENROLL,
    }
