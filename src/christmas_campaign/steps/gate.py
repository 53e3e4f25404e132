"""The step ``gate``, for executions of releases up to 0.4: decides whether it is the turn of a due e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from christmas_campaign.campaign import settings, times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import gate, result
from christmas_campaign.email.gate import EmailState, Open, PageNote, Refused
from christmas_campaign.enrolment.alerts import Pages, TeamAlert, about
from christmas_campaign.enrolment.record import LedgerEntry, Record, labels, time_to_live
from christmas_campaign.steps.outputs import failure_alert, json_text, labels_text
from christmas_campaign.stops import rules


class Outputs(TypedDict):
    """``go``: whether the gate is open.

    If it is open: the fields of ``gate.Open``; ``done``, the numbers of the other e-mails that are sent or skipped; ``page_id``
    from the context; ``about`` (``About.as_json``) for an alert; and ``turn``: when the execution began and passed the gate
    (milliseconds since 1970), with no time to wait for.

    If not: the fields of ``gate.Refused``; for a settled e-mail ``ttl``, the lifetime of its ledger entry, and ``analytics``,
    the body of its analytics page; ``tries`` for the next execution, and ``alert`` for a failure. Bodies and entries are JSON
    texts.
    """

    go: bool
    page_path: NotRequired[str]
    templates_path: NotRequired[str]
    template_query: NotRequired[str]
    template_key: NotRequired[str]
    stop: NotRequired[Mapping[str, str | int]]
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
    if isinstance(decision, Refused):
        return _refused(context, state, decision, now)
    return _open(context, state, decision, now)


def _state(context: Mapping[str, Any]) -> EmailState:
    record, own, before = context.get("record"), context.get("own"), context.get("before")
    return EmailState(
        record=Record.from_json(record) if record else None,
        page_id=context.get("page_id"),
        own=LedgerEntry.from_json(own) if own else None,
        before=LedgerEntry.from_json(before) if before else None,
        as_of=context.get("as_of") or "",
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


def _open(context: Mapping[str, Any], state: EmailState, decision: Open, now: datetime) -> Outputs:
    event = state.record.event if state.record else None
    return {
        "go": True,
        "page_path": decision.page_path,
        "templates_path": decision.templates_path,
        "template_query": json_text(decision.template_query),
        "template_key": decision.template_key,
        "stop": decision.stop._asdict(),
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
