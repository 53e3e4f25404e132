"""The demo: an event for each sequence, or for some, posted to the real webhooks, and the e-mails as they arrive."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.clients.kestra_models import LIVE
from christmas_campaign.errors import CommandError
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.sandbox import Mail
from christmas_campaign.local.stack import Stack
from christmas_campaign.sequences.model import Sequence as EmailSequence
from christmas_campaign.sequences.registry import SEQUENCES

#: A week in three quarters of a minute.
TIME_SCALE = 14_400.0

#: An e-mail is late when it arrives this long after it is due. It takes one or two seconds, and e-mails pass one by one: where
#: several are due at once on a slow machine, the last of them waits for the others.
LATE = timedelta(seconds=10)

#: An e-mail is early when it arrives before its time by more than the clocks differ.
EARLY = timedelta(seconds=-0.1)

#: The seconds from one event to the next: e-mails pass one by one, about one a second, so their times must not fall together.
APART = 4.5

#: How long to wait for an enrolment, which takes a second or two on an idle machine.
ENROLMENT = 120.0

#: How long to wait after the last due time and the last e-mail: for missing e-mails, and for e-mails that nobody expects. While
#: the engine still works on an e-mail, the demo waits for missing e-mails up to the longest time.
GRACE = timedelta(seconds=15)
LONGEST = timedelta(minutes=3)
QUIET = timedelta(seconds=3)

#: What is played: an example whose call is at a fixed time has none of its e-mails before it.
PLAYED = tuple(each for each in SEQUENCES if not each.only_what_fits)

Say = Callable[[str], None]


class Expected(NamedTuple):
    """One e-mail that has to arrive: its number and when (aware)."""

    number: int
    due: datetime


class Played(NamedTuple):
    """A payload that was posted: its sequence, who it is for, when it arrived, and what has to follow."""

    sequence: str
    email: str
    arrived: datetime
    expected: list[Expected]


class Verdict(NamedTuple):
    """What became of the e-mails: the faults (none: exactly the expected e-mails, in order), and how late the latest one was.

    ``late`` is zero when every e-mail arrived on time.
    """

    faults: list[str]
    late: timedelta


class DemoError(CommandError):
    """The demo could not be played; the message says why."""


class Timeline:
    """The e-mails as they arrive, shown one by one, with their times after the first event."""

    def __init__(self, stack: Stack, say: Say) -> None:
        """Take where they arrive, and what is told of each."""
        self._stack = stack
        self._say = say
        self.played: list[Played] = []
        self.enrolled: dict[str, datetime] = {}
        self.seen: list[Mail] = []

    def look(self) -> None:
        """Show what has arrived since the last look."""
        for mail in self._stack.sandbox.mails()[len(self.seen) :]:
            self.seen.append(mail)
            name, number = mail.tags.get("sequence", "?"), _number(mail)
            of_sequence = (each for each in self.played if each.sequence == name)
            due = next((e.due for each in of_sequence for e in each.expected if e.number == number), None)
            late = "not expected" if due is None else f"due {self._after(due)}"
            self._say(f"  {self._after(mail.received_at)}  {name:<10}  E{number}  {mail.subject}  ({late})")

    def posted(self, played: Played, what: str) -> None:
        """Show that an event was posted."""
        self.played.append(played)
        self._say(f"  {self._after(played.arrived)}  {played.sequence:<10}  {what}")

    def _after(self, moment: datetime) -> str:
        return f"+{(moment - self.played[0].arrived).total_seconds():5.1f} s"


def play(stack: Stack, examples: Path, say: Say, only: Sequence[EmailSequence] = PLAYED) -> Timeline:
    """Post the example of each sequence, one after the other, each when the one before is enrolled and ``APART`` has passed.

    Raises ``DemoError``.
    """
    timeline = Timeline(stack, say)
    begun = time.monotonic() - APART
    for each in only:
        while time.monotonic() < begun + APART:
            timeline.look()
            time.sleep(0.1)
        file = examples / f"{each.name}.json"
        begun = time.monotonic()
        posted = _post(stack, file, each.handler)
        took = time.monotonic() - begun
        delays = each.delays(Settings(time_scale=stack.time_scale))
        expected = [Expected(number, posted.arrived + delay) for number, delay in delays.items()]
        what = f"{file.name} posted; answered {posted.status} in {took:.2f} s"
        timeline.posted(Played(each.name, posted.email, posted.arrived, expected), what)
        _await_enrolment(stack, each.name, posted.email, timeline)
    return timeline


class Posted(NamedTuple):
    """The handler's answer to an example: its status, when the event arrived (UTC), and the address of the contact."""

    status: str
    arrived: datetime
    email: str


def _post(stack: Stack, file: Path, flow: str) -> Posted:
    payload = json.loads(file.read_text(encoding="utf-8"))
    response = httpx.post(stack.webhook(flow), json=payload, timeout=60)
    answer = response.json()
    if response.status_code != 200 or answer.get("status") != "accepted":
        raise DemoError(f"{file.name} was not accepted: HTTP {response.status_code} {json.dumps(answer)}")
    return Posted(str(answer["status"]), times.parse(answer["timestamp"]), str(payload["email"]).strip().lower())


def _await_enrolment(stack: Stack, name: str, email: str, timeline: Timeline) -> None:
    labels = {"contact": opaque_ids.contact_id(email), "sequence": name}
    deadline = time.monotonic() + ENROLMENT
    while time.monotonic() < deadline:
        for run in stack.kestra.executions(namespace="christmas", flow_id="enroll", labels=labels):
            if run.labels.get("outcome") == Outcome.ENROLLED:
                timeline.enrolled[name] = datetime.now(UTC)
                return
            if run.labels.get("outcome"):
                raise DemoError(f"{name} was not enrolled: {run.labels['outcome']}, {run.labels.get('reason')}")
        timeline.look()
        time.sleep(0.1)
    raise DemoError(f"{name} was not enrolled within {ENROLMENT:.0f} s")


def watch(stack: Stack, timeline: Timeline) -> Verdict:
    """Show each e-mail until all have arrived; returns the verdict, with the engine's reasons where there are faults."""
    wanted = sum(len(each.expected) for each in timeline.played)
    last = max(expected.due for each in timeline.played for expected in each.expected)
    while True:
        timeline.look()
        now = datetime.now(UTC)
        quiet = now - max([last, *(mail.received_at for mail in timeline.seen)])
        if len(timeline.seen) >= wanted and quiet > QUIET:
            break
        if quiet > GRACE and (now > last + LONGEST or not _at_work(stack)):
            break
        time.sleep(0.1)
    verdict = judge(timeline.played, timeline.enrolled, timeline.seen)
    return verdict._replace(faults=verdict.faults + _reasons(stack)) if verdict.faults else verdict


def _at_work(stack: Stack) -> bool:
    """Whether the engine has an e-mail that has not ended: it waits, is queued or runs."""
    return bool(stack.kestra.executions(namespace="christmas", flow_id="send-email", states=LIVE))


def judge(played: Sequence[Played], enrolled: Mapping[str, datetime], seen: Sequence[Mail]) -> Verdict:
    """Compare the e-mails that arrived (in this order) with the expected ones. An e-mail that is late is not a fault.

    ``enrolled`` is when each sequence's contact was enrolled, by the name of the sequence (aware).
    """
    faults = []
    latest = timedelta(0)
    contacts = {each.email for each in played}
    for mail in seen:
        if len(mail.to) != 1 or mail.to[0] not in contacts:
            faults.append(f"{mail.tags.get('sequence')} E{_number(mail)} went to somebody else")
    for each in played:
        own = [mail for mail in seen if mail.to == (each.email,)]
        numbers, wanted = [_number(mail) for mail in own], [expected.number for expected in each.expected]
        if numbers != wanted:
            faults.append(f"{each.sequence}: expected the e-mails {wanted} in this order, got {numbers}")
        due = dict(each.expected)
        for mail in own:
            moment = due.get(_number(mail), mail.received_at)
            if mail.received_at - moment < EARLY:
                early = (moment - mail.received_at).total_seconds()
                faults.append(f"{each.sequence}: E{_number(mail)} came {early:.1f} s before its time")
            # Five minutes are 20 ms here, and an enrolment takes seconds at any scale. Overdue e-mails then go at once.
            latest = max(latest, mail.received_at - max(moment, enrolled[each.sequence]))
    return Verdict(faults, latest if latest > LATE else timedelta(0))


def lateness(late: timedelta) -> str:
    """Return a note about e-mails that were late by up to ``late``, with the load of this machine; empty for zero."""
    if not late:
        return ""
    load = os.getloadavg()[0]
    return (
        f"Note: e-mails were up to {late.total_seconds():.0f} s late. "
        f"This machine is busy: its load average is {load:.1f}, on {os.cpu_count()} processors."
    )


def _number(mail: Mail) -> int:
    return int(mail.tags.get("number", "0"))


def _reasons(stack: Stack) -> list[str]:
    """What the engine says of the runs that did not end well, and how many were put off for which reason."""
    said = []
    put_off: Counter[str] = Counter()
    for flow in (*(each.handler for each in SEQUENCES), "enroll", "send-email"):
        for run in stack.kestra.executions(namespace="christmas", flow_id=flow):
            if run.labels.get("outcome") == Outcome.DEFERRED:
                put_off[f"{flow}: put off, {run.labels.get('reason')}"] += 1
            elif run.state not in ("SUCCESS", "CREATED"):
                said.append(f"{flow} {run.id}: {run.state}, {run.labels.get('outcome')}, {run.labels.get('reason')}")
                said += [f"    {line.message}" for line in stack.kestra.logs(run.id) if line.level in ("WARN", "ERROR")]
    return [*said, *(f"{what} ({count} times)" for what, count in put_off.items())]


def summary(only: Sequence[EmailSequence] = PLAYED) -> str:
    """Return what the demo plays, in a sentence."""
    emails = [email for each in only for email in each.emails]
    span = max(email.delay for email in emails).days
    return f"{len(emails)} e-mails over {span} days"
