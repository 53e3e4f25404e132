"""The step ``mark``: how a contact's pages change after a permanent stop was set or lifted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import delivery_outcome, retry
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion.page_values import PageUpdate
from christmas_campaign.steps import parse_json, with_labels, with_responses
from christmas_campaign.steps.outputs import read_settings, retry_outputs
from christmas_campaign.steps.page_writes import PageWrite, page_write
from christmas_campaign.stops import marks, rules


class Outputs(TypedDict):
    """``updates`` are the requests that change the pages.

    ``later`` is the retry if Notion does not answer or refuses an update (``RetryOutputs`` with labels). ``rest`` is how long
    the flow waits before its next execution starts, in milliseconds.
    """

    outcome: Outcome
    updates: list[PageWrite]
    later: JsonObject
    rest: int
    labels: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context:

    - ``contact``: the opaque id; ``tries``; ``settings``, ``testing_mode``;
    - ``known``: whether the KV store has a query for the contact's pages;
    - ``pages``: the response to that query (``None``: no response);
    - ``stopped``: the contact's stops in the KV store (``None``: there are none).
    """
    context = with_responses(context, "pages")
    settings = read_settings(context)
    pages, contact = context.get("pages"), str(context["contact"])
    put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context.get("tries", 0), settings, now)
    outcome = Outcome.REPORTED
    updates: list[PageUpdate] = []
    if not context["known"]:
        outcome = Outcome.SKIPPED
    elif pages is None or pages.get("code") != 200:
        outcome = Outcome.DEFERRED
    else:
        results = parse_json(pages.get("body")).get("results") or []
        updates = marks.updates(results, rules.read(context.get("stopped")))
    return {
        "outcome": outcome,
        "updates": [page_write(update) for update in updates],
        "later": with_labels(retry_outputs(put_off), contact=contact),
        "rest": delivery_outcome.pause(settings) // timedelta(milliseconds=1) if context["known"] else 0,
        "labels": with_labels({"outcome": outcome}, contact=contact)["labels"],
    }
