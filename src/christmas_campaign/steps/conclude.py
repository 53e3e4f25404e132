"""The step ``conclude``: how a report of Resend's ends, once Notion was asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.outcomes import Outcome
from christmas_campaign.email import delivery_outcome
from christmas_campaign.email.delivery_reports import KEPT, Report
from christmas_campaign.enrolment import alerts
from christmas_campaign.steps import labelled, parsed, ready_made


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``report``; ``kept`` (from the KV store, this report included); ``asked``, whether there was anything to do in
    Notion; ``pages`` and ``written`` (the responses to the query and to the update, ``None`` for none), ``tries``,
    ``settings``; not from runs of older revisions of the flow: ``page_id``, the id of the contact's page.

    Outputs: as ``reporting.conclude`` gives them, with ``kept`` ready-made and ``ttl`` for it, ``sequence``, ``labels``, and
    ``alert`` when it has failed.
    """
    report = Report.from_json(context["report"])
    pages, written = context.get("pages"), context.get("written")
    outputs = delivery_outcome.conclude(
        kept=context["kept"],
        asked=context["asked"],
        found=_found(pages),
        written=written is not None and written.get("code") == 200,
        tries=context.get("tries", 0),
        settings=settings.read(context["settings"]),
        now=now,
    )
    if outputs.get("kept") is not None:
        outputs["kept"] = ready_made(outputs["kept"])
    told = None
    if outputs["outcome"] is Outcome.FAILED:
        pages = alerts.Pages(context.get("page_id"))
        told = alerts.failure(None, report.enrolment, report.number, outputs["reason"], outputs["detail"], pages)
    outputs = {"tries": context.get("tries", 0), **outputs, "alert": told, "ttl": f"P{KEPT.days}D"}
    outputs["sequence"] = report.sequence
    return labelled(
        outputs,
        sequence=report.sequence,
        contact=report.contact,
        enrolment=report.enrolment,
        number=str(report.number),
        kind=report.kind,
    )


def _found(response: Mapping[str, Any] | None) -> bool | None:
    """Whether the query found the page; ``None``: there was no answer."""
    if response is None or response.get("code") != 200:
        return None
    return bool(parsed(response.get("body")).get("results"))
