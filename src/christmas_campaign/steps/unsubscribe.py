"""The step ``unsubscribe``: the call of a contact's link to what she asks for, or to a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import times, unsubscribe_link
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.steps import UnusableContext, labelled
from christmas_campaign.steps.outputs import arrived
from christmas_campaign.stops import unsubscribe
from christmas_campaign.stops.rules import Lift
from christmas_campaign.stops.unsubscribe import Wish


class Outputs(TypedDict):
    """What the step hands to the flow.

    ``code`` is the HTTP status. ``contact`` is an opaque id, ``None`` when the call is refused. ``reason``, ``lift`` and ``at``
    are inputs of the flow `stop`; ``reason`` is empty when the contact takes it back, ``lift`` when they unsubscribe.
    """

    code: int
    status: str
    outcome: Outcome
    contact: str | None
    reason: str
    lift: str
    at: str
    labels: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``payload`` (as the webhook got it), ``unsubscribe_key``, and ``received_at``, when the door got the call
    (``None``: now).

    Raises ``UnusableContext`` where the key is none.
    """
    try:
        keys = unsubscribe_link.keys(str(context["unsubscribe_key"]))
    except ValueError as error:
        raise UnusableContext(f"SECRET_UNSUBSCRIBE_KEY {error} (as base64)") from None
    call = unsubscribe.read_call(context.get("payload"), keys, arrived(context, now))
    if call is None:
        refused = {"outcome": Outcome.REJECTED, "reason": Reason.INVALID_PAYLOAD}
        return {
            "code": 422,
            "status": "rejected",
            "outcome": Outcome.REJECTED,
            "contact": None,
            "reason": Reason.INVALID_PAYLOAD,
            "lift": "",
            "at": "",
            "labels": labelled(refused)["labels"],
        }
    reason = Reason.UNSUBSCRIBED if call.wish is Wish.STOP else ""
    return {
        "code": 200,
        "status": "accepted",
        "outcome": Outcome.ACCEPTED,
        "contact": call.contact,
        "reason": reason,
        "lift": "" if call.wish is Wish.STOP else Lift.UNSUBSCRIBED,
        "at": times.text(call.at),
        "labels": labelled({"outcome": Outcome.ACCEPTED, "reason": reason}, contact=call.contact)["labels"],
    }
