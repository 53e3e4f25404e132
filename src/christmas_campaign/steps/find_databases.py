"""The step ``find_databases``: reads the ids of the data sources from Notion's responses about the databases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.notion import schema
from christmas_campaign.steps import data_source, json_text

#: The names of the data sources in the flows. They are those of an event's look-ups.
NAMES: dict[str, schema.Database] = {
    "contact": schema.CONTACTS,
    "pages": schema.SEQUENCE_PAGES,
    "templates": schema.TEMPLATES,
    "analytics": schema.ANALYTICS,
    "portals": schema.PORTALS,
}


class Outputs(TypedDict):
    """``kept`` is the entry for the KV store as JSON text; empty if a response is missing."""

    kept: str


def step(context: Mapping[str, Any], _now: datetime) -> Outputs:
    """Context: ``answers``, a response for each database by the name of its setting (without ``code``: no response).

    Raises ``UnusableContext`` if Notion refused a look-up.
    """
    answers = {name: context["answers"].get(database.setting) or {} for name, database in NAMES.items()}
    answered = {name: answer for name, answer in answers.items() if answer.get("code") is not None}
    ids = {name: data_source(answer, NAMES[name].title) for name, answer in answered.items()}
    return {"kept": json_text(ids) if len(ids) == len(NAMES) else ""}
