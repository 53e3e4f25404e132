"""The pace: when a run of the lane calls Notion and when it ends, so that no provider is called faster than it takes it.

Notion counts the calls of any one second, and a call too many waits for a second. So it is not enough that a run takes as long
as its calls are allowed to: the same call has to come at the same moment of every run, and a run whose call was late passes
that on, or its late call and the next run's punctual one would be too close, and so on through the whole burst. How late a
call was is known to the millisecond: the flow notes when it makes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from christmas_campaign.campaign import times

#: When a run looks at the contact's page, as a part of the pace: the gate takes less, but not always as long, for Python is
#: started.
LOOKS = 0.19

#: When a run writes: all that comes before takes less, unless a provider is slow.
WRITES = 0.73

#: A call follows the sleep before it (or the answer to the call before it) about so soon, and is not late then.
FOLLOWS = 0.045

#: When the next run begins: a little more than the pace, for one run's calls come a little earlier in it than another's, and
#: each that comes too early waits for a second (fault 25).
ENDS = 1.025

#: Between the last sleep of a run and the next run's begin there is at least half of what Kestra took to reach the gate's
#: decision, on whatever machine. No more than ``CLOSES_AT_MOST`` (a part of the pace) is reckoned with: it may be late itself.
CLOSES = 0.5
CLOSES_AT_MOST = 0.05


class Turn(NamedTuple):
    """A run of the lane (aware): when Kestra began it, when its gate was open, when it asked for the contact's page (``None``:
    not noted), when the page was there."""

    began: datetime
    opened: datetime
    called: datetime | None
    looked: datetime


class Pace(NamedTuple):
    """When the run writes (``even``) and ends (``next``), both aware; how long after it calls for its stamp (``stamped``) and
    for its analytics (``noted``) it ends at the soonest, whenever that was; and the longest that it sleeps for any of these (a
    clock may be set back meanwhile)."""

    even: datetime
    next: datetime
    stamped: timedelta
    noted: timedelta
    longest: timedelta

    def as_json(self) -> dict[str, int]:
        """In whole milliseconds, the times since 1970."""
        return {
            "even": times.milliseconds(self.even),
            "next": times.milliseconds(self.next),
            "stamped": self.stamped // timedelta(milliseconds=1),
            "noted": self.noted // timedelta(milliseconds=1),
            "longest": self.longest // timedelta(milliseconds=1),
            # Runs of older revisions of the flow reckon with it.
            "rest": 0,
        }


def looks(began: datetime, every: timedelta) -> datetime:
    """Return when a run begun at ``began`` (aware) looks at the contact's page, if one may begin ``every`` so often."""
    return began + LOOKS * every


def pace(turn: Turn, every: timedelta) -> Pace:
    """Return the pace of a run whose turn was this, if one may begin ``every`` so often."""
    punctual = looks(turn.began, every) + FOLLOWS * every
    # A page that was waited for (refused at first, or slow) was asked for later than the flow noted.
    late = max((turn.called or punctual) - punctual, turn.looked - punctual - FOLLOWS * every, timedelta(0))
    closes = min(CLOSES * max(turn.opened - turn.began, timedelta(0)), CLOSES_AT_MOST * every)
    even, end = (turn.began + late + part * every for part in (WRITES, ENDS))
    stamped = (ENDS - WRITES - FOLLOWS) * every - closes
    return Pace(even, end - closes, stamped, stamped - FOLLOWS * every, every)
