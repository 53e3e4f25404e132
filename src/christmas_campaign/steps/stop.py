"""The step ``stop``: what is kept of a contact who is stopped, or let go on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events.arrival import arrival
from christmas_campaign.steps import UnusableContext, ready_made
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import RULES, Lift, Lifts, Source, Stop


class Outputs(TypedDict):
    """What the step hands to the flow.

    ``kept`` is the new entry of the KV store, ready-made. It replaces only the entry that ``seen`` (as the context had it)
    says. ``mark`` says whether the contact's pages in Notion may need a change.
    """

    kept: str
    seen: str | None
    mark: bool


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``kept`` (what the KV store has of the contact, or ``None``), ``reason`` (empty: she is let go on), ``by``, and
    from newer revisions of the flow ``at``, the time that counts (empty: now), ``lift``, how she is let go on, ``booking``,
    the only booking that the reason ends (empty: it ends sequences), and ``seen``, what is kept as text.

    A contact whose stops are lifted keeps an entry: without one, an older run of the flow `stop` could still write what it had
    decided. Raises ``UnusableContext`` for an unknown reason, source or way to lift.
    """
    held, lifts = rules.read(context.get("kept")), rules.lifts(context.get("kept")) or Lifts()
    at = arrival(context.get("at"), now)
    if context["reason"]:
        new = Stop(_reason(context["reason"]), at, _source(context["by"]), context.get("booking") or None)
        mark = rules.holds_for_good(new)
        held = rules.unsubscribe(held, new, lifts.back) if new.by is Source.CONTACT else rules.add(held, new)
    else:
        lift = _lift(context.get("lift") or Lift.LET_GO)
        mark = lift is not Lift.LET_GO
        if lift is Lift.UNSUBSCRIBED:
            held, lifts = rules.take_back(held, at), lifts._replace(back=max(lifts.back or at, at))
        else:
            held = rules.lift(held, also_for_good=lift is Lift.ALSO_FOR_GOOD)
            if lift is Lift.ALSO_FOR_GOOD:
                lifts = lifts._replace(lifted=max(lifts.lifted or at, at))
    return {
        "kept": ready_made({**rules.as_json(held, lifts), "changed": times.text(now)}),
        "seen": context.get("seen"),
        "mark": mark,
    }


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


def _lift(word: str) -> Lift:
    try:
        return Lift(word)
    except ValueError:
        raise UnusableContext(f"how a contact is let go on must be one of {', '.join(Lift)}") from None
