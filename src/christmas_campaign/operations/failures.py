"""Lists what waits for the owner: enrolments, e-mails and handlers that failed and have not succeeded since."""

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

#: The flows that are called from outside: each call has its own subject.
_CALLED = {handler.flow for handler in HANDLERS}

#: Flows that another flow waits for. If one of them fails, the other fails too, and only that one is listed.
_SUBFLOWS = ("email-follow-up", "email-broken", "enroll-follow-up", "read-template", "find-databases")

#: The flow that stores a delivery report.
_REPORT = "report"

_READ_LOG = "The execution's log says what happened. Correct the cause, then run `christmas replay`."
_KILLED = "A person or the repair killed it. Run `christmas replay` if it should be done after all."

#: Tasks and the outputs in which their decisions explain themselves, the latest task first.
_EXPLANATIONS = (
    ("settle", "detail"),
    # Revisions of `send-email` up to 0.4.
    ("compose", "detail"),
    ("gate", "detail"),
    ("conclude", "detail"),
    ("plan", "warning"),
    ("plan", "note"),
)


class Failure(NamedTuple):
    """An execution that failed.

    ``at`` is when it ended (UTC). ``enrolment`` and ``number`` (of the e-mail) are its subject, ``None`` if it has none.
    ``address`` is the contact's, for the owner; it must not go into a log. ``page`` is the web address of the contact's page in
    Notion (``None``: unknown).
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
        """The sequence, the e-mail with its template, and the contact's page; empty without a contact."""
        if self.sequence is None or self.enrolment is None:
            return ""
        return f"{alerts.subject(self.sequence, self.number)}; {self.page or 'no page in Notion is known'}"

    @property
    def subject(self) -> str:
        """What failed, for people."""
        if self.flow == SEND_EMAIL:
            return f"{self.sequence or 'unknown'} E{self.number}"
        if self.flow == _REPORT:
            return f"{self.sequence} E{self.number} report"
        return f"{self.sequence} enrolment" if self.flow == ENROLL else self.flow

    def as_json(self) -> JsonObject:
        """Return the failure as JSON."""
        template = alerts.template(self.sequence, self.number) if self.sequence and self.number else None
        return {**self._asdict(), "at": times.text(self.at), "template": template}


def failures(kestra: Kestra) -> list[Failure]:
    """Return the failures that have not succeeded since, the oldest first. Raises ``KestraError``."""
    latest = _latest_attempts(_failed(kestra))
    # The ledger is read after the executions: one that ended in between has written its outcome by then.
    keys = set(kestra.kv_list(NAMESPACE))
    executions = kestra.executions(namespace=NAMESPACE, states=kestra_models.LIVE)
    live = {_subject(execution) for execution in executions if _has_enrolment(execution) or execution.flow == _REPORT}
    waiting = [
        execution
        for execution in latest
        if _subject(execution) not in live and not _succeeded_since(kestra, execution, keys)
    ]
    waiting.sort(key=lambda execution: execution.ended or execution.changed)
    return [_failure(kestra, execution) for execution in waiting]


def _failed(kestra: Kestra) -> Iterable[Execution]:
    """Return every execution that failed, by its labels or its state."""
    failed: dict[str, Execution] = {}
    for filters in (
        {"labels": {"outcome": Outcome.FAILED}},
        {"labels": {"reason": Reason.CONTACT_NOT_FOUND}},
        {"states": ["FAILED", "KILLED"]},
    ):
        executions = kestra.executions(namespace=NAMESPACE, **filters)
        failed |= {execution.id: execution for execution in executions if execution.flow not in _SUBFLOWS}
    return failed.values()


def _has_enrolment(execution: Execution) -> bool:
    """Return whether the inputs of an execution name an enrolment."""
    return execution.flow in (SEND_EMAIL, ENROLL, bookings.FLOW)


def _subject(execution: Execution) -> tuple[str, ...]:
    """Return the flow and the subject of an execution. Two executions with the same subject are attempts at the same work."""
    flow = execution.flow
    if _has_enrolment(execution):
        return flow, str(execution.inputs.get("enrolment")), str(execution.inputs.get("number"))
    if flow == _REPORT:
        return flow, str(execution.labels.get("enrolment")), str(execution.labels.get("number"))
    if flow in (stop.FLOW, marks.FLOW):
        return flow, str(execution.inputs.get("contact"))
    return (flow, _call(execution)) if flow in _CALLED else (flow,)


def _call(execution: Execution) -> str:
    """Return the body of the call that started a handler: a retry by the door and a replay have the same one."""
    body = execution.trigger.get("body")
    return execution.original if body is None else json.dumps(body, sort_keys=True)


def _latest_attempts(executions: Iterable[Execution]) -> list[Execution]:
    """Return the last execution of each subject."""
    latest: dict[tuple[str, ...], Execution] = {}
    for execution in sorted(executions, key=lambda execution: execution.created):
        latest[_subject(execution)] = execution
    return list(latest.values())


def _succeeded_since(kestra: Kestra, failed: Execution, keys: Collection[str]) -> bool:
    """Return whether a later attempt succeeded or has not ended; ``keys`` are the keys of the KV store."""
    if failed.flow == ENROLL:
        return f"enrolled.{failed.inputs.get('enrolment')}" in keys
    if failed.flow == SEND_EMAIL:
        return ledger_state(kestra, failed.inputs, keys).outcome in (Outcome.SENT, Outcome.SKIPPED)
    states = ["SUCCESS", *kestra_models.LIVE]
    if failed.flow == bookings.FLOW:
        labels = {"enrolment": str(failed.inputs.get("enrolment"))}
        attempts = kestra.executions(namespace=NAMESPACE, flow_id=failed.flow, labels=labels, states=states)
        return any(attempt.created > failed.created for attempt in attempts)
    executions = kestra.executions(namespace=NAMESPACE, flow_id=failed.flow, states=states)
    later = [execution for execution in executions if execution.created > failed.created]
    return any(_subject(execution) == _subject(failed) for execution in later)


class LedgerState(NamedTuple):
    """The ledger's entry of an e-mail: outcome, time (ISO 8601) and reason as stored; all ``None`` without an entry."""

    outcome: str | None = None
    at: str | None = None
    reason: str | None = None


def ledger_state(kestra: Kestra, inputs: Mapping[str, Any], keys: Collection[str] | None = None) -> LedgerState:
    """Return the ledger's entry of the e-mail that an execution of `send-email` with these inputs is about.

    ``keys`` are the keys of the KV store (``None``: unknown). Raises ``KestraError``.
    """
    key = ledger_key(str(inputs.get("enrolment")), inputs.get("number"))
    entry = kestra.kv_get(key, NAMESPACE) if keys is None or key in keys else None
    if not isinstance(entry, dict):
        return LedgerState()
    return LedgerState(str(entry.get("outcome")), entry.get("at"), entry.get("reason"))


def ledger_key(enrolment: str, number: object) -> str:
    """Return the KV key of an e-mail's ledger entry."""
    return f"mail.{enrolment}.{number}"


def _failure(kestra: Kestra, execution: Execution) -> Failure:
    subject: Mapping[str, Any] = {}
    if execution.flow == _REPORT:
        subject = execution.labels
    elif _has_enrolment(execution):
        subject = execution.inputs
    enrolment, number = subject.get("enrolment"), subject.get("number")
    reason = execution.labels.get("reason") or ("killed" if execution.state == "KILLED" else Reason.STEP_FAILED.value)
    return Failure(
        execution.ended or execution.changed,
        execution.id,
        execution.flow,
        execution.labels.get("sequence") or _HANDLERS.get(execution.flow),
        str(enrolment) if enrolment is not None else None,
        int(number) if number is not None else None,
        _address(kestra, execution),
        reason,
        _detail(kestra, execution),
        _give_values(execution) if reason == Reason.VALUE_MISSING else _what_to_do(reason),
        _page(kestra, execution, enrolment),
    )


def _page(kestra: Kestra, execution: Execution, enrolment: object) -> str | None:
    """Return the web address of the contact's page: in Email Sequence, else in BusinessX if an enrolment has found it."""
    page_id = kestra.kv_get(f"page.{enrolment}", NAMESPACE) if enrolment is not None else None
    if page_id is not None:
        return page_values.link(str(page_id))
    outputs = _outputs_by_task(execution)
    path = (outputs.get("plan", {}).get("contact") or {}).get("path")
    if path is not None:
        return page_values.link(str(path).rpartition("/")[2])
    contact = execution.labels.get("contact")
    page_query = kestra.kv_get(marks.key(contact), NAMESPACE) if contact else None
    return page_query.get("link") if isinstance(page_query, dict) else None


def _outputs_by_task(execution: Execution) -> dict[str, Mapping[str, Any]]:
    return {task.task: task.outputs.get("vars") or {} for task in execution.tasks}


def _what_to_do(reason: str) -> str:
    if reason == "killed":
        return _KILLED
    if reason == Reason.STEP_FAILED or reason not in {member.value for member in Reason}:
        return _READ_LOG
    return WHAT_TO_DO.get(Reason(reason), _READ_LOG)


def _give_values(execution: Execution) -> str:
    """Return what to do about an e-mail whose placeholders have no values: the command that gives them, with their names."""
    tasks = [task for task in execution.tasks if task.task in ("prepare", "compose")]
    names = tasks[0].outputs.get("vars", {}).get("missing") if tasks else None
    if not names:
        return _what_to_do(Reason.VALUE_MISSING)
    words = " ".join(f"--variable {shlex.quote(f'{name}=…')}" for name in names)
    return (
        f"Give the value with `christmas replay {execution.id} {words}`. Or post the event again with it in `variables`, fill"
        f" in the contact's page in BusinessX, or put a `|…` into the template; then run `christmas replay {execution.id}`."
    )


def _address(kestra: Kestra, execution: Execution) -> str | None:
    """Return the contact's address: from the event or payload of the execution, else from the record of the enrolment."""
    event, payload = execution.inputs.get("event"), execution.trigger.get("body")
    if isinstance(event, dict):
        return _text_or_none((event.get("fields") or {}).get("email"))
    if execution.flow in _HANDLERS:
        return _text_or_none(payload.get("email")) if isinstance(payload, dict) else None
    if execution.flow != SEND_EMAIL:
        return None
    record = kestra.kv_get(f"enrolment.{execution.inputs['enrolment']}", NAMESPACE)
    return _text_or_none(record["event"]["fields"].get("email")) if record else None


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _detail(kestra: Kestra, execution: Execution) -> str:
    """Return the explanation of the decision, or the error of the task that failed."""
    outputs = _outputs_by_task(execution)
    for task, name in _EXPLANATIONS:
        explanation = outputs.get(task, {}).get(name)
        if explanation:
            return str(explanation)
    errors = [line for line in kestra.logs(execution.id) if line.level == "ERROR"]
    return errors[0].message.strip() if errors else ""
