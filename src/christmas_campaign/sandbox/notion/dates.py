"""Dates as Notion keeps them: a day, or an instant to the millisecond with the offset that it was given in."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?\Z")


def parse(text: str) -> date | datetime:
    """A ``date`` for a day, an aware ``datetime`` for a time (UTC where it names no offset).

    Raises ``ValueError`` for anything that is not ISO 8601, and for days that do not exist.
    """
    if _DAY.match(text):
        return date.fromisoformat(text)
    if not _INSTANT.match(text):
        raise ValueError(f"not an ISO 8601 date: {text!r}")
    # Python reads at most six digits of a second's fraction; Notion keeps three.
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"outside the years that there are in UTC: {text!r}") from None
    return moment


def has_offset(text: str) -> bool:
    """Whether a time names its offset from UTC."""
    return bool(re.search(r"(Z|[+-]\d{2}:?\d{2})\Z", text)) and not _DAY.match(text)


def in_zone(text: str, zone: ZoneInfo) -> datetime:
    """A time without an offset, taken as local in ``zone``; raises ``ValueError`` for a day or a time with one."""
    if _DAY.match(text) or has_offset(text):
        raise ValueError("with a time zone, a date needs a time of day and no offset")
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def render(value: date | datetime) -> str:
    """A day as ``2025-12-05``, a time as ``2025-12-05T12:00:00.000+00:00``."""
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value.isoformat()


def stamp(moment: datetime) -> str:
    """An object's created or last edited time: UTC, rounded down to the minute, as Notion shows them."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")


def day_of(value: date | datetime) -> date:
    """The day, in UTC for an instant."""
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value


def instant_of(value: date | datetime) -> datetime:
    """The instant, to the millisecond; the start of the day in UTC for a day."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)
