"""The step ``unsubscribe``: checks the call of a contact's unsubscribe link, and what the contact asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import times, unsubscribe_link
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.steps import UnusableContext, with_labels
from christmas_campaign.steps.outputs import call_time
from christmas_campaign.stops import unsubscribe
from christmas_campaign.stops.rules import Lift
from christmas_campaign.stops.unsubscribe import Wish


class Outputs(TypedDict):
    """``code`` is the HTTP status. ``contact`` is an opaque id (``None``: the call is refused). ``reason``, ``lift`` and
    ``at`` are inputs of the flow `stop`: ``lift`` is empty if the contact unsubscribes, ``reason`` if they take it back.
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
    """Context: ``payload`` and ``headers`` of the call, ``unsubscribe_key``. Revisions up to 0.4 have ``received_at`` in place
    of the headers (``None``: now).

    Raises ``UnusableContext`` if the key is not valid.
    """
    try:
        keys = unsubscribe_link.keys(str(context["unsubscribe_key"]))
    except ValueError as error:
        raise UnusableContext(f"SECRET_UNSUBSCRIBE_KEY {error} (as base64)") from None
    call = unsubscribe.read_call(context.get("payload"), keys, call_time(context, now))
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
            "labels": with_labels(refused)["labels"],
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
        "labels": with_labels({"outcome": Outcome.ACCEPTED, "reason": reason}, contact=call.contact)["labels"],
    }
