"""The step ``stop``: what is kept of a contact who is stopped, or let go on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign import stops, times
from christmas_campaign.reasons import Reason
from christmas_campaign.steps import UnusableContext, ready_made
from christmas_campaign.stops import RULES, Source, Stop


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``kept`` (what the KV store has of the contact, or ``None``), ``reason`` (empty: she is let go on), ``by``,
    ``at`` (since when it holds, a time; empty: now) and ``booking`` (the only booking that it ends; empty: it ends sequences).

    Outputs: ``kept``, what the KV store is to have, ready-made (``None``: no entry). Raises ``UnusableContext`` for a reason or
    a source that is none.
    """
    held = stops.read(context.get("kept"))
    if context["reason"]:
        at = min(times.parse(context["at"]), now) if context.get("at") else now
        new = Stop(_reason(context["reason"]), at, _source(context["by"]), context.get("booking") or None)
        held = stops.add(held, new)
    else:
        held = stops.let_go(held)
    return {"kept": ready_made(stops.as_json(held)) if held else None}


def _reason(word: str) -> Reason:
    for reason in RULES:
        if reason == word:
            return reason
    raise UnusableContext(f"the reason to stop must be one of {', '.join(RULES)}")


def _source(word: str) -> Source:
    try:
        return Source(word)
    except ValueError:
        raise UnusableContext(f"who stops a contact must be one of {', '.join(Source)}") from None
