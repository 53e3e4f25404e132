"""Arrival: when a call came in that was kept for a while before it was handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from christmas_campaign.sequences import field_types

#: How far two clocks may differ: what lies further ahead than this is no time of arrival.
AHEAD = timedelta(minutes=1)


#: The header in which the door says when it got a call.
HEADER = "x-received-at"


def received_at(headers: Mapping[str, Sequence[str]]) -> str | None:
    """Return what the headers of a call, as Kestra's trigger has them, say of its arrival; ``None`` if they do not."""
    return next((values[0] for name, values in headers.items() if name.lower() == HEADER and values), None)


def arrival(said: object, now: datetime) -> datetime:
    """Return when a call arrived, in UTC: what the door ``said`` in the header `X-Received-At`, a time in ISO 8601 with its
    zone; ``now`` (aware, UTC) if it said nothing, or nothing of use."""
    try:
        moment = datetime.fromisoformat(str(field_types.time(said)))
    except ValueError:
        return now
    if moment.tzinfo is None or moment - now > AHEAD:
        return now
    return moment.astimezone(UTC)
