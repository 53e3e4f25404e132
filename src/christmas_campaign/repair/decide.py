"""Finds the actions that a repair has to take, from a snapshot of the engine, the ledger and Notion.

The snapshot reads the engine first, then the ledger, then Notion. An execution that ends in between has already written what it
did, so its work is never taken for missing. Failures wait for the owner, and the repair leaves them alone. Every action is safe
to repeat: a second execution for an e-mail finds it settled, a second enrolment finds the event enrolled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from christmas_campaign.campaign import notion_names
from christmas_campaign.enrolment.record import Record, labels
from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.notion import page_values
from christmas_campaign.notion.page_values import Page
from christmas_campaign.repair.actions import Action, Enroll, Kill, Recount, Release, Schedule, Stamp, Unblock, Withdraw
from christmas_campaign.sequences import registry

#: The flows that enrol a contact and send an e-mail.
ENROLL, SEND_EMAIL = "enroll", "send-email"

#: The flow that does the work after an e-mail was sent, failed or held back. While the campaign is paused an e-mail waits in
#: this flow, or in `send-email` if it waits under a revision up to 0.4.
FOLLOW_UP = "email-follow-up"

#: The flows whose executions are about one e-mail.
EMAIL_FLOWS = (SEND_EMAIL, FOLLOW_UP)

#: An enrolment takes seconds. After this time without a finish, it is run again.
ENROL_LIMIT = timedelta(minutes=15)

#: Kestra starts the next execution of a queue within a second after the previous one ended.
QUEUE_LIMIT = timedelta(minutes=1)

#: An execution without a running task either continues at once or never: Kestra stores the end of a task and the start of the
#: next one in two transactions. After a storm of events the engine may be minutes late, and only time tells the two apart.
IDLE_LIMIT = timedelta(hours=1)

#: The same for a flow with a lane, where all others wait for the idle execution. An e-mail or enrolment that is killed too
#: early is repeated. A stop or a delivery report is not, but `christmas failures` lists it.
LANE_IDLE_LIMIT = timedelta(minutes=5)

#: The outcomes of an e-mail that complete its sequence, and the outcomes of a settled e-mail.
_COMPLETE = ("sent", "skipped")
_SETTLED = (*_COMPLETE, "failed")

#: The states of an execution that has not begun and does not count for its flow's limit.
_WAITING = ("CREATED", "QUEUED")

#: The states of an execution that Kestra certainly counts for its flow's limit.
_COUNTED = ("RUNNING", "PAUSED", "RETRYING", "BREAKPOINT")

#: The states of a task that is running or that Kestra is about to run.
_ACTIVE = ("SUBMITTED", "RUNNING", "PAUSED", "RETRYING", "KILLING", "BREAKPOINT")


class Task(NamedTuple):
    """A task run of an execution: its id, the id of the task run that contains it (``None``: none does), its Kestra state."""

    id: str
    parent: str | None
    state: str


class LiveExecution(NamedTuple):
    """An execution that has not ended. Times are aware.

    ``state`` is Kestra's. ``enrolment`` and ``number`` (of the e-mail) are ``None`` for flows that are about neither.
    ``due`` is its schedule date (``None``: at once). ``changed`` is when it, or one of its tasks, last changed state.
    """

    id: str
    flow: str
    state: str
    enrolment: str | None
    number: int | None
    due: datetime | None
    changed: datetime
    tasks: Sequence[Task] = ()


class EmailOutcome(NamedTuple):
    """The ledger's word on an e-mail: its outcome (``sending`` for a claim), and when it was written."""

    outcome: str
    at: datetime


class Enrolment(NamedTuple):
    """An enrolment, from its entries in the KV store.

    ``recorded_at`` is when ``record`` was last written, ``enrolled`` whether all e-mails were scheduled. ``failed`` is whether
    the last execution of `enroll` failed and waits for the owner. ``page`` is the id of the page in Notion, ``mails`` the
    ledger by number of the e-mail.
    """

    id: str
    record: Record
    recorded_at: datetime
    enrolled: bool
    failed: bool = False
    page: str | None = None
    mails: Mapping[int, EmailOutcome] = {}


class Lane(NamedTuple):
    """A flow with a concurrency limit: the limit, how many executions Kestra counts, and when the last one ended."""

    flow: str
    limit: int
    running: int
    last_ended: datetime | None


class Snapshot(NamedTuple):
    """Everything that the repair looks at.

    ``now`` is when the snapshot began (aware), ``executions`` are those that have not ended, ``pages`` the incomplete pages in
    Email Sequence by id. ``paused`` is whether `christmas pause` holds all e-mails.
    """

    now: datetime
    executions: Sequence[LiveExecution] = ()
    lanes: Sequence[Lane] = ()
    enrolments: Sequence[Enrolment] = ()
    pages: Mapping[str, Page] = {}
    paused: bool = False


def find_actions(snapshot: Snapshot) -> list[Action]:
    """Return the actions that the snapshot needs, in the order in which to take them."""
    live = {(execution.flow, execution.enrolment, execution.number) for execution in snapshot.executions}
    actions: list[Action] = [*_kills(snapshot), *_releases(snapshot), *_unblocks(snapshot), *_recounts(snapshot)]
    for enrolment in snapshot.enrolments:
        enrolling = (ENROLL, enrolment.id, None) in live
        live_numbers = {number for flow, about, number in live if flow in EMAIL_FLOWS and about == enrolment.id}
        if not enrolment.enrolled:
            late = enrolment.recorded_at + ENROL_LIMIT < snapshot.now
            has_sequence = registry.has_sequence(enrolment.record.event.sequence)
            if late and has_sequence and not enrolling and not enrolment.failed:
                actions.append(Enroll(enrolment.id, enroll_input(enrolment.record.event), enrolment.record.labels))
        elif enrolment.page is not None:
            actions += _missing_emails(enrolment, live_numbers, snapshot.now)
            actions += _stamps(enrolment, live_numbers, snapshot.pages.get(enrolment.page))
    return actions


def choose_enrolments(ids: Iterable[str], unfinished: Iterable[str], cursor: str, most: int) -> tuple[list[str], str]:
    """Return at most ``most`` enrolments for this repair, and the cursor for the next one.

    The repairs take turns through all ids, from ``cursor`` on. Unfinished enrolments come first, but get at most half of the
    places: some may wait for the owner and would take every place.
    """
    first = _rotate(unfinished, cursor)[: most // 2]
    in_turn = [enrolment for enrolment in _rotate(ids, cursor) if enrolment not in first][: most - len(first)]
    return [*first, *in_turn], in_turn[-1] if in_turn else cursor


def _rotate(ids: Iterable[str], cursor: str) -> list[str]:
    """Return the ids in order, beginning after ``cursor``."""
    return sorted(ids, key=lambda enrolment: (enrolment <= cursor, enrolment))


def pages_to_check(enrolments: Iterable[Enrolment]) -> dict[str, str]:
    """Return the contact's address by page id, for the pages that may lack a stamp.

    Those are the pages of enrolments with a sent e-mail, or with all e-mails skipped.
    """
    return {
        enrolment.page: enrolment.record.event.email
        for enrolment in enrolments
        if enrolment.page is not None
        and (_is_complete(enrolment) or any(entry.outcome == "sent" for entry in enrolment.mails.values()))
    }


def _is_complete(enrolment: Enrolment) -> bool:
    """Return whether all e-mails are sent or skipped."""
    return all(
        number in enrolment.mails and enrolment.mails[number].outcome in _COMPLETE for number in enrolment.record.emails
    )


def _kills(snapshot: Snapshot) -> Iterator[Kill]:
    in_lanes = {lane.flow for lane in snapshot.lanes}
    for execution in snapshot.executions:
        limit = LANE_IDLE_LIMIT if execution.flow in in_lanes else IDLE_LIMIT
        late = execution.changed + limit < snapshot.now
        if execution.state == "RUNNING" and late and not _has_active_task(execution.tasks):
            yield Kill(execution.flow, execution.id, execution.changed)


def _has_active_task(tasks: Collection[Task]) -> bool:
    """Return whether a task is running. A task that contains others only waits for them, so it does not count."""
    parents = {task.parent for task in tasks}
    return any(task.state in _ACTIVE and task.id not in parents for task in tasks)


def _releases(snapshot: Snapshot) -> Iterator[Release]:
    """Find e-mails that checked for a pause just before `christmas resume` and paused just after it."""
    for execution in snapshot.executions:
        is_paused = execution.flow in EMAIL_FLOWS and execution.state == "PAUSED" and not snapshot.paused
        if is_paused and execution.changed + QUEUE_LIMIT < snapshot.now:
            yield Release(execution.flow, execution.id)


def _unblocks(snapshot: Snapshot) -> Iterator[Unblock]:
    for lane in snapshot.lanes:
        executions = [execution for execution in snapshot.executions if execution.flow == lane.flow]
        running = sum(execution.state not in _WAITING for execution in executions)
        # For a moment between the end of one execution and the start of the next, none is running. That is no fault.
        moves = lane.last_ended is not None and lane.last_ended + QUEUE_LIMIT >= snapshot.now
        if running >= lane.limit or moves:
            continue
        queued = sorted((execution.changed, execution.id) for execution in executions if execution.state == "QUEUED")
        if queued:
            since, oldest = queued[0]
            if since + QUEUE_LIMIT < snapshot.now:
                yield Unblock(lane.flow, running + 1, oldest)
        elif lane.running >= lane.limit and not any(_is_starting(execution, snapshot.now) for execution in executions):
            yield Unblock(lane.flow, running, None)


def _recounts(snapshot: Snapshot) -> Iterator[Recount]:
    """Find lanes with more running executions than their limit and than Kestra counts.

    This happens when a person kills an execution that has already ended: Kestra lowers the count and starts the next one. The
    lane then stays too wide until its queue is empty. Only a lane with a long enough queue is corrected. Each execution that
    ends is replaced from the queue, so the number of running ones does not fall before the count is set.
    """
    for lane in snapshot.lanes:
        states = [execution.state for execution in snapshot.executions if execution.flow == lane.flow]
        running = sum(state in _COUNTED for state in states)
        if running > max(lane.limit, lane.running) and states.count("QUEUED") >= running:
            yield Recount(lane.flow, running)


def _is_starting(execution: LiveExecution, now: datetime) -> bool:
    """Return whether an execution is about to begin: Kestra may count it before its state is RUNNING."""
    return execution.state == "CREATED" and (execution.due or execution.changed) <= now


def _missing_emails(
    enrolment: Enrolment, live_numbers: Collection[int | None], now: datetime
) -> Iterator[Schedule | Withdraw]:
    """Find e-mails that are neither settled nor in ``live_numbers``, the e-mails with an execution."""
    record = enrolment.record
    earlier_settled = True
    for number, due in sorted(record.emails.items()):
        entry = enrolment.mails.get(number)
        settled = entry is not None and entry.outcome in _SETTLED
        if number not in live_numbers and not settled:
            if not record.is_withdrawn(number):
                email_labels = {**labels(record.event, enrolment.id), "number": str(number)}
                yield Schedule(enrolment.id, number, max(due, now), email_labels)
            elif earlier_settled and due <= now:
                # As in the gate: only once it is due and all earlier e-mails are settled. The next e-mail waits for this one.
                yield Withdraw(enrolment.id, number, record.emails[record.last])
                settled = True
        earlier_settled = earlier_settled and settled


def _stamps(enrolment: Enrolment, live_numbers: Collection[int | None], page: Page | None) -> Iterator[Stamp]:
    """Find the stamps that a page lacks, without the e-mails in ``live_numbers``: their executions stamp the page."""
    if page is None or page_values.archived(page):
        return
    properties = page_values.plain(page)
    sent = {
        number: entry.at
        for number, entry in sorted(enrolment.mails.items())
        if entry.outcome == "sent"
        and number not in live_numbers
        and properties.get(notion_names.page_sent(number)) is None
    }
    ended = not any(number in live_numbers for number in enrolment.record.emails)
    completed = ended and _is_complete(enrolment) and properties.get(notion_names.PAGE_COMPLETED) is not True
    if sent or completed:
        yield Stamp(enrolment.id, str(page["id"]), sent, completed)
