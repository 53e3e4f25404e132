"""Decide what follows from a delivery report: the stored history, a suppression of the contact, and the analytics page.

The flow does these in this order: history, suppression, Notion. So a contact is suppressed even while Notion is down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from christmas_campaign.campaign import notion_names
from christmas_campaign.campaign.outcomes import Kind, Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import delivery_reports, retry
from christmas_campaign.email.delivery_reports import Report, ReportedKinds, ReportHistory
from christmas_campaign.email.retry import PutOff
from christmas_campaign.enrolment.alerts import Pages, about
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values, schema

#: How often a report is retried while its e-mail has no analytics page: for about an hour. The page is created right after the
#: e-mail was sent, or never.
TRIES_WITHOUT_PAGE = 6

#: One report costs this many calls to Notion, and reports use at most this part of Notion's rate. E-mails have priority.
NOTION_CALLS, NOTION_PART = 2, 1 / 3


class AnalyticsUpdate(NamedTuple):
    """The work in Notion: ``path`` and ``query`` find the e-mail's analytics page, ``update`` is the body that updates it."""

    path: str
    query: JsonObject
    update: JsonObject


class ReportOutcome(NamedTuple):
    """The decision about a delivery report.

    - ``history``: the new history of the e-mail.
    - ``bounces``: the new list of the contact's soft bounces (``None``: unchanged).
    - ``stop``: the reason if the number of soft bounces suppresses the contact.
    - ``page``: the update of the analytics page (``None``: it is up to date, or its data source is unknown).
    - ``alert``: the ``key`` and ``message`` of a team alert when Resend accepted the e-mail but could not send it.
    """

    history: ReportHistory
    bounces: list[str] | None
    stop: Reason | None
    page: AnalyticsUpdate | None
    alert: Mapping[str, str] | None


class Concluded(NamedTuple):
    """How the handling of a delivery report ends. ``detail`` explains it to the owner.

    ``rest`` is how long the next report waits, ``later`` the next try if there is one, ``history`` the new history of the
    e-mail (``None``: unchanged).
    """

    outcome: Outcome
    reason: Reason | None
    detail: str
    rest: timedelta
    later: PutOff | None = None
    history: ReportHistory | None = None


def decide(
    report: Report,
    *,
    history: ReportHistory,
    bounces: Sequence[str],
    source: str | None,
    pages: Pages | None = None,
) -> ReportOutcome:
    """Decide what follows from a delivery report.

    ``history`` and ``bounces`` are the KV entries of the e-mail and of the contact. ``source`` is the id of the analytics data
    source, from the enrolment's record (``None``: the record is deleted). ``pages`` are the contact's pages, for an alert.
    """
    history = history._replace(kinds=delivery_reports.add(history.kinds, report))
    page = None
    if source is not None and history.page_status != line(history.kinds):
        page = AnalyticsUpdate(f"/v1/data_sources/{source}/query", _query(report.resend_id), _update(history.kinds))
    emails = delivery_reports.soft_bounced(bounces, report)
    return ReportOutcome(
        history,
        bounces=emails if emails != list(bounces) else None,
        stop=delivery_reports.stops(report, emails),
        page=page,
        alert=_alert(report, pages or Pages()) if report.kind is Kind.FAILED else None,
    )


def _alert(report: Report, pages: Pages) -> dict[str, str]:
    subject, contact = about(None, report.enrolment, report.number, pages)
    why = f": {report.detail}" if report.detail else ""
    lines = [
        f"**Failed**: {subject}: Resend accepted the e-mail, but could not send it{why}.",
        f"{contact}.",
        "To do: Look for the e-mail in Resend's dashboard. If the contact still needs it, send it from there.",
    ]
    return {"key": f"{report.email}.failed_at_resend", "message": "\n".join(lines)}


def line(kinds: ReportedKinds) -> str:
    """Return the status line of an e-mail: the status of its strongest kind, and the detail if there is one."""
    kind, detail = delivery_reports.strongest(kinds)
    return f"{kind.status}: {detail}" if detail else kind.status


def _query(resend_id: str) -> JsonObject:
    return {
        "filter": page_values.equals(schema.ANALYTICS, notion_names.ANALYTICS_RESEND_ID, resend_id),
        "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
        "page_size": 1,
    }


def _update(kinds: ReportedKinds) -> JsonObject:
    kind, detail = delivery_reports.strongest(kinds)
    values = {
        notion_names.ANALYTICS_STATUS: kind.status,
        # Without a detail the message is cleared: an earlier, weaker report may have left one.
        notion_names.ANALYTICS_ERROR: line(kinds) if detail else "",
    }
    return {"properties": page_values.properties(schema.ANALYTICS, values)}


def conclude(
    *,
    history: ReportHistory,
    has_update: bool,
    page_exists: bool | None,
    page_updated: bool,
    tries: int,
    settings: Settings,
    now: datetime,
) -> Concluded:
    """Decide how the handling of a delivery report ends, once Notion has responded.

    - ``history``: the e-mail's history, this report included.
    - ``has_update``: whether the analytics page needed an update.
    - ``page_exists``: whether Notion has the analytics page (``None``: Notion did not respond).
    - ``page_updated``: whether Notion accepted the update.
    - ``tries``: the number of earlier retries. ``now`` is aware.
    """
    rest = pause(settings) if has_update else timedelta(0)
    if has_update and not page_updated:
        return _not_updated(page_exists, tries, settings, now, rest)
    status = line(history.kinds)
    if has_update:
        return Concluded(Outcome.REPORTED, None, "", rest, history=history._replace(page_status=status))
    if history.page_status != status:
        # The page is out of date but had no update, so its data source is unknown.
        detail = "The enrolment is deleted from Kestra's KV store, so the analytics page cannot be found."
        return Concluded(Outcome.SKIPPED, Reason.ANALYTICS_PAGE_MISSING, detail, rest)
    return Concluded(Outcome.REPORTED, None, "", rest)


def _not_updated(page_exists: bool | None, tries: int, settings: Settings, now: datetime, rest: timedelta) -> Concluded:
    if page_exists is False:
        later = retry.put_off(Reason.ANALYTICS_PAGE_MISSING, tries, settings, now, TRIES_WITHOUT_PAGE)
    else:
        later = retry.put_off(Reason.NOTION_UNREACHABLE, tries, settings, now)
    if isinstance(later, PutOff):
        return Concluded(later.outcome, later.reason, later.detail, rest, later=later)
    # A missing page needs no action: the history is stored, and a suppression has taken effect.
    outcome = Outcome.SKIPPED if page_exists is False else later.outcome
    return Concluded(outcome, later.reason, later.detail, rest)


def pause(settings: Settings) -> timedelta:
    """Return how long the next report waits after one that has called Notion."""
    return timedelta(seconds=NOTION_CALLS / (settings.notion_rate * NOTION_PART)) / settings.time_scale
