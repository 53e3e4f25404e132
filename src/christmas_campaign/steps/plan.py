"""The step ``plan``: an event and what Notion knows of the contact to everything that an enrolment writes and schedules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign import notion_schema as schema
from christmas_campaign import plan, settings
from christmas_campaign.enrolment import Record, labels
from christmas_campaign.intake import Event
from christmas_campaign.steps import data_source, labelled, ready_made, results

#: The look-ups of databases that the flow hands over, and what people call each.
DATABASES = {
    "pages": schema.SEQUENCE_PAGES.title,
    "templates": schema.TEMPLATES.title,
    "analytics": schema.ANALYTICS.title,
    "portals": schema.PORTALS.title,
}


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``event``, ``contacts``, ``pages``, and ``…_database`` for each of ``DATABASES`` (responses), ``portals`` with
    its database (``None`` where no portal is made), ``record`` (of an earlier enrolment for the same event that was not
    finished, or ``None``), ``signup`` (the record of the contact's signup, or ``None``), ``settings``.

    Outputs: as ``plan.plan`` gives them, with ``record``, ``portal``, ``alert`` and the bodies of ``contact`` and ``page``
    ready-made.
    """
    portals, signup = context.get("portals"), context.get("signup")
    sources = {
        name: data_source(context[f"{name}_database"], title)
        for name, title in DATABASES.items()
        if context.get(f"{name}_database")
    }
    event = Event.from_json(context["event"])
    outputs = plan.plan(
        event,
        contacts=results(context["contacts"], "the look-up in BusinessX"),
        pages=results(context["pages"], "the look-up in Email Sequence"),
        portals=results(portals, "the look-up in Customer Projects") if portals else (),
        begun=context.get("record") is not None,
        signup=Record.from_json(signup).event if signup else None,
        sources=sources,
        settings=settings.read(context["settings"]),
        now=now,
    )
    if not outputs["go"]:
        return labelled(outputs, **labels(event))
    for name in ("record", "portal", "alert"):
        if outputs[name] is not None:
            outputs[name] = ready_made(outputs[name])
    outputs["page"]["body"] = ready_made(outputs["page"]["body"])
    if outputs["contact"] is not None:
        outputs["contact"]["body"] = ready_made(outputs["contact"]["body"])
    return labelled(outputs, **labels(event))
