"""The step ``template_query``: the Notion query for the template of an e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.email import gate
from christmas_campaign.enrolment.record import Record
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
    return {
        "path": f"/v1/data_sources/{record.sources['templates']}/query",
        "body": json_text(gate.template_query(template)),
    }
