"""When each e-mail of a sequence is due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from christmas_campaign.campaign.settings import Settings
from christmas_campaign.sequences.model import Sequence


def call_time(sequence: Sequence, scheduled: datetime, arrived: datetime, settings: Settings) -> datetime | None:
    """Return the time of the call (UTC) that the e-mails of a sequence precede; ``None`` if they do not precede a call.

    In testing mode no e-mail precedes a call: all follow the arrival.

    ``scheduled`` is the time of the call in the payload, ``arrived`` when the payload arrived. ``Settings.time_scale`` shortens
    the time between the two: a call in four days takes place after 24 seconds if a day lasts six seconds.
    """
    if not sequence.only_what_fits or settings.testing_mode:
        return None
    return arrived + (scheduled - arrived) / settings.time_scale


def due_times(
    sequence: Sequence,
    anchor: datetime,
    now: datetime,
    sent: Mapping[int, datetime],
    settings: Settings,
    planned: Mapping[int, datetime] = {},
) -> dict[int, datetime]:
    """Decide when each e-mail of a sequence is due, by number, in UTC.

    ``anchor`` is the time that the delays count from, ``now`` the time of this decision. ``sent`` has the e-mails that were
    sent already, and when; they get no due time. ``planned`` has the due times of an earlier decision for the same enrolment;
    they replace the anchor.

    If the first e-mail is overdue, it is due now, and each later one follows the one before it by the difference of their
    delays. So a contact who enters late gets the whole sequence later, not all of it within hours. A sequence with
    ``only_what_fits`` omits overdue e-mails instead. Two e-mails are at least ``settings.spacing`` apart.
    """
    earliest = max([now, *(sent_at + settings.spacing for sent_at in sent.values())])
    due = {
        number: planned.get(number, anchor + delay)
        for number, delay in sequence.delays(settings).items()
        if number not in sent
    }
    if sequence.only_what_fits:
        due = {number: date for number, date in due.items() if date >= now}
    first = min(due, default=None)
    lateness = earliest - due[first] if first is not None and due[first] < now else timedelta(0)
    due_times: dict[int, datetime] = {}
    for number, date in due.items():
        due_times[number] = max(date + lateness, earliest)
        earliest = due_times[number] + settings.spacing
    return due_times
