"""Repair, done: what is found wrong is mended.

Nothing is locked. Right before each mend it is looked at again, closely; and each may be done twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.clients import kestra_models
from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.clients.notion import Notion, NotionError
from christmas_campaign.enrolment.record import LedgerEntry, time_to_live
from christmas_campaign.notion import page_values, schema
from christmas_campaign.operations import repair_snapshot
from christmas_campaign.operations.failures import ledger_key
from christmas_campaign.operations.pause import PAUSED_KEY
from christmas_campaign.operations.repair_snapshot import CURSOR_KEY, NAMESPACE, Look
from christmas_campaign.repair import decide
from christmas_campaign.repair.actions import Enroll, Kill, Mend, Recount, Release, Schedule, Stamp, Unblock, Withdraw
from christmas_campaign.repair.decide import ENROLL, SEND_EMAIL, Snapshot

#: The calls a second that Notion takes from one integration.
PER_SECOND = 3

#: How long, in seconds, a run that seems not to go on is left alone before a second look: after a restart of the engine
#: everything has stood still for long, and goes on within this time.
SECOND_LOOK = 20.0


class Done(NamedTuple):
    """What came of a mend: ``problem`` is why it was not done (``None``: it was), ``needed`` whether it still was to be."""

    mend: Mend
    problem: str | None = None
    needed: bool = True


def mend(kestra: Kestra, notion: Notion, found: Look) -> Iterator[Done]:
    """Do what is found to be done, each after a second look, and keep the cursor; yields what came of each.

    Raises ``KestraError`` when Kestra cannot be reached any more. Whatever it or Notion refuses is a problem of that mend.
    """
    mends = found.mends
    for _, group in groupby((each for each in mends if not isinstance(each, Kill)), key=_subject):
        together = list(group)
        try:
            still = {identity(each): each for each in _second_look(kestra, together[0], found.seen)}
        except KestraError as error:
            yield from (Done(each, _refusal(error)) for each in together)
            continue
        for each in together:
            if not isinstance(each, Stamp) and identity(each) not in still:
                yield Done(each, needed=False)
            else:
                # What is at work changes quickly: its number is the one of the second look.
                yield _do(kestra, notion, still[identity(each)] if isinstance(each, Recount) else each)
    kills = [each for each in mends if isinstance(each, Kill)]
    if kills:
        time.sleep(SECOND_LOOK)
    yield from (_kill(kestra, each) for each in kills)
    kestra.kv_put(CURSOR_KEY, found.cursor, NAMESPACE)


def _refusal(error: KestraError) -> str:
    """Kestra's words, or the end of all if it does not answer."""
    if error.status is None:
        raise error
    return str(error)


def _subject(mend: Mend) -> tuple[str, str]:
    """What one second look is for."""
    return (
        ("flow", mend.flow) if isinstance(mend, Kill | Release | Unblock | Recount) else ("enrolment", mend.enrolment)
    )


def identity(mend: Mend) -> tuple[str, ...]:
    """What makes two mends the same, whatever the time."""
    kind = type(mend).__name__
    if isinstance(mend, Kill | Release | Unblock):
        return kind, mend.flow, mend.execution or ""
    if isinstance(mend, Recount):
        return kind, mend.flow
    return (kind, mend.enrolment, *([str(mend.number)] if isinstance(mend, Schedule | Withdraw) else []))


def _second_look(kestra: Kestra, mend: Mend, seen: Snapshot) -> list[Mend]:
    """What is to be mended about this flow or enrolment as it is now, pages apart."""
    now = datetime.now(UTC)
    if isinstance(mend, Kill | Release | Unblock | Recount):
        # Those that wait for their time are many, and are not in the lane: as they were.
        lane = {run.id: run for run in seen.runs if run.flow == mend.flow and run.state == "CREATED"}
        held = kestra.kv_get(PAUSED_KEY, NAMESPACE) is not None
        # Those at work by one query, after those that wait for their turn: one that begins in between is in both.
        at_work = [state for state in kestra_models.LIVE if state not in ("CREATED", "QUEUED")]
        for states in (["QUEUED"], at_work):
            found = kestra.executions(namespace=NAMESPACE, flow_id=mend.flow, states=states)
            lane |= {each.id: repair_snapshot.run(each) for each in found}
        return decide.repair(Snapshot(now, list(lane.values()), repair_snapshot.lanes(kestra, mend.flow), held=held))
    labels = {"enrolment": mend.enrolment}
    live = kestra.executions(namespace=NAMESPACE, labels=labels, states=kestra_models.LIVE)
    recorded_at = next(each.recorded_at for each in seen.enrolments if each.id == mend.enrolment)
    enrolment = repair_snapshot.enrolment(kestra, mend.enrolment, recorded_at)
    runs = [repair_snapshot.run(each) for each in live]
    return decide.repair(Snapshot(now, runs, enrolments=[enrolment] if enrolment else []))


def _do(kestra: Kestra, notion: Notion, mend: Mend) -> Done:
    try:
        match mend:
            case Schedule():
                inputs = {"enrolment": mend.enrolment, "number": mend.number}
                kestra.run(SEND_EMAIL, inputs, namespace=NAMESPACE, labels=mend.labels, scheduled=mend.date)
            case Enroll():
                event = {"event": mend.event, "enrolment": mend.enrolment}
                kestra.run(ENROLL, event, namespace=NAMESPACE, labels=mend.labels)
            case Unblock():
                kestra.set_concurrency(NAMESPACE, mend.flow, mend.running)
                if mend.execution is not None:
                    kestra.unqueue(mend.execution)
            case Recount():
                kestra.set_concurrency(NAMESPACE, mend.flow, mend.running)
            case Withdraw():
                _withdraw(kestra, mend)
            case Release():
                kestra.resume(mend.execution)
            case Stamp():
                return _stamp(notion, mend)
    except KestraError as error:
        return Done(mend, _refusal(error))
    return Done(mend)


def _withdraw(kestra: Kestra, mend: Withdraw) -> None:
    """Write into the ledger what the gate would write; that Resend may have the e-mail stays there."""
    key, now = ledger_key(mend.enrolment, mend.number), datetime.now(UTC)
    kept = kestra.kv_get(key, NAMESPACE)
    claimed_at = LedgerEntry.from_json(kept).claimed_at if kept else None
    settled = LedgerEntry(Outcome.SKIPPED, now, Reason.EMAIL_WITHDRAWN, claimed_at=claimed_at)
    kestra.kv_put(key, settled.as_json(), NAMESPACE, ttl=time_to_live(mend.last, now))


def _stamp(notion: Notion, mend: Stamp) -> Done:
    """A person, or a run, may have written meanwhile: what the page says stays."""
    try:
        page = notion.page(mend.page)
        said = page_values.plain(page)
        values = {name: value for name, value in mend.values.items() if said.get(name) in (None, False)}
        if not values or page_values.archived(page):
            return Done(mend, needed=False)
        notion.update_page(mend.page, schema.SEQUENCE_PAGES, values)
    except NotionError as error:
        return Done(mend, str(error))
    return Done(mend)


def _kill(kestra: Kestra, mend: Kill) -> Done:
    try:
        found = kestra.execution(mend.execution)
        if found.state != "RUNNING" or found.changed != mend.since:
            return Done(mend, needed=False)
        kestra.kill(mend.execution)
    except KestraError as error:
        return Done(mend, _refusal(error))
    return Done(mend)
