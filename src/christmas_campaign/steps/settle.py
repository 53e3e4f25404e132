"""The step ``settle``: what became of an e-mail to everything that is written down about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign import settle
from christmas_campaign.enrolment import Record, time_to_live
from christmas_campaign.reasons import Outcome, Reason
from christmas_campaign.steps import labelled, parsed, ready_made


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``number``, ``record`` (from the KV store), ``composed`` (what ``compose`` decided, without the request),
    ``answer`` (Resend's response, ``None`` for none), ``page`` (response).

    Outputs: as ``settle.settle`` gives them, with ``ledger`` and the bodies ready-made, and ``ttl`` for the ledger.
    """
    record = Record.from_json(context["record"])
    page = context["page"]
    outputs = settle.settle(
        record,
        context["number"],
        _verdict(context["composed"], context.get("answer")),
        page=parsed(page.get("body")) if page.get("code") == 200 else None,
        now=now,
    )
    outputs["ttl"] = time_to_live(record.emails[record.last], now)
    for name in ("ledger", "analytics", "stamp"):
        if outputs.get(name) is not None:
            outputs[name] = ready_made(outputs[name])
    return labelled(outputs, **record.labels)


def _verdict(composed: Mapping[str, Any], answer: Mapping[str, Any] | None) -> settle.Verdict:
    if not composed["send"]:
        return settle.Verdict(Outcome(composed["outcome"]), Reason(composed["reason"]), composed["detail"])
    if answer is None:
        return settle.judge(None)
    return settle.judge(settle.Answer(answer["code"], answer.get("body") or ""))
