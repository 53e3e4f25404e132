"""Stopping a contact and letting her go on: by the flow `stop`, which alone writes what is kept of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.clients.kestra_models import LIVE, TERMINAL
from christmas_campaign.errors import CommandError
from christmas_campaign.notion import page_values
from christmas_campaign.repair.decide import SEND_EMAIL
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Lift, Source, Stop

NAMESPACE = "christmas"

#: The flow that keeps it.
FLOW = "stop"

#: How long, in seconds, the flow may take, others before it included, and an e-mail that is being sent meanwhile.
PATIENCE = 120.0

_PREFIX = rules.key("")


class Kept(NamedTuple):
    """What stops a contact; ``contact`` is her opaque id."""

    contact: str
    stops: tuple[Stop, ...]


class Enrolled(NamedTuple):
    """An enrolment of a contact: the sequence, the address of the contact's page (``None``: not known), and when each e-mail
    that waits is due, by number (UTC)."""

    sequence: str
    page: str | None
    waiting: Mapping[int, datetime]


class StopError(CommandError):
    """It is not known that it holds; the message says why, and what to do."""


def kept(kestra: Kestra, contact: str) -> Kept:
    """Return what stops a contact now, by her opaque id. Raises ``KestraError``."""
    return Kept(contact, rules.read(kestra.kv_get(rules.key(contact), NAMESPACE)))


def all_kept(kestra: Kestra) -> Iterator[Kept]:
    """Return what stops each contact who is stopped, in the order of their ids. Raises ``KestraError``."""
    for key in sorted(kestra.kv_list(NAMESPACE)):
        if key.startswith(_PREFIX):
            found = kept(kestra, key.removeprefix(_PREFIX))
            # She may have been let go on since the list was made.
            if found.stops:
                yield found


def stop(kestra: Kestra, contact: str, reason: Reason) -> Kept:
    """Stop a contact and return what stops her then; once it returns, no e-mail that it ends is handed to Resend any more.

    Raises ``KestraError``, and ``StopError`` when it is not known that it holds.
    """
    _run(kestra, contact, reason)
    settle(kestra, contact)
    return kept(kestra, contact)


def settle(kestra: Kestra, contact: str) -> None:
    """Wait for the e-mails to a contact that are being sent: one that had looked at the last moment, just before a stop was
    kept, may be on its way still. Raises as ``stop``."""
    _wait_for(kestra, _sending(kestra, contact))


def go_on(kestra: Kestra, contact: str, *, also_for_good: bool = False) -> Kept:
    """Let a contact go on and return what stops her still: what holds for good; ``also_for_good``: a complaint alone. Raises as
    ``stop``."""
    _run(kestra, contact, None, Lift.ALSO_FOR_GOOD if also_for_good else Lift.LET_GO)
    return kept(kestra, contact)


def enrolments(kestra: Kestra, contact: str) -> list[Enrolled]:
    """Return the enrolments of a contact of which Kestra has runs, in the order of their sequences. Raises ``KestraError``."""
    runs = kestra.executions(namespace=NAMESPACE, flow_id=SEND_EMAIL, labels={"contact": contact})
    found = []
    for enrolment in sorted({str(run.inputs.get("enrolment")) for run in runs}):
        page_id = kestra.kv_get(f"page.{enrolment}", NAMESPACE)
        own = [run for run in runs if run.inputs.get("enrolment") == enrolment and run.live]
        due = {int(run.inputs["number"]): run.scheduled or run.created for run in own}
        page = page_values.link(str(page_id)) if page_id is not None else None
        found.append(Enrolled(enrolment.rpartition("-")[0], page, dict(sorted(due.items()))))
    return found


def waiting(kestra: Kestra, contact: str) -> int:
    """Return how many e-mails wait for a contact. Raises ``KestraError``."""
    return len(kestra.executions(namespace=NAMESPACE, flow_id=SEND_EMAIL, states=LIVE, labels={"contact": contact}))


def _run(kestra: Kestra, contact: str, reason: Reason | None, lift: Lift = Lift.LET_GO) -> None:
    inputs = {"contact": contact, "reason": reason or "", "by": Source.PERSON, "lift": lift}
    labels = {"contact": contact, **({"reason": reason} if reason else {})}
    execution = kestra.run(FLOW, inputs, namespace=NAMESPACE, labels=labels)
    deadline = time.monotonic() + PATIENCE
    while (state := kestra.execution(execution).state) not in TERMINAL:
        if time.monotonic() > deadline:
            raise StopError(
                f"the run {execution} of the flow {FLOW} has not ended (it is {state}): look there, then try again"
            )
        time.sleep(0.1)
    if state != "SUCCESS":
        raise StopError(f"the run {execution} of the flow {FLOW} is {state}: its log says why")


def _sending(kestra: Kestra, contact: str) -> list[str]:
    """The runs that may have decided before the stop was kept, and have not sent yet. Those that begin later find the stop."""
    labels = {"contact": contact}
    found = kestra.executions(namespace=NAMESPACE, flow_id=SEND_EMAIL, states=["RUNNING"], labels=labels)
    return [each.id for each in found if _may_send(each)]


def _may_send(run: Execution) -> bool:
    """Whether a run may be about to send. Once it has settled it only rests, or waits for the end of a pause."""
    return run.state == "RUNNING" and not any(each.task == "settle" and each.state == "SUCCESS" for each in run.tasks)


def _wait_for(kestra: Kestra, executions: list[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    for execution in executions:
        while _may_send(kestra.execution(execution)):
            if time.monotonic() > deadline:
                raise StopError(
                    "it is kept and holds for what comes due from now on, but an e-mail was being sent at that moment and "
                    f"has not come to its end: the run {execution}"
                )
            time.sleep(0.1)
