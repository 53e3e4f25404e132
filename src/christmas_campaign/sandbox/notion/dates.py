"""Notion's dates: a day, or an instant to the millisecond with its UTC offset."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?\Z")


def parse(text: str) -> date | datetime:
    """Return a ``date`` for a day, an aware ``datetime`` for a time. A time without an offset is UTC.

    Raises ``ValueError`` if the text is not ISO 8601 or the day does not exist.
    """
    if _DAY.match(text):
        return date.fromisoformat(text)
    if not _INSTANT.match(text):
        raise ValueError(f"not an ISO 8601 date: {text!r}")
    # Python reads at most six decimals of a second; Notion stores three.
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"the date is before year 1 or after year 9999 in UTC: {text!r}") from None
    return moment


def has_offset(text: str) -> bool:
    """Return whether the text is a time with a UTC offset."""
    return bool(re.search(r"(Z|[+-]\d{2}:?\d{2})\Z", text)) and not _DAY.match(text)


def in_zone(text: str, zone: ZoneInfo) -> datetime:
    """Return a time without an offset as local time in ``zone``. Raises ``ValueError`` for a day or a time with an offset."""
    if _DAY.match(text) or has_offset(text):
        raise ValueError("with a time zone, a date needs a time of day and no offset")
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def render(value: date | datetime) -> str:
    """Return a day as ``2025-12-05``, a time as ``2025-12-05T12:00:00.000+00:00``."""
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value.isoformat()


def stamp(moment: datetime) -> str:
    """Return an object's created or last edited time as Notion shows it: UTC, rounded down to the minute."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")


def day_of(value: date | datetime) -> date:
    """Return the day; for an instant, its day in UTC."""
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value


def instant_of(value: date | datetime) -> datetime:
    """Return the instant in UTC, to the millisecond; for a day, its start in UTC."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)
