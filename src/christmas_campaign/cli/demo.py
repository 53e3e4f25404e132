"""The demo: one signup, posted to the real webhook, and its e-mails as they arrive."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from christmas_campaign import times
from christmas_campaign.cli.sandbox import Mail
from christmas_campaign.cli.stack import Stack
from christmas_campaign.sequences import sequence
from christmas_campaign.settings import Settings

#: Five days in half a minute.
TIME_SCALE = 14_400.0

#: An e-mail is on time when it arrives this long after it is due, at the latest: well under the six seconds of a day. It takes
#: about one; the rest is for machines that are busy with something else.
ON_TIME = timedelta(seconds=4)

#: How long to wait for stragglers, and for e-mails that nobody expects.
GRACE = timedelta(seconds=15)
QUIET = timedelta(seconds=3)

Say = Callable[[str], None]


class Expected(NamedTuple):
    """One e-mail that has to arrive: its number and when (aware)."""

    number: int
    due: datetime


class Played(NamedTuple):
    """A payload that was posted: who it is for, when it arrived, and what has to follow."""

    email: str
    arrived: datetime
    expected: list[Expected]


class DemoError(Exception):
    """The demo could not be played; the message says why."""


def post(stack: Stack, payload_file: Path, flow: str, say: Say) -> Played:
    """Post a payload to a handler's webhook, as the website does. Raises ``DemoError`` when it is not accepted."""
    payload = json.loads(payload_file.read_text(encoding="utf-8"))
    begun = time.monotonic()
    response = httpx.post(stack.webhook(flow), json=payload, timeout=60)
    took = time.monotonic() - begun
    answer: dict[str, Any] = response.json()
    if response.status_code != 200 or answer.get("status") != "accepted":
        raise DemoError(f"{payload_file.name} was not accepted: HTTP {response.status_code} {json.dumps(answer)}")
    say(f"  +  0.0 s  {payload_file.name} posted; answered {answer['status']} in {took:.2f} s")
    arrived = times.parse(answer["timestamp"])
    delays = Settings(time_scale=stack.time_scale).delays(sequence("signup"))
    return Played(
        str(payload["email"]).strip().lower(),
        arrived,
        [Expected(number, arrived + delay) for number, delay in delays.items()],
    )


def watch(stack: Stack, played: Played, say: Say) -> list[str]:
    """Show each e-mail as it arrives; returns what is wrong with them, nothing if all is as expected."""
    seen: list[Mail] = []
    last = max(expected.due for expected in played.expected)
    while True:
        for mail in stack.sandbox.mails()[len(seen) :]:
            say(_line(played, mail))
            seen.append(mail)
        now = datetime.now(UTC)
        if len(seen) >= len(played.expected) and now > last + QUIET:
            break
        if now > last + GRACE:
            break
        time.sleep(0.1)
    return _faults(stack, played, seen)


def _line(played: Played, mail: Mail) -> str:
    number = _number(mail)
    after = (mail.received_at - played.arrived).total_seconds()
    due = next((each.due for each in played.expected if each.number == number), None)
    late = "not expected" if due is None else f"due +{(due - played.arrived).total_seconds():.1f} s"
    return f"  +{after:5.1f} s  E{number}  {mail.subject}  ({late})"


def _number(mail: Mail) -> int:
    return int(mail.tags.get("number", "0"))


def _faults(stack: Stack, played: Played, seen: list[Mail]) -> list[str]:
    faults = []
    numbers = [_number(mail) for mail in seen]
    wanted = [expected.number for expected in played.expected]
    if numbers != wanted:
        faults.append(f"expected the e-mails {wanted} in this order, got {numbers}")
    for mail in seen:
        if mail.to != (played.email,):
            faults.append(f"E{_number(mail)} went to somebody else")
        for expected in played.expected:
            late = mail.received_at - expected.due
            if expected.number == _number(mail) and not timedelta(seconds=-0.1) <= late <= ON_TIME:
                faults.append(f"E{expected.number} came {late.total_seconds():+.1f} s from its time")
    if faults:
        faults += _reasons(stack)
    return faults


def _reasons(stack: Stack) -> list[str]:
    """What the engine says of the runs that did not end well."""
    said = []
    for flow in ("signup-handler", "enroll", "send-email"):
        for run in stack.kestra.executions(namespace="christmas", flow_id=flow):
            if run.state not in ("SUCCESS", "CREATED"):
                said.append(f"{flow} {run.id}: {run.state}, {run.labels.get('outcome')}, {run.labels.get('reason')}")
                said += [f"    {line.message}" for line in stack.kestra.logs(run.id) if line.level in ("WARN", "ERROR")]
    return said


def summary() -> str:
    """Return what the demo plays, in a sentence."""
    emails = sequence("signup").emails
    span = emails[-1].delay.days
    return f"{len(emails)} e-mails over {span} days"
