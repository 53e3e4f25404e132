"""Arrival: when a call came in that was kept for a while before it was handed on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from christmas_campaign.sequences import field_types

#: How far two clocks may differ: what lies further ahead than this is no time of arrival.
AHEAD = timedelta(minutes=1)


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
