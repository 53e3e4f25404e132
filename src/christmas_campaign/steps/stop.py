"""The step ``stop``: adds a stop to a contact's stops, or lifts some of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events.arrival import arrival
from christmas_campaign.steps import UnusableContext, json_text
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import RULES, Lift, Lifts, Source, Stop


class Outputs(TypedDict):
    """``kept`` is the new entry of the KV store as JSON text. It replaces the old entry only if that still equals ``seen``,
    which is passed on from the context. ``mark``: whether the contact's pages in Notion may need a change.
    """

    kept: str
    seen: str | None
    mark: bool


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context:

    - ``kept``: the contact's entry in the KV store (``None``: there is none); ``seen``: the same as text;
    - ``reason`` of the stop (empty: stops are lifted), ``by``: its source;
    - ``at``: the time that counts (ISO 8601; empty: now);
    - ``lift``: which stops are lifted; ``booking``: the only booking that the stop ends (empty: it ends sequences).

    The first revisions of the flow have only ``kept``, ``reason`` and ``by``. A contact whose stops are lifted keeps an entry,
    because otherwise an older execution of the flow `stop` could still write its decision.

    Raises ``UnusableContext`` for an unknown reason, source or lift.
    """
    stops, lifts = rules.read(context.get("kept")), rules.lifts(context.get("kept")) or Lifts()
    at = arrival(context.get("at"), now)
    if context["reason"]:
        new = Stop(_reason(context["reason"]), at, _source(context["by"]), context.get("booking") or None)
        mark = rules.holds_for_good(new)
        stops = rules.unsubscribe(stops, new, lifts.back) if new.by is Source.CONTACT else rules.add(stops, new)
    else:
        lift = _lift(context.get("lift") or Lift.LET_GO)
        mark = lift is not Lift.LET_GO
        if lift is Lift.UNSUBSCRIBED:
            stops, lifts = rules.take_back(stops, at), lifts._replace(back=max(lifts.back or at, at))
        else:
            stops = rules.lift(stops, also_for_good=lift is Lift.ALSO_FOR_GOOD)
            if lift is Lift.ALSO_FOR_GOOD:
                lifts = lifts._replace(lifted=max(lifts.lifted or at, at))
    return {
        "kept": json_text({**rules.as_json(stops, lifts), "changed": times.text(now)}),
        "seen": context.get("seen"),
        "mark": mark,
    }


def _reason(word: str) -> Reason:
    for reason in RULES:
        if reason == word:
            return reason
    raise UnusableContext(f"the reason of a stop must be one of {', '.join(RULES)}")


def _source(word: str) -> Source:
    try:
        return Source(word)
    except ValueError:
        raise UnusableContext(f"the source of a stop (`by`) must be one of {', '.join(Source)}") from None


def _lift(word: str) -> Lift:
    try:
        return Lift(word)
    except ValueError:
        raise UnusableContext(f"`lift` must be one of {', '.join(Lift)}") from None
