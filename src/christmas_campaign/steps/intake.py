"""The step ``intake``: a webhook's payload to the answer and, if it is taken on, what the enrolment needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.events import intake, opaque_ids
from christmas_campaign.events.arrival import arrival
from christmas_campaign.steps import labelled, ready_made


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``payload``, ``sequence``, ``execution_id``, and ``received_at``, when the door got the call (``None``: now).

    Outputs: as ``intake.answer`` gives them, ``labels_if_known`` (what goes with ``body_if_known``), and ``enrolment`` and
    ``contact`` (opaque ids); ``event`` is ready-made JSON for
    the input of ``enroll``. All three are ``None`` when the payload is refused. ``has_variables``: whether it has any for the
    templates, which count for an event that is known too.
    """
    arrived = arrival(context.get("received_at"), now)
    answer = intake.answer(context.get("payload"), context["sequence"], arrived, context["execution_id"])
    names: dict[str, str] = {}
    event, has_variables = None, False
    if answer["event"] is not None:
        found = intake.Event.from_json(answer["event"])
        names = {"enrolment": found.id, "contact": opaque_ids.contact_id(found.email)}
        event, has_variables = ready_made(enroll_input(found)), bool(found.variables)
    known = {"outcome": answer["body_if_known"]["status"], "reason": answer["body_if_known"].get("reason")}
    return {
        "enrolment": None,
        "contact": None,
        **labelled(answer, **names),
        "labels_if_known": labelled(known, **names)["labels"],
        **names,
        "event": event,
        "has_variables": has_variables,
    }
