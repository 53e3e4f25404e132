"""A refusal as JSON: `prepare_email` passes it to `settle_email`, which records why an e-mail is not sent."""

from __future__ import annotations

from typing import TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email.gate import PageNote, Refused
from christmas_campaign.enrolment.record import LedgerEntry
from christmas_campaign.json_types import JsonObject


class PageNoteJson(TypedDict):
    """The fields of ``PageNote``."""

    path: str
    properties: JsonObject
    unless: str | None


class RefusalJson(TypedDict):
    """The fields of ``Refused``, times as text (UTC)."""

    outcome: Outcome
    reason: Reason
    detail: str
    date: str | None
    ledger: JsonObject | None
    page: PageNoteJson | None


def refusal_json(refused: Refused) -> RefusalJson:
    """Return the refusal for an execution's outputs."""
    return {
        "outcome": refused.outcome,
        "reason": refused.reason,
        "detail": refused.detail,
        "date": times.text(refused.date) if refused.date else None,
        "ledger": refused.ledger.as_json() if refused.ledger else None,
        "page": _page_json(refused.page) if refused.page else None,
    }


def _page_json(note: PageNote) -> PageNoteJson:
    return {"path": note.path, "properties": note.properties, "unless": note.unless}


def read_refusal(value: RefusalJson) -> Refused:
    """Return the refusal that ``refusal_json`` wrote. Kestra leaves out fields that are ``None``."""
    date, ledger, page = value.get("date"), value.get("ledger"), value.get("page")
    return Refused(
        outcome=Outcome(value["outcome"]),
        reason=Reason(value["reason"]),
        detail=value["detail"],
        date=times.parse(date) if date else None,
        ledger=LedgerEntry.from_json(ledger) if ledger else None,
        page=PageNote(page["path"], page["properties"], page.get("unless")) if page else None,
    )
