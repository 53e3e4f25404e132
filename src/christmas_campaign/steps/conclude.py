"""The step ``conclude``: whether a delivery report is recorded, rescheduled or failed, after Notion's responses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NotRequired, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import delivery_outcome
from christmas_campaign.email.delivery_reports import HISTORY_LIFETIME, Report, ReportHistory
from christmas_campaign.enrolment.alerts import Pages, TeamAlert
from christmas_campaign.steps import parse_json, with_responses
from christmas_campaign.steps.outputs import failure_alert, json_text, labels_text, read_settings


class Outputs(TypedDict):
    """The fields of ``delivery_outcome.Concluded``, with ``history`` as JSON text under the name ``kept`` and ``rest`` in
    milliseconds.

    ``ttl`` is the lifetime of ``kept`` (ISO 8601 duration), ``date`` the time of the next try (UTC) if the report is
    rescheduled, ``tries`` the number of tries, ``alert`` the inputs of the flow `tell` for a failure.
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
    """Context:

    - ``report``, ``tries``, ``settings``, ``testing_mode``;
    - ``kept``: the e-mail's reports in the KV store, with this one;
    - ``asked``: the analytics update that the step ``report`` decided on (falsy: there is none);
    - ``pages``, ``written``: the responses to the query and to the update (``None``: no response);
    - ``page_id``: the id of the contact's page (``None``, or missing in older revisions).
    """
    context = with_responses(context, "pages", "written")
    report = Report.from_json(context["report"])
    update, tries = context.get("written"), context.get("tries", 0)
    decision = delivery_outcome.conclude(
        history=ReportHistory.from_json(context["kept"]),
        has_update=bool(context["asked"]),
        page_exists=_page_exists(context.get("pages")),
        page_updated=update is not None and update.get("code") == 200,
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
        "labels": labels_text(decision, **who, number=str(report.number), kind=report.kind),
    }
    if decision.later:
        outputs["date"] = times.text(decision.later.date)
    if decision.history:
        outputs["kept"] = json_text(decision.history.as_json())
    return outputs


def _page_exists(response: Mapping[str, Any] | None) -> bool | None:
    """Return whether the query found the page; ``None`` without a response."""
    if response is None or response.get("code") != 200:
        return None
    return bool(parse_json(response.get("body")).get("results"))
