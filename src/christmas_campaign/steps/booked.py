"""The step ``booked``: finds the contacts whom a person set to booked in BusinessX since the last look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.steps import json_text, response_object, with_responses
from christmas_campaign.stops import manual_bookings
from christmas_campaign.stops.bookings import ContactStop
from christmas_campaign.stops.manual_bookings import PollState
from christmas_campaign.stops.rules import Source


class StopInputs(TypedDict):
    """The inputs of the flow `stop` for one contact."""

    contact: str
    reason: Reason
    by: Source
    at: str


class Outputs(TypedDict):
    """``stops`` has the contacts to stop, ``keep`` the state for the next look as JSON text."""

    stops: list[StopInputs]
    keep: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``look`` (the state of the last look; ``None``: this is the first one) and ``answer`` (Notion's response to the
    query; ``None``: none was sent).

    Raises ``UnusableContext`` if Notion refused the query.
    """
    context = with_responses(context, "answer")
    state = PollState.from_json(context.get("look") or {})
    answer = context.get("answer")
    if answer is None:
        return {"stops": [], "keep": json_text(state.as_json())}
    if state.cursor is not None and answer.get("code") == 400:
        # The cursor has expired: the next look starts this one again.
        return {"stops": [], "keep": json_text(state._replace(cursor=None, began=None).as_json())}
    body = response_object(answer, "the look into BusinessX")
    cursor = body.get("next_cursor") if body.get("has_more") else None
    result = manual_bookings.decide(state, body.get("results") or [], cursor, now)
    return {
        "stops": [_inputs(contact_stop) for contact_stop in result.stops],
        "keep": json_text(result.next_state.as_json()),
    }


def _inputs(contact_stop: ContactStop) -> StopInputs:
    contact, stop = contact_stop
    return {"contact": contact, "reason": stop.reason, "by": stop.by, "at": times.text(stop.at)}
