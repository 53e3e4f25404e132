"""Trying again: how long to leave a provider alone that is busy, broken or away, and when to give up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings

#: Kestra looks for what is due once a second, and an e-mail takes about one to be settled: asking sooner is in vain.
SHORTEST_WAIT = timedelta(seconds=2)

#: The first wait; each one after it is twice as long, up to the longest.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=30)

#: So often is it tried again: for 22 hours, one less than an e-mail's idempotency key is relied on (see ``gate.KEY_HOLDS``).
TRIES = 48

#: Far more than it takes from the first wait to the longest.
_DOUBLINGS = 10

_WORDS = {
    Reason.NOTION_UNREACHABLE: "Notion could not be reached, or was not ready to answer",
    Reason.RESEND_UNREACHABLE: "Resend could not be reached, or was not ready to take the e-mail",
    Reason.SEND_IN_PROGRESS: "Resend is still busy with this e-mail",
    Reason.STOPS_CHANGED: "What stops the contact changed right before the e-mail was sent",
    Reason.ANALYTICS_PAGE_MISSING: "Email Analytics has no page of this e-mail",
}


def wait(tries: int, settings: Settings, most: int = TRIES) -> timedelta | None:
    """Return how long to wait for the next try when ``tries`` have been put off before this one, and ``most`` may be; ``None``:
    give up."""
    if tries >= most:
        return None
    longer = min(FIRST_WAIT * (1 << min(tries, _DOUBLINGS)), LONGEST_WAIT)
    return max(longer / settings.time_scale, SHORTEST_WAIT)


class PutOff(NamedTuple):
    """It is tried again at ``date`` (aware), with the count ``tries``. ``detail`` is for the person who looks."""

    reason: Reason
    detail: str
    date: datetime
    tries: int

    @property
    def outcome(self) -> Outcome:
        """Always ``deferred``."""
        return Outcome.DEFERRED


class GivenUp(NamedTuple):
    """It is not tried again: it has failed. ``detail`` is for the person who looks."""

    reason: Reason
    detail: str

    @property
    def outcome(self) -> Outcome:
        """Always ``failed``."""
        return Outcome.FAILED


#: What becomes of something that cannot be done now.
Retry = PutOff | GivenUp


def put_off(reason: Reason, tries: int, settings: Settings, now: datetime, most: int = TRIES) -> Retry:
    """Decide what becomes of something that met with ``reason``, one that passes, at ``now`` (aware), and may be put off
    ``most`` times, of which ``tries`` are over."""
    pause = wait(tries, settings, most)
    if pause is None:
        return GivenUp(reason, f"{_WORDS[reason]}, for as long as it was tried: {tries + 1} times.")
    return PutOff(reason, f"{_WORDS[reason]}. It is tried again.", now + pause, tries + 1)
