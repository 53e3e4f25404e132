"""What a call is told, and what is kept of it, decided from its body: one function for each kind of call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from christmas_campaign.campaign.outcomes import Outcome
from christmas_campaign.door.http import json_body
from christmas_campaign.email import delivery_reports
from christmas_campaign.email.delivery_reports import Report
from christmas_campaign.events import intake
from christmas_campaign.events.intake import Accepted, Rejected


class Decision(NamedTuple):
    """What a call is told, and what is kept of it.

    ``code`` is the status and ``body`` the JSON answer; any ``code`` but 200 is a refusal, and ``why`` says to the log what is
    wrong, without a word of the call. ``body_if_known`` is the answer where a call with the same ``once`` waits already
    (``None``: it is not compared with others). ``needed`` says whether the call must be kept: else it is handed on to be seen
    alone, and nothing is lost where there is no room for it. ``handed_on`` is false for what Kestra need not even see.
    """

    code: int
    body: Any
    body_if_known: Any = None
    once: str | None = None
    needed: bool = True
    handed_on: bool = True
    why: str = ""


#: Decides from the raw body and the time of arrival (aware). Raises ``bodies.Unreadable``.
Decide = Callable[[bytes, datetime], Decision]


def of_sequence(name: str) -> Decide:
    """Return what decides about the calls that start a sequence: intake."""

    def decide(body: bytes, now: datetime) -> Decision:
        # There is no execution yet.
        answer = intake.answer(json_body.read(body), name, now, None)
        if isinstance(answer, Rejected):
            # What comes after the full stop may be the sender's own words.
            wrong = sorted({problem.field.partition(".")[0] for problem in answer.problems})
            return Decision(422, answer.body, why=f"wrong or missing: {', '.join(wrong)}")
        if isinstance(answer, Accepted):
            return Decision(200, answer.body, answer.body_if_known, once=answer.event.id)
        return Decision(200, answer.body, needed=False)

    return decide


def of_resend(body: bytes, now: datetime) -> Decision:
    """Decide about a report of Resend's: what is not about an e-mail of this system is no matter of Kestra's."""
    # Whether it counts that an e-mail was opened is a setting of Kestra's.
    found = delivery_reports.read(json_body.read(body), now, opens=True)
    if isinstance(found, Report):
        return Decision(200, {"status": Outcome.ACCEPTED})
    return Decision(200, {"status": Outcome.SKIPPED, "reason": found}, handed_on=False)
