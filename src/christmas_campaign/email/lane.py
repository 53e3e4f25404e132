"""The lane: how many e-mails the flow `send-email` handles at once, and how long a place in the lane rests after each."""

from __future__ import annotations

from datetime import datetime, timedelta

from christmas_campaign.campaign.settings import Settings

#: The ``concurrency.limit`` of the flow `send-email`. A test compares the two.
WIDTH = 4

#: Shorter rests are skipped: Kestra needs this long just to start the task that rests.
SHORTEST_REST = timedelta(milliseconds=50)


def rest(began: datetime, settings: Settings, now: datetime) -> timedelta:
    """Return how long the lane rests after an e-mail that ``began`` at this time. Both times are aware.

    The rest keeps the rate limits of Notion and Resend. ``WIDTH`` e-mails run side by side, so each one must take ``WIDTH``
    times the pace that the limits allow.
    """
    share = WIDTH * settings.pace
    # After the clock is set back, ``now`` may lie before ``began``. The rest never exceeds the share.
    remaining = min(share - (now - began), share)
    return remaining if remaining >= SHORTEST_REST else timedelta(0)
