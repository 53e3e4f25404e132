"""The pace: when a run of the lane writes to Notion and when it ends, so that no provider is called faster than it takes it.

Notion counts the calls of any one second, and a call too many waits for a second. So it is not enough that a run takes as long
as its calls are allowed to: the same call has to come at the same moment of every run, and a run whose call had to wait passes
that on, or its late call and the next run's punctual one would be too close again, and so on through the whole burst.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from christmas_campaign import times

#: When a run writes, as a part of the pace: all that comes before takes less, unless a provider is slow.
WRITES = 0.7

#: When a run ends; a little more than the pace, for one run's calls come a little earlier in it than another's. With
#: 1.01 one call in seventy of a long burst came some milliseconds too early, and each waited for a second (fault 25).
ENDS = 1.025

#: From the gate's decision to the next one, and from the writing to the run's end, it takes about twice as long as Kestra took
#: to reach the gate's decision, on whatever machine. More than three times as long: a provider was waited for.
UNHURRIED = 3


class Turn(NamedTuple):
    """A run of the lane: when Kestra began it, and when its gate was open (both aware)."""

    began: datetime
    opened: datetime


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


def pace(turn: Turn, looked: datetime, every: timedelta) -> Pace:
    """Return the pace of a run whose contact's page was there at ``looked`` (aware), if one may begin ``every`` so often."""
    unhurried = UNHURRIED * (turn.opened - turn.began)
    lost = max(looked - turn.opened - unhurried, timedelta(0))
    even, end = turn.began + WRITES * every + lost, turn.began + ENDS * every + lost
    return Pace(even, end, min(max(end - even - unhurried, timedelta(0)), every), every)
