"""The actions of the repair. Each one has a sentence with the problem and the action."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from christmas_campaign.campaign import notion_names, times


class Kill(NamedTuple):
    """Kill an execution that makes no progress. The next repair finds the work that it left undone."""

    flow: str
    execution: str
    since: datetime

    @property
    def sentence(self) -> str:
        """The problem and the action, for people."""
        return (
            f"The execution {self.execution} of {self.flow} has had no running task since {times.text(self.since)}: "
            "it is killed."
        )


class Release(NamedTuple):
    """Resume an execution that still waits for `christmas resume`, long after e-mails were resumed."""

    flow: str
    execution: str

    @property
    def sentence(self) -> str:
        """The problem and the action, for people."""
        return f"The execution {self.execution} of {self.flow} is paused, but e-mails are not: it is resumed."


class Unblock(NamedTuple):
    """Set Kestra's count of running executions of a flow to ``running``, and start a queued one (``None``: none waits)."""

    flow: str
    running: int
    execution: str | None

    @property
    def sentence(self) -> str:
        """The problem and the action, for people."""
        if self.execution is None:
            return f"Kestra counts executions of {self.flow} that do not exist: the count is set to {self.running}."
        return f"Executions of {self.flow} wait for one that does not exist: the oldest, {self.execution}, is started."


class Recount(NamedTuple):
    """Raise Kestra's count of running executions of a flow to ``running``: it counted too few and so ran too many."""

    flow: str
    running: int

    @property
    def sentence(self) -> str:
        """The problem and the action, for people."""
        return f"More executions of {self.flow} are running than Kestra counts: the count is set to {self.running}."


class Enroll(NamedTuple):
    """Run `enroll` again with its input ``event`` and the labels of the execution."""

    enrolment: str
    event: Mapping[str, Any]
    labels: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """The problem and the action, for people."""
        return f"The enrolment {self.enrolment} is unfinished, and no execution works on it: it is run again."


class Schedule(NamedTuple):
    """Schedule an e-mail for ``date`` (aware), with the labels of the execution."""

    enrolment: str
    number: int
    date: datetime
    labels: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """The problem and the action, for people."""
        return (
            f"E-mail {self.number} of {self.enrolment} is not settled, and no execution waits to send it: it is scheduled "
            f"for {times.text(self.date)}."
        )


class Withdraw(NamedTuple):
    """Settle an e-mail that this release no longer has as skipped; ``last`` is when its sequence's last e-mail was due."""

    enrolment: str
    number: int
    last: datetime

    @property
    def sentence(self) -> str:
        """The problem and the action, for people."""
        return (
            f"E-mail {self.number} of {self.enrolment} was withdrawn, and no execution waits to skip it: it is settled as "
            "skipped."
        )


class Stamp(NamedTuple):
    """Write onto a page when e-mails were sent, by number, and whether the sequence is completed."""

    enrolment: str
    page: str
    sent: Mapping[int, datetime]
    completed: bool

    @property
    def values(self) -> dict[str, datetime | bool]:
        """The plain values to write, by property name."""
        values: dict[str, datetime | bool] = {notion_names.page_sent(number): at for number, at in self.sent.items()}
        return {**values, notion_names.PAGE_COMPLETED: True} if self.completed else values

    @property
    def sentence(self) -> str:
        """The problem and the action, for people."""
        return f"The page of {self.enrolment} lacks what the ledger says: {', '.join(self.values)} is written."


Action: TypeAlias = Kill | Release | Unblock | Recount | Enroll | Schedule | Withdraw | Stamp
