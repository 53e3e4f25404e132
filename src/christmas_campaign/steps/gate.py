"""The step ``gate``, for executions of releases up to 0.4: decides whether it is the turn of a due e-mail."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from christmas_campaign.campaign import settings, times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import gate, result
from christmas_campaign.email.gate import EmailState, PageNote, Refused
from christmas_campaign.enrolment.alerts import Pages, TeamAlert, about
from christmas_campaign.enrolment.record import LedgerEntry, Record, labels, time_to_live
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.steps import template_query
from christmas_campaign.steps.outputs import failure_alert, json_text, labels_text
from christmas_campaign.stops import rules


class LastLook(TypedDict):
    """How the task `send` of these releases checks the contact's suppressions.

    ``key`` is the KV key of the contact's suppressions. ``received`` is when the event arrived, in milliseconds since 1970.
    ``booking`` is the opaque id of the event's booking, or ``none``.
    """

    key: str
    sequence: str
    received: int
    booking: str


class Outputs(TypedDict):
    """``go``: whether the gate is open.

    If it is open:

    - ``page_path`` and ``templates_path``: the Notion paths of the contact's page and of the query for the template;
      ``template_query``: the body of that query; ``template_key``: the KV key of the cached template;
    - ``stop``: what the task `send` needs to check the contact's suppressions again (``LastLook``);
    - ``done``: the numbers of the other e-mails that are sent or skipped; ``page_id`` from the context; ``about``
      (``About.as_json``) for an alert;
    - ``turn``: when the execution began and passed the gate (milliseconds since 1970), with no time to wait for.

    If not: the fields of ``gate.Refused``; for a settled e-mail ``ttl``, the lifetime of its ledger entry, and ``analytics``,
    the body of its analytics page; ``tries`` for the next execution, and ``alert`` for a failure. Bodies and entries are JSON
    texts.
    """

    go: bool
    page_path: NotRequired[str]
    templates_path: NotRequired[str]
    template_query: NotRequired[str]
    template_key: NotRequired[str]
    stop: NotRequired[LastLook]
    done: NotRequired[list[int]]
    page_id: NotRequired[str | None]
    about: NotRequired[Mapping[str, str]]
    turn: NotRequired[Mapping[str, int]]
    tries: NotRequired[int]
    outcome: NotRequired[Outcome]
    reason: NotRequired[Reason]
    detail: NotRequired[str]
    date: NotRequired[str]
    ledger: NotRequired[str]
    page: NotRequired[Mapping[str, str | None] | None]
    analytics: NotRequired[str]
    alert: NotRequired[TeamAlert | None]
    ttl: NotRequired[str]
    labels: NotRequired[str]


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context:

    - ``enrolment``, ``number``, ``tries``, ``settings``;
    - ``record``, ``page_id``, ``own``, ``before``, ``stopped``, ``as_of``: entries of the KV store (``None``: there is none);
    - ``paused``, ``resumed`` (the time of the last resume, or ``None``);
    - ``began``: when Kestra began the execution (milliseconds since 1970);
    - ``mails``: the enrolment's ledger entries by number (missing in older revisions).
    """
    state = _state(context)
    decision = gate.gate(context["number"], state, settings.read(context["settings"]), now)
    if decision is not None:
        return _refused(context, state, decision, now)
    return _open(context, state, Record.from_json(context["record"]), now)


def _state(context: Mapping[str, Any]) -> EmailState:
    record, own, before = context.get("record"), context.get("own"), context.get("before")
    return EmailState(
        record=Record.from_json(record) if record else None,
        page_id=context.get("page_id"),
        own=LedgerEntry.from_json(own) if own else None,
        before=LedgerEntry.from_json(before) if before else None,
        suppressions=rules.read(context.get("stopped")),
        paused=context.get("paused", False),
        resumed=times.parse(context["resumed"]) if context.get("resumed") else None,
        entries=_entries(context),
    )


def _refused(context: Mapping[str, Any], state: EmailState, refused: Refused, now: datetime) -> Outputs:
    enrolment, number, record = context["enrolment"], context["number"], state.record
    who = labels(record.event, enrolment) if record else {}
    outputs: Outputs = {
        "tries": context.get("tries", 0),
        "go": False,
        "outcome": refused.outcome,
        "reason": refused.reason,
        "detail": refused.detail,
        "alert": failure_alert(refused, record.event if record else None, enrolment, number, _pages(state)),
        "labels": labels_text(refused, **who),
    }
    if refused.date is not None:
        outputs["date"] = times.text(refused.date)
    if record is None or state.page_id is None or refused.ledger is None:
        return outputs
    records = result.at_gate(refused, record, number, page_id=state.page_id, done=_done(context), now=now)
    outputs["ledger"] = json_text(refused.ledger.as_json())
    outputs["ttl"] = time_to_live(record.emails[record.last], now)
    outputs["analytics"] = json_text(records.analytics)
    outputs["page"] = _page(records.page) if records.page else None
    return outputs


def _page(update: PageNote) -> dict[str, str | None]:
    return {"path": update.path, "body": json_text({"properties": update.properties}), "unless": update.unless}


def _open(context: Mapping[str, Any], state: EmailState, record: Record, now: datetime) -> Outputs:
    event = record.event
    template = sequence(event.sequence).email(context["number"]).template
    return {
        "go": True,
        "page_path": f"/v1/pages/{state.page_id}",
        "templates_path": template_query.path(record),
        "template_query": json_text(template_query.query(template)),
        "template_key": _template_key(template, context.get("as_of") or ""),
        "stop": {
            "key": rules.key_of(event),
            "sequence": event.sequence,
            "received": rules.received(event),
            "booking": event.booking or "none",
        },
        "done": _done(context),
        "page_id": state.page_id,
        "about": about(event, context["enrolment"], context["number"], _pages(state)).as_json(),
        "turn": {
            "began": context["began"],
            "opened": times.milliseconds(now),
            # These flows wait until then: no time.
            "looks": 0,
            "longest": 0,
        },
    }


def _template_key(template: str, as_of: str) -> str:
    """Return the KV key of a cached template. ``as_of`` is the version of the cache: a copy of another one is not used."""
    return f"template.{hashlib.sha256(f'{as_of} {template}'.encode()).hexdigest()[:24]}"


def _pages(state: EmailState) -> Pages:
    return Pages(sequence=state.page_id)


def _done(context: Mapping[str, Any]) -> list[int]:
    """Return the numbers of the other e-mails that are sent or skipped."""
    return [
        number for number, entry in (_entries(context) or {}).items() if number != context["number"] and entry.is_done
    ]


def _entries(context: Mapping[str, Any]) -> dict[int, LedgerEntry] | None:
    """Return the enrolment's ledger entries by number; ``None`` if the revision does not pass them on."""
    mails = context.get("mails")
    if mails is None:
        return None
    return {int(number): LedgerEntry.from_json(entry) for number, entry in mails.items() if entry}
