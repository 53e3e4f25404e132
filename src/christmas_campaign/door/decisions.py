"""How the door answers a webhook call, and whether it stores the call: one function for each kind of call."""

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
    """The answer to a call, and whether the door stores it for Kestra.

    ``status`` is the HTTP status and ``body`` the JSON answer. A status other than 200 refuses the call; ``log_message`` then
    says why without quoting the call. ``forward`` says whether Kestra gets the call. While another call with the same
    ``enrolment_id`` waits in the inbox, the answer is ``duplicate_body``; ``None`` is never a duplicate. If the inbox is full,
    a call with ``must_be_stored`` is refused, and any other is answered as if stored: Kestra would only record it.
    """

    status: int
    body: Any
    duplicate_body: Any = None
    enrolment_id: str | None = None
    must_be_stored: bool = True
    forward: bool = True
    log_message: str = ""


#: Decides from the raw body and the time of arrival (aware). Raises ``json_body.Unreadable``.
Decide = Callable[[bytes, datetime], Decision]


def for_sequence(name: str) -> Decide:
    """Return the function that decides about the calls that start the sequence ``name``."""

    def decide(body: bytes, now: datetime) -> Decision:
        # Intake gets no execution id: Kestra has not started an execution yet.
        answer = intake.answer(json_body.read(body), name, now, None)
        if isinstance(answer, Rejected):
            # After the full stop a field name can contain the sender's own words, which must not reach the log.
            fields = sorted({problem.field.partition(".")[0] for problem in answer.problems})
            return Decision(422, answer.body, log_message=f"wrong or missing: {', '.join(fields)}")
        if isinstance(answer, Accepted):
            return Decision(200, answer.body, answer.body_if_known, enrolment_id=answer.event.id)
        return Decision(200, answer.body, must_be_stored=False)

    return decide


def for_delivery_report(body: bytes, now: datetime) -> Decision:
    """Decide about a delivery report of Resend. Reports on e-mails of other systems do not go to Kestra."""
    # Reports of opened e-mails go to Kestra as well: a setting of Kestra says whether they count.
    report = delivery_reports.read(json_body.read(body), now, opens=True)
    if isinstance(report, Report):
        return Decision(200, {"status": Outcome.ACCEPTED})
    return Decision(200, {"status": Outcome.SKIPPED, "reason": report}, forward=False)
