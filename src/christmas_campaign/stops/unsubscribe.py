"""What a contact asks for at the unsubscribe link, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.unsubscribe_link import Keys
from christmas_campaign.stops.rules import Lift


class Wish(StrEnum):
    """What a contact asks for at her link."""

    STOP = "unsubscribe"
    GO_ON = "go_on"
    """The way back: she unsubscribed by mistake."""


def answer(payload: object, keys: Keys, received_at: datetime) -> dict[str, Any]:
    """Decide what a call of the flow's webhook is told, and what is to be done: ``payload`` is any JSON value, right are
    ``token`` and ``wish`` (left out: to be unsubscribed); ``received_at`` (aware) is when the door got it.

    Returns ``code`` (the HTTP status), ``status``, ``outcome``, ``contact`` (``None`` where the token is none of ours) and
    what the flow `stop` needs: ``reason`` (empty: it is taken back), ``lift`` and ``at``.
    """
    said = payload if isinstance(payload, Mapping) else {}
    contact = keys.contact(said.get("token"))
    wish = said.get("wish", Wish.STOP)
    if contact is None or wish not in tuple(Wish):
        # Which of them is wrong is nobody's business.
        refused = {"code": 422, "status": "rejected", "outcome": Outcome.REJECTED, "contact": None}
        return {**refused, "reason": Reason.INVALID_PAYLOAD, "lift": "", "at": ""}
    stop = wish == Wish.STOP
    return {
        "code": 200,
        "status": "accepted",
        "outcome": Outcome.ACCEPTED,
        "contact": contact,
        "reason": Reason.UNSUBSCRIBED if stop else "",
        "lift": "" if stop else Lift.UNSUBSCRIBED,
        "at": times.text(received_at),
    }
