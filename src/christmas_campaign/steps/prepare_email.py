"""The step ``prepare_email``: writes the exact e-mail that is sent now, or says why it is not sent.

It makes two decisions: first ``email.gate`` (is it this e-mail's turn?), then ``email.compose`` (what does it say?).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, NotRequired, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import compose, gate
from christmas_campaign.email.compose import Composed
from christmas_campaign.email.gate import KEY_HOLDS, EmailState, Refused
from christmas_campaign.enrolment import alerts
from christmas_campaign.enrolment.record import LedgerEntry, Record, time_to_live
from christmas_campaign.events import opaque_ids
from christmas_campaign.steps import kept_verdicts, response_object, result_pages, with_responses
from christmas_campaign.steps.outputs import json_text, read_settings
from christmas_campaign.steps.refusals import RefusalJson, refusal_json
from christmas_campaign.stops import rules

#: The file with the request for Resend. Kestra writes all outputs again with each task, so a large output is a file.
REQUEST_FILE = "request.json"


class Outputs(TypedDict):
    """The flow passes all of these on to ``settle_email``.

    - ``send``: whether the e-mail is sent; ``opened``: whether the gate was open;
    - ``stop_key``: the key of the KV entry with the contact's stops; ``stop_version``: when that entry changed last;
    - ``began``: when this step ran; ``claimed_at``: when the e-mail was first claimed (both UTC; ``None``: never);
    - ``done``: the numbers of the other e-mails that are sent or skipped; ``subject``: this e-mail in words.

    If the e-mail is sent: its ``idempotency_key``, valid until ``key_valid_until`` (milliseconds since 1970); ``claim`` for
    the ledger (JSON text) and its lifetime ``ttl``; ``ledger_seen``, a digest of the ledger's entry as this step read it.
    If not: ``refusal``, and ``missing``, the placeholders without a value.
    """

    send: bool
    opened: bool
    stop_key: str
    stop_version: str
    began: str
    claimed_at: str | None
    done: list[int]
    subject: str
    idempotency_key: NotRequired[str]
    claim: NotRequired[str]
    ledger_seen: NotRequired[str]
    ttl: NotRequired[str]
    key_valid_until: NotRequired[int]
    refusal: NotRequired[RefusalJson]
    missing: NotRequired[list[str]]
    files: NotRequired[Mapping[str, str]]


class _Ledger(NamedTuple):
    """This e-mail's ledger entry (``None``: there is none), and a digest of its text in Kestra."""

    own: LedgerEntry | None
    digest: str

    @property
    def claimed_at(self) -> datetime | None:
        """When the e-mail was claimed first, if its claim still stands."""
        return self.own.claimed_at if self.own else None


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context:

    - ``enrolment``, ``number``, ``settings``, ``testing_mode``, ``unsubscribe_key``;
    - ``page``: Notion's response with the contact's page (``None``: no response);
    - ``template``: the copy from the flow ``read-template`` (``None``: there is none), with the ``verdict`` on its HTML
      (older copies have none);
    - ``record``, ``page_id``, ``stopped`` (the contact's stops): entries of the KV store (``None``: there is none);
    - ``ledger``: this e-mail's ledger entry as JSON text; ``mails``: the entries of all e-mails of the enrolment by number;
    - ``paused``, ``resumed`` (the time of the last resume, or ``None``).
    """
    context = with_responses(context, "page", "template")
    settings = read_settings(context)
    ledger = _read_ledger(context["ledger"])
    number: int = context["number"]
    entries = {int(key): LedgerEntry.from_json(entry) for key, entry in context["mails"].items() if entry}
    state = _state(context, ledger, entries)
    outputs: Outputs = {
        "send": False,
        "opened": False,
        "stop_key": rules.key_of(state.record.event) if state.record else "stop.unknown",
        "stop_version": (context.get("stopped") or {}).get("changed") or "",
        "began": times.text(now),
        "claimed_at": times.text(ledger.claimed_at) if ledger.claimed_at else None,
        "subject": alerts.subject(opaque_ids.sequence_name(context["enrolment"]), number),
        "done": [other for other, entry in sorted(entries.items()) if other != number and entry.is_done],
    }
    decision = gate.gate(number, state, settings, now)
    if decision is not None:
        return {**outputs, "refusal": refusal_json(decision)}
    return _compose(context, {**outputs, "opened": True}, state.record, ledger, settings, now)


def _state(context: Mapping[str, Any], ledger: _Ledger, entries: Mapping[int, LedgerEntry]) -> EmailState:
    record = Record.from_json(context["record"]) if context.get("record") else None
    earlier = record.previous_number(context["number"]) if record else None
    return EmailState(
        record=record,
        page_id=context.get("page_id"),
        own=ledger.own,
        before=entries.get(earlier) if earlier is not None else None,
        suppressions=rules.read(context.get("stopped")),
        paused=context["paused"],
        resumed=times.parse(context["resumed"]) if context.get("resumed") else None,
        entries=entries,
    )


def _compose(
    context: Mapping[str, Any],
    outputs: Outputs,
    record: Record | None,
    ledger: _Ledger,
    settings: Settings,
    now: datetime,
) -> Outputs:
    """Return ``outputs`` with the e-mail, or with the reason why it is not sent although it is its turn."""
    page, template = context.get("page"), context.get("template")
    if record is None or page is None or template is None:
        return {**outputs, "refusal": refusal_json(Refused(Outcome.DEFERRED, Reason.NOTION_UNREACHABLE, ""))}
    decision = compose.compose(
        record,
        context["number"],
        enrolment=context["enrolment"],
        page=None if page["code"] == 404 else response_object(page, "the contact's page"),
        active=compose.active_templates(result_pages(template, "the look-up in Email Templates")),
        lifts=rules.lifts(context.get("stopped")),
        judge=kept_verdicts.judge(template.get("verdict")),
        settings=settings,
    )
    if not isinstance(decision, Composed):
        refused = Refused(decision.outcome, decision.reason, decision.detail)
        return {**outputs, "refusal": refusal_json(refused), "missing": list(decision.missing)}
    claimed_at = ledger.claimed_at or now
    return {
        **outputs,
        "send": True,
        "idempotency_key": decision.idempotency_key,
        "claim": json_text(LedgerEntry(Outcome.SENDING, now, claimed_at=claimed_at).as_json()),
        "claimed_at": times.text(claimed_at),
        "ledger_seen": ledger.digest,
        "ttl": time_to_live(record.emails[record.last], now),
        "key_valid_until": times.milliseconds(claimed_at + KEY_HOLDS),
        "files": {REQUEST_FILE: json_text(decision.request)},
    }


def _read_ledger(text: str) -> _Ledger:
    """Read the entry from its JSON text. Before the claim the flow compares the digest with that of the entry at that time."""
    entry = json.loads(text)
    return _Ledger(LedgerEntry.from_json(entry) if entry else None, hashlib.sha256(text.encode()).hexdigest())
