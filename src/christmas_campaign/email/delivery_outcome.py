"""What becomes of a report of Resend's: what is kept of it, whom it stops, and what the analytics page says from now on.

The order: what is kept first, then the stop, Notion last: nobody is written to because Notion was away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from christmas_campaign.campaign import notion_names
from christmas_campaign.campaign.outcomes import Kind, Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import delivery_reports, retry
from christmas_campaign.email.delivery_reports import Report, State
from christmas_campaign.enrolment.alerts import Pages, about
from christmas_campaign.notion import page_values, schema

#: So often a report is put off whose e-mail has no analytics page: for about an hour. The page is made a moment after the
#: e-mail was sent, or never.
TRIES_WITHOUT_PAGE = 6

#: The calls to Notion that one report costs, and the part of Notion's rate that the reports take: the e-mails come first.
NOTION_CALLS, NOTION_PART = 2, 1 / 3


def decide(
    report: Report,
    *,
    kept: Mapping[str, Any] | None,
    bounces: Sequence[str],
    source: str | None,
    pages: Pages | None = None,
) -> dict[str, Any]:
    """Decide what is kept of a report, and what follows.

    ``kept`` and ``bounces`` are what the KV store has of the e-mail and of the contact, ``source`` is the id of the data source
    that the analytics pages are in, as it is kept with the enrolment (``None``: nothing is kept of that any more), ``pages``
    are the contact's pages.

    Returns ``kept`` and ``bounces`` as they are kept from now on (the latter ``None``: as before); ``stop``, the reason for
    which the contact is stopped by the count of her bounces (``None``: she is not); ``page``, what is to be done in Notion:
    ``path`` and ``query`` that find the e-mail's analytics page, and ``update``, the body that has it say what was reported.
    That is ``None`` when the page says so already, or nobody knows any more where it is. And ``alert``, what the team is told
    (``key`` and ``message``) of an e-mail that Resend had taken and could not send, else ``None``.
    """
    said = delivery_reports.add(delivery_reports.state(kept), report)
    written = kept.get("written") if kept else None
    page = None
    if source is not None and written != line(said):
        page = {
            "path": f"/v1/data_sources/{source}/query",
            "query": _query(report.resend_id),
            "update": _update(said),
        }
    emails = delivery_reports.bounced(bounces, report)
    return {
        "kept": {**delivery_reports.as_json(said), **({"written": written} if written else {})},
        "bounces": emails if emails != list(bounces) else None,
        "stop": delivery_reports.stops(report, emails),
        "page": page,
        "alert": _alert(report, pages or Pages()) if report.kind is Kind.FAILED else None,
    }


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


def _query(resend_id: str) -> dict[str, Any]:
    return {
        "filter": page_values.equals(schema.ANALYTICS, notion_names.ANALYTICS_RESEND_ID, resend_id),
        "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
        "page_size": 1,
    }


def _update(said: State) -> dict[str, Any]:
    kind, detail = delivery_reports.shown(said)
    values = {
        notion_names.ANALYTICS_STATUS: kind.status,
        # What was reported may be better than what was reported before: a delay that ended well leaves no message.
        notion_names.ANALYTICS_ERROR: line(said) if detail else "",
    }
    return {"properties": page_values.properties(schema.ANALYTICS, values)}


def conclude(
    *,
    kept: Mapping[str, Any],
    asked: bool,
    found: bool | None,
    written: bool,
    tries: int,
    settings: Settings,
    now: datetime,
) -> dict[str, Any]:
    """Decide how a report ends.

    ``kept`` is what is kept of the e-mail, this report included; ``asked`` says whether there was anything to do in Notion,
    ``found`` whether the analytics page was there (``None``: Notion gave no answer), ``written`` whether it took the update;
    ``tries`` how often the report was put off before, ``now`` is the time (aware).

    Returns ``outcome``, ``reason``, ``detail``; ``date`` and ``tries`` when it is put off; ``kept`` when that has changed; and
    ``rest``, for how many milliseconds the next report waits.
    """
    rest = int(pause(settings) / timedelta(milliseconds=1)) if asked else 0
    said = delivery_reports.state(kept)
    if asked and not written:
        if found is False:
            later = retry.put_off(Reason.ANALYTICS_PAGE_MISSING, tries, settings, now, TRIES_WITHOUT_PAGE)
            if later["outcome"] is Outcome.FAILED:
                # Nobody can mend it, and nothing hangs on it: what was reported is kept, and stops whom it stops.
                later["outcome"] = Outcome.SKIPPED
        else:
            later = retry.put_off(Reason.NOTION_UNREACHABLE, tries, settings, now)
        return {**later, "rest": rest}
    ends: dict[str, Any] = {"outcome": Outcome.REPORTED, "reason": None, "detail": "", "rest": rest}
    if asked:
        ends["kept"] = {**kept, "written": line(said)}
    elif kept.get("written") != line(said):
        # Not asked, and not because the page says so already: nobody knows where the page is.
        detail = "What is kept of the enrolment is gone, and with it where the analytics page is."
        return {**ends, "outcome": Outcome.SKIPPED, "reason": Reason.ANALYTICS_PAGE_MISSING, "detail": detail}
    return ends


def pause(settings: Settings) -> timedelta:
    """Return how long the reports leave Notion alone after one that has called it."""
    return timedelta(seconds=NOTION_CALLS / (settings.notion_rate * NOTION_PART)) / settings.time_scale
