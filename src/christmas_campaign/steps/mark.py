"""The step ``mark``: what the pages of a contact have to say, now that a stop that holds for good was set or lifted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import delivery_outcome, retry
from christmas_campaign.steps import labelled, parsed, ready_made
from christmas_campaign.steps.outputs import retry_outputs
from christmas_campaign.stops import marks, rules


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``contact`` (the opaque id), ``tries``, ``known`` (whether it is kept where the contact's pages are), ``pages``
    (response, ``None`` for none), ``stopped`` (what the KV store has of the contact's stops, or ``None``), ``settings``.

    Outputs: ``outcome``; ``updates``, a path and a ready-made body each; ``later``, what becomes of the run if Notion does not
    answer or does not take an update, as ``again.put_off`` gives it with labels; ``rest``, how many milliseconds the next run
    waits; ``labels``.
    """
    given = settings.read(context["settings"])
    pages, contact = context.get("pages"), str(context["contact"])
    put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context.get("tries", 0), given, now)
    outputs: dict[str, Any] = {
        "outcome": Outcome.REPORTED,
        "updates": [],
        "later": labelled(retry_outputs(put_off), contact=contact),
        "rest": delivery_outcome.pause(given) // timedelta(milliseconds=1) if context["known"] else 0,
    }
    if not context["known"]:
        outputs["outcome"] = Outcome.SKIPPED
    elif pages is None or pages.get("code") != 200:
        outputs["outcome"] = Outcome.DEFERRED
    else:
        found = parsed(pages.get("body")).get("results") or []
        updates = marks.updates(found, rules.read(context.get("stopped")))
        outputs["updates"] = [{"path": each.path, "body": ready_made(each.body)} for each in updates]
    return labelled(outputs, contact=contact)
