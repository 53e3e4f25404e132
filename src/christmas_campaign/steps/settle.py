"""The step ``settle``, for executions of releases up to 0.4: what has to be recorded about an e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from christmas_campaign.campaign import settings, times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import result
from christmas_campaign.email.retry import PutOff
from christmas_campaign.enrolment.alerts import Pages, TeamAlert
from christmas_campaign.enrolment.record import Record, labels, time_to_live
from christmas_campaign.steps import parse_json
from christmas_campaign.steps.outputs import failure_alert, json_text, labels_text


class Outputs(TypedDict):
    """If the e-mail is rescheduled: ``date`` of the next try (UTC) and ``tries``, the number of tries.

    If not, these JSON texts: ``ledger`` (its entry), ``analytics`` (the body that creates the analytics page) and ``stamp``
    (the body that updates the contact's page; ``None``: no update). ``ttl`` is the lifetime of the ledger's entry, ``alert``
    the inputs of the flow `tell` for a failure.
    """

    outcome: Outcome
    reason: Reason | None
    detail: str
    ttl: str
    alert: TeamAlert | None
    labels: str
    date: NotRequired[str]
    tries: NotRequired[int]
    ledger: NotRequired[str]
    analytics: NotRequired[str]
    stamp: NotRequired[str | None]


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context:

    - ``enrolment``, ``number``, ``tries``, ``settings``, ``record`` (from the KV store);
    - ``composed``: the outputs of ``compose`` without the request;
    - ``answer``: Resend's response with the ``uri`` that was called; ``page``: Notion's response (``None``: no response);
    - ``done``, ``page_id``: as ``gate`` returned them (missing in the first revisions).
    """
    record = Record.from_json(context["record"])
    page = context.get("page")
    composed = context["composed"]
    claimed_at = times.parse(composed["claimed_at"]) if composed.get("claimed_at") else None
    decision = result.settle(
        record,
        context["number"],
        _verdict(composed, claimed_at, context.get("answer"), now),
        tries=context.get("tries", 0),
        claimed_at=claimed_at,
        page=parse_json(page.get("body")) if page is not None and page.get("code") == 200 else None,
        done=context.get("done") or (),
        settings=settings.read(context["settings"]),
        now=now,
    )
    enrolment, pages = context["enrolment"], Pages(context.get("page_id"))
    outputs: Outputs = {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "detail": decision.detail,
        "ttl": time_to_live(record.emails[record.last], now),
        "alert": failure_alert(decision, record.event, enrolment, context["number"], pages),
        "labels": labels_text(decision, **labels(record.event, enrolment)),
    }
    if isinstance(decision, PutOff):
        return {**outputs, "date": times.text(decision.date), "tries": decision.tries}
    return {
        **outputs,
        "ledger": json_text(decision.ledger.as_json()),
        "analytics": json_text(decision.analytics),
        "stamp": None if decision.stamp is None else json_text(decision.stamp),
    }


def _verdict(
    composed: Mapping[str, Any], claimed_at: datetime | None, answer: Mapping[str, Any] | None, now: datetime
) -> result.Verdict:
    if not composed["send"] or claimed_at is None:
        return result.Verdict(Outcome(composed["outcome"]), Reason(composed["reason"]), composed["detail"])
    if answer is None:
        return result.judge(None, claimed_at, now)
    response = result.Answer(answer["code"], answer.get("body") or "", _stop_reason(answer.get("uri") or ""))
    return result.judge(response, claimed_at, now)


def _stop_reason(uri: str) -> Reason | None:
    """Return why the flow called another address than Resend's: the end of ``…/emails/stopped/<reason>``."""
    address, _, reason = uri.rpartition("/")
    return Reason(reason) if address.endswith("/stopped") else None
