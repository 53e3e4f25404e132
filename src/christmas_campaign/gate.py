"""The gate: the first and cheapest decision about an e-mail that is due. Whoever is turned away here costs no call.

The order of the checks: is the enrolment known; was this e-mail sent; is the one before it settled; is that long enough ago.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from christmas_campaign import notion_pages, times
from christmas_campaign import notion_schema as schema
from christmas_campaign.enrolment import Record, Settled
from christmas_campaign.reasons import Outcome, Reason
from christmas_campaign.sequences import sequence
from christmas_campaign.settings import Settings

#: Kestra looks for what is due once a second, and an e-mail takes about one to be settled: asking sooner is in vain.
SHORTEST_WAIT = timedelta(seconds=2)


def gate(
    number: int,
    *,
    record: Record | None,
    page_id: str | None,
    own: Settled | None,
    before: Settled | None,
    settings: Settings,
    now: datetime,
) -> dict[str, Any]:
    """Decide whether e-mail ``number`` of an enrolment goes on.

    ``record`` and ``page_id`` are what is kept of the enrolment, ``own`` and ``before`` how this e-mail and the one before it
    were settled (``None``: not yet), ``now`` the time (aware).

    Returns ``go``; if false ``outcome``, ``reason``, ``detail`` and, when the e-mail is put off, ``date``. If true
    ``page_path``, ``templates_path`` and ``template_query`` (path and body of the Notion query for its template).
    """
    if record is None or page_id is None:
        detail = "What the webhook said is not kept, or no longer: it is for 30 days after the last e-mail was due."
        return _no(Outcome.FAILED, Reason.ENROLMENT_UNKNOWN, detail)
    email = sequence(record.event.sequence).email(number)
    if own and own.outcome is Outcome.SENT:
        return _no(Outcome.SKIPPED, Reason.ALREADY_SENT, f"Sent at {times.text(own.at)}.")
    earlier = record.before(number)
    if earlier is not None:
        if before is None:
            wait = max(settings.spacing, SHORTEST_WAIT)
            detail = f"E-mail {earlier} is neither sent nor skipped nor failed for good."
            return _later(now + wait, Reason.EARLIER_EMAIL_UNSETTLED, detail)
        due = before.at + settings.spacing
        if due > now:
            return _later(due, Reason.TOO_SOON, f"E-mail {earlier} was settled at {times.text(before.at)}.")
    return {
        "go": True,
        "page_path": f"/v1/pages/{page_id}",
        "templates_path": f"/v1/data_sources/{record.sources['templates']}/query",
        "template_query": template_query(email.template),
    }


def template_query(name: str) -> dict[str, Any]:
    """Return the body of the Notion query for the active templates of this name."""
    return {
        "filter": {
            "and": [
                notion_pages.equals(schema.TEMPLATES, schema.TEMPLATE_NAME, name),
                notion_pages.equals(schema.TEMPLATES, schema.TEMPLATE_STATUS, schema.TEMPLATE_ACTIVE),
            ]
        }
    }


def _no(outcome: Outcome, reason: Reason, detail: str) -> dict[str, Any]:
    return {"go": False, "outcome": outcome, "reason": reason, "detail": detail}


def _later(date: datetime, reason: Reason, detail: str) -> dict[str, Any]:
    return {**_no(Outcome.DEFERRED, reason, detail), "date": times.text(date)}
