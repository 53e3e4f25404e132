"""Executions that wait while a new revision of the flows is deployed: each e-mail still goes out once, in order.

Each folder in ``frozen`` holds the flows of a release. An execution that waits keeps the revision of the flow that it was
created with, and calls the steps of today. This test is the guard of every change of a flow or of a step's outputs.
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

#: A put-off booking waits for two seconds. With this much of it left, the new flow `booking` is stored before it begins.
ENOUGH_LEFT = timedelta(seconds=1)

#: What makes a flow differ.
COMMENT = "\n# Deployed by a test.\n"

#: Why a run of `send-email` may put its e-mail off here.
PUT_OFF = {"resend_unreachable", "paused", "earlier_email_unsettled", "too_soon"}


class Contact(NamedTuple):
    """One contact in one sequence."""

    sequence: str
    email: str


class Waiting(NamedTuple):
    """An execution for each way to wait through a change."""

    email_put_off: Execution
    email_held: Execution
    email_queued: Execution
    enroll_put_off: Execution
    booking_put_off: Execution


class DeployingKestra(Kestra):
    """A client that notes when each flow was stored."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.stored: dict[str, datetime] = {}

    def import_flows(self, files: Iterable[Path]) -> None:
        for file in files:
            super().import_flows([file])
            self.stored[flow_of(file)] = datetime.now(UTC)


def flow_of(file: Path) -> str:
    """Return the id of the flow in a file."""
    return str(yaml.safe_load(file.read_text(encoding="utf-8"))["id"])


@pytest.fixture(params=FROZEN, ids=lambda folder: folder.name)
def old_stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """A stack of its own with the flows of a release; its steps are those of today."""
    with Stack(tmp_path / "stack", time_scale=SCALE, flows=request.param) as running:
        yield running


@pytest.fixture
def current_flows(tmp_path: Path) -> Path:
    """The flows of today. A comment makes each differ, so that Kestra stores a revision also of one that is as it was."""
    folder = tmp_path / "flows"
    folder.mkdir()
    for file in (PROJECT / "flows").glob("*.yml"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8") + COMMENT, encoding="utf-8")
    return folder


def enrol(stack: Stack, name: str) -> Contact:
    """Enrol a new contact in a sequence, and wait for the end of that."""
    contact = Contact(name, address(name))
    if sequence(name).needs_contact:
        add_contact(stack, contact.email)
    post_event(stack, name, contact.email)
    enrolled(stack, contact.email, name)
    return contact


def live(stack: Stack) -> list[Execution]:
    return stack.kestra.executions(namespace="christmas", states=kestra_models.LIVE)


def is_queued(run: Execution) -> bool:
    return run.state == "QUEUED"


def is_put_off(run: Execution) -> bool:
    return int(run.inputs.get("tries") or 0) > 0


def count_put_off(stack: Stack, flow: str) -> int:
    return sum(is_put_off(run) for run in live(stack) if run.flow == flow)


def until_well(stack: Stack, seen: Callable[[], T | None], what: str, timeout: float = PATIENCE) -> T:
    """Wait as ``until`` does; fail at once when an execution did not end well."""

    def seen_and_well() -> T | None:
        found = seen()
        bad = stack.kestra.executions(namespace="christmas", states=["WARNING", "FAILED", "KILLED", "CANCELLED"])
        assert bad == [], describe(bad)
        return found

    return until(seen_and_well, what, timeout)


def find_waiting(stack: Stack) -> Waiting | None:
    """Return an execution for each way to wait, ``None`` while there is not one of each."""
    found = live(stack)
    emails = [run for run in found if run.flow == SEND_EMAIL]
    soon = datetime.now(UTC) + ENOUGH_LEFT
    candidates = (
        [run for run in emails if is_queued(run) and is_put_off(run)],
        [run for run in emails if run.state == "PAUSED"],
        [run for run in emails if is_queued(run) and not is_put_off(run)],
        [run for run in found if run.flow == ENROLL and is_queued(run) and is_put_off(run)],
        [run for run in found if run.flow == BOOKING and is_put_off(run) and run.scheduled and run.scheduled > soon],
    )
    return Waiting(*(each[0] for each in candidates)) if all(candidates) else None


def hang_enrolments(stack: Stack) -> None:
    """Have Notion be slow besides where `enroll` looks for pages, and wait for an enrolment that hangs there."""
    with stack.notion() as notion:
        pages = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
    path = f"/v1/data_sources/{pages}/"
    fault = stack.sandbox.fault("notion", "latency", when="before", seconds=5, times=None, path=path)
    until(lambda: any(each["id"] == fault and each["hits"] for each in stack.sandbox.faults()), "one that hangs")


def differences(stack: Stack, current: Path) -> list[str]:
    """Return the flows of today that are not as those of the release, apart from the comment."""
    old = {(stack.kestra.flow("christmas", flow).source or "").strip() for flow in revisions(stack)}
    texts = [file.read_text(encoding="utf-8").removesuffix(COMMENT) for file in sorted(current.glob("*.yml"))]
    return [text.partition("\n")[0] for text in texts if text.strip() not in old]


def revisions(stack: Stack) -> dict[str, int]:
    return {flow.id: flow.revision for flow in stack.kestra.flows()}


@pytest.mark.timeout(400)
def test_emails_that_wait_through_a_deployment_arrive_once_and_in_order(old_stack: Stack, current_flows: Path) -> None:
    stack, began = old_stack, datetime.now(UTC)
    # Resend does not answer: the first e-mails are put off again and again, and none arrives under the old revision.
    stack.sandbox.fault("resend", "status", status=500, times=None)
    before = revisions(stack)
    names = [each.name for each in SEQUENCES if each.handler in before and not each.only_what_fits]
    contacts = [enrol(stack, name) for name in names]
    stopped = enrol(stack, "signup")
    until_well(stack, lambda: count_put_off(stack, SEND_EMAIL) >= 2, "two put-off e-mails")
    assert christmas(stack, "pause").exit_code == 0
    until_well(stack, lambda: any(run.state == "PAUSED" for run in live(stack)), "an e-mail that is held")

    # Notion does not answer: a booking and two enrolments are put off. Then one of the two hangs, and the other queues.
    stack.sandbox.fault("notion", "status", status=500, times=None, path="/v1/data_sources/")
    call = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"
    late = [Contact("signup", address("late")), Contact("precall", address("precall"))]
    add_contact(stack, late[1].email)
    post_event(stack, "signup", late[0].email)
    post_event(stack, "precall", late[1].email, scheduled_time=call)
    until_well(stack, lambda: count_put_off(stack, ENROLL) == 2, "two put-off enrolments")
    hang_enrolments(stack)
    waiting = until_well(stack, lambda: find_waiting(stack), "an execution for each way to wait")

    # The change.
    print("Flows that differ from the frozen ones:", ", ".join(differences(stack, current_flows)) or "none")
    print(f"The change came {datetime.now(UTC) - began} after the first event.")
    waiting_through_it = live(stack)
    with DeployingKestra(stack.kestra.url) as kestra:
        deployed = deploy(kestra, current_flows)
    assert {SEND_EMAIL, ENROLL, BOOKING} <= set(deployed.changed)
    assert all(run.revision == before[run.flow] for run in [*waiting, *waiting_through_it])
    for run in waiting:
        seen = stack.kestra.execution(run.id)
        if run is waiting.email_held:
            assert seen.state == "PAUSED"
        else:
            stored = kestra.stored[run.flow]
            assert seen.started is None or seen.started > stored, f"{run.flow} did not wait through the change"

    stack.sandbox.clear_faults()
    assert christmas(stack, "stop", stopped.email, "--yes").exit_code == 0
    assert christmas(stack, "resume").exit_code == 0
    until_well(stack, lambda: live(stack) == [], "the end of all executions", timeout=200)
    print(f"All had ended {datetime.now(UTC) - began} after the first event.")
    count_emails(stack, [*contacts, *late], stopped, call)
    check_revisions(stack, before, [*waiting, *waiting_through_it])


def count_emails(stack: Stack, contacts: list[Contact], stopped: Contact, call: str) -> None:
    """Check each e-mail, ledger entry, label and page, once all executions have ended."""
    precall = next(contact for contact in contacts if contact.sequence == "precall")
    run = enrolled(stack, precall.email, "precall")
    planned = stack.kestra.kv_get(f"enrolment.{run.labels['enrolment']}")["emails"]
    all_numbers = {contact: tuple(email.number for email in sequence(contact.sequence).emails) for contact in contacts}
    # On a slow machine the first e-mails before the call no longer fit.
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
    skipped = Expected(stopped.email, (), dict.fromkeys((2, 3, 4, 5), "stopped_by_person"))
    settle_the_account(stack, [*expected, skipped])
    assert christmas_json(stack, "failures") == []

    for contact in contacts:
        assert tuple(numbers(mails(stack, contact.email))) == all_numbers[contact], f"the order of {contact.sequence}"
        assert page_of(stack, contact.email)["Sequence Completed"] is True
        enrols = Counter(run.labels["outcome"] for run in runs(stack, ENROLL, contact.email, contact.sequence))
        assert enrols["enrolled"] == 1
        assert set(enrols) <= {"enrolled", "deferred"}
        sends = runs(stack, SEND_EMAIL, contact.email, contact.sequence)
        assert Counter(run.inputs["number"] for run in sends if run.labels["outcome"] == "sent") == Counter(
            all_numbers[contact]
        )
        assert {run.labels["reason"] for run in sends if run.labels["outcome"] != "sent"} <= PUT_OFF
    assert [run.labels["outcome"] for run in runs(stack, BOOKING, precall.email, "precall")][-1] == "accepted"
    assert mails(stack, stopped.email) == []
    assert page_of(stack, stopped.email)["Stop Reason"] == "stopped_by_person (from E2)"


def check_revisions(stack: Stack, before: dict[str, int], waited: Iterable[Execution]) -> None:
    """What waited has ended under its own revision; what was created since has the new one."""
    ids = {run.id for run in waited}
    for run in stack.kestra.executions(namespace="christmas"):
        if run.id in ids:
            assert run.revision == before[run.flow], f"{run.flow} {run.id} changed its revision while it waited"
    for flow in (SEND_EMAIL, ENROLL):
        newest = max(stack.kestra.executions(namespace="christmas", flow_id=flow), key=lambda run: run.created)
        assert newest.revision > before[flow], f"no run of {flow} was created after the change"
