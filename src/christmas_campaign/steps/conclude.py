"""The step ``conclude``: how a report of Resend's ends, once Notion was asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NotRequired, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import delivery_outcome
from christmas_campaign.email.delivery_reports import HISTORY_LIFETIME, Report, ReportHistory
from christmas_campaign.enrolment.alerts import Pages, TeamAlert
from christmas_campaign.steps import parsed, with_answers
from christmas_campaign.steps.outputs import failure_alert, label_text, read_settings, ready_made


class Outputs(TypedDict):
    """What the flow reads: the fields of ``delivery_outcome.Concluded``, with its ``history`` ready-made as
    ``kept``, ``ttl`` for it, and ``rest`` in milliseconds.

    ``date`` of the next try (UTC) if it is put off, and ``tries``, its count (if not, as in the context); ``alert`` for a
    failure; the ``sequence`` of the e-mail; ``labels``.
    """

    outcome: Outcome
    reason: Reason | None
    detail: str
    rest: int
    tries: int
    alert: TeamAlert | None
    ttl: str
    sequence: str
    labels: str
    date: NotRequired[str]
    kept: NotRequired[str]


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``report``; ``kept`` (from the KV store, this report included); ``asked``, whether there was anything to do in
    Notion; ``pages`` and ``written`` (the responses to the query and to the update, ``None`` for none), ``tries``,
    ``settings``; not from runs of older revisions of the flow: ``page_id``, the id of the contact's page.
    """
    context = with_answers(context, "pages", "written")
    report = Report.from_json(context["report"])
    written, tries = context.get("written"), context.get("tries", 0)
    decision = delivery_outcome.conclude(
        history=ReportHistory.from_json(context["kept"]),
        has_update=bool(context["asked"]),
        page_exists=_found(context.get("pages")),
        page_updated=written is not None and written.get("code") == 200,
        tries=tries,
        settings=read_settings(context),
        now=now,
    )
    who = {"sequence": report.sequence, "contact": report.contact, "enrolment": report.enrolment}
    outputs: Outputs = {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "detail": decision.detail,
        "rest": decision.rest // timedelta(milliseconds=1),
        "tries": decision.later.tries if decision.later else tries,
        "alert": failure_alert(decision, None, report.enrolment, report.number, Pages(context.get("page_id"))),
        "ttl": f"P{HISTORY_LIFETIME.days}D",
        "sequence": report.sequence,
        "labels": label_text(decision, **who, number=str(report.number), kind=report.kind),
    }
    if decision.later:
        outputs["date"] = times.text(decision.later.date)
    if decision.history:
        outputs["kept"] = ready_made(decision.history.as_json())
    return outputs


def _found(response: Mapping[str, Any] | None) -> bool | None:
    """Whether the query found the page; ``None``: there was no answer."""
    if response is None or response.get("code") != 200:
        return None
    return bool(parsed(response.get("body")).get("results"))
