"""Arrival: when the door received a webhook, which it may store for a while before it forwards it to Kestra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from christmas_campaign.sequences import field_types

#: How far the clocks of door and Kestra may differ. A time of arrival further ahead than this is ignored.
AHEAD = timedelta(minutes=1)

#: The header in which the door passes on the time of arrival.
HEADER = "x-received-at"


def received_at(headers: Mapping[str, Sequence[str]]) -> str | None:
    """Return the value of the header ``HEADER``; ``None`` if it is absent. ``headers`` are those of Kestra's trigger."""
    return next((values[0] for name, values in headers.items() if name.lower() == HEADER and values), None)


def arrival(header: object, now: datetime) -> datetime:
    """Return when a webhook arrived, in UTC.

    ``header`` is the value of `X-Received-At`, a time in ISO 8601 with its zone. If it is absent, not valid, without a zone or
    more than ``AHEAD`` after ``now`` (aware, UTC), ``now`` is returned.
    """
    try:
        moment = datetime.fromisoformat(str(field_types.time(header)))
    except ValueError:
        return now
    if moment.tzinfo is None or moment - now > AHEAD:
        return now
    return moment.astimezone(UTC)
