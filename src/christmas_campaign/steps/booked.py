"""The step ``booked``: whom a look into BusinessX has found, and what is kept for the next one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign.steps import accepted, ready_made
from christmas_campaign.stops import manual_bookings
from christmas_campaign.stops.manual_bookings import Look


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``look`` (what is kept, ``None`` before the first one), ``answer`` (Notion's response to its query; ``None``: it
    was not asked yet).

    Outputs: ``stops``, as ``booked.decide`` gives them, and ``keep``, what is kept from now on, ready-made. Raises
    ``UnusableContext`` when Notion refused.
    """
    look = Look.from_json(context.get("look") or {})
    answer = context.get("answer")
    if answer is None:
        return {"stops": [], "keep": ready_made(look.as_json())}
    if look.cursor is not None and answer.get("code") == 400:
        # The place to go on from has expired: once more from the beginning of this look.
        return {"stops": [], "keep": ready_made(look._replace(cursor=None, began=None).as_json())}
    said = accepted(answer, "the look into BusinessX")
    cursor = said.get("next_cursor") if said.get("has_more") else None
    found = manual_bookings.decide(look, said.get("results") or [], cursor, now)
    return {"stops": found["stops"], "keep": ready_made(found["keep"].as_json())}
