"""The step ``find_databases``: Notion's answers about the campaign's databases to the ids of their data sources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.notion import schema
from christmas_campaign.steps import data_source, ready_made

#: What the flows call the data source of each database: as the look-ups of an event.
NAMES: dict[str, schema.Database] = {
    "contact": schema.CONTACTS,
    "pages": schema.SEQUENCE_PAGES,
    "templates": schema.TEMPLATES,
    "analytics": schema.ANALYTICS,
    "portals": schema.PORTALS,
}


class Outputs(TypedDict):
    """What the flow reads: ``kept``, the entry for the KV store, ready-made; empty when an answer is missing."""

    kept: str


def step(context: Mapping[str, Any], _now: datetime) -> Outputs:
    """Context: ``answers``, a response for each database by the name of its setting (without ``code``: Notion did not answer).

    Raises ``UnusableContext`` when Notion refused one.
    """
    answers = {name: context["answers"].get(database.setting) or {} for name, database in NAMES.items()}
    answered = {name: answer for name, answer in answers.items() if answer.get("code") is not None}
    ids = {name: data_source(answer, NAMES[name].title) for name, answer in answered.items()}
    return {"kept": ready_made(ids) if len(ids) == len(NAMES) else ""}
