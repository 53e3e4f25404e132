"""Runs again what failed: e-mails and enrolments as new executions, handlers with their original call. Never sends twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from christmas_campaign.campaign.outcomes import Outcome
from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.errors import CommandError
from christmas_campaign.operations import reread_values, template_sync
from christmas_campaign.operations.failures import NAMESPACE, Failure, ledger_key, ledger_state
from christmas_campaign.repair.decide import ENROLL, SEND_EMAIL
from christmas_campaign.stops import bookings

#: The reason of an e-mail that Resend may or may not have accepted.
SEND_UNKNOWN = "send_unknown"

_UNKNOWN = "it is unknown whether it was sent: look in Resend; if it is not there, add --not-sent"

#: The labels of one attempt, which the next attempt does not start with.
_ATTEMPT_LABELS = ("outcome", "reason")


class Replayed(NamedTuple):
    """The result of one replay: the id of the new execution, or why there is none."""

    failure: Failure
    execution: str | None
    why_not: str | None = None


def choose(failures: Iterable[Failure], ids: Iterable[str], reason: str | None) -> list[Failure]:
    """Return the failures with these execution ids (none: all) and this reason (``None``: any). Raises ``CommandError``."""
    all_failures, chosen_ids = list(failures), set(ids)
    unknown = sorted(chosen_ids - {failure.execution for failure in all_failures})
    if unknown:
        raise CommandError(f"{unknown[0]} is not the ID of a failure: christmas failures lists them with their IDs")
    return [
        failure
        for failure in all_failures
        if (not chosen_ids or failure.execution in chosen_ids) and reason in (None, failure.reason)
    ]


def why_not(kestra: Kestra, failure: Failure, *, not_sent: bool) -> str | None:
    """Return why a failure must not be run again, from the current ledger; ``None`` if it may. Raises ``KestraError``."""
    if failure.flow != SEND_EMAIL:
        return None
    state = ledger_state(kestra, {"enrolment": failure.enrolment, "number": failure.number})
    if state.outcome in (Outcome.SENT, Outcome.SKIPPED):
        return f"it was {state.outcome} at {state.at}"
    unknown = SEND_UNKNOWN in (failure.reason, state.reason)
    return _UNKNOWN if unknown and not not_sent else None


def replay(
    kestra: Kestra, failures: Iterable[Failure], *, not_sent: bool, variables: Mapping[str, str] | None = None
) -> Iterator[Replayed]:
    """Run each failure again that may be, and yield each result.

    ``not_sent`` says that the owner has looked in Resend, and that the e-mails with an unknown result were not sent.
    ``variables`` are added to the values of the enrolment. An e-mail that could not be composed is composed with current
    values. Raises ``KestraError`` when Kestra does not respond; a refusal by Kestra is the result of that failure.
    """
    chosen, added_variables = list(failures), variables or {}
    # The owner has probably corrected something, such as a template. The flows would use cached templates for some minutes.
    template_sync.refresh(kestra)
    # All are started before waiting for the first, so that they wait in the queue at the same time.
    rereads: dict[str | None, str | None] = {}
    for failure in chosen:
        if reread_values.needed(failure, added_variables) and failure.enrolment not in rereads:
            rereads[failure.enrolment] = reread_values.start(kestra, str(failure.enrolment), added_variables)
    for failure in chosen:
        reread = rereads.get(failure.enrolment) if reread_values.needed(failure, added_variables) else None
        try:
            refusal = why_not(kestra, failure, not_sent=not_sent) or (
                reread_values.wait(kestra, reread) if reread else None
            )
            yield Replayed(failure, None if refusal else _run_again(kestra, failure, not_sent), refusal)
        except KestraError as error:
            if error.status is None:
                raise
            yield Replayed(failure, None, str(error))


def _run_again(kestra: Kestra, failure: Failure, not_sent: bool) -> str:
    """Start the execution again and return the id of the new one."""
    before = kestra.execution(failure.execution)
    if failure.flow not in (SEND_EMAIL, ENROLL, bookings.FLOW):
        # With the latest revision of the flow, because it may have been corrected since.
        return kestra.replay(failure.execution, revision=kestra.flow(NAMESPACE, failure.flow).revision)
    if failure.flow == SEND_EMAIL and not_sent and failure.enrolment is not None:
        # The claim in the ledger would prevent the e-mail from being sent.
        kestra.kv_delete(ledger_key(failure.enrolment, failure.number), NAMESPACE)
    inputs = {name: value for name, value in before.inputs.items() if name != "tries"}
    labels = {
        name: value
        for name, value in before.labels.items()
        if name not in _ATTEMPT_LABELS and not name.startswith("system.")
    }
    return kestra.run(failure.flow, inputs, namespace=NAMESPACE, labels=labels)
