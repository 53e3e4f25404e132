"""The step ``judge_template``: the verdict on a template that Notion has just returned, for the copy in the KV store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.email import compose
from christmas_campaign.json_types import JsonObject
from christmas_campaign.steps import kept_verdicts, result_pages


class Outputs(TypedDict):
    """``verdict``: the verdict on the HTML of the active template (``email.verdict``).

    ``None`` if Notion did not return exactly one active template.
    """

    verdict: JsonObject | None


def step(context: Mapping[str, Any], _now: datetime) -> Outputs:
    """Context: ``template``, Notion's response with status 200 to the query for the template.

    Raises ``UnusableContext`` if the response is unusable.
    """
    active = compose.active_templates(result_pages(context["template"], "the look-up in Email Templates"))
    return {"verdict": kept_verdicts.verdict_of(active)}
