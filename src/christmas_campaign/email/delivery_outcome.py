"""What becomes of a report of Resend's: what is kept of it, whom it stops, and what the analytics page says from now on.

The order: what is kept first, then the stop, Notion last: nobody is written to because Notion was away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from christmas_campaign.campaign import notion_names
from christmas_campaign.campaign.outcomes import Kind, Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import delivery_reports, retry
from christmas_campaign.email.delivery_reports import Kept, Report, State
from christmas_campaign.email.retry import PutOff
from christmas_campaign.enrolment.alerts import Pages, about
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values, schema

#: So often a report is put off whose e-mail has no analytics page: for about an hour. The page is made a moment after the
#: e-mail was sent, or never.
TRIES_WITHOUT_PAGE = 6

#: The calls to Notion that one report costs, and the part of Notion's rate that the reports take: the e-mails come first.
NOTION_CALLS, NOTION_PART = 2, 1 / 3


class AnalyticsUpdate(NamedTuple):
    """What is to be done in Notion: ``path`` and ``query`` find the e-mail's analytics page, ``update`` is the body that
    writes what was reported."""

    path: str
    query: JsonObject
    update: JsonObject


class ReportOutcome(NamedTuple):
    """What is kept of a report, and what follows.

    ``kept`` is the entry of the e-mail from now on, ``bounces`` that of the contact (``None``: as before). ``stop`` is why
    the contact is stopped by the count of their bounces (``None``: they are not). ``page`` is ``None`` when the page
    says so already, or nobody knows any more where it is. ``alert`` is what the team hears (``key`` and ``message``) of an
    e-mail that Resend had taken and could not send, else ``None``.
    """

    kept: Kept
    bounces: list[str] | None
    stop: Reason | None
    page: AnalyticsUpdate | None
    alert: Mapping[str, str] | None


class Concluded(NamedTuple):
    """How a report ends. ``detail`` is for the person who looks.

    ``rest`` is how long the next report waits, ``later`` the next try if it is put off, ``kept`` the e-mail's entry from now on
    (``None``: as before).
    """

    outcome: Outcome
    reason: Reason | None
    detail: str
    rest: timedelta
    later: PutOff | None = None
    kept: Kept | None = None


def decide(
    report: Report,
    *,
    kept: Kept,
    bounces: Sequence[str],
    source: str | None,
    pages: Pages | None = None,
) -> ReportOutcome:
    """Decide what is kept of a report, and what follows.

    ``kept`` and ``bounces`` are what the KV store has of the e-mail and of the contact, ``source`` is the id of the data source
    that the analytics pages are in, as it is kept with the enrolment (``None``: nothing is kept of that any more), ``pages``
    are the contact's pages.
    """
    kept = kept._replace(kinds=delivery_reports.add(kept.kinds, report))
    page = None
    if source is not None and kept.written != line(kept.kinds):
        page = AnalyticsUpdate(f"/v1/data_sources/{source}/query", _query(report.resend_id), _update(kept.kinds))
    emails = delivery_reports.bounced(bounces, report)
    return ReportOutcome(
        kept,
        bounces=emails if emails != list(bounces) else None,
        stop=delivery_reports.stops(report, emails),
        page=page,
        alert=_alert(report, pages or Pages()) if report.kind is Kind.FAILED else None,
    )


def _alert(report: Report, pages: Pages) -> dict[str, str]:
    said = about(None, report.enrolment, report.number, pages)
    why = f": {report.detail}" if report.detail else ""
    lines = [
        f"**Failed**: {said.subject}: Resend had taken it, and could not send it{why}.",
        f"{said.contact}.",
        "To do: Resend's dashboard says more. If the contact is to have it all the same, send it from there.",
    ]
    return {"key": f"{report.email}.failed_at_resend", "message": "\n".join(lines)}


def line(said: State) -> str:
    """Return what was reported of an e-mail in words: its status, and the detail if there is one."""
    kind, detail = delivery_reports.shown(said)
    return f"{kind.status}: {detail}" if detail else kind.status


def _query(resend_id: str) -> JsonObject:
    return {
        "filter": page_values.equals(schema.ANALYTICS, notion_names.ANALYTICS_RESEND_ID, resend_id),
        "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
        "page_size": 1,
    }


def _update(said: State) -> JsonObject:
    kind, detail = delivery_reports.shown(said)
    values = {
        notion_names.ANALYTICS_STATUS: kind.status,
        # What was reported may be better than what was reported before: a delay that ended well leaves no message.
        notion_names.ANALYTICS_ERROR: line(said) if detail else "",
    }
    return {"properties": page_values.properties(schema.ANALYTICS, values)}


def conclude(
    *,
    kept: Kept,
    asked: bool,
    found: bool | None,
    written: bool,
    tries: int,
    settings: Settings,
    now: datetime,
) -> Concluded:
    """Decide how a report ends.

    ``kept`` is what is kept of the e-mail, this report included; ``asked`` says whether there was anything to do in Notion,
    ``found`` whether the analytics page was there (``None``: Notion gave no answer), ``written`` whether it took the update;
    ``tries`` how often the report was put off before, ``now`` is the time (aware).
    """
    rest = pause(settings) if asked else timedelta(0)
    if asked and not written:
        return _not_written(found, tries, settings, now)._replace(rest=rest)
    shown = line(kept.kinds)
    if asked:
        return Concluded(Outcome.REPORTED, None, "", rest, kept=kept._replace(written=shown))
    if kept.written != shown:
        # Not asked, and not because the page says so already: nobody knows where the page is.
        detail = "What is kept of the enrolment is gone, and with it where the analytics page is."
        return Concluded(Outcome.SKIPPED, Reason.ANALYTICS_PAGE_MISSING, detail, rest)
    return Concluded(Outcome.REPORTED, None, "", rest)


def _not_written(found: bool | None, tries: int, settings: Settings, now: datetime) -> Concluded:
    if found is False:
        later = retry.put_off(Reason.ANALYTICS_PAGE_MISSING, tries, settings, now, TRIES_WITHOUT_PAGE)
    else:
        later = retry.put_off(Reason.NOTION_UNREACHABLE, tries, settings, now)
    if isinstance(later, PutOff):
        return Concluded(later.outcome, later.reason, later.detail, timedelta(0), later=later)
    # Nobody can mend a page that is missing, and nothing hangs on it: what was reported is kept, and stops whom it stops.
    outcome = Outcome.SKIPPED if found is False else later.outcome
    return Concluded(outcome, later.reason, later.detail, timedelta(0))


def pause(settings: Settings) -> timedelta:
    """Return how long the reports leave Notion alone after one that has called it."""
    return timedelta(seconds=NOTION_CALLS / (settings.notion_rate * NOTION_PART)) / settings.time_scale
