"""When each e-mail of a sequence goes out, and whether its turn has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from christmas_campaign.sequences import Sequence
from christmas_campaign.settings import Settings


def dates(
    sequence: Sequence, anchor: datetime, now: datetime, sent: Mapping[int, datetime], settings: Settings
) -> dict[int, datetime]:
    """Decide when each e-mail of a sequence goes out, by number, in UTC.

    ``anchor`` is what the delays count from, ``now`` the moment of scheduling, ``sent`` what has been sent already and when
    (those are left out). An e-mail whose time is past goes out at once; none is closer than the spacing to the one before.
    """
    earliest = now
    if sent:
        earliest = max(now, max(sent.values()) + settings.spacing)
    dates: dict[int, datetime] = {}
    for number, delay in settings.delays(sequence).items():
        if number in sent:
            continue
        dates[number] = max(anchor + delay, earliest)
        earliest = dates[number] + settings.spacing
    return dates
