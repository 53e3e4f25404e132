"""The storm in front of the real engine: most of it ends at the door, and the rest is Kestra's to answer.

``HOSTILE_ENGINE=1000`` sends more; an enrolment takes a second or two, so few of the calls are good ones.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from door.process import DoorProcess, base64_of
from door.storm.aim import MARK, SHORT_LIMITS, SIGNING, Aim, signed
from door.storm.storm import Outcome, run_storm
from support import address, payload, until

from christmas_campaign.campaign.outcomes import Outcome as Became
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.clients.kestra_models import TERMINAL
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.door.routes import PUBLIC_PATHS
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from christmas_campaign.stops.rules import RULES

COUNT = int(os.environ.get("HOSTILE_ENGINE", "150"))

#: Seconds that the engine may take for the calls that the door hands on.
PATIENCE = 120.0 + COUNT

HANDLERS = {sequence.handler for sequence in SEQUENCES}

#: The flows that the handlers start, and those that have a schedule.
STARTED, BY_THE_CLOCK = {"enroll", "booking", "stop", "sources", "send-email", "tell"}, {"repair", "purge", "booked"}

#: The possible ends of an enrolment: no contact of the storm is in BusinessX, and some events come twice.
GOOD_ENDS = {
    (Became.ENROLLED, None),
    (Became.SKIPPED, Reason.CONTACT_NOT_FOUND),
    *((Became.SKIPPED, sequence.duplicate) for sequence in SEQUENCES),
}

#: The sequences whose events may have ended another sequence of the same contact: a purchase or a booking.
ENDED_BY = {
    Reason.BOUGHT: "onboarding",
    Reason.BOOKED: "precall",
    Reason.CALL_MOVED: "precall",
    Reason.CALL_CANCELLED: "precall",
}

pytestmark = [pytest.mark.long, pytest.mark.timeout(int(300 + 3 * PATIENCE))]


class Storm:
    """A storm that is over, and its executions in the engine."""

    def __init__(self, stack: Stack, door: DoorProcess, outcome: Outcome) -> None:
        """Wait until all calls are handed on and their executions have ended."""
        self.stack, self.door, self.outcome = stack, door, outcome
        until(
            lambda: not [entry for entry in list_entries(door.inbox) if not entry.refused], "an empty inbox", PATIENCE
        )
        with closing(sqlite3.connect(door.inbox)) as db:
            row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'calls'").fetchone()
        #: The number of calls that the door stored and handed on.
        self.kept = int(row[0]) if row else 0
        until(self._quiet, "the end of all enrolments", PATIENCE)
        self.executions = stack.kestra.executions()
        print(
            f"\n{outcome}; {self.kept} handed on; executions: {dict(Counter(execution.flow for execution in self.executions))}"
        )

    def _quiet(self) -> bool:
        return all(
            execution.state in TERMINAL for flow in (*HANDLERS, "booking", "enroll") for execution in self.of(flow)
        )

    def of(self, flow: str) -> list[Execution]:
        """Return the executions of a flow, as they are now."""
        return self.stack.kestra.executions(namespace="christmas", flow_id=flow)


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    """The storm against a stack in real time, so that no e-mail comes due."""
    with Stack(tmp_path_factory.mktemp("behind")) as stack:
        keys = {sequence.name: stack.webhook(sequence.handler).rpartition("/")[2] for sequence in SEQUENCES}
        settings = {f"SECRET_{sequence(name).webhook_key}": base64_of(key) for name, key in keys.items()}
        folder = tmp_path_factory.mktemp("door")
        with DoorProcess(
            folder, stack.engine, program=SHORT_LIMITS, DOOR_CONCURRENCY="12", **SIGNING, **settings
        ) as door:
            yield Storm(stack, door, run_storm(door.port, Aim(keys, good_in=12), COUNT, number=1))


def test_each_call_gets_its_expected_answer(storm: Storm) -> None:
    assert not storm.outcome.faults, "\n".join(storm.outcome.faults[:20])
    assert storm.outcome.kinds.total() == COUNT


def test_most_calls_end_at_the_door_and_kestra_answers_the_rest(storm: Storm) -> None:
    assert 0 < storm.kept < COUNT / 5
    # No call was refused, and none waits.
    assert not list_entries(storm.door.inbox)
    handled = [execution for execution in storm.executions if execution.flow in HANDLERS]
    assert storm.kept <= len(handled) <= storm.kept + storm.door.log.count(" not taken ")
    assert {execution.state for execution in handled} == {"SUCCESS"}
    assert {execution.labels["outcome"] for execution in handled} <= {Became.ACCEPTED, Became.SKIPPED}


def test_no_other_flow_was_executed(storm: Storm) -> None:
    assert {execution.namespace for execution in storm.executions} == {"christmas"}
    assert {execution.flow for execution in storm.executions} <= HANDLERS | STARTED | BY_THE_CLOCK
    ours = {opaque_ids.contact_id(email) for email in storm.outcome.emails}
    assert {execution.labels["contact"] for execution in storm.executions if execution.flow in HANDLERS} <= ours


def test_accepted_contact_is_enrolled_or_has_a_reason(storm: Storm) -> None:
    ends: dict[str, list[tuple[str, str | None]]] = {}
    accepted_events = {
        (execution.labels["contact"], execution.labels["sequence"])
        for execution in storm.executions
        if execution.flow in HANDLERS and execution.labels["outcome"] == Became.ACCEPTED
    }
    for execution in storm.executions:
        if execution.flow == "enroll" and execution.labels.get("outcome"):
            contact, outcome, reason = (
                execution.labels["contact"],
                execution.labels["outcome"],
                execution.labels.get("reason"),
            )
            ends.setdefault(contact, []).append((outcome, reason))
            if outcome == Became.SKIPPED and reason in ENDED_BY:
                cause = Reason(reason)
                assert execution.labels["sequence"] in RULES[cause].ends
                assert (contact, ENDED_BY[cause]) in accepted_events, f"{reason}, and nobody accepted_events so"
            else:
                assert (outcome, reason) in GOOD_ENDS
    assert not [email for email in storm.outcome.accepted if opaque_ids.contact_id(email) not in ends]


def test_log_of_the_door_has_no_content_of_the_calls(storm: Storm) -> None:
    assert MARK not in storm.door.log
    assert "example.com" not in storm.door.log


def test_signup_after_the_storm_is_enrolled(storm: Storm) -> None:
    email = address()
    body = httpx.Request("POST", "http://door", json=payload(email)).content
    headers = dict(line.decode().split(": ") for line in signed("signup", body))
    assert storm.door.post(PUBLIC_PATHS["signup"], body, **headers).json()["status"] == "accepted"
    labels = {"contact": opaque_ids.contact_id(email), "outcome": Became.ENROLLED}
    until(lambda: storm.stack.kestra.executions(flow_id="enroll", labels=labels), "the enrolment")
    assert httpx.get(f"{storm.door.url}/health").status_code == 200
