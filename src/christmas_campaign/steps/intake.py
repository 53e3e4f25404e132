"""The step ``intake``: a webhook's payload to the answer and, if it is taken on, what the enrolment needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.events import intake, opaque_ids
from christmas_campaign.events.intake import Accepted, Event, Rejected
from christmas_campaign.json_types import JsonObject
from christmas_campaign.steps import labelled, ready_made
from christmas_campaign.steps.outputs import arrived


class Outputs(TypedDict):
    """What the step hands to the flow.

    ``code`` is the HTTP status and ``body`` the JSON answer to the sender, ``body_if_known`` the answer if this very event is
    enrolled already. ``labels`` go with ``body``, ``labels_if_known`` with ``body_if_known``. ``enrolment`` and ``contact`` are
    opaque ids, ``event`` is ready-made JSON for the input of the flow `enroll`; all three are ``None`` when the payload is
    refused. ``has_variables``: whether the payload has variables for the templates, which count for a known event too.
    """

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
    """Context: ``payload``, ``sequence``, ``execution_id``, ``headers`` of the call.

    In runs of revisions up to 0.4 there is ``received_at``, when the door got the call, in place of the headers.
    """
    answer = intake.answer(context.get("payload"), context["sequence"], arrived(context, now), context["execution_id"])
    if isinstance(answer, Rejected):
        return _outputs(422, answer.body, answer.body, Outcome.REJECTED, Reason.INVALID_PAYLOAD, None)
    if isinstance(answer, Accepted):
        return _outputs(200, answer.body, answer.body_if_known, Outcome.ACCEPTED, None, answer.event)
    return _outputs(200, answer.body, answer.body, Outcome.SKIPPED, answer.reason, answer.event)


def _outputs(
    code: int, body: JsonObject, if_known: JsonObject, outcome: Outcome, reason: Reason | None, event: Event | None
) -> Outputs:
    names = {"enrolment": event.id, "contact": opaque_ids.contact_id(event.email)} if event else {}
    known = {"outcome": if_known["status"], "reason": if_known.get("reason")}
    return {
        "enrolment": names.get("enrolment"),
        "contact": names.get("contact"),
        "code": code,
        "body": body,
        "body_if_known": if_known,
        "outcome": outcome,
        "reason": reason,
        "event": ready_made(enroll_input(event)) if event else None,
        "labels": labelled({"outcome": outcome, "reason": reason}, **names)["labels"],
        "labels_if_known": labelled(known, **names)["labels"],
        "has_variables": bool(event and event.variables),
    }
