"""The mends of the repair: what is to be done, and the sentence that says what is wrong and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from christmas_campaign.campaign import notion_names, times


class Kill(NamedTuple):
    """End a run that does not go on. What it was to do is found missing the next time."""

    flow: str
    execution: str
    since: datetime

    @property
    def sentence(self) -> str:
        """What is wrong, and the mend."""
        return f"The run {self.execution} of {self.flow} has had no task at work since {times.text(self.since)}: it is ended."


class Release(NamedTuple):
    """Have an e-mail go on that waits to be let go after `christmas pause`, when that is long over."""

    flow: str
    execution: str

    @property
    def sentence(self) -> str:
        """What is wrong, and the mend."""
        return f"The run {self.execution} of {self.flow} is held, and e-mails are held no more: it goes on."


class Unblock(NamedTuple):
    """Have Kestra count ``running`` runs of a flow, and let a queued one go (``None``: none waits)."""

    flow: str
    running: int
    execution: str | None

    @property
    def sentence(self) -> str:
        """What is wrong, and the mend."""
        if self.execution is None:
            return f"Kestra counts runs of {self.flow} that there are not: the count is set to {self.running}."
        return f"Runs of {self.flow} wait for one that is not there: the oldest of them, {self.execution}, is let go."


class Recount(NamedTuple):
    """Have Kestra count ``running`` runs of a flow, as many as are at work: it counted fewer, and so ran more than it may."""

    flow: str
    running: int

    @property
    def sentence(self) -> str:
        """What is wrong, and the mend."""
        return f"More runs of {self.flow} are at work at a time than Kestra counts: the count is set to {self.running}."


class Enroll(NamedTuple):
    """Run `enroll` again: its input ``event``, and the labels of the run."""

    enrolment: str
    event: Mapping[str, Any]
    labels: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """What is wrong, and the mend."""
        return f"The enrolment {self.enrolment} was begun and not finished, and nothing works at it: it is run again."


class Schedule(NamedTuple):
    """Schedule an e-mail for ``date``, with the labels of the run."""

    enrolment: str
    number: int
    date: datetime
    labels: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """What is wrong, and the mend."""
        return (
            f"E-mail {self.number} of {self.enrolment} is not settled, and no run waits to send it: it is scheduled for "
            f"{times.text(self.date)}."
        )


class Withdraw(NamedTuple):
    """Settle an e-mail that this release does not have as skipped; ``last`` is when the last e-mail of its sequence was due."""

    enrolment: str
    number: int
    last: datetime

    @property
    def sentence(self) -> str:
        """What is wrong, and the mend."""
        return f"E-mail {self.number} of {self.enrolment} was withdrawn, and no run waits to skip it: it is settled as skipped."


class Stamp(NamedTuple):
    """Write onto a page when e-mails were sent, by number, and whether the sequence is completed."""

    enrolment: str
    page: str
    sent: Mapping[int, datetime]
    completed: bool

    @property
    def values(self) -> dict[str, datetime | bool]:
        """The plain values to write, by property name."""
        written: dict[str, datetime | bool] = {notion_names.page_sent(number): at for number, at in self.sent.items()}
        return {**written, notion_names.PAGE_COMPLETED: True} if self.completed else written

    @property
    def sentence(self) -> str:
        """What is wrong, and the mend."""
        return f"The page of {self.enrolment} does not say what the ledger says: {', '.join(self.values)} is written."


Mend: TypeAlias = Kill | Release | Unblock | Recount | Enroll | Schedule | Withdraw | Stamp
