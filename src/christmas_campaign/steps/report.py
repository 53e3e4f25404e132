"""The step ``report``: adds a delivery report of Resend to those of its e-mail, and decides what follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.email import delivery_outcome
from christmas_campaign.email.delivery_outcome import AnalyticsUpdate
from christmas_campaign.email.delivery_reports import BOUNCES_LIFETIME, HISTORY_LIFETIME, Report, ReportHistory
from christmas_campaign.enrolment.alerts import Pages, about
from christmas_campaign.steps.outputs import json_text


class AnalyticsPage(TypedDict):
    """The path and body of the query for the analytics page, and the body of its update. Both bodies are JSON texts."""

    path: str
    query: str
    update: str


class Outputs(TypedDict):
    """The fields of ``delivery_outcome.ReportOutcome``, as JSON texts, with ``history`` under the name ``kept``.

    ``ttl`` and ``bounces_ttl`` are the lifetimes of ``kept`` and ``bounces`` in the KV store (ISO 8601 durations). ``about``
    says in words what an alert is about (``About.as_json``).
    """

    kept: str
    bounces: str | None
    stop: Reason | None
    page: AnalyticsPage | None
    alert: Mapping[str, str] | None
    ttl: str
    bounces_ttl: str
    about: Mapping[str, str]


def step(context: Mapping[str, Any], _: datetime) -> Outputs:
    """Context:

    - ``report``: the report;
    - ``kept``, ``bounces``: entries of the KV store (``None``: there is none);
    - ``source``: the id of the data source of the analytics pages (``None``: it has expired);
    - ``page_id``: the id of the contact's page (``None``, or missing in older revisions).
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
        "kept": json_text(decision.history.as_json()),
        "bounces": None if decision.bounces is None else json_text(decision.bounces),
        "stop": decision.stop,
        "page": _page(decision.page) if decision.page else None,
        "alert": decision.alert,
        "ttl": f"P{HISTORY_LIFETIME.days}D",
        "bounces_ttl": f"P{BOUNCES_LIFETIME.days}D",
        "about": about(None, report.enrolment, report.number, pages).as_json(),
    }


def _page(page: AnalyticsUpdate) -> AnalyticsPage:
    return {"path": page.path, "query": json_text(page.query), "update": json_text(page.update)}
