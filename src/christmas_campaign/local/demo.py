"""The demo: posts an example event of each selected sequence to the real webhooks, and shows the e-mails as they arrive."""

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

#: The demo runs this many times faster than real time: a week takes 42 seconds.
TIME_SCALE = 14_400.0

#: An e-mail is late if it arrives this long after it is due. Sending takes one or two seconds, and the engine sends e-mails one
#: after the other. If several are due at once on a slow machine, the last one has to wait.
LATE = timedelta(seconds=10)

#: An e-mail is early if it arrives this long before it is due. Clocks may differ by less than that.
EARLY = timedelta(seconds=-0.1)

#: The seconds between two events. The engine sends about one e-mail a second, so due times must not coincide.
EVENT_INTERVAL = 4.5

#: The seconds to wait for an enrolment. On an idle machine it takes one or two.
ENROLMENT_SECONDS = 120.0

#: How long the demo waits after the last due time and the last e-mail:
#: - for missing e-mails, if the engine is no longer working on an e-mail;
#: - for missing e-mails at most;
#: - for unexpected e-mails, once all expected ones have arrived.
GRACE = timedelta(seconds=15)
MAX_GRACE = timedelta(minutes=3)
QUIET = timedelta(seconds=3)

#: The sequences that the demo plays. It leaves out those that count back from a call: the call in their example is past.
PLAYED = tuple(sequence for sequence in SEQUENCES if not sequence.only_what_fits)

Say = Callable[[str], None]


class Expected(NamedTuple):
    """An e-mail that must arrive: its number in the sequence and its due time (aware)."""

    number: int
    due: datetime


class Played(NamedTuple):
    """A posted event: its sequence, the contact's address, its time of arrival (aware) and the e-mails that must follow."""

    sequence: str
    email: str
    arrived: datetime
    expected: list[Expected]


class Verdict(NamedTuple):
    """The result of the demo.

    ``faults`` is empty if exactly the expected e-mails arrived, in order. ``late`` is the delay of the latest e-mail, or zero
    if all arrived on time.
    """

    faults: list[str]
    late: timedelta


class DemoError(CommandError):
    """The demo cannot continue; the message says why."""


class Timeline:
    """Shows the e-mails one by one as they arrive, with the time since the first event."""

    def __init__(self, stack: Stack, say: Say) -> None:
        """``say`` prints a line."""
        self._stack = stack
        self._say = say
        self.played: list[Played] = []
        self.enrolled: dict[str, datetime] = {}
        self.arrived: list[Mail] = []

    def show_arrived(self) -> None:
        """Show the e-mails that have arrived since the last call."""
        for mail in self._stack.sandbox.mails()[len(self.arrived) :]:
            self.arrived.append(mail)
            name, number = mail.tags.get("sequence", "?"), _number(mail)
            due_times = (
                expected.due
                for event in self.played
                if event.sequence == name
                for expected in event.expected
                if expected.number == number
            )
            due = next(due_times, None)
            expectation = "not expected" if due is None else f"due {self._elapsed(due)}"
            self._say(f"  {self._elapsed(mail.received_at)}  {name:<10}  E{number}  {mail.subject}  ({expectation})")

    def show_posted(self, event: Played, description: str) -> None:
        """Show that an event was posted."""
        self.played.append(event)
        self._say(f"  {self._elapsed(event.arrived)}  {event.sequence:<10}  {description}")

    def _elapsed(self, moment: datetime) -> str:
        return f"+{(moment - self.played[0].arrived).total_seconds():5.1f} s"


def play(stack: Stack, examples: Path, say: Say, only: Sequence[EmailSequence] = PLAYED) -> Timeline:
    """Post the example event of each sequence in ``only``.

    Each event waits until the contact of the one before is enrolled, and at least ``EVENT_INTERVAL`` seconds.
    Raises ``DemoError``.
    """
    timeline = Timeline(stack, say)
    posted_at = time.monotonic() - EVENT_INTERVAL
    for sequence in only:
        while time.monotonic() < posted_at + EVENT_INTERVAL:
            timeline.show_arrived()
            time.sleep(0.1)
        file = examples / f"{sequence.name}.json"
        posted_at = time.monotonic()
        posted = _post(stack, file, sequence.handler)
        seconds = time.monotonic() - posted_at
        delays = sequence.delays(Settings(time_scale=stack.time_scale))
        expected = [Expected(number, posted.arrived + delay) for number, delay in delays.items()]
        timeline.show_posted(
            Played(sequence.name, posted.email, posted.arrived, expected),
            f"{file.name} posted; answered {posted.status} in {seconds:.2f} s",
        )
        _await_enrolment(stack, sequence.name, posted.email, timeline)
    return timeline


class Posted(NamedTuple):
    """The handler's answer to an example event: its status, the time of arrival (UTC) and the address of the contact."""

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
    deadline = time.monotonic() + ENROLMENT_SECONDS
    while time.monotonic() < deadline:
        for execution in stack.kestra.executions(namespace="christmas", flow_id="enroll", labels=labels):
            outcome = execution.labels.get("outcome")
            if outcome == Outcome.ENROLLED:
                timeline.enrolled[name] = datetime.now(UTC)
                return
            if outcome:
                raise DemoError(f"{name} was not enrolled: {outcome}, {execution.labels.get('reason')}")
        timeline.show_arrived()
        time.sleep(0.1)
    raise DemoError(f"{name} was not enrolled within {ENROLMENT_SECONDS:.0f} s")


def watch(stack: Stack, timeline: Timeline) -> Verdict:
    """Show e-mails until all have arrived or the time is up. Return the verdict; faults are followed by Kestra's reasons."""
    expected_count = sum(len(event.expected) for event in timeline.played)
    last_due = max(expected.due for event in timeline.played for expected in event.expected)
    while True:
        timeline.show_arrived()
        now = datetime.now(UTC)
        quiet = now - max([last_due, *(mail.received_at for mail in timeline.arrived)])
        if len(timeline.arrived) >= expected_count and quiet > QUIET:
            break
        if quiet > GRACE and (now > last_due + MAX_GRACE or not _has_unfinished_emails(stack)):
            break
        time.sleep(0.1)
    verdict = judge(timeline.played, timeline.enrolled, timeline.arrived)
    return verdict._replace(faults=verdict.faults + _reasons(stack)) if verdict.faults else verdict


def _has_unfinished_emails(stack: Stack) -> bool:
    """Return whether an execution of send-email waits, is queued or runs."""
    return bool(stack.kestra.executions(namespace="christmas", flow_id="send-email", states=LIVE))


def judge(played: Sequence[Played], enrolled: Mapping[str, datetime], arrived: Sequence[Mail]) -> Verdict:
    """Compare the e-mails that arrived, in this order, with the expected ones. A late e-mail is not a fault.

    ``enrolled`` has the time of enrolment (aware) by the name of the sequence.
    """
    faults = []
    latest = timedelta(0)
    contacts = {event.email for event in played}
    for mail in arrived:
        if len(mail.to) != 1 or mail.to[0] not in contacts:
            faults.append(f"{mail.tags.get('sequence')} E{_number(mail)} went to somebody else")
    for event in played:
        mails = [mail for mail in arrived if mail.to == (event.email,)]
        numbers = [_number(mail) for mail in mails]
        expected_numbers = [expected.number for expected in event.expected]
        if numbers != expected_numbers:
            faults.append(f"{event.sequence}: expected the e-mails {expected_numbers} in this order, got {numbers}")
        due_times = dict(event.expected)
        for mail in mails:
            due = due_times.get(_number(mail), mail.received_at)
            if mail.received_at - due < EARLY:
                early = (due - mail.received_at).total_seconds()
                faults.append(f"{event.sequence}: E{_number(mail)} came {early:.1f} s before its time")
            # In the demo five minutes are 20 ms, and an enrolment takes seconds. E-mails that are due before the contact is
            # enrolled count from the enrolment.
            latest = max(latest, mail.received_at - max(due, enrolled[event.sequence]))
    return Verdict(faults, latest if latest > LATE else timedelta(0))


def lateness(late: timedelta) -> str:
    """Return a note about late e-mails that names the load of this machine, or an empty text if ``late`` is zero."""
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
    """Return lines about the executions that did not succeed, and the number of rescheduled executions by reason."""
    lines = []
    rescheduled: Counter[str] = Counter()
    for flow in (*(sequence.handler for sequence in SEQUENCES), "enroll", "send-email"):
        for execution in stack.kestra.executions(namespace="christmas", flow_id=flow):
            outcome, reason = execution.labels.get("outcome"), execution.labels.get("reason")
            if outcome == Outcome.DEFERRED:
                rescheduled[f"{flow}: rescheduled, {reason}"] += 1
            elif execution.state not in ("SUCCESS", "CREATED"):
                lines.append(f"{flow} {execution.id}: {execution.state}, {outcome}, {reason}")
                lines += [
                    f"    {entry.message}"
                    for entry in stack.kestra.logs(execution.id)
                    if entry.level in ("WARN", "ERROR")
                ]
    return [*lines, *(f"{description} ({count} times)" for description, count in rescheduled.items())]


def summary(only: Sequence[EmailSequence] = PLAYED) -> str:
    """Return how many e-mails the demo plays, and over how many days."""
    emails = [email for sequence in only for email in sequence.emails]
    days = max(email.delay for email in emails).days
    return f"{len(emails)} e-mails over {days} days"
