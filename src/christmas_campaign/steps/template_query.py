"""The step ``template_query``: which templates Notion is asked for before an e-mail is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.email import gate
from christmas_campaign.enrolment.record import Record
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.steps.outputs import ready_made


class Outputs(TypedDict):
    """The path and the body of the query.

    Both are empty where there is nothing to ask for: the enrolment is not known any more, or this release does not have the
    e-mail.
    """

    path: str
    body: str


def step(context: Mapping[str, Any], _now: datetime) -> Outputs:
    """Context: ``number``, and ``record`` from the KV store (``None`` if it is not there)."""
    record = Record.from_json(context["record"]) if context.get("record") else None
    number = context["number"]
    if record is None or number not in record.emails or record.is_withdrawn(number):
        return {"path": "", "body": ""}
    template = sequence(record.event.sequence).email(number).template
    return {
        "path": f"/v1/data_sources/{record.sources['templates']}/query",
        "body": ready_made(gate.template_query(template)),
    }
