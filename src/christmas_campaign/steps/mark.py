"""The step ``mark``: what the pages of a contact have to say, now that a stop that holds for good was set or lifted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import delivery_outcome, retry
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion.page_values import PageUpdate
from christmas_campaign.steps import labelled, parsed, with_answers
from christmas_campaign.steps.outputs import read_settings, retry_outputs
from christmas_campaign.steps.page_writes import PageWrite, page_write
from christmas_campaign.stops import marks, rules


class Outputs(TypedDict):
    """What the step hands to the flow.

    ``later`` is what becomes of the run if Notion does not answer or does not take an update: as ``retry_outputs`` gives it,
    with labels. ``rest`` is how many milliseconds the next run waits.
    """

    outcome: Outcome
    updates: list[PageWrite]
    later: JsonObject
    rest: int
    labels: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``contact`` (the opaque id), ``tries``, ``known`` (whether it is kept where the contact's pages are), ``pages``
    (response, ``None`` for none), ``stopped`` (what the KV store has of the contact's stops, or ``None``), ``settings``.
    """
    context = with_answers(context, "pages")
    given = read_settings(context)
    pages, contact = context.get("pages"), str(context["contact"])
    put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context.get("tries", 0), given, now)
    outcome = Outcome.REPORTED
    updates: list[PageUpdate] = []
    if not context["known"]:
        outcome = Outcome.SKIPPED
    elif pages is None or pages.get("code") != 200:
        outcome = Outcome.DEFERRED
    else:
        found = parsed(pages.get("body")).get("results") or []
        updates = marks.updates(found, rules.read(context.get("stopped")))
    return {
        "outcome": outcome,
        "updates": [page_write(update) for update in updates],
        "later": labelled(retry_outputs(put_off), contact=contact),
        "rest": delivery_outcome.pause(given) // timedelta(milliseconds=1) if context["known"] else 0,
        "labels": labelled({"outcome": outcome}, contact=contact)["labels"],
    }
