"""Reading the values of an enrolment again, and adding some, before an e-mail without a value is run again.

The flow `enroll` does it, as it does when the same event is posted again: only that flow writes the enrolment's record.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.enrolment.record import Record
from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.errors import CommandError
from christmas_campaign.events import intake
from christmas_campaign.operations.failures import NAMESPACE, Failure
from christmas_campaign.repair.decide import ENROLL, SEND_EMAIL

#: How long, in seconds, to wait for the run of `enroll`: enrolments that came before it go first.
PATIENCE = 120.0

#: An e-mail that failed so was never written: Resend has not had it, and it may say something else the next time.
NOT_WRITTEN = frozenset(
    {
        Reason.PAGE_MISSING,
        Reason.TEMPLATE_MISSING,
        Reason.TEMPLATE_AMBIGUOUS,
        Reason.TEMPLATE_EMPTY,
        Reason.TEMPLATE_MALFORMED,
        Reason.TEMPLATE_WITHOUT_FOOTER,
        Reason.VALUE_MISSING,
        Reason.SETTING_MISSING,
    }
)


def parse(given: Iterable[str]) -> dict[str, str]:
    """Return the variables in texts of the form ``name=value``. Raises ``CommandError``: not of that form, a name that no
    placeholder can have, a value that is empty or too long, a name that is given twice."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name or not value.strip():
            raise CommandError(f"--variable {name or text!r}: write name=value, for example Kickoff_Call_Date='May 5'")
        problems: list[intake.Problem] = []
        checked = intake.variables({name: value}, problems)
        if problems:
            raise CommandError(f"--variable {name!r}: {problems[0].field} {problems[0].problem}")
        if name in found:
            raise CommandError(f"--variable {name!r} is given twice: give each name once")
        found |= checked
    return found


def check(failures: Iterable[Failure], variables: Mapping[str, str]) -> None:
    """See that variables belong to the failures, e-mails of one enrolment. Raises ``CommandError``."""
    chosen = list(failures)
    if not variables:
        return
    if any(each.flow != SEND_EMAIL for each in chosen):
        raise CommandError("--variable gives an e-mail a value: name the ID of an e-mail that failed")
    if len({each.enrolment for each in chosen}) > 1:
        raise CommandError("--variable gives the e-mails of one contact a value: name the ID of one e-mail that failed")


def needed(failure: Failure, variables: Mapping[str, str]) -> bool:
    """Whether the values of a failure's enrolment are read again before it is run again."""
    return (
        failure.flow == SEND_EMAIL
        and failure.enrolment is not None
        and (bool(variables) or failure.reason in NOT_WRITTEN)
    )


def start(kestra: Kestra, enrolment: str, variables: Mapping[str, str]) -> str | None:
    """Start reading the values of an enrolment again, adding ``variables``; returns the id of the run, ``None`` when nothing
    is kept of the enrolment any more. Raises ``KestraError``."""
    kept = kestra.kv_get(f"enrolment.{enrolment}", NAMESPACE)
    if kept is None:
        return None
    record = Record.from_json(kept)
    event = record.event._replace(variables=dict(variables))
    inputs = {"event": enroll_input(event), "enrolment": enrolment, "refresh": True}
    return kestra.run(ENROLL, inputs, namespace=NAMESPACE, labels=record.labels)


def wait(kestra: Kestra, run_id: str) -> str | None:
    """Wait until the values are read again; returns why they are not, ``None`` when they are. Raises ``KestraError``."""
    deadline = time.monotonic() + PATIENCE
    while (run := kestra.execution(run_id)).live:
        if time.monotonic() > deadline:
            return (
                f"the contact could not be read again yet, enrolments go first (execution {run_id}): try it again later"
            )
        time.sleep(0.2)
    if run.labels.get("reason") == Reason.NOTION_UNREACHABLE:
        return "the contact could not be read again, Notion does not answer: try it again later"
    if run.state not in ("SUCCESS", "WARNING"):
        return f"the contact could not be read again: the log of the execution {run_id} says why"
    return None
