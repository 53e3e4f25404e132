"""Stops a contact and lifts their stops, by the flow `stop`, the only one that writes a contact's stops."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.clients.kestra_models import LIVE, TERMINAL
from christmas_campaign.errors import CommandError
from christmas_campaign.events import opaque_ids
from christmas_campaign.notion import page_values
from christmas_campaign.repair.decide import SEND_EMAIL
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Lift, Source, Stop

NAMESPACE = "christmas"

#: The flow that writes a contact's stops.
FLOW = "stop"

#: Seconds to wait for the flow, including executions before it in the queue, and for an e-mail that is being sent.
PATIENCE = 120.0

_PREFIX = rules.key("")


class ContactStops(NamedTuple):
    """The stops of a contact; ``contact`` is their opaque id."""

    contact: str
    stops: tuple[Stop, ...]


class ContactEnrolment(NamedTuple):
    """An enrolment of a contact.

    ``page`` is the web address of its page in Notion (``None``: unknown), ``waiting`` when each waiting e-mail is due (UTC),
    by number.
    """

    sequence: str
    page: str | None
    waiting: Mapping[int, datetime]


class StopError(CommandError):
    """It is unknown whether the stop took effect; the message says why, and what to do."""


def read_stops(kestra: Kestra, contact: str) -> ContactStops:
    """Return the current stops of a contact (an opaque id). Raises ``KestraError``."""
    return ContactStops(contact, rules.read(kestra.kv_get(rules.key(contact), NAMESPACE)))


def read_all_stops(kestra: Kestra) -> Iterator[ContactStops]:
    """Return the stops of each stopped contact, in the order of their ids. Raises ``KestraError``."""
    for key in sorted(kestra.kv_list(NAMESPACE)):
        if key.startswith(_PREFIX):
            contact_stops = read_stops(kestra, key.removeprefix(_PREFIX))
            # A contact whose stops were lifted keeps an entry without stops.
            if contact_stops.stops:
                yield contact_stops


def stop(kestra: Kestra, contact: str, reason: Reason) -> ContactStops:
    """Stop a contact and return their stops. After that, no e-mail that the stop ends is handed to Resend.

    Raises ``KestraError``, and ``StopError`` if it is unknown whether the stop took effect.
    """
    _run_flow(kestra, contact, reason)
    wait_until_sent(kestra, contact)
    return read_stops(kestra, contact)


def wait_until_sent(kestra: Kestra, contact: str) -> None:
    """Wait for e-mails to the contact that are being sent: they may have checked for stops just before one was written.

    Raises as ``stop``.
    """
    _wait_until_settled(kestra, _sending(kestra, contact))


def lift(kestra: Kestra, contact: str, *, also_for_good: bool = False) -> ContactStops:
    """Lift a contact's stops and return those that remain.

    Stops that hold for good remain; with ``also_for_good`` only a complaint does. Raises as ``stop``.
    """
    _run_flow(kestra, contact, None, Lift.ALSO_FOR_GOOD if also_for_good else Lift.LET_GO)
    return read_stops(kestra, contact)


def enrolments(kestra: Kestra, contact: str) -> list[ContactEnrolment]:
    """Return the enrolments of a contact that have executions in Kestra, ordered by sequence. Raises ``KestraError``."""
    executions = kestra.executions(namespace=NAMESPACE, flow_id=SEND_EMAIL, labels={"contact": contact})
    contact_enrolments = []
    for enrolment in sorted({str(execution.inputs.get("enrolment")) for execution in executions}):
        page_id = kestra.kv_get(f"page.{enrolment}", NAMESPACE)
        live = [
            execution for execution in executions if execution.inputs.get("enrolment") == enrolment and execution.live
        ]
        due = {int(execution.inputs["number"]): execution.scheduled or execution.created for execution in live}
        page = page_values.link(str(page_id)) if page_id is not None else None
        sequence = opaque_ids.sequence_name(enrolment)
        contact_enrolments.append(ContactEnrolment(sequence, page, dict(sorted(due.items()))))
    return contact_enrolments


def count_waiting(kestra: Kestra, contact: str) -> int:
    """Return how many e-mails wait for a contact. Raises ``KestraError``."""
    return len(kestra.executions(namespace=NAMESPACE, flow_id=SEND_EMAIL, states=LIVE, labels={"contact": contact}))


def _run_flow(kestra: Kestra, contact: str, reason: Reason | None, lift: Lift = Lift.LET_GO) -> None:
    inputs = {"contact": contact, "reason": reason or "", "by": Source.PERSON, "lift": lift}
    labels = {"contact": contact, **({"reason": reason} if reason else {})}
    execution = kestra.run(FLOW, inputs, namespace=NAMESPACE, labels=labels)
    deadline = time.monotonic() + PATIENCE
    while (state := kestra.execution(execution).state) not in TERMINAL:
        if time.monotonic() > deadline:
            raise StopError(
                f"the execution {execution} of the flow {FLOW} has not ended (it is {state}): look at it in Kestra, then "
                "run this again"
            )
        time.sleep(0.1)
    if state != "SUCCESS":
        raise StopError(f"the execution {execution} of the flow {FLOW} is {state}: its log says why")


def _sending(kestra: Kestra, contact: str) -> list[str]:
    """Return the executions that may have checked for stops before the stop was written, and have not sent yet."""
    labels = {"contact": contact}
    executions = kestra.executions(namespace=NAMESPACE, flow_id=SEND_EMAIL, states=["RUNNING"], labels=labels)
    return [execution.id for execution in executions if _may_send(execution)]


def _may_send(execution: Execution) -> bool:
    """Return whether an execution may be about to send. Once its e-mail is settled it only rests, or waits out a pause."""
    settled = any(task.task == "settle" and task.state == "SUCCESS" for task in execution.tasks)
    return execution.state == "RUNNING" and not settled


def _wait_until_settled(kestra: Kestra, executions: list[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    for execution in executions:
        while _may_send(kestra.execution(execution)):
            if time.monotonic() > deadline:
                raise StopError(
                    "the stop is stored and holds for e-mails that come due from now on, but the execution "
                    f"{execution} was sending an e-mail at that moment and has not ended yet"
                )
            time.sleep(0.1)
