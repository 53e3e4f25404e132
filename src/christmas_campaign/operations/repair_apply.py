"""Applies the actions of a repair.

Nothing is locked. Each action is checked again right before it is applied, and each is safe to repeat.
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
from christmas_campaign.operations.repair_snapshot import CURSOR_KEY, NAMESPACE, Inspection
from christmas_campaign.repair import decide
from christmas_campaign.repair.actions import Action, Enroll, Kill, Recount, Release, Schedule, Stamp, Unblock, Withdraw
from christmas_campaign.repair.decide import ENROLL, SEND_EMAIL, Snapshot

#: Notion's limit of requests a second for one integration.
PER_SECOND = 3

#: Seconds to wait before a second look at an idle execution. After a restart of the engine every execution has been idle for
#: long, and continues within this time.
SECOND_LOOK = 20.0


class ActionResult(NamedTuple):
    """The result of an action: ``problem`` is why it failed (``None``: it did not), ``needed`` whether it was still needed."""

    action: Action
    problem: str | None = None
    needed: bool = True


def apply_actions(kestra: Kestra, notion: Notion, inspection: Inspection) -> Iterator[ActionResult]:
    """Apply the actions that the inspection found, each after a second look, and store the cursor; yield each result.

    Raises ``KestraError`` when Kestra does not respond any more. A refusal by Kestra or Notion is a problem of its action.
    """
    actions = inspection.actions
    for _, group in groupby((action for action in actions if not isinstance(action, Kill)), key=_subject):
        same_subject = list(group)
        try:
            second_look = _second_look(kestra, same_subject[0], inspection.snapshot)
        except KestraError as error:
            yield from (ActionResult(action, _refusal(error)) for action in same_subject)
            continue
        still_needed = {identity(action): action for action in second_look}
        for action in same_subject:
            if not isinstance(action, Stamp) and identity(action) not in still_needed:
                yield ActionResult(action, needed=False)
            else:
                # The number of running executions changes quickly, so a recount takes the number of the second look.
                latest = still_needed[identity(action)] if isinstance(action, Recount) else action
                yield _apply(kestra, notion, latest)
    kills = [action for action in actions if isinstance(action, Kill)]
    if kills:
        time.sleep(SECOND_LOOK)
    yield from (_kill(kestra, kill) for kill in kills)
    kestra.kv_put(CURSOR_KEY, inspection.cursor, NAMESPACE)


def _refusal(error: KestraError) -> str:
    """Return the text of Kestra's refusal. Raises ``error`` if Kestra did not respond at all."""
    if error.status is None:
        raise error
    return str(error)


def _subject(action: Action) -> tuple[str, str]:
    """Return the flow or the enrolment of an action: one second look covers all actions of the same."""
    if isinstance(action, Kill | Release | Unblock | Recount):
        return "flow", action.flow
    return "enrolment", action.enrolment


def identity(action: Action) -> tuple[str, ...]:
    """Return what two actions have in common if they are the same apart from their times and counts."""
    kind = type(action).__name__
    if isinstance(action, Kill | Release | Unblock):
        return kind, action.flow, action.execution or ""
    if isinstance(action, Recount):
        return kind, action.flow
    return (kind, action.enrolment, *([str(action.number)] if isinstance(action, Schedule | Withdraw) else []))


def _second_look(kestra: Kestra, action: Action, snapshot: Snapshot) -> list[Action]:
    """Return the actions that the flow or enrolment of ``action`` needs now, except those for pages."""
    now = datetime.now(UTC)
    if isinstance(action, Kill | Release | Unblock | Recount):
        # Executions that wait for their date are many and are not in the lane: they are not read again.
        lane = {
            execution.id: execution
            for execution in snapshot.executions
            if execution.flow == action.flow and execution.state == "CREATED"
        }
        paused = kestra.kv_get(PAUSED_KEY, NAMESPACE) is not None
        # The queued ones are read first, then the running ones in one query: one that starts in between is in both.
        running_states = [state for state in kestra_models.LIVE if state not in ("CREATED", "QUEUED")]
        for states in (["QUEUED"], running_states):
            executions = kestra.executions(namespace=NAMESPACE, flow_id=action.flow, states=states)
            lane |= {execution.id: repair_snapshot.live_execution(execution) for execution in executions}
        lanes = repair_snapshot.lanes(kestra, action.flow)
        return decide.find_actions(Snapshot(now, list(lane.values()), lanes, paused=paused))
    labels = {"enrolment": action.enrolment}
    live = kestra.executions(namespace=NAMESPACE, labels=labels, states=kestra_models.LIVE)
    recorded_at = next(enrolment.recorded_at for enrolment in snapshot.enrolments if enrolment.id == action.enrolment)
    enrolment = repair_snapshot.enrolment(kestra, action.enrolment, recorded_at)
    executions_now = [repair_snapshot.live_execution(execution) for execution in live]
    return decide.find_actions(Snapshot(now, executions_now, enrolments=[enrolment] if enrolment else []))


def _apply(kestra: Kestra, notion: Notion, action: Action) -> ActionResult:
    try:
        match action:
            case Schedule():
                inputs = {"enrolment": action.enrolment, "number": action.number}
                kestra.run(SEND_EMAIL, inputs, namespace=NAMESPACE, labels=action.labels, scheduled=action.date)
            case Enroll():
                event = {"event": action.event, "enrolment": action.enrolment}
                kestra.run(ENROLL, event, namespace=NAMESPACE, labels=action.labels)
            case Unblock():
                kestra.set_concurrency(NAMESPACE, action.flow, action.running)
                if action.execution is not None:
                    kestra.unqueue(action.execution)
            case Recount():
                kestra.set_concurrency(NAMESPACE, action.flow, action.running)
            case Withdraw():
                _withdraw(kestra, action)
            case Release():
                kestra.resume(action.execution)
            case Stamp():
                return _stamp(notion, action)
    except KestraError as error:
        return ActionResult(action, _refusal(error))
    return ActionResult(action)


def _withdraw(kestra: Kestra, action: Withdraw) -> None:
    """Write the ledger entry that the gate would write. The time of a claim stays, because Resend may have the e-mail."""
    key, now = ledger_key(action.enrolment, action.number), datetime.now(UTC)
    entry = kestra.kv_get(key, NAMESPACE)
    claimed_at = LedgerEntry.from_json(entry).claimed_at if entry else None
    settled = LedgerEntry(Outcome.SKIPPED, now, Reason.EMAIL_WITHDRAWN, claimed_at=claimed_at)
    kestra.kv_put(key, settled.as_json(), NAMESPACE, ttl=time_to_live(action.last, now))


def _stamp(notion: Notion, action: Stamp) -> ActionResult:
    """Stamp a page. Values that a person or an execution has written there since stay."""
    try:
        page = notion.page(action.page)
        properties = page_values.plain(page)
        values = {name: value for name, value in action.values.items() if properties.get(name) in (None, False)}
        if not values or page_values.archived(page):
            return ActionResult(action, needed=False)
        notion.update_page(action.page, schema.SEQUENCE_PAGES, values)
    except NotionError as error:
        return ActionResult(action, str(error))
    return ActionResult(action)


def _kill(kestra: Kestra, action: Kill) -> ActionResult:
    try:
        execution = kestra.execution(action.execution)
        if execution.state != "RUNNING" or execution.changed != action.since:
            return ActionResult(action, needed=False)
        kestra.kill(action.execution)
    except KestraError as error:
        return ActionResult(action, _refusal(error))
    return ActionResult(action)
