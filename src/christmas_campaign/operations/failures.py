"""What waits for a person: enrolments, e-mails and handlers that failed and were not made good since."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Outcome, Reason
from christmas_campaign.clients import kestra_models
from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.enrolment import alerts
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values
from christmas_campaign.operations import stop
from christmas_campaign.repair.decide import ENROLL, SEND_EMAIL
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.stops import bookings, marks

NAMESPACE = "christmas"

_HANDLERS = {sequence.handler: sequence.name for sequence in SEQUENCES}

#: The flows that are called from outside: each call is about something of its own.
_CALLED = {each.flow for each in HANDLERS}

#: Flows that another one waits for: it fails as well, and is what is listed.
_PARTS = ("email-follow-up", "email-broken", "enroll-follow-up", "read-template", "find-databases")

#: The flow that writes down what Resend reported of an e-mail.
_REPORT = "report"

_LOOK = "The execution's log says what happened; mend it, then `christmas replay`."
_KILLED = "It was ended, by hand or by the repair: `christmas replay`, if it is to be done after all."

#: Outputs in which a decision says in words what it decided, the last word first.
_WORDS = (
    ("settle", "detail"),
    # Revisions of `send-email` up to 0.4.
    ("compose", "detail"),
    ("gate", "detail"),
    ("conclude", "detail"),
    ("plan", "warning"),
    ("plan", "note"),
)


class Failure(NamedTuple):
    """One thing that failed.

    ``at`` is when its run ended (UTC); ``enrolment`` and ``number`` what it was about, ``None`` where it was about none;
    ``address`` is the contact's, for the person who looks, and goes into no log; ``page`` is the address of the contact's page
    in Notion (``None``: not known).
    """

    at: datetime
    execution: str
    flow: str
    sequence: str | None
    enrolment: str | None
    number: int | None
    address: str | None
    reason: str
    detail: str
    what_to_do: str
    page: str | None = None

    @property
    def about(self) -> str:
        """The sequence, the e-mail with its template, and the contact's page; empty for what is about no contact."""
        if self.sequence is None or self.enrolment is None:
            return ""
        return f"{alerts.subject(self.sequence, self.number)}; {self.page or 'no page in Notion is known'}"

    @property
    def subject(self) -> str:
        """What has failed, in words."""
        if self.flow == SEND_EMAIL:
            return f"{self.sequence or 'unknown'} E{self.number}"
        if self.flow == _REPORT:
            return f"{self.sequence} E{self.number} report"
        return f"{self.sequence} enrolment" if self.flow == ENROLL else self.flow

    def as_json(self) -> JsonObject:
        """Return it for JSON."""
        template = alerts.template(self.sequence, self.number) if self.sequence and self.number else None
        return {**self._asdict(), "at": times.text(self.at), "template": template}


def failures(kestra: Kestra) -> list[Failure]:
    """Return what failed and was not made good since, the oldest first. Raises ``KestraError``."""
    newest = _newest(_failed(kestra))
    # The ledger after the runs: one that ended in between has written what became of it.
    keys = set(kestra.kv_list(NAMESPACE))
    runs = kestra.executions(namespace=NAMESPACE, states=kestra_models.LIVE)
    live = {_subject(each) for each in runs if _is_mail(each) or each.flow == _REPORT}
    waiting = [each for each in newest if _subject(each) not in live and not _made_good(kestra, each, keys)]
    return [_failure(kestra, each) for each in sorted(waiting, key=lambda each: each.ended or each.changed)]


def _failed(kestra: Kestra) -> Iterable[Execution]:
    """Every run that failed, by its label or its state."""
    found: dict[str, Execution] = {}
    for wanted in (
        {"labels": {"outcome": Outcome.FAILED}},
        {"labels": {"reason": Reason.CONTACT_NOT_FOUND}},
        {"states": ["FAILED", "KILLED"]},
    ):
        found |= {each.id: each for each in kestra.executions(namespace=NAMESPACE, **wanted) if each.flow not in _PARTS}
    return found.values()


def _is_mail(run: Execution) -> bool:
    return run.flow in (SEND_EMAIL, ENROLL, bookings.FLOW)


def _subject(run: Execution) -> tuple[str, ...]:
    """What a run was about: two runs about the same are two tries."""
    if _is_mail(run):
        return run.flow, str(run.inputs.get("enrolment")), str(run.inputs.get("number"))
    if run.flow == _REPORT:
        return run.flow, str(run.labels.get("enrolment")), str(run.labels.get("number"))
    if run.flow in (stop.FLOW, marks.FLOW):
        # That another contact was stopped does not stop this one.
        return run.flow, str(run.inputs.get("contact"))
    return (run.flow, _call(run)) if run.flow in _CALLED else (run.flow,)


def _call(run: Execution) -> str:
    """The call that a run of a handler is about, by its body: a retry of the door and a replay have the same one."""
    body = run.trigger.get("body")
    return run.original if body is None else json.dumps(body, sort_keys=True)


def _newest(runs: Iterable[Execution]) -> list[Execution]:
    newest: dict[tuple[str, ...], Execution] = {}
    for run in sorted(runs, key=lambda run: run.created):
        newest[_subject(run)] = run
    return list(newest.values())


def _made_good(kestra: Kestra, run: Execution, keys: Collection[str]) -> bool:
    if run.flow == ENROLL:
        return f"enrolled.{run.inputs.get('enrolment')}" in keys
    if run.flow == bookings.FLOW:
        about = {"enrolment": str(run.inputs.get("enrolment"))}
        done = kestra.executions(
            namespace=NAMESPACE, flow_id=run.flow, labels=about, states=["SUCCESS", *kestra_models.LIVE]
        )
        return any(each.created > run.created for each in done)
    if run.flow == SEND_EMAIL:
        return ledger_state(kestra, run.inputs, keys).outcome in (Outcome.SENT, Outcome.SKIPPED)
    others = kestra.executions(namespace=NAMESPACE, flow_id=run.flow, states=["SUCCESS", *kestra_models.LIVE])
    later = [each for each in others if each.created > run.created]
    # A later run makes good what it is about: the same call of a webhook, e-mail or contact. Other flows are about nothing.
    return any(_subject(each) == _subject(run) for each in later)


class LedgerState(NamedTuple):
    """What the ledger says of an e-mail: outcome, time (ISO 8601) and reason, as they are written; ``None`` for nothing."""

    outcome: str | None = None
    at: str | None = None
    reason: str | None = None


def ledger_state(kestra: Kestra, inputs: Mapping[str, Any], keys: Collection[str] | None = None) -> LedgerState:
    """Return what the ledger says of the e-mail that a run of `send-email` with these inputs is about.

    ``keys`` are the keys of the KV store (``None``: not known). Raises ``KestraError``.
    """
    key = ledger_key(str(inputs.get("enrolment")), inputs.get("number"))
    said = kestra.kv_get(key, NAMESPACE) if keys is None or key in keys else None
    if not isinstance(said, dict):
        return LedgerState()
    return LedgerState(str(said.get("outcome")), said.get("at"), said.get("reason"))


def ledger_key(enrolment: str, number: object) -> str:
    """Return the key of the ledger's entry about an e-mail."""
    return f"mail.{enrolment}.{number}"


def _failure(kestra: Kestra, run: Execution) -> Failure:
    about = run.labels if run.flow == _REPORT else run.inputs if _is_mail(run) else {}
    enrolment, number = about.get("enrolment"), about.get("number")
    reason = run.labels.get("reason") or ("killed" if run.state == "KILLED" else Reason.STEP_FAILED.value)
    return Failure(
        run.ended or run.changed,
        run.id,
        run.flow,
        run.labels.get("sequence") or _HANDLERS.get(run.flow),
        str(enrolment) if enrolment is not None else None,
        int(number) if number is not None else None,
        _address(kestra, run),
        reason,
        _detail(kestra, run),
        _give_values(run) if reason == Reason.VALUE_MISSING else _what_to_do(reason),
        _page(kestra, run, enrolment),
    )


def _page(kestra: Kestra, run: Execution, enrolment: object) -> str | None:
    """The address of the contact's page: in Email Sequence, else in BusinessX, as far as an enrolment has found it."""
    page_id = kestra.kv_get(f"page.{enrolment}", NAMESPACE) if enrolment is not None else None
    if page_id is not None:
        return page_values.link(str(page_id))
    outputs = {each.task: each.outputs.get("vars") or {} for each in run.tasks}
    path = (outputs.get("plan", {}).get("contact") or {}).get("path")
    if path is not None:
        return page_values.link(str(path).rpartition("/")[2])
    contact = run.labels.get("contact")
    known = kestra.kv_get(marks.key(contact), NAMESPACE) if contact else None
    return known.get("link") if isinstance(known, dict) else None


def _what_to_do(reason: str) -> str:
    if reason == "killed":
        return _KILLED
    if reason == Reason.STEP_FAILED or reason not in {known.value for known in Reason}:
        return _LOOK
    return WHAT_TO_DO.get(Reason(reason), _LOOK)


def _give_values(run: Execution) -> str:
    """What to do about an e-mail whose placeholders have no values: the command that gives them, with their names."""
    decided = ("prepare", "compose")
    names = next((each.outputs.get("vars", {}).get("missing") for each in run.tasks if each.task in decided), None)
    if not names:
        return _what_to_do(Reason.VALUE_MISSING)
    words = " ".join(f"--variable {shlex.quote(f'{name}=…')}" for name in names)
    return (
        f"Give the value with `christmas replay {run.id} {words}`. Or post the event again with it in `variables`, fill in the"
        f" contact's page in BusinessX, or put a `|…` into the template; then `christmas replay {run.id}`."
    )


def _address(kestra: Kestra, run: Execution) -> str | None:
    """The contact's address: from the event or the payload of the run, else from what is kept of the enrolment."""
    event, payload = run.inputs.get("event"), run.trigger.get("body")
    if isinstance(event, dict):
        return _email((event.get("fields") or {}).get("email"))
    if run.flow in _HANDLERS:
        return _email(payload.get("email")) if isinstance(payload, dict) else None
    record = kestra.kv_get(f"enrolment.{run.inputs['enrolment']}", NAMESPACE) if run.flow == SEND_EMAIL else None
    return _email(record["event"]["fields"].get("email")) if record else None


def _email(said: object) -> str | None:
    return said if isinstance(said, str) else None


def _detail(kestra: Kestra, run: Execution) -> str:
    """The words of the decision, or of the task that failed."""
    outputs = {each.task: each.outputs.get("vars") or {} for each in run.tasks}
    for task, name in _WORDS:
        said = outputs.get(task, {}).get(name)
        if said:
            return str(said)
    errors = [line for line in kestra.logs(run.id) if line.level == "ERROR"]
    return errors[0].message.strip() if errors else ""
