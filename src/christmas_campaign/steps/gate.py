"""The step ``gate``: whether the turn of an e-mail that is due has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign import gate, settings
from christmas_campaign.enrolment import Record, Settled
from christmas_campaign.steps import labelled, ready_made


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``number``, ``record``, ``page_id``, ``own`` and ``before`` (from the KV store, ``None`` if not there),
    ``settings``.

    Outputs: as ``gate.gate`` gives them, with ``template_query`` ready-made.
    """
    kept, own, before = context.get("record"), context.get("own"), context.get("before")
    record = Record.from_json(kept) if kept else None
    outputs = gate.gate(
        context["number"],
        record=record,
        page_id=context.get("page_id"),
        own=Settled.from_json(own) if own else None,
        before=Settled.from_json(before) if before else None,
        settings=settings.read(context["settings"]),
        now=now,
    )
    if not outputs["go"]:
        return labelled(outputs, **(record.labels if record else {}))
    outputs["template_query"] = ready_made(outputs["template_query"])
    return outputs
