"""When each e-mail of a sequence goes out, and whether its turn has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from christmas_campaign.campaign.settings import Settings
from christmas_campaign.sequences.model import Sequence


def call_time(sequence: Sequence, told: datetime, arrived: datetime, settings: Settings) -> datetime | None:
    """Return the moment from which the delays of a sequence are counted back and after which none of its e-mails is right, in
    UTC; ``None`` for a sequence that knows none, and in testing mode, where all e-mails follow the arrival.

    ``told`` is the moment that the payload names, ``arrived`` when it came. Where time is squeezed the wait between the two is:
    a call four days off is 24 seconds off if a day is six seconds long.
    """
    if not sequence.only_what_fits or settings.testing_mode:
        return None
    return arrived + (told - arrived) / settings.time_scale


def due_times(
    sequence: Sequence,
    anchor: datetime,
    now: datetime,
    sent: Mapping[int, datetime],
    settings: Settings,
    planned: Mapping[int, datetime] = {},
) -> dict[int, datetime]:
    """Decide when each e-mail of a sequence goes out, by number, in UTC.

    ``anchor`` is what the delays count from, ``now`` the moment of scheduling, ``sent`` what has been sent already and when
    (those are left out). ``planned`` has the dates of an earlier decision for the same enrolment; they count, not the anchor.

    If the time of the first e-mail is past, that e-mail goes out at once, and each later one follows the one before it by
    the difference of their delays. So a contact who comes late gets the whole sequence later, not all of it in a few hours.
    A sequence that has only what fits leaves out what is past instead. No e-mail is closer to the one before than the spacing.
    """
    earliest = max([now, *(when + settings.spacing for when in sent.values())])
    due = {
        number: planned.get(number, anchor + delay)
        for number, delay in sequence.delays(settings).items()
        if number not in sent
    }
    if sequence.only_what_fits:
        due = {number: date for number, date in due.items() if date >= now}
    first = min(due, default=None)
    late = earliest - due[first] if first is not None and due[first] < now else timedelta(0)
    dates: dict[int, datetime] = {}
    for number, date in due.items():
        dates[number] = max(date + late, earliest)
        earliest = dates[number] + settings.spacing
    return dates
