"""The step ``settle``: what became of an e-mail to everything that is written down about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign.campaign import settings, times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import result
from christmas_campaign.enrolment.alerts import Pages
from christmas_campaign.enrolment.record import Record, labels, time_to_live
from christmas_campaign.steps import labelled, parsed, ready_made, with_alert


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``enrolment``, ``number``, ``tries``, ``record`` (from the KV store), ``composed`` (what ``compose`` decided,
    without the request), ``answer`` (Resend's response with the ``uri`` that was called, ``None`` for none), ``page``
    (response, ``None`` for none), ``settings``; not from runs of older revisions of the flow: ``done`` and ``page_id`` (as
    ``gate`` gave them).

    Outputs: as ``settle.settle`` gives them, with ``ledger`` and the bodies ready-made, ``ttl`` for the ledger, and ``alert``
    when the e-mail has failed.
    """
    record = Record.from_json(context["record"])
    page = context.get("page")
    composed = context["composed"]
    claimed_at = times.parse(composed["claimed_at"]) if composed.get("claimed_at") else None
    outputs = result.settle(
        record,
        context["number"],
        _verdict(composed, claimed_at, context.get("answer"), now),
        tries=context.get("tries", 0),
        claimed_at=claimed_at,
        page=parsed(page.get("body")) if page is not None and page.get("code") == 200 else None,
        done=context.get("done") or (),
        settings=settings.read(context["settings"]),
        now=now,
    )
    outputs["ttl"] = time_to_live(record.emails[record.last], now)
    for name in ("ledger", "analytics", "stamp"):
        if outputs.get(name) is not None:
            outputs[name] = ready_made(outputs[name])
    outputs = with_alert(outputs, record.event, context["enrolment"], context["number"], Pages(context.get("page_id")))
    return labelled(outputs, **labels(record.event, context["enrolment"]))


def _verdict(
    composed: Mapping[str, Any], claimed_at: datetime | None, answer: Mapping[str, Any] | None, now: datetime
) -> result.Verdict:
    if not composed["send"] or claimed_at is None:
        return result.Verdict(Outcome(composed["outcome"]), Reason(composed["reason"]), composed["detail"])
    if answer is None:
        return result.judge(None, claimed_at, now)
    said = result.Answer(answer["code"], answer.get("body") or "", _stopped(answer.get("uri") or ""))
    return result.judge(said, claimed_at, now)


def _stopped(uri: str) -> Reason | None:
    """Why the flow did not call Resend's own address, from the one that it called: ``…/emails/stopped/<reason>``."""
    address, _, reason = uri.rpartition("/")
    return Reason(reason) if address.endswith("/stopped") else None
