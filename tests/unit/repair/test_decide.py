from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.repair import decide
from christmas_campaign.repair.actions import Action, Enroll, Kill, Recount, Release, Schedule, Stamp, Unblock, Withdraw
from christmas_campaign.repair.decide import EmailOutcome, Enrolment, Lane, LiveExecution, Snapshot, Task
from unit import build

NOW, MINUTE, HOUR = build.NOW, build.MINUTE, build.HOUR
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
ID, LABELS = build.WHO["enrolment"], build.WHO

#: E2 and E3 are overdue, E4 and E5 are due later.
DUE = {2: NOW - 2 * DAY, 3: NOW - DAY, 4: NOW + HOUR, 5: NOW + DAY}
#: This release has no E6 and E7.
WITHDRAWN_DUE = {5: NOW - 2 * DAY, 6: NOW - DAY, 7: NOW}

SENT, SKIPPED, FAILED, SENDING = (
    EmailOutcome(outcome, NOW - HOUR) for outcome in ("sent", "skipped", "failed", "sending")
)
ALL_SENT = {number: EmailOutcome("sent", NOW - number * MINUTE) for number in DUE}
STAMPED = {f"Email {number} Sent": "2025-11-20T10:00:00.000Z" for number in DUE}


def enrolment(due: Mapping[int, datetime] = DUE, sequence: str = "signup", **changes: Any) -> Enrolment:
    record = build.record(emails=due)
    record = record._replace(event=record.event._replace(sequence=sequence))
    return Enrolment(ID, record, NOW - 2 * DAY, **{"enrolled": True, "page": "page-1", **changes})


def unfinished(**changes: Any) -> Enrolment:
    return enrolment(**{"enrolled": False, "page": None, **changes})


def page(values: Mapping[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    return {"page-1": build.sequence_page(values, **attributes)}


def send_email(number: int, state: str = "CREATED", **changes: Any) -> LiveExecution:
    """Return a live execution of `send-email`, which has just come into its state."""
    execution = LiveExecution(f"run-{number}", "send-email", state, ID, number, DUE.get(number), NOW)
    return execution._replace(**changes)


def queued(name: str = "a", waits: timedelta = MINUTE + TICK) -> LiveExecution:
    return LiveExecution(name, "send-email", "QUEUED", None, None, None, NOW - waits)


def idle(*tasks: Task, state: str = "RUNNING", waits: timedelta = HOUR + TICK) -> LiveExecution:
    return send_email(2, state, due=None, changed=NOW - waits, tasks=tasks)


def actions(*executions: LiveExecution, **snapshot: Any) -> list[Action]:
    return decide.find_actions(Snapshot(NOW, executions, **snapshot))


def scheduled(*live: LiveExecution, **changes: Any) -> list[tuple[int, datetime]]:
    """Return the number and date of the e-mails that are scheduled; no other action may be needed."""
    needed = actions(*live, enrolments=[enrolment(**changes)])
    assert all(isinstance(action, Schedule) for action in needed)
    return [(action.number, action.date) for action in needed if isinstance(action, Schedule)]


def test_sentences_name_problem_and_action() -> None:
    needed: list[Action] = [
        Kill("f", "x", NOW),
        Release("f", "x"),
        *(Unblock("f", 0, None), Unblock("f", 1, "x"), Recount("f", 2)),
        *(Enroll("e", {}, {}), Schedule("e", 5, NOW, {}), Withdraw("e", 6, NOW), Stamp("e", "p", {3: NOW}, True)),
    ]
    assert [action.sentence for action in needed] == [
        "The execution x of f has had no running task since 2025-11-20T15:00:00.000Z: it is killed.",
        "The execution x of f is paused, but e-mails are not: it is resumed.",
        "Kestra counts executions of f that do not exist: the count is set to 0.",
        "Executions of f wait for one that does not exist: the oldest, x, is started.",
        "More executions of f are running than Kestra counts: the count is set to 2.",
        "The enrolment e is unfinished, and no execution works on it: it is run again.",
        "E-mail 5 of e is not settled, and no execution waits to send it: it is scheduled for 2025-11-20T15:00:00.000Z.",
        "E-mail 6 of e was withdrawn, and no execution waits to skip it: it is settled as skipped.",
        "The page of e lacks what the ledger says: Email 3 Sent, Sequence Completed is written.",
    ]


def test_email_without_execution_is_scheduled_at_its_date_or_at_once() -> None:
    waiting = [send_email(2), send_email(3), send_email(4)]
    expected = Schedule(ID, 5, DUE[5], {**LABELS, "number": "5"})
    assert actions(*waiting, enrolments=[enrolment()]) == [expected]
    other = [execution._replace(enrolment="other") for execution in waiting]
    labels = {**expected.labels, "enrolment": "other"}
    assert actions(*other, enrolments=[enrolment()._replace(id="other")]) == [Schedule("other", 5, DUE[5], labels)]
    assert scheduled(mails={2: SENT}) == [(3, NOW), (4, DUE[4]), (5, DUE[5])]
    assert scheduled(page=None) == []
    assert scheduled(failed=True)[-1] == (5, DUE[5]), "an earlier attempt failed, a later one has enrolled the contact"


def test_settled_email_or_one_with_an_execution_is_not_scheduled() -> None:
    others = [send_email(4), send_email(5), send_email(2, "QUEUED")]
    for entry in (SENT, SKIPPED, FAILED):
        assert scheduled(*others, mails={3: entry}) == []
    assert scheduled(*others, mails={3: SENDING}) == [(3, NOW)], "only claimed"
    for change in ({"enrolment": "other"}, {"flow": "enroll"}, {"number": None}):
        assert scheduled(*others, send_email(3)._replace(**change)) == [(3, NOW)]
    assert scheduled(*others, send_email(3, "PAUSED", flow="email-follow-up")) == [], "it schedules the next attempt"


def test_withdrawn_email_without_execution_is_settled_in_its_turn() -> None:
    def needed(mails: Mapping[int, EmailOutcome], *live: LiveExecution, **changes: Any) -> list[Action]:
        return actions(*live, enrolments=[enrolment(**{"due": WITHDRAWN_DUE, "mails": mails, **changes})])

    first, second = Withdraw(ID, 6, NOW), Withdraw(ID, 7, NOW)
    assert needed({5: SENT}) == needed({5: SENT}, sequence="winback") == [first, second]
    assert needed({5: FAILED, 6: SENDING, 7: SENT}) == [first]
    assert needed({5: SENT, 6: SKIPPED, 7: FAILED}) == []
    assert needed({5: SENT}, send_email(6), send_email(7)) == [], "the gate skips them"
    assert needed({5: SENT}, due={**WITHDRAWN_DUE, 6: NOW + TICK}) == [], "not due yet"
    assert needed({}, send_email(5)) == [], "E5 comes first"
    assert needed({5: SENDING}) == [Schedule(ID, 5, NOW, {**LABELS, "number": "5"})]
    assert needed({5: SENT}, sequence="winback", enrolled=False) == []


def test_unfinished_enrolment_is_run_again_after_fifteen_minutes() -> None:
    again = [Enroll(ID, enroll_input(enrolment().record.event), LABELS)]
    late = unfinished()._replace(recorded_at=NOW - 15 * MINUTE - TICK)
    enrolling = LiveExecution("run", "enroll", "QUEUED", ID, None, None, NOW)
    assert actions(enrolments=[late]) == again
    assert actions(enrolments=[unfinished(page="page-1", mails={2: SENT})]) == again
    assert actions(enrolling._replace(enrolment="other"), send_email(2), enrolments=[late]) == again
    assert actions(enrolments=[late._replace(recorded_at=NOW - 15 * MINUTE)]) == []
    assert actions(enrolling, enrolments=[late]) == []
    assert actions(enrolments=[unfinished(failed=True, mails=ALL_SENT, page="page-1")], pages=page()) == []


def stamps(live: list[int], mails: Mapping[int, EmailOutcome], pages: Mapping[str, Any]) -> list[Action]:
    """Return the actions for an enrolment, the numbers of whose e-mails with an execution are ``live``."""
    return actions(*map(send_email, live), enrolments=[enrolment(mails=mails)], pages=pages)


def test_page_gets_missing_times_and_completion() -> None:
    stamp = Stamp(ID, "page-1", {3: NOW - HOUR}, False)
    assert stamps([4, 5], {2: SENT, 3: SENT}, page({"Email 2 Sent": "2025-11-20"})) == [stamp]
    assert stamp.values == {"Email 3 Sent": NOW - HOUR}
    stamp = Stamp(ID, "page-1", {3: NOW - 3 * MINUTE}, True)
    assert stamps([], ALL_SENT, page({**STAMPED, "Email 3 Sent": None})) == [stamp]
    assert stamp.values == {"Email 3 Sent": NOW - 3 * MINUTE, "Sequence Completed": True}
    assert stamps([], {**ALL_SENT, 4: SKIPPED}, page(STAMPED)) == [Stamp(ID, "page-1", {}, True)]


def test_complete_archived_or_unread_page_gets_no_stamp() -> None:
    completed = page({**STAMPED, "Sequence Completed": True})
    for pages in (completed, page(archived=True), page(in_trash=True), {"another": build.sequence_page()}):
        assert stamps([], ALL_SENT, pages) == []


def test_page_gets_no_stamp_for_emails_that_failed_or_have_an_execution() -> None:
    assert stamps([], {**ALL_SENT, 3: FAILED}, page(STAMPED)) == []
    assert stamps([2, 5], {2: SENDING, 3: SKIPPED, 4: FAILED}, page()) == []
    assert stamps([5], ALL_SENT, page(STAMPED)) == []
    assert stamps([*DUE], ALL_SENT, page()) == []


def test_pages_to_check_have_a_sent_email_or_only_skipped_ones() -> None:
    all_skipped = dict.fromkeys(DUE, SKIPPED)
    for mails in (all_skipped, {2: FAILED, 3: SENT}):
        assert decide.pages_to_check([enrolment(mails=mails)]) == {"page-1": "zoe@example.com"}
    for mails in ({2: SKIPPED, 3: SKIPPED, 4: SKIPPED}, {**all_skipped, 4: FAILED}, {}):
        assert decide.pages_to_check([enrolment(mails=mails), enrolment(page=None, mails={2: SENT})]) == {}


def test_execution_without_a_running_task_is_killed_after_an_hour() -> None:
    kill = [Kill("send-email", "run-2", NOW - HOUR - TICK)]
    assert actions(idle()) == actions(idle(Task("a", None, "SUCCESS"), Task("b", None, "CREATED"))) == kill
    assert actions(idle(Task("a", None, "RUNNING"), Task("b", "a", "SUCCESS"))) == kill, "a parent only waits"
    assert actions(idle(waits=HOUR)) == []
    assert actions(idle(Task("a", None, "RUNNING"), Task("b", "a", "RUNNING"))) == []


def test_execution_in_a_lane_is_killed_after_five_minutes() -> None:
    late, lane = idle(waits=5 * MINUTE + TICK), Lane("send-email", 1, 1, None)
    assert actions(late, lanes=[lane]) == [Kill("send-email", "run-2", NOW - 5 * MINUTE - TICK)]
    assert actions(idle(waits=5 * MINUTE), lanes=[lane]) == []
    assert actions(late, lanes=[Lane("enroll", 1, 0, None)]) == []


def test_execution_with_an_active_task_or_in_another_state_is_not_killed() -> None:
    for state in ("SUBMITTED", "RUNNING", "PAUSED", "RETRYING", "KILLING", "BREAKPOINT"):
        assert actions(idle(Task("a", None, "SUCCESS"), Task("b", None, state))) == [], state
    for state in ("CREATED", "QUEUED", "RESTARTED", "RETRYING", "KILLING"):
        assert actions(idle(state=state)) == [], state


@pytest.mark.parametrize("flow", ["send-email", "email-follow-up"])
def test_paused_email_is_resumed_unless_all_are_paused(flow: str) -> None:
    execution = send_email(2, "PAUSED", flow=flow, changed=NOW - MINUTE - TICK)
    assert actions(execution) == [Release(flow, "run-2")]
    assert actions(execution, paused=True) == []
    for change in ({"changed": NOW - MINUTE}, {"state": "RUNNING"}, {"flow": "enroll"}):
        assert actions(execution._replace(**change)) == []


LANE = Lane("send-email", 1, 1, NOW - HOUR)
START = [Unblock("send-email", 1, "a")]


def test_oldest_execution_of_a_blocked_queue_is_started() -> None:
    queue = (queued("b", 2 * MINUTE), queued("c", 3 * MINUTE), queued("a"))
    assert actions(*queue, lanes=[LANE]) == [Unblock("send-email", 1, "c")]
    for lane in (
        LANE._replace(running=0),
        LANE._replace(last_ended=None),
        LANE._replace(last_ended=NOW - MINUTE - TICK),
    ):
        assert actions(queued(), send_email(5), lanes=[lane]) == START
    assert actions(queued(waits=MINUTE), lanes=[LANE]) == []
    for ended in (NOW - MINUTE, NOW + HOUR):
        assert actions(queued(), lanes=[LANE._replace(last_ended=ended)]) == []


def test_lane_is_blocked_only_below_its_limit() -> None:
    for state in ("RUNNING", "PAUSED", "RESTARTED", "RETRYING", "KILLING", "SUBMITTED", "BREAKPOINT"):
        inside = send_email(2, state)
        assert actions(queued(), inside, lanes=[LANE]) == actions(inside, lanes=[LANE]) == [], state
    other_lane = Lane("enroll", 1, 1, NOW - HOUR)
    assert actions(queued(), inside._replace(flow="enroll"), lanes=[other_lane, LANE]) == START
    wide = LANE._replace(limit=2, running=2)
    assert actions(queued(), inside, lanes=[wide]) == [Unblock("send-email", 2, "a")]
    assert actions(queued(), inside, inside, lanes=[wide]) == []


def test_count_of_executions_that_do_not_exist_is_corrected() -> None:
    reset, due = [Unblock("send-email", 0, None)], send_email(2)
    for live in (send_email(5), due._replace(due=NOW + TICK), due._replace(due=None, changed=NOW + TICK)):
        assert actions(live, lanes=[LANE]) == actions(live, lanes=[LANE._replace(running=2)]) == reset
    for starting in (due, due._replace(due=NOW), due._replace(due=None)):
        assert actions(starting, lanes=[LANE]) == [], "Kestra may count it already"
    for lane in (LANE._replace(limit=2), LANE._replace(running=0), LANE._replace(last_ended=NOW)):
        assert actions(lanes=[lane]) == []


def test_lane_with_too_many_running_executions_is_recounted() -> None:
    def needed(queue: int, state: str = "PAUSED", lane: Lane = LANE) -> list[Action]:
        inside = [send_email(2, "RUNNING"), send_email(3, state)]
        return actions(*inside, *(queued(str(number)) for number in range(queue)), lanes=[lane])

    assert needed(2) == [Recount("send-email", 2)]
    assert needed(1) == [], "the queue may be empty at any moment"
    assert needed(5, lane=LANE._replace(running=2)) == [], "Kestra counts them all"
    assert needed(5, lane=LANE._replace(limit=2)) == []
    for state in ("CREATED", "RESTARTED", "KILLING"):
        assert needed(5, state) == [], "Kestra may not count it"


@pytest.mark.parametrize(
    ("ids", "unfinished_ids", "cursor", "most", "chosen", "next_cursor"),
    [
        ("cabd", "", "", 3, "abc", "c"),
        ("cabd", "", "c", 3, "dab", "b"),
        ("cabd", "", "b", 9, "cdab", "b"),
        ("cabd", "", "bb", 1, "c", "c"),
        ("", "", "b", 3, "", "b"),
        # Unfinished ones come first, with at most half of the places.
        ("abcde", "e", "", 3, "eab", "b"),
        ("abcde", "abcde", "", 4, "abcd", "d"),
        ("abcde", "dce", "c", 4, "deab", "b"),
        ("abcde", "abcde", "a", 1, "b", "b"),
        ("a", "a", "x", 2, "a", "x"),
    ],
)
def test_enrolments_take_turns_from_the_cursor(
    ids: str, unfinished_ids: str, cursor: str, most: int, chosen: str, next_cursor: str
) -> None:
    assert decide.choose_enrolments(ids, unfinished_ids, cursor, most) == ([*chosen], next_cursor)


def test_actions_that_unblock_others_come_first() -> None:
    needed = actions(
        queued(),
        idle()._replace(flow="signup-handler"),
        lanes=[LANE],
        enrolments=[enrolment(mails={**ALL_SENT, 5: SENDING}), unfinished()._replace(id="other")],
        pages=page(),
    )
    assert [type(action) for action in needed] == [Kill, Unblock, Schedule, Stamp, Enroll]
