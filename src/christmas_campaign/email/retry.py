"""Retries: how long to wait after a temporary failure of Notion or Resend, and when to give up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings

#: Kestra starts due executions once a second, and settling an e-mail takes about a second. A shorter wait gains nothing.
SHORTEST_WAIT = timedelta(seconds=2)

#: The first wait. Each later wait is twice as long, up to the longest.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=30)

#: The number of retries. Together they last 22 hours, one hour less than ``gate.KEY_HOLDS``.
TRIES = 48

#: Caps the exponent. The longest wait is reached after far fewer doublings.
_DOUBLINGS = 10

_WORDS = {
    Reason.NOTION_UNREACHABLE: "Notion could not be reached, or was not ready to answer",
    Reason.RESEND_UNREACHABLE: "Resend could not be reached, or was not ready to take the e-mail",
    Reason.RESEND_QUOTA: "Resend takes no more e-mails today: the quota of its plan is used up",
    Reason.SEND_IN_PROGRESS: "Resend is still busy with this e-mail",
    Reason.STOPS_CHANGED: "The contact's suppressions changed right before the e-mail was sent",
    Reason.ANALYTICS_PAGE_MISSING: "Email Analytics has no page for this e-mail",
}


def wait(tries: int, settings: Settings, max_tries: int = TRIES) -> timedelta | None:
    """Return how long to wait before the next retry, or ``None`` when all ``max_tries`` are used up.

    ``tries`` is the number of earlier retries.
    """
    if tries >= max_tries:
        return None
    unscaled = min(FIRST_WAIT * (1 << min(tries, _DOUBLINGS)), LONGEST_WAIT)
    return max(unscaled / settings.time_scale, SHORTEST_WAIT)


class PutOff(NamedTuple):
    """There is another try at ``date`` (aware). ``tries`` counts it, and ``detail`` explains the delay to the owner."""

    reason: Reason
    detail: str
    date: datetime
    tries: int

    @property
    def outcome(self) -> Outcome:
        """Always ``deferred``."""
        return Outcome.DEFERRED


class GivenUp(NamedTuple):
    """There is no other try: the work has failed. ``detail`` explains it to the owner."""

    reason: Reason
    detail: str

    @property
    def outcome(self) -> Outcome:
        """Always ``failed``."""
        return Outcome.FAILED


#: The decision after a temporary failure.
Retry = PutOff | GivenUp


def put_off(reason: Reason, tries: int, settings: Settings, now: datetime, max_tries: int = TRIES) -> Retry:
    """Decide when to retry after the temporary failure ``reason`` at ``now`` (aware), or whether to give up.

    ``tries`` is the number of earlier retries, ``max_tries`` how many are allowed. Raises ``KeyError`` for a reason that is not
    temporary.
    """
    pause = wait(tries, settings, max_tries)
    if pause is None:
        return GivenUp(reason, f"{_WORDS[reason]}, for as long as it was tried: {tries + 1} times.")
    return PutOff(reason, f"{_WORDS[reason]}. It is tried again.", now + pause, tries + 1)
