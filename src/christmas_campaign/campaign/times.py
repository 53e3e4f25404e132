"""Convert times between text and aware datetimes. Data holds ISO 8601 text, the code holds aware datetimes in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from christmas_campaign.campaign.facts import ZONE


def parse(text: str) -> datetime:
    """Parse an ISO 8601 time and return it in UTC. A date alone means its first moment.

    A time without a zone is in the campaign's zone. Raises ``ValueError`` when ``text`` is not such a time, or when its moment
    in UTC is outside the years 1 to 9999.
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


def milliseconds(moment: datetime) -> int:
    """Return an aware time in whole milliseconds since 1970, the unit of Kestra's expressions."""
    return int(moment.timestamp() * 1000)


def local(moment: datetime) -> str:
    """Write an aware time as ISO 8601 in the campaign's zone, to the second. Equal instants give equal texts."""
    return moment.astimezone(ZONE).isoformat(timespec="seconds")


def for_owner(moment: datetime) -> str:
    """Write an aware time for the owner, in the campaign's zone: ``20 November 2025, 15:04 America/Toronto``."""
    local_time = moment.astimezone(ZONE)
    return f"{local_time.day} {local_time:%B %Y, %H:%M} {ZONE.key}"


def is_date(text: str) -> bool:
    """Return whether ``text``, an ISO 8601 date or time, has no time of day."""
    return len(text.strip()) <= len("2025-11-20")


def zone(name: object) -> ZoneInfo | None:
    """Return the time zone of this name (``America/Toronto``), ``None`` if there is none."""
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    # A name may also be that of a folder, or leave the folder of the zones.
    except (KeyError, ValueError, OSError):
        return None


def day_for_people(moment: datetime, zone: ZoneInfo = ZONE) -> str:
    """Write the day of an aware time in a zone: ``Thursday, November 20, 2025``."""
    local_time = moment.astimezone(zone)
    return f"{local_time:%A, %B} {local_time.day}, {local_time.year}"


def moment_for_people(moment: datetime, zone: ZoneInfo = ZONE) -> str:
    """Write an aware time in a zone, which is named: ``Thursday, November 20, 2025 at 3:00 PM EST``."""
    local_time = moment.astimezone(zone)
    abbreviation = f"{local_time:%Z}"
    # Many zones have no letters of their own, only their distance from UTC.
    named = abbreviation if abbreviation.isalpha() else f"UTC{abbreviation}"
    return f"{day_for_people(moment, zone)} at {local_time.hour % 12 or 12}:{local_time:%M %p} {named}"
