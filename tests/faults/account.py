"""The count at the end of every fault test: each expected e-mail arrived once, and each missing one has its reason."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from support import REQUIRED, analytics_of, until

from christmas_campaign.clients.kestra import Execution, KestraError
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.sequences.registry import sequence

#: The states of an execution that has ended.
ENDED = ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED")

#: The flows that enrol a contact and send an e-mail.
FLOWS = ("enroll", "send-email")

#: Seconds without a live execution before the count: one that ends may have started another that Kestra does not list yet.
QUIET = 2.0


class Expected(NamedTuple):
    """The expected result of one enrolment.

    ``sent`` are the numbers of the e-mails that arrive, ``missing`` the reasons of the others by number. ``known`` is whether
    there is an enrolment (if not, no e-mail may arrive), ``fields`` are changed or added fields of its payload.
    """

    email: str
    sent: tuple[int, ...] = (5,)
    missing: Mapping[int, str] = {}
    sequence: str = "signup"
    known: bool = True
    fields: Mapping[str, Any] = {}

    @property
    def enrolment(self) -> str:
        """The id of the enrolment of the event in ``support.payload``."""
        fields = {**REQUIRED[self.sequence], **self.fields}
        return opaque_ids.enrolment_id(sequence(self.sequence), self.email, fields)


def live_executions(stack: Stack) -> list[Execution]:
    """Return the executions of ``FLOWS`` that have not ended."""
    # Filtered here, because Kestra has no "not in", and a new version may have more states of live executions.
    return [
        execution
        for flow in FLOWS
        for execution in stack.kestra.executions(namespace="christmas", flow_id=flow)
        if execution.state not in ENDED
    ]


def settle_the_account(
    stack: Stack, expected: Iterable[Expected], *, waiting: Collection[str] = (), timeout: float = 120
) -> None:
    """Wait until all executions except ``waiting`` have ended, then count the mails of the whole sandbox.

    Fails if an execution is still live after ``timeout`` seconds, or if an e-mail is missing without its reason, arrived twice,
    or was not expected.
    """
    expected = list(expected)
    quiet_since: list[float] = []

    def is_quiet() -> bool:
        try:
            live = [execution for execution in live_executions(stack) if execution.id not in waiting]
        except KestraError:
            quiet_since.clear()
            return False
        if live:
            quiet_since.clear()
            return False
        quiet_since.append(time.monotonic())
        return quiet_since[-1] - quiet_since[0] >= QUIET

    try:
        until(is_quiet, "the end of all executions", timeout)
    except AssertionError:
        live = describe(live_executions(stack), waiting)
        raise AssertionError(f"still live after {timeout:.0f} s:\n{live}") from None

    wanted_mails = Counter(
        {(enrolment.email, enrolment.sequence, number): 1 for enrolment in expected for number in enrolment.sent}
    )
    arrived = Counter(
        (address, mail.tags["sequence"], int(mail.tags["number"]))
        for mail in stack.sandbox.mails()
        for address in mail.to
    )
    assert {key: count for key, count in arrived.items() if count > 1} == {}, "sent twice"
    assert sorted(arrived - wanted_mails) == [], "sent but not expected"
    lost = sorted(wanted_mails - arrived)
    assert lost == [], f"lost {len(lost)} of {len(wanted_mails)}:\n" + "\n".join(
        _story(stack, *key) for key in lost[:10]
    )
    for enrolment in expected:
        if enrolment.known:
            _check_ledger_and_reasons(stack, enrolment)


def describe(executions: Iterable[Execution], waiting: Collection[str] = ()) -> str:
    """Return the number of executions that are not ``waiting``, and a line for each of the first ten."""
    listed = [execution for execution in executions if execution.id not in waiting]
    return f"{len(listed)} execution(s)\n" + "\n".join(
        f"  {execution.flow} {execution.id} {execution.state} since {execution.started or execution.created} "
        f"{dict(execution.labels)} " + " ".join(f"{task.task}={task.state}" for task in execution.tasks)
        for execution in listed[:10]
    )


def _check_ledger_and_reasons(stack: Stack, expected: Expected) -> None:
    """Check that the ledger has each sent e-mail, and that each missing one has its reason."""
    record = stack.kestra.kv_get(f"enrolment.{expected.enrolment}")
    assert record is not None, f"the enrolment of {expected.email} has no record"
    numbers = {int(number) for number in record["emails"]}
    assert numbers == {*expected.sent, *expected.missing}, "the test does not account for every e-mail"
    for number in expected.sent:
        entry = stack.kestra.kv_get(f"mail.{expected.enrolment}.{number}")
        assert (entry or {}).get("outcome") == "sent", f"e-mail {number} was sent, but the ledger says {entry}"
    for number, reason in expected.missing.items():
        reasons = _reasons(stack, expected, number)
        assert reason in reasons.values(), (
            f"e-mail {number} of {expected.email} is missing with other reasons: {reasons}"
        )


def _reasons(stack: Stack, expected: Expected, number: int) -> dict[str, str | None]:
    """Return why an e-mail was not sent: by the ledger, by the label of its newest execution, by its newest analytics page."""
    ledger = stack.kestra.kv_get(f"mail.{expected.enrolment}.{number}") or {}
    labels = {"enrolment": expected.enrolment, "number": str(number)}
    executions = stack.kestra.executions(namespace="christmas", flow_id="send-email", labels=labels)
    newest = max(executions, key=lambda execution: execution.created, default=None)
    pages = [page for page in analytics_of(stack, expected.email) if page["Email Number"] == number]
    error_message = str(pages[-1]["Error Message"] or "") if pages else ""
    return {
        "ledger": ledger.get("reason"),
        "label": newest.labels.get("reason") if newest else None,
        "analytics": error_message.partition(":")[0] or None,
    }


def _story(stack: Stack, email: str, name: str, number: int) -> str:
    """Return all known facts about a missing e-mail."""
    expected = Expected(email, (number,), sequence=name)
    labels = {"enrolment": expected.enrolment}
    executions = [
        execution
        for flow in FLOWS
        for execution in stack.kestra.executions(namespace="christmas", flow_id=flow, labels=labels)
    ]
    entries = {
        key: stack.kestra.kv_get(f"{key}.{expected.enrolment}") is not None for key in ("enrolment", "page", "enrolled")
    }
    reasons = _reasons(stack, expected, number)
    return f"{expected.enrolment} e-mail {number}: entries {entries}, {reasons}\n{describe(executions)}"
