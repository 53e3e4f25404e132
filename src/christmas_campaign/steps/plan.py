"""The step ``plan``: an event and what Notion knows of the contact to everything that an enrolment writes and schedules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign import notion_schema as schema
from christmas_campaign import plan, settings
from christmas_campaign.intake import Event
from christmas_campaign.steps import data_source, labelled, ready_made, results

#: The look-ups of databases that the flow hands over, and what people call each.
DATABASES = {
    "pages": schema.SEQUENCE_PAGES.title,
    "templates": schema.TEMPLATES.title,
    "analytics": schema.ANALYTICS.title,
}


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``event``, ``contacts``, ``pages``, and ``…_database`` for each of ``DATABASES`` (responses), ``record`` (of an
    earlier enrolment for the same event that was not finished, or ``None``), ``settings``.

    Outputs: as ``plan.plan`` gives them, with ``record`` and the bodies of ``contact`` and ``page`` ready-made.
    """
    outputs = plan.plan(
        Event.from_json(context["event"]),
        contacts=results(context["contacts"], "the look-up in BusinessX"),
        pages=results(context["pages"], "the look-up in Email Sequence"),
        begun=context.get("record") is not None,
        sources={name: data_source(context[f"{name}_database"], title) for name, title in DATABASES.items()},
        settings=settings.read(context["settings"]),
        now=now,
    )
    if not outputs["go"]:
        return labelled(outputs)
    outputs["record"] = ready_made(outputs["record"])
    outputs["page"]["body"] = ready_made(outputs["page"]["body"])
    if outputs["contact"] is not None:
        outputs["contact"]["body"] = ready_made(outputs["contact"]["body"])
    return labelled(outputs)
