"""The step ``template_query``: the Notion query for the template of an e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import notion_names
from christmas_campaign.enrolment.record import Record
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values, schema
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.steps.outputs import json_text


class Outputs(TypedDict):
    """The path and the body of the query.

    Both are empty if the enrolment has expired, or if this release does not have the e-mail.
    """

    path: str
    body: str


def step(context: Mapping[str, Any], _now: datetime) -> Outputs:
    """Context: ``number``, and ``record`` from the KV store (``None``: it has expired)."""
    record = Record.from_json(context["record"]) if context.get("record") else None
    number = context["number"]
    if record is None or number not in record.emails or record.is_withdrawn(number):
        return {"path": "", "body": ""}
    template = sequence(record.event.sequence).email(number).template
    return {"path": path(record), "body": json_text(query(template))}


def path(record: Record) -> str:
    """Return the Notion path of the query for a template of this enrolment."""
    return f"/v1/data_sources/{record.sources['templates']}/query"


def query(name: str) -> JsonObject:
    """Return the body of the Notion query for the active templates of this name."""
    return {
        "filter": {
            "and": [
                page_values.equals(schema.TEMPLATES, notion_names.TEMPLATE_NAME, name),
                page_values.equals(schema.TEMPLATES, notion_names.TEMPLATE_STATUS, notion_names.TEMPLATE_ACTIVE),
            ]
        }
    }
