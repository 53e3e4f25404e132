"""The count that every fault test ends with: each e-mail that was to arrive arrived once, each other one has its reason."""

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

#: The states in which an execution is over. Whatever is in another one still does something, or is to do something.
OVER = ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED")

#: The flows through which an e-mail goes.
FLOWS = ("enroll", "send-email")

#: For how long nothing may live before the count, in seconds: what ends may have started something that is not seen yet.
QUIET = 2.0


class Expected(NamedTuple):
    """What is to become of one enrolment: ``sent`` are the numbers that arrive, ``missing`` the reason of each one that does
    not, ``known`` whether it is an enrolment at all (if not, nothing may arrive), ``fields`` what its payload says besides or
    instead."""

    email: str
    sent: tuple[int, ...] = (5,)
    missing: Mapping[int, str] = {}
    sequence: str = "signup"
    known: bool = True
    fields: Mapping[str, Any] = {}

    @property
    def enrolment(self) -> str:
        """The id of the enrolment: that of the event in ``support.payload``."""
        said = {**REQUIRED[self.sequence], **self.fields}
        return opaque_ids.enrolment_id(sequence(self.sequence), self.email, said)


def living(stack: Stack) -> list[Execution]:
    """The executions of the flows through which an e-mail goes that are not over."""
    found: list[Execution] = []
    for flow in FLOWS:
        # Kestra has no "not in": the states of what is over are few, those of what lives are many, and may become more.
        found += [run for run in stack.kestra.executions(namespace="christmas", flow_id=flow) if run.state not in OVER]
    return found


def settle_the_account(
    stack: Stack, expected: Iterable[Expected], *, waiting: Collection[str] = (), timeout: float = 120
) -> None:
    """Wait until nothing lives any more but the executions ``waiting``, then count.

    Fails when something still lives after ``timeout`` seconds (stuck, or lost in the engine), when an e-mail is missing without
    its reason, when one is there twice, and when there is a mail that nobody was to get. The mails of a whole sandbox are
    counted: a test begins with an empty one.
    """
    expected = list(expected)
    quiet_since: list[float] = []

    def nothing_lives() -> bool:
        try:
            alive = [run for run in living(stack) if run.id not in waiting]
        except KestraError:
            quiet_since.clear()
            return False
        if alive:
            quiet_since.clear()
            return False
        quiet_since.append(time.monotonic())
        return quiet_since[-1] - quiet_since[0] >= QUIET

    try:
        until(nothing_lives, "the end of all executions", timeout)
    except AssertionError:
        raise AssertionError(f"still alive after {timeout:.0f} s:\n{said_of(living(stack), waiting)}") from None

    wanted = {(each.email, each.sequence, number): 1 for each in expected for number in each.sent}
    arrived = Counter(
        (address, mail.tags["sequence"], int(mail.tags["number"]))
        for mail in stack.sandbox.mails()
        for address in mail.to
    )
    assert {key: count for key, count in arrived.items() if count > 1} == {}, "sent twice"
    assert sorted(arrived - Counter(wanted)) == [], "sent though nobody was to get it"
    lost = sorted(Counter(wanted) - arrived)
    assert lost == [], f"lost {len(lost)} of {len(wanted)}:\n" + "\n".join(_story(stack, *key) for key in lost[:10])
    for each in expected:
        if each.known:
            _check_the_rest(stack, each)


def said_of(runs: Iterable[Execution], waiting: Collection[str] = ()) -> str:
    """What there is to say of executions that should be over, a line for each of the first ten, and how many there are."""
    left = [run for run in runs if run.id not in waiting]
    return f"{len(left)} execution(s)\n" + "\n".join(
        f"  {run.flow} {run.id} {run.state} since {run.started or run.created} {dict(run.labels)} "
        + " ".join(f"{task.task}={task.state}" for task in run.tasks)
        for run in left[:10]
    )


def _check_the_rest(stack: Stack, each: Expected) -> None:
    """The ledger knows what was sent; what was not sent has its reason; no e-mail of the enrolment was left out here."""
    record = stack.kestra.kv_get(f"enrolment.{each.enrolment}")
    assert record is not None, f"the enrolment of {each.email} is not kept"
    assert {int(number) for number in record["emails"]} == {*each.sent, *each.missing}, "not all e-mails accounted for"
    for number in each.sent:
        entry = stack.kestra.kv_get(f"mail.{each.enrolment}.{number}")
        assert (entry or {}).get("outcome") == "sent", f"the ledger says {entry} of e-mail {number}, which was sent"
    for number, reason in each.missing.items():
        reasons = _reasons(stack, each, number)
        assert reason in reasons.values(), f"e-mail {number} of {each.email} is missing; said of it: {reasons}"


def _reasons(stack: Stack, each: Expected, number: int) -> dict[str, str | None]:
    """Why an e-mail was not sent, by who says so: the ledger, the label of its newest run, its newest analytics page."""
    ledger = stack.kestra.kv_get(f"mail.{each.enrolment}.{number}") or {}
    labels = {"enrolment": each.enrolment, "number": str(number)}
    runs = stack.kestra.executions(namespace="christmas", flow_id="send-email", labels=labels)
    newest = max(runs, key=lambda run: run.created, default=None)
    pages = [page for page in analytics_of(stack, each.email) if page["Email Number"] == number]
    told = str(pages[-1]["Error Message"] or "") if pages else ""
    return {
        "ledger": ledger.get("reason"),
        "label": newest.labels.get("reason") if newest else None,
        "analytics": told.partition(":")[0] or None,
    }


def _story(stack: Stack, email: str, name: str, number: int) -> str:
    """What can be found out about an e-mail that is missing."""
    each = Expected(email, (number,), sequence=name)
    runs = [
        run
        for flow in FLOWS
        for run in stack.kestra.executions(namespace="christmas", flow_id=flow, labels={"enrolment": each.enrolment})
    ]
    kept = {
        key: stack.kestra.kv_get(f"{key}.{each.enrolment}") is not None for key in ("enrolment", "page", "enrolled")
    }
    return f"{each.enrolment} e-mail {number}: kept {kept}, {_reasons(stack, each, number)}\n{said_of(runs)}"
