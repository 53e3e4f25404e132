"""When each e-mail of a sequence goes out, and whether its turn has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from christmas_campaign.sequences import Sequence
from christmas_campaign.settings import Settings


def call(sequence: Sequence, told: datetime, arrived: datetime, settings: Settings) -> datetime | None:
    """Return the moment from which the delays of a sequence are counted back and after which none of its e-mails is right, in
    UTC; ``None`` for a sequence that knows none, and in testing mode, where all e-mails follow the arrival.

    ``told`` is the moment that the payload names, ``arrived`` when it came. Where time is squeezed the wait between the two is:
    a call four days off is 24 seconds off if a day is six seconds long.
    """
    if not sequence.only_what_fits or settings.testing_mode:
        return None
    return arrived + (told - arrived) / settings.time_scale


def dates(
    sequence: Sequence, anchor: datetime, now: datetime, sent: Mapping[int, datetime], settings: Settings
) -> dict[int, datetime]:
    """Decide when each e-mail of a sequence goes out, by number, in UTC.

    ``anchor`` is what the delays count from, ``now`` the moment of scheduling, ``sent`` what has been sent already and when
    (those are left out). An e-mail whose time is past goes out at once, or is left out if the sequence has only what fits;
    none is closer than the spacing to the one before.
    """
    earliest = now
    if sent:
        earliest = max(now, max(sent.values()) + settings.spacing)
    dates: dict[int, datetime] = {}
    for number, delay in settings.delays(sequence).items():
        if number in sent or (sequence.only_what_fits and anchor + delay < now):
            continue
        dates[number] = max(anchor + delay, earliest)
        earliest = dates[number] + settings.spacing
    return dates
