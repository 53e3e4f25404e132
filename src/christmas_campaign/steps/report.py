"""The step ``report``: what is kept of a report of Resend's, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.email import delivery_outcome
from christmas_campaign.email.delivery_outcome import AnalyticsUpdate
from christmas_campaign.email.delivery_reports import BOUNCES_LIFETIME, HISTORY_LIFETIME, Report, ReportHistory
from christmas_campaign.enrolment.alerts import Pages, about
from christmas_campaign.steps.outputs import ready_made


class AnalyticsPage(TypedDict):
    """The path and the body of the query for the analytics page, and the body of its update, both ready-made."""

    path: str
    query: str
    update: str


class Outputs(TypedDict):
    """What the flow reads: the fields of ``delivery_outcome.ReportOutcome``, with texts of JSON ready-made and its ``history``
    as ``kept``; ``ttl`` and ``bounces_ttl``, how long ``kept`` and ``bounces`` are stored; and ``about`` (``About.as_json``),
    for an alert."""

    kept: str
    bounces: str | None
    stop: Reason | None
    page: AnalyticsPage | None
    alert: Mapping[str, str] | None
    ttl: str
    bounces_ttl: str
    about: Mapping[str, str]


def step(context: Mapping[str, Any], _: datetime) -> Outputs:
    """Context: ``report``; ``kept`` and ``bounces`` (from the KV store, ``None`` if not there); ``source``, the id of the data
    source of the analytics pages (``None``: not known any more); not from runs of older revisions of the flow: ``page_id``,
    the id of the contact's page.
    """
    report, pages = Report.from_json(context["report"]), Pages(context.get("page_id"))
    decision = delivery_outcome.decide(
        report,
        history=ReportHistory.from_json(context.get("kept")),
        bounces=context.get("bounces") or [],
        source=context.get("source"),
        pages=pages,
    )
    return {
        "kept": ready_made(decision.history.as_json()),
        "bounces": None if decision.bounces is None else ready_made(decision.bounces),
        "stop": decision.stop,
        "page": _page(decision.page) if decision.page else None,
        "alert": decision.alert,
        "ttl": f"P{HISTORY_LIFETIME.days}D",
        "bounces_ttl": f"P{BOUNCES_LIFETIME.days}D",
        "about": about(None, report.enrolment, report.number, pages).as_json(),
    }


def _page(page: AnalyticsUpdate) -> AnalyticsPage:
    return {"path": page.path, "query": ready_made(page.query), "update": ready_made(page.update)}
