"""The step ``settle_email``: decides the outcome of an e-mail, and everything that has to be recorded about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import lane, result
from christmas_campaign.email.gate import Refused
from christmas_campaign.email.result import Answer, Recorded, Verdict
from christmas_campaign.email.retry import PutOff
from christmas_campaign.enrolment.alerts import Pages
from christmas_campaign.enrolment.record import Record, labels, time_to_live
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion.page_values import Page
from christmas_campaign.steps import UnusableContext, parse_json, with_responses
from christmas_campaign.steps.outputs import Result, failure_alert, json_text, labels_text, read_settings
from christmas_campaign.steps.refusals import read_refusal
from christmas_campaign.stops import rules

#: The end of the address that the task `send` calls if the e-mail must not be sent any more.
HELD_BACK = "/held-back"


class Outputs(TypedDict):
    """Each text is empty if there is nothing to do.

    - ``ledger``: the ledger's entry; ``ttl``: its lifetime (ISO 8601 duration);
    - ``stamp``: the body that updates the contact's page; ``analytics``: the body that creates the analytics page;
    - ``rest``: how long the lane rests (ISO 8601 duration);
    - ``needs_follow_up``: whether the flow `email-follow-up` is needed; ``follow_up``: its input ``decision``;
    - ``log``: a line for the execution's log.

    Entries, bodies and inputs are JSON texts.
    """

    outcome: Outcome
    reason: Reason | None
    detail: str
    ledger: str
    ttl: str
    stamp: str
    analytics: str
    labels: str
    rest: str
    follow_up: str
    needs_follow_up: bool
    log: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context:

    - ``enrolment``, ``number``, ``tries``, ``settings``, ``testing_mode``;
    - ``record``, ``page_id``, ``stopped`` (the contact's stops): entries of the KV store (``None``: there is none);
    - ``prepared``: the outputs of ``prepare_email``;
    - ``page``: Notion's response; ``answer``: Resend's response with the ``uri`` that was called (``None``: no response).

    Raises ``UnusableContext`` if the record was deleted while the e-mail was sent.
    """
    context = with_responses(context, "page", "answer")
    settings = read_settings(context)
    record = Record.from_json(context["record"]) if context.get("record") else None
    refusal = context["prepared"].get("refusal")
    refused = read_refusal(refusal) if refusal else None
    if record is None or (refused is not None and not context["prepared"]["opened"]):
        if refused is None:
            raise UnusableContext("the enrolment was deleted from the KV store while its e-mail was sent")
        return _outputs(context, _settle_at_gate(context, refused, record, now), record, settings, now)
    return _outputs(context, _settle(context, record, refused, settings, now), record, settings, now)


def _settle_at_gate(
    context: Mapping[str, Any], refused: Refused, record: Record | None, now: datetime
) -> Recorded | PutOff | Refused:
    """Return what is recorded about an e-mail that the gate refused. Nothing is, if it was sent before or has no enrolment."""
    if refused.date is not None:
        return PutOff(refused.reason, refused.detail, refused.date, context["tries"])
    if record is None or refused.ledger is None:
        return refused
    return result.settle_refused(
        refused,
        record,
        context["number"],
        page_id=context["page_id"],
        page=_page(context),
        done=context["prepared"]["done"],
        now=now,
    )


def _settle(
    context: Mapping[str, Any], record: Record, refused: Refused | None, settings: Settings, now: datetime
) -> Recorded | PutOff:
    """Return what is recorded about an e-mail that passed the gate, sent or not."""
    claimed = context["prepared"].get("claimed_at")
    claimed_at = times.parse(claimed) if claimed else None
    return result.settle(
        record,
        context["number"],
        _verdict(context, record, refused, claimed_at or now, now),
        tries=context["tries"],
        claimed_at=claimed_at,
        page=_page(context),
        done=context["prepared"]["done"],
        settings=settings,
        now=now,
    )


def _page(context: Mapping[str, Any]) -> Page | None:
    response = context.get("page")
    return parse_json(response["body"]) if response is not None and response["code"] == 200 else None


def _verdict(
    context: Mapping[str, Any], record: Record, refused: Refused | None, claimed_at: datetime, now: datetime
) -> Verdict:
    if refused is not None:
        return Verdict(refused.outcome, refused.reason, refused.detail)
    answer = context.get("answer")
    if answer is None:
        return result.judge(None, claimed_at, now)
    held_back = (answer.get("uri") or "").endswith(HELD_BACK)
    stop = rules.ending_stop(rules.read(context.get("stopped")), record.event) if held_back else None
    code, body = answer["code"], answer.get("body") or ""
    return result.judge(Answer(code, body, stop.reason if stop else None, held_back), claimed_at, now)


def _outputs(
    context: Mapping[str, Any],
    decision: Recorded | PutOff | Refused,
    record: Record | None,
    settings: Settings,
    now: datetime,
) -> Outputs:
    who = labels(record.event, context["enrolment"]) if record else {}
    recorded = decision if isinstance(decision, Recorded) else None
    follow_up = _follow_up(context, decision, record)
    return {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "detail": decision.detail,
        "ledger": json_text(recorded.ledger.as_json()) if recorded else "",
        "ttl": time_to_live(record.emails[record.last], now) if record else "",
        "stamp": json_text(recorded.stamp) if recorded and recorded.stamp else "",
        "analytics": json_text(recorded.analytics) if recorded else "",
        "labels": labels_text(decision, **who),
        "rest": _rest(context, decision, settings, now),
        "follow_up": json_text(follow_up),
        "needs_follow_up": bool(follow_up),
        "log": decision.detail,
    }


def _rest(context: Mapping[str, Any], decision: Result, settings: Settings, now: datetime) -> str:
    """Return how long the lane rests. In a paused campaign it needs no rest, because it waits."""
    began = times.parse(context["prepared"]["began"])
    rest = timedelta(0) if decision.reason is Reason.PAUSED else lane.rest(began, settings, now)
    return f"PT{rest.total_seconds():.3f}S" if rest else ""


def _follow_up(context: Mapping[str, Any], decision: Recorded | PutOff | Refused, record: Record | None) -> JsonObject:
    if isinstance(decision, PutOff):
        paused = decision.reason is Reason.PAUSED
        return {"paused": paused, "date": times.text(decision.date), "tries": decision.tries}
    if decision.outcome is not Outcome.FAILED:
        return {}
    event, pages = record.event if record else None, Pages(context.get("page_id"))
    alert = failure_alert(decision, event, context["enrolment"], context["number"], pages)
    alert_inputs: JsonObject | None = {"key": alert["key"], "message": alert["message"]} if alert else None
    return {"failed": True, "detail": decision.detail, "alert": alert_inputs}
