"""The step ``booked``: whom a look into BusinessX has found, and what is kept for the next one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.steps import accepted, ready_made, with_answers
from christmas_campaign.stops import manual_bookings
from christmas_campaign.stops.manual_bookings import ContactStop, PollState
from christmas_campaign.stops.rules import Source


class StopInputs(TypedDict):
    """The inputs of the flow `stop` for one contact."""

    contact: str
    reason: Reason
    by: Source
    at: str


class Outputs(TypedDict):
    """What the step hands to the flow: whom to stop, and what to keep for the next look, ready-made."""

    stops: list[StopInputs]
    keep: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``look`` (what is kept, ``None`` before the first one), ``answer`` (Notion's response to its query; ``None``: it
    was not asked yet).

    Raises ``UnusableContext`` when Notion refused.
    """
    context = with_answers(context, "answer")
    state = PollState.from_json(context.get("look") or {})
    answer = context.get("answer")
    if answer is None:
        return {"stops": [], "keep": ready_made(state.as_json())}
    if state.cursor is not None and answer.get("code") == 400:
        # The place to go on from has expired: once more from the beginning of this look.
        return {"stops": [], "keep": ready_made(state._replace(cursor=None, began=None).as_json())}
    said = accepted(answer, "the look into BusinessX")
    cursor = said.get("next_cursor") if said.get("has_more") else None
    result = manual_bookings.decide(state, said.get("results") or [], cursor, now)
    return {"stops": [_inputs(each) for each in result.stops], "keep": ready_made(result.next_state.as_json())}


def _inputs(stopped: ContactStop) -> StopInputs:
    contact, stop = stopped
    return {"contact": contact, "reason": stop.reason, "by": stop.by, "at": times.text(stop.at)}
