"""Running again what failed: e-mails and enrolments anew, handlers as they were called. Never into two mails."""

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

#: The reason of an e-mail of which nobody here knows whether Resend has taken it.
SEND_UNKNOWN = "send_unknown"

_NOT_KNOWN = "whether it was sent is not known: look in Resend; if it is not there, add --not-sent"

#: A try's own labels, which the next one does not begin with.
_OF_A_TRY = ("outcome", "reason")


class Replayed(NamedTuple):
    """What came of one: the new run's id, or why it was left out."""

    failure: Failure
    execution: str | None
    why_not: str | None = None


def chosen(found: Iterable[Failure], ids: Iterable[str], reason: str | None) -> list[Failure]:
    """Return the failures with these execution ids (none: all), of this reason (``None``: any). Raises ``CommandError``."""
    failures, wanted = list(found), set(ids)
    unknown = sorted(wanted - {each.execution for each in failures})
    if unknown:
        raise CommandError(f"{unknown[0]} is not among what failed: christmas failures shows all of it, with the ids")
    return [each for each in failures if (not wanted or each.execution in wanted) and reason in (None, each.reason)]


def why_not(kestra: Kestra, failure: Failure, *, not_sent: bool) -> str | None:
    """Return why a failure must not be run again, by what the ledger says now; ``None``: it may. Raises ``KestraError``."""
    if failure.flow != SEND_EMAIL:
        return None
    state = ledger_state(kestra, {"enrolment": failure.enrolment, "number": failure.number})
    if state.outcome in (Outcome.SENT, Outcome.SKIPPED):
        return f"it was {state.outcome} at {state.at}"
    unknown = SEND_UNKNOWN in (failure.reason, state.reason)
    return _NOT_KNOWN if unknown and not not_sent else None


def replay(
    kestra: Kestra, failures: Iterable[Failure], *, not_sent: bool, variables: Mapping[str, str] | None = None
) -> Iterator[Replayed]:
    """Run each again that may be, and yield what came of it.

    ``not_sent``: a person has looked in Resend and found that the e-mails of which it was not known were not sent.
    ``variables`` are added to the values of the enrolment; an e-mail that could not be written gets the values that are known
    now. Raises ``KestraError`` when Kestra does not answer; what it refuses is left out.
    """
    chosen, given = list(failures), variables or {}
    # Whoever runs something again has mended something: a template that is kept for some minutes is the old one.
    template_sync.refresh(kestra)
    # All are begun before the first is waited for, so that they queue while others run.
    amends: dict[str | None, str | None] = {}
    for failure in chosen:
        if reread_values.needed(failure, given) and failure.enrolment not in amends:
            amends[failure.enrolment] = reread_values.start(kestra, str(failure.enrolment), given)
    for failure in chosen:
        amend = amends.get(failure.enrolment) if reread_values.needed(failure, given) else None
        try:
            against = why_not(kestra, failure, not_sent=not_sent) or (
                reread_values.wait(kestra, amend) if amend else None
            )
            yield Replayed(failure, None if against else _again(kestra, failure, not_sent), against)
        except KestraError as error:
            if error.status is None:
                raise
            yield Replayed(failure, None, str(error))


def _again(kestra: Kestra, failure: Failure, not_sent: bool) -> str:
    before = kestra.execution(failure.execution)
    if failure.flow not in (SEND_EMAIL, ENROLL, bookings.FLOW):
        # By the flow as it is now: it may have been mended.
        return kestra.replay(failure.execution, revision=kestra.flow(NAMESPACE, failure.flow).revision)
    if failure.flow == SEND_EMAIL and not_sent and failure.enrolment is not None:
        # The claim would keep it from being sent.
        kestra.kv_delete(ledger_key(failure.enrolment, failure.number), NAMESPACE)
    inputs = {name: value for name, value in before.inputs.items() if name != "tries"}
    labels = {
        name: value for name, value in before.labels.items() if name not in _OF_A_TRY and not name.startswith("system.")
    }
    return kestra.run(failure.flow, inputs, namespace=NAMESPACE, labels=labels)
