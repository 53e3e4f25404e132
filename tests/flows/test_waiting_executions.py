"""Executions that wait while a new revision of the flows is deployed: each e-mail is still sent once and in order.

Each folder in ``frozen`` contains the flows of a release. A waiting execution keeps the flow revision that it was created
with, but calls the current steps. This test guards every change of a flow or of a step's outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest
import yaml
from cli.operator import christmas, christmas_json
from faults.account import Expected, describe, settle_the_account
from support import PATIENCE, SCALE, add_contact, address, enrolled, mails, numbers, page_of, post_event, runs, until

from christmas_campaign.clients import kestra_models
from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.notion import schema
from christmas_campaign.operations.deploy_flows import deploy
from christmas_campaign.repair.decide import ENROLL, SEND_EMAIL
from christmas_campaign.sequences.registry import SEQUENCES, sequence

T = TypeVar("T")

FROZEN = sorted((Path(__file__).parent / "frozen").iterdir())

BOOKING = "booking"

#: A rescheduled booking waits for two seconds. If this much of that time remains, Kestra stores the new flow `booking` first.
ENOUGH_LEFT = timedelta(seconds=1)

#: Added to each current flow, so that it differs from the frozen one.
COMMENT = "\n# Deployed by a test.\n"

#: The reasons for which a run of `send-email` may reschedule its e-mail in this test.
RESCHEDULE_REASONS = {"resend_unreachable", "paused", "earlier_email_unsettled", "too_soon"}


class Contact(NamedTuple):
    """One contact in one sequence."""

    sequence: str
    email: str


class Waiting(NamedTuple):
    """One execution for each way to wait through a deployment."""

    email_rescheduled: Execution
    email_paused: Execution
    email_queued: Execution
    enroll_rescheduled: Execution
    booking_rescheduled: Execution


class DeployingKestra(Kestra):
    """A client that records when Kestra stored each flow."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.stored_at: dict[str, datetime] = {}

    def import_flows(self, files: Iterable[Path]) -> None:
        for file in files:
            super().import_flows([file])
            self.stored_at[flow_of(file)] = datetime.now(UTC)


def flow_of(file: Path) -> str:
    """Return the id of the flow in a file."""
    return str(yaml.safe_load(file.read_text(encoding="utf-8"))["id"])


@pytest.fixture(params=FROZEN, ids=lambda folder: folder.name)
def old_stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """Return a stack with the flows of a release and the current steps."""
    with Stack(tmp_path / "stack", time_scale=SCALE, flows=request.param) as running:
        yield running


@pytest.fixture
def current_flows(tmp_path: Path) -> Path:
    """Return a folder with the current flows. The comment makes Kestra store a new revision of unchanged flows too."""
    folder = tmp_path / "flows"
    folder.mkdir()
    for file in (PROJECT / "flows").glob("*.yml"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8") + COMMENT, encoding="utf-8")
    return folder


def enrol(stack: Stack, name: str) -> Contact:
    """Enrol a new contact in a sequence, and wait until they are enrolled."""
    contact = Contact(name, address(name))
    if sequence(name).needs_contact:
        add_contact(stack, contact.email)
    post_event(stack, name, contact.email)
    enrolled(stack, contact.email, name)
    return contact


def live(stack: Stack) -> list[Execution]:
    """Return all executions that have not ended."""
    return stack.kestra.executions(namespace="christmas", states=kestra_models.LIVE)


def is_queued(run: Execution) -> bool:
    return run.state == "QUEUED"


def is_rescheduled(run: Execution) -> bool:
    """Return whether an earlier execution has rescheduled this one."""
    return int(run.inputs.get("tries") or 0) > 0


def count_rescheduled(stack: Stack, flow: str) -> int:
    """Return how many rescheduled executions of a flow have not ended."""
    return sum(is_rescheduled(run) for run in live(stack) if run.flow == flow)


def until_without_failure(stack: Stack, check: Callable[[], T | None], what: str, timeout: float = PATIENCE) -> T:
    """Wait as ``until`` does; fail at once if an execution ended in another state than SUCCESS."""

    def check_without_failure() -> T | None:
        value = check()
        failures = stack.kestra.executions(namespace="christmas", states=["WARNING", "FAILED", "KILLED", "CANCELLED"])
        assert failures == [], describe(failures)
        return value

    return until(check_without_failure, what, timeout)


def find_waiting(stack: Stack) -> Waiting | None:
    """Return one execution for each way to wait, or ``None`` while one of them is missing."""
    executions = live(stack)
    emails = [run for run in executions if run.flow == SEND_EMAIL]
    soon = datetime.now(UTC) + ENOUGH_LEFT
    candidates = (
        [run for run in emails if is_queued(run) and is_rescheduled(run)],
        [run for run in emails if run.state == "PAUSED"],
        [run for run in emails if is_queued(run) and not is_rescheduled(run)],
        [run for run in executions if run.flow == ENROLL and is_queued(run) and is_rescheduled(run)],
        [
            run
            for run in executions
            if run.flow == BOOKING and is_rescheduled(run) and run.scheduled and run.scheduled > soon
        ],
    )
    return Waiting(*(matching[0] for matching in candidates)) if all(candidates) else None


def hang_enrolments(stack: Stack) -> None:
    """Add a delay of 5 seconds to Notion's answers where `enroll` looks for pages; wait until an enrolment hangs there."""
    with stack.notion() as notion:
        pages = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
    path = f"/v1/data_sources/{pages}/"
    fault = stack.sandbox.fault("notion", "latency", when="before", seconds=5, times=None, path=path)
    until(
        lambda: any(entry["id"] == fault and entry["hits"] for entry in stack.sandbox.faults()),
        "an enrolment that hangs",
    )


def differences(stack: Stack, current: Path) -> list[str]:
    """Return the first line of each current flow that differs from the frozen one by more than the comment."""
    old = {(stack.kestra.flow("christmas", flow).source or "").strip() for flow in revisions(stack)}
    texts = [file.read_text(encoding="utf-8").removesuffix(COMMENT) for file in sorted(current.glob("*.yml"))]
    return [text.partition("\n")[0] for text in texts if text.strip() not in old]


def revisions(stack: Stack) -> dict[str, int]:
    """Return the current revision of each flow by its id."""
    return {flow.id: flow.revision for flow in stack.kestra.flows()}


@pytest.mark.timeout(400)
def test_emails_waiting_through_a_deployment_arrive_once_and_in_order(old_stack: Stack, current_flows: Path) -> None:
    stack, began = old_stack, datetime.now(UTC)
    # Resend fails: the first e-mails are rescheduled again and again, and no e-mail arrives under the old revision.
    stack.sandbox.fault("resend", "status", status=500, times=None)
    before = revisions(stack)
    names = [candidate.name for candidate in SEQUENCES if candidate.handler in before and not candidate.only_what_fits]
    contacts = [enrol(stack, name) for name in names]
    suppressed = enrol(stack, "signup")
    until_without_failure(stack, lambda: count_rescheduled(stack, SEND_EMAIL) >= 2, "two rescheduled e-mails")
    assert christmas(stack, "pause").exit_code == 0
    until_without_failure(stack, lambda: any(run.state == "PAUSED" for run in live(stack)), "a paused e-mail")

    # Notion fails: a booking and two enrolments are rescheduled. Then one enrolment hangs, and the other is queued.
    stack.sandbox.fault("notion", "status", status=500, times=None, path="/v1/data_sources/")
    call = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"
    late = [Contact("signup", address("late")), Contact("precall", address("precall"))]
    add_contact(stack, late[1].email)
    post_event(stack, "signup", late[0].email)
    post_event(stack, "precall", late[1].email, scheduled_time=call)
    until_without_failure(stack, lambda: count_rescheduled(stack, ENROLL) == 2, "two rescheduled enrolments")
    hang_enrolments(stack)
    waiting = until_without_failure(stack, lambda: find_waiting(stack), "an execution for each way to wait")

    # The deployment.
    print("Flows that differ from the frozen ones:", ", ".join(differences(stack, current_flows)) or "none")
    print(f"The deployment began {datetime.now(UTC) - began} after the first event.")
    live_before = live(stack)
    with DeployingKestra(stack.kestra.url) as kestra:
        deployed = deploy(kestra, current_flows)
    assert {SEND_EMAIL, ENROLL, BOOKING} <= set(deployed.changed)
    assert all(run.revision == before[run.flow] for run in [*waiting, *live_before])
    for run in waiting:
        execution = stack.kestra.execution(run.id)
        if run is waiting.email_paused:
            assert execution.state == "PAUSED"
        else:
            stored_at = kestra.stored_at[run.flow]
            assert execution.started is None or execution.started > stored_at, (
                f"{run.flow} started before its new revision was stored"
            )

    stack.sandbox.clear_faults()
    assert christmas(stack, "stop", suppressed.email, "--yes").exit_code == 0
    assert christmas(stack, "resume").exit_code == 0
    until_without_failure(stack, lambda: live(stack) == [], "the end of all executions", timeout=200)
    print(f"All executions had ended {datetime.now(UTC) - began} after the first event.")
    check_emails(stack, [*contacts, *late], suppressed, call)
    check_revisions(stack, before, [*waiting, *live_before])


def check_emails(stack: Stack, contacts: list[Contact], suppressed: Contact, call: str) -> None:
    """Check each e-mail, ledger entry, label and page after all executions have ended."""
    precall = next(contact for contact in contacts if contact.sequence == "precall")
    run = enrolled(stack, precall.email, "precall")
    planned = stack.kestra.kv_get(f"enrolment.{run.labels['enrolment']}")["emails"]
    all_numbers = {contact: tuple(email.number for email in sequence(contact.sequence).emails) for contact in contacts}
    # On a slow machine there may be no time for the first e-mails before the call.
    all_numbers[precall] = tuple(sorted(int(number) for number in planned))
    assert all_numbers[precall] == tuple(range(4 - len(planned), 4))

    expected = [
        Expected(
            contact.email,
            all_numbers[contact],
            sequence=contact.sequence,
            fields={"scheduled_time": call} if contact is precall else {},
        )
        for contact in contacts
    ]
    skipped = Expected(suppressed.email, (), dict.fromkeys((2, 3, 4, 5), "stopped_by_person"))
    settle_the_account(stack, [*expected, skipped])
    assert christmas_json(stack, "failures") == []

    for contact in contacts:
        assert tuple(numbers(mails(stack, contact.email))) == all_numbers[contact], f"the order of {contact.sequence}"
        assert page_of(stack, contact.email)["Sequence Completed"] is True
        enrolments = Counter(run.labels["outcome"] for run in runs(stack, ENROLL, contact.email, contact.sequence))
        assert enrolments["enrolled"] == 1
        assert set(enrolments) <= {"enrolled", "deferred"}
        sends = runs(stack, SEND_EMAIL, contact.email, contact.sequence)
        assert Counter(run.inputs["number"] for run in sends if run.labels["outcome"] == "sent") == Counter(
            all_numbers[contact]
        )
        assert {run.labels["reason"] for run in sends if run.labels["outcome"] != "sent"} <= RESCHEDULE_REASONS
    assert [run.labels["outcome"] for run in runs(stack, BOOKING, precall.email, "precall")][-1] == "accepted"
    assert mails(stack, suppressed.email) == []
    assert page_of(stack, suppressed.email)["Stop Reason"] == "stopped_by_person (from E2)"


def check_revisions(stack: Stack, before: dict[str, int], waited: Iterable[Execution]) -> None:
    """Check that executions which waited kept their flow revision, and that later executions have the new one."""
    ids = {run.id for run in waited}
    for run in stack.kestra.executions(namespace="christmas"):
        if run.id in ids:
            assert run.revision == before[run.flow], f"{run.flow} {run.id} changed its revision while it waited"
    for flow in (SEND_EMAIL, ENROLL):
        newest = max(stack.kestra.executions(namespace="christmas", flow_id=flow), key=lambda run: run.created)
        assert newest.revision > before[flow], f"no run of {flow} was created after the deployment"
