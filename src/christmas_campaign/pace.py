"""The pace: when a run of the lane calls Notion and when it ends, so that no provider is called faster than it takes it.

Notion counts the calls of any one second, and a call too many waits for a second. So it is not enough that a run takes as long
as its calls are allowed to: the same call has to come at the same moment of every run, and a run whose call had to wait passes
that on, or its late call and the next run's punctual one would be too close again, and so on through the whole burst.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from christmas_campaign import times

#: When a run looks at the contact's page, as a part of the pace: the gate takes less, but not always as long, for Python is
#: started.
LOOKS = 0.19

#: When the page is there, unless Notion or the machine was waited for.
LOOKED = 0.28

#: When a run writes: all that comes before takes less, unless a provider is slow.
WRITES = 0.73

#: When the next run begins: a little more than the pace, for one run's calls come a little earlier in it than another's, and
#: each that comes too early waits for a second (fault 25).
ENDS = 1.025

#: Between the last sleep of a run and the next run's begin there is at least half of what Kestra took to reach the gate's
#: decision, on whatever machine. No more than ``CLOSES_AT_MOST`` (a part of the pace) is reckoned with: it may be late itself.
CLOSES = 0.5
CLOSES_AT_MOST = 0.05

#: What a run does between its writing and its last sleep takes, with ``CLOSES``, about twice as long as that decision. What is
#: left of the time until the end it rests there even if it is late: so the next run's calls are as late as its own.
UNHURRIED = 2.3


class Turn(NamedTuple):
    """A run of the lane (aware): when Kestra began it, when its gate was open, when the contact's page was there."""

    began: datetime
    opened: datetime
    looked: datetime


class Pace(NamedTuple):
    """When the run writes (``even``) and ends (``next``), both aware; how long it rests before its end even if it is late; and
    the longest that it sleeps for either (a clock may be set back meanwhile)."""

    even: datetime
    next: datetime
    rest: timedelta
    longest: timedelta

    def as_json(self) -> dict[str, int]:
        """In whole milliseconds, the times since 1970."""
        return {
            "even": times.milliseconds(self.even),
            "next": times.milliseconds(self.next),
            "rest": self.rest // timedelta(milliseconds=1),
            "longest": self.longest // timedelta(milliseconds=1),
        }


def looks(began: datetime, every: timedelta) -> datetime:
    """Return when a run begun at ``began`` (aware) looks at the contact's page, if one may begin ``every`` so often."""
    return began + LOOKS * every


def pace(turn: Turn, every: timedelta) -> Pace:
    """Return the pace of a run whose turn was this, if one may begin ``every`` so often."""
    reached = max(turn.opened - turn.began, timedelta(0))
    began = turn.began + max(turn.looked - turn.began - LOOKED * every, timedelta(0))
    end = began + ENDS * every - min(CLOSES * reached, CLOSES_AT_MOST * every)
    return Pace(began + WRITES * every, end, max((ENDS - WRITES) * every - UNHURRIED * reached, timedelta(0)), every)
