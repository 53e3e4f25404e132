"""Repair: what is not as it has to be, and how it is mended, from a look at everything at about the same time.

What lives in the engine is looked at first, the ledger after it, Notion last: a run that ends in between has written down what
it did before it ended, so it is never taken for vanished. Whatever has failed waits for a person, and is no matter of this.
Every mend may be done twice: a second run of an e-mail finds it settled, a second enrolment finds the event known.
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
from christmas_campaign.repair.actions import Enroll, Kill, Mend, Recount, Release, Schedule, Stamp, Unblock, Withdraw
from christmas_campaign.sequences import registry

#: The flows that an enrolment consists of.
ENROLL, SEND_EMAIL = "enroll", "send-email"

#: The flow that does for an e-mail what is needed besides sending it. While the campaign is paused an e-mail waits there, or in
#: `send-email` if it waits under a revision up to 0.4.
FOLLOW_UP = "email-follow-up"

#: The flows that are about one e-mail.
OF_AN_EMAIL = (SEND_EMAIL, FOLLOW_UP)

#: An enrolment takes seconds; one that has been under way for so long is under way no more.
ENROLS_WITHIN = timedelta(minutes=15)

#: The next in a queue is let go within a second after the one before it has ended.
QUEUE_MOVES_WITHIN = timedelta(minutes=1)

#: A run in which no task runs goes on at once, or never: Kestra keeps that a task has ended, and that the next one is to begin,
#: in two transactions. Behind a storm of events the engine may be late by minutes, and nothing but time tells the two apart.
GOES_ON_WITHIN = timedelta(hours=1)

#: In a lane all others wait for it. An e-mail or an enrolment that is ended too early is done again; a stop or a report is not,
#: and `christmas failures` lists it.
LANE_GOES_ON_WITHIN = timedelta(minutes=5)

#: How an e-mail is settled well, and settled at all.
_WELL = ("sent", "skipped")
_FINAL = (*_WELL, "failed")

#: The states of a run that does not count for the limit of its flow: it has not begun.
_WAITING = ("CREATED", "QUEUED")

#: The states of a run that Kestra surely counts for the limit of its flow: in the others it may not do so yet, or no longer.
_COUNTED = ("RUNNING", "PAUSED", "RETRYING", "BREAKPOINT")

#: The states in which a task is not done, and something is about to do it.
_AT_WORK = ("SUBMITTED", "RUNNING", "PAUSED", "RETRYING", "KILLING", "BREAKPOINT")


class Task(NamedTuple):
    """A task run within a run: its id, the id of the task run that it is in if any, and its state in Kestra's words."""

    id: str
    parent: str | None
    state: str


class Run(NamedTuple):
    """A run that has not ended: its state in Kestra's words, what it is about (``None``: no enrolment, no e-mail), when it is
    due (``None``: at once), and when it or one of its tasks last came into another state. Times are aware."""

    id: str
    flow: str
    state: str
    enrolment: str | None
    number: int | None
    due: datetime | None
    changed: datetime
    tasks: Sequence[Task] = ()


class Mail(NamedTuple):
    """What the ledger says of an e-mail: its outcome, a claim (``sending``) among them, and when."""

    outcome: str
    at: datetime


class Enrolment(NamedTuple):
    """What is kept of an enrolment: its record and when that was written last, whether all its e-mails were scheduled, whether
    the last try to enrol has failed and waits for a person, the id of its page in Notion, and the ledger by number."""

    id: str
    record: Record
    recorded_at: datetime
    enrolled: bool
    failed: bool = False
    page: str | None = None
    mails: Mapping[int, Mail] = {}


class Lane(NamedTuple):
    """A flow whose runs queue: how many may run at a time, how many Kestra counts, and when the last one ended."""

    flow: str
    limit: int
    running: int
    last_ended: datetime | None


class Snapshot(NamedTuple):
    """Everything that was looked at. ``held`` says whether all e-mails are held (`christmas pause`), ``pages`` are incomplete
    pages in Email Sequence, by id; ``now`` is when the look began."""

    now: datetime
    runs: Sequence[Run] = ()
    lanes: Sequence[Lane] = ()
    enrolments: Sequence[Enrolment] = ()
    pages: Mapping[str, Page] = {}
    held: bool = False


def repair(seen: Snapshot) -> list[Mend]:
    """Return all that has to be mended, in the order in which it is done."""
    live = {(run.flow, run.enrolment, run.number) for run in seen.runs}
    mends: list[Mend] = [*_kills(seen), *_releases(seen), *_unblocks(seen), *_recounts(seen)]
    for enrolment in seen.enrolments:
        enrolling = (ENROLL, enrolment.id, None) in live
        numbers = {number for flow, about, number in live if flow in OF_AN_EMAIL and about == enrolment.id}
        if not enrolment.enrolled:
            late = enrolment.recorded_at + ENROLS_WITHIN < seen.now
            known = registry.has_sequence(enrolment.record.event.sequence)
            if late and known and not enrolling and not enrolment.failed:
                mends.append(Enroll(enrolment.id, enroll_input(enrolment.record.event), enrolment.record.labels))
        elif enrolment.page is not None:
            mends += _vanished(enrolment, numbers, seen.now)
            mends += _stamps(enrolment, numbers, seen.pages.get(enrolment.page))
    return mends


def chosen(ids: Iterable[str], unfinished: Iterable[str], cursor: str, most: int) -> tuple[list[str], str]:
    """Return the enrolments to look at this time, no more than ``most``, and the cursor for the next time.

    They are looked at in turn, on from ``cursor``; those that are not finished come first, up to half of the places, for some
    of them may wait for a person and would take all.
    """
    first = _from(unfinished, cursor)[: most // 2]
    turn = [each for each in _from(ids, cursor) if each not in first][: most - len(first)]
    return [*first, *turn], turn[-1] if turn else cursor


def _from(ids: Iterable[str], cursor: str) -> list[str]:
    """All of them in order, those after ``cursor`` first."""
    return sorted(ids, key=lambda each: (each <= cursor, each))


def wanted_pages(enrolments: Iterable[Enrolment]) -> dict[str, str]:
    """Return the pages that have to be looked at: the contact's address, by the page's id. They are those of enrolments of
    which an e-mail was sent, or all are skipped."""
    return {
        each.page: each.record.event.email
        for each in enrolments
        if each.page is not None and (_well(each) or any(mail.outcome == "sent" for mail in each.mails.values()))
    }


def _well(enrolment: Enrolment) -> bool:
    """Whether all e-mails are sent or skipped."""
    return all(
        number in enrolment.mails and enrolment.mails[number].outcome in _WELL for number in enrolment.record.emails
    )


def _kills(seen: Snapshot) -> Iterator[Kill]:
    in_lanes = {lane.flow for lane in seen.lanes}
    for run in seen.runs:
        within = LANE_GOES_ON_WITHIN if run.flow in in_lanes else GOES_ON_WITHIN
        if run.state == "RUNNING" and run.changed + within < seen.now and not _at_work(run.tasks):
            yield Kill(run.flow, run.id, run.changed)


def _at_work(tasks: Collection[Task]) -> bool:
    """Whether any task is being done; one that others are in is not done itself, it waits for them."""
    parents = {task.parent for task in tasks}
    return any(task.state in _AT_WORK and task.id not in parents for task in tasks)


def _releases(seen: Snapshot) -> Iterator[Release]:
    """One that looked just before `christmas resume`, and was held just after it."""
    for run in seen.runs:
        held = run.flow in OF_AN_EMAIL and run.state == "PAUSED" and not seen.held
        if held and run.changed + QUEUE_MOVES_WITHIN < seen.now:
            yield Release(run.flow, run.id)


def _unblocks(seen: Snapshot) -> Iterator[Unblock]:
    for lane in seen.lanes:
        runs = [run for run in seen.runs if run.flow == lane.flow]
        running = sum(run.state not in _WAITING for run in runs)
        # Between the end of one and the start of the next there is a moment in which nothing runs, and all is well.
        moves = lane.last_ended is not None and lane.last_ended + QUEUE_MOVES_WITHIN >= seen.now
        if running >= lane.limit or moves:
            continue
        queued = sorted((run.changed, run.id) for run in runs if run.state == "QUEUED")
        if queued:
            since, oldest = queued[0]
            if since + QUEUE_MOVES_WITHIN < seen.now:
                yield Unblock(lane.flow, running + 1, oldest)
        elif lane.running >= lane.limit and not any(_begins(run, seen.now) for run in runs):
            yield Unblock(lane.flow, running, None)


def _recounts(seen: Snapshot) -> Iterator[Recount]:
    """Lanes in which more runs are at work than may be, and than Kestra counts.

    It happens when a person kills a run that had ended already: Kestra takes one off the count and starts the next. The lane
    then stays too wide until its queue is empty. Only a lane with a long enough queue is mended: each run that ends is replaced
    by the next, so the number at work does not fall before the count is set.
    """
    for lane in seen.lanes:
        states = [run.state for run in seen.runs if run.flow == lane.flow]
        running = sum(state in _COUNTED for state in states)
        if running > max(lane.limit, lane.running) and states.count("QUEUED") >= running:
            yield Recount(lane.flow, running)


def _begins(run: Run, now: datetime) -> bool:
    """Whether a run is about to begin: Kestra may count it before it says that it runs."""
    return run.state == "CREATED" and (run.due or run.changed) <= now


def _vanished(enrolment: Enrolment, live: Collection[int | None], now: datetime) -> Iterator[Schedule | Withdraw]:
    record = enrolment.record
    earlier_settled = True
    for number, due in sorted(record.emails.items()):
        mail = enrolment.mails.get(number)
        settled = mail is not None and mail.outcome in _FINAL
        if number not in live and not settled:
            if not record.is_withdrawn(number):
                who = {**labels(record.event, enrolment.id), "number": str(number)}
                yield Schedule(enrolment.id, number, max(due, now), who)
            elif earlier_settled and due <= now:
                # As the gate would: not before its time, and in its place. The e-mail after it waits for this.
                yield Withdraw(enrolment.id, number, record.emails[record.last])
                settled = True
        earlier_settled = earlier_settled and settled


def _stamps(enrolment: Enrolment, live: Collection[int | None], page: Page | None) -> Iterator[Stamp]:
    """What the page lacks; a run that has not ended stamps it itself."""
    if page is None or page_values.archived(page):
        return
    said = page_values.plain(page)
    sent = {
        number: mail.at
        for number, mail in sorted(enrolment.mails.items())
        if mail.outcome == "sent" and number not in live and said.get(notion_names.page_sent(number)) is None
    }
    ended = not any(number in live for number in enrolment.record.emails)
    completed = ended and _well(enrolment) and said.get(notion_names.PAGE_COMPLETED) is not True
    if sent or completed:
        yield Stamp(enrolment.id, str(page["id"]), sent, completed)
