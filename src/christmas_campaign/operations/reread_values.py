"""Reads the values of an enrolment again, and adds variables, before an e-mail that lacked a value is run again.

The flow `enroll` does the work, as when the same event is posted again: only that flow writes the enrolment's record.
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

#: Seconds to wait for the execution of `enroll`, which has to wait for earlier enrolments.
PATIENCE = 120.0

#: With these reasons an e-mail was never composed. Resend has not received it, so its text may change.
NOT_COMPOSED = frozenset(
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


def parse(texts: Iterable[str]) -> dict[str, str]:
    """Return the variables in texts of the form ``name=value``.

    Raises ``CommandError`` for a text of another form, a name that no placeholder can have, an empty or too long value, and a
    repeated name.
    """
    variables: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name or not value.strip():
            raise CommandError(f"--variable {name or text!r}: write name=value, for example Kickoff_Call_Date='May 5'")
        problems: list[intake.Problem] = []
        checked = intake.variables({name: value}, problems)
        if problems:
            raise CommandError(f"--variable {name!r}: {problems[0].field} {problems[0].problem}")
        if name in variables:
            raise CommandError(f"--variable {name!r} is given twice: give each name once")
        variables |= checked
    return variables


def check(failures: Iterable[Failure], variables: Mapping[str, str]) -> None:
    """Check that the failures with variables are e-mails of one enrolment. Raises ``CommandError``."""
    chosen = list(failures)
    if not variables:
        return
    if any(failure.flow != SEND_EMAIL for failure in chosen):
        raise CommandError("--variable gives an e-mail a value: name the ID of an e-mail that failed")
    if len({failure.enrolment for failure in chosen}) > 1:
        raise CommandError("--variable gives the e-mails of one contact a value: name the ID of one e-mail that failed")


def needed(failure: Failure, variables: Mapping[str, str]) -> bool:
    """Return whether the values of the failure's enrolment must be read again before it is run again."""
    return (
        failure.flow == SEND_EMAIL
        and failure.enrolment is not None
        and (bool(variables) or failure.reason in NOT_COMPOSED)
    )


def start(kestra: Kestra, enrolment: str, variables: Mapping[str, str]) -> str | None:
    """Start reading the values of an enrolment again, with ``variables`` added.

    Returns the id of the execution, ``None`` if the enrolment's record has expired. Raises ``KestraError``.
    """
    entry = kestra.kv_get(f"enrolment.{enrolment}", NAMESPACE)
    if entry is None:
        return None
    record = Record.from_json(entry)
    event = record.event._replace(variables=dict(variables))
    inputs = {"event": enroll_input(event), "enrolment": enrolment, "refresh": True}
    return kestra.run(ENROLL, inputs, namespace=NAMESPACE, labels=record.labels)


def wait(kestra: Kestra, execution_id: str) -> str | None:
    """Wait until the values are read again; return why they were not, ``None`` if they were. Raises ``KestraError``."""
    deadline = time.monotonic() + PATIENCE
    while (execution := kestra.execution(execution_id)).live:
        if time.monotonic() > deadline:
            return (
                "the contact could not be read again yet, because other enrolments are queued before it "
                f"(execution {execution_id}): try again later"
            )
        time.sleep(0.2)
    if execution.labels.get("reason") == Reason.NOTION_UNREACHABLE:
        return "the contact could not be read again, because Notion does not answer: try again later"
    if execution.state not in ("SUCCESS", "WARNING"):
        return f"the contact could not be read again: the log of the execution {execution_id} says why"
    return None
