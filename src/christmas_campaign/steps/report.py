"""The step ``report``: what is kept of a report of Resend's, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign.email import delivery_outcome
from christmas_campaign.email.delivery_reports import BOUNCES_KEPT, KEPT, Report
from christmas_campaign.enrolment.alerts import Pages, about
from christmas_campaign.steps import ready_made


def step(context: Mapping[str, Any], _: datetime) -> Mapping[str, Any]:
    """Context: ``report``; ``kept`` and ``bounces`` (from the KV store, ``None`` if not there); ``source``, the id of the data
    source of the analytics pages (``None``: not known any more); not from runs of older revisions of the flow: ``page_id``,
    the id of the contact's page.

    Outputs: ``about`` (``About.as_json``), for an alert; the rest as ``reporting.decide`` gives it, with ``kept``, ``bounces``
    and what goes to Notion ready-made, and ``ttl`` and ``bounces_ttl`` for the first two.
    """
    report, pages = Report.from_json(context["report"]), Pages(context.get("page_id"))
    found = delivery_outcome.decide(
        report,
        kept=context.get("kept"),
        bounces=context.get("bounces") or [],
        source=context.get("source"),
        pages=pages,
    )
    page = found["page"]
    if page is not None:
        page = {**page, "query": ready_made(page["query"]), "update": ready_made(page["update"])}
    return {
        **found,
        "kept": ready_made(found["kept"]),
        "bounces": None if found["bounces"] is None else ready_made(found["bounces"]),
        "ttl": f"P{KEPT.days}D",
        "bounces_ttl": f"P{BOUNCES_KEPT.days}D",
        "page": page,
        "about": about(None, report.enrolment, report.number, pages).as_json(),
    }
