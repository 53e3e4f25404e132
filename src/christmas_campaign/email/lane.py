"""The lane: how many e-mails the flow `send-email` works on at a time, and how long each one rests before the next may
begin."""

from __future__ import annotations

from datetime import datetime, timedelta

from christmas_campaign.campaign.settings import Settings

#: The ``concurrency.limit`` of the flow `send-email`; a test compares the two.
WIDTH = 4

#: A rest shorter than this is not worth a task: Kestra takes as long to start one.
SHORTEST_REST = timedelta(milliseconds=50)


def rest(began: datetime, settings: Settings, now: datetime) -> timedelta:
    """Return how long an e-mail that ``began`` at this time (aware) rests at ``now``, so that the whole lane keeps the
    providers' limits: each of its places takes ``WIDTH`` times as long for an e-mail as the limits ask for."""
    whole = WIDTH * settings.pace
    # A clock that was set back makes no rest longer than the whole.
    left = min(whole - (now - began), whole)
    return left if left >= SHORTEST_REST else timedelta(0)
