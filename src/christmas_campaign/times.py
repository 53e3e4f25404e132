"""Times in and out: ISO 8601 text outside, aware datetimes in UTC inside."""

from __future__ import annotations

from datetime import UTC, datetime

from christmas_campaign.campaign import ZONE


def parse(text: str) -> datetime:
    """Read an ISO 8601 time, or a date as its first moment, and return it in UTC.

    Without a zone it is the campaign's. Raises ``ValueError`` when ``text`` is no such time or lies outside the calendar.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZONE)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the calendar") from None


def text(moment: datetime) -> str:
    """Write an aware time as ISO 8601 in UTC, to the millisecond: ``2025-11-20T15:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
