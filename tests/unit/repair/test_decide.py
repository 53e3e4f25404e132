from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.repair.actions import Action, Enroll, Kill, Recount, Release, Schedule, Stamp, Unblock, Withdraw
from christmas_campaign.repair.decide import (
    EmailOutcome,
    Enrolment,
    Lane,
    LiveExecution,
    Snapshot,
    Task,
    choose_enrolments,
    find_actions,
    pages_to_check,
)
from unit import build

NOW = build.NOW
MINUTE, HOUR, DAY = build.MINUTE, build.HOUR, timedelta(days=1)
TICK = timedelta(microseconds=1)

ID = build.WHO["enrolment"]
LABELS = build.WHO

#: E2 and E3 are due in the past, E4 and E5 in the future.
DUE = {2: NOW - 2 * DAY, 3: NOW - DAY, 4: NOW + HOUR, 5: NOW + DAY}

SENT, SKIPPED, FAILED, SENDING = (
    EmailOutcome(outcome, NOW - HOUR) for outcome in ("sent", "skipped", "failed", "sending")
)


def enrolment(**rest: Any) -> Enrolment:
    """An enrolment whose e-mails were scheduled two days ago, or one with these attributes instead."""
    given: dict[str, Any] = {"enrolled": True, "page": "page-1", **rest}
    return Enrolment(ID, build.record(emails=DUE), NOW - 2 * DAY, **given)


def sends(number: int, state: str = "CREATED", **rest: Any) -> LiveExecution:
    """A live run of `send-email` for the enrolment."""
    return LiveExecution(f"run-{number}", "send-email", state, ID, number, DUE[number], NOW - 2 * DAY, **rest)


ALL_WAIT = [sends(number) for number in DUE]


def mends(*runs: LiveExecution, **rest: Any) -> list[Action]:
    return find_actions(Snapshot(NOW, runs, **rest))


# e-mails


def test_where_all_is_well_nothing_is_mended() -> None:
    assert mends() == []
    assert mends(*ALL_WAIT, enrolments=[enrolment()]) == []
    assert mends(sends(4), sends(5), enrolments=[enrolment(mails={2: SENT, 3: SKIPPED})]) == []


def test_an_email_that_nothing_will_send_is_scheduled_again() -> None:
    (mend,) = mends(sends(4), sends(2), sends(3), enrolments=[enrolment()])
    assert mend == Schedule(ID, 5, DUE[5], {**LABELS, "number": "5"})
    assert mend.sentence == (
        f"E-mail 5 of {ID} is not settled, and no execution waits to send it: it is scheduled for 2025-11-21T15:00:00.000Z."
    )


def test_one_that_is_overdue_goes_out_at_once() -> None:
    found = mends(enrolments=[enrolment(mails={2: SENT})])
    assert [(mend.number, mend.date) for mend in found if isinstance(mend, Schedule)] == [
        (3, NOW),
        (4, DUE[4]),
        (5, DUE[5]),
    ]


@pytest.mark.parametrize(("mail", "again"), [(SENT, False), (SKIPPED, False), (FAILED, False), (SENDING, True)])
def test_a_settled_email_is_left_alone_and_a_claim_is_not(mail: EmailOutcome, again: bool) -> None:
    found = mends(sends(2), sends(4), sends(5), enrolments=[enrolment(mails={3: mail})])
    assert [mend.number for mend in found if isinstance(mend, Schedule)] == [3] * again
    assert len(found) == again


@pytest.mark.parametrize("state", ["CREATED", "RUNNING", "PAUSED", "RESTARTED", "KILLING", "QUEUED", "RETRYING"])
def test_a_run_that_has_not_ended_is_left_to_do_it(state: str) -> None:
    runs = [sends(2, state)._replace(changed=NOW), *ALL_WAIT[1:]]
    assert mends(*runs, enrolments=[enrolment()]) == []


def test_only_a_run_of_this_email_of_this_enrolment_counts() -> None:
    others = [
        sends(3)._replace(enrolment="another"),
        sends(3)._replace(flow="enroll"),
        sends(3)._replace(number=None),
    ]
    found = mends(sends(2), sends(4), sends(5), *others, enrolments=[enrolment()])
    assert [mend.number for mend in found if isinstance(mend, Schedule)] == [3]


def test_emails_without_a_page_are_not_scheduled_for_they_could_only_fail() -> None:
    assert mends(enrolments=[enrolment(page=None)]) == []


# withdrawn e-mails

#: E6 and E7 are of another release.
WITHDRAWN = {5: NOW - 2 * DAY, 6: NOW - DAY, 7: NOW}


def withdrawn(
    mails: Mapping[int, EmailOutcome], due: Mapping[int, datetime] = WITHDRAWN, sequence: str = "signup"
) -> Enrolment:
    """An enrolment that an earlier release planned."""
    record = build.record(emails=due)
    return enrolment(mails=mails)._replace(record=record._replace(event=record.event._replace(sequence=sequence)))


def test_withdrawn_email_without_a_run_is_settled_and_never_scheduled() -> None:
    first, second = mends(enrolments=[withdrawn({5: SENT})])
    assert (first, second) == (Withdraw(ID, 6, NOW), Withdraw(ID, 7, NOW))
    assert isinstance(first, Withdraw)
    assert first.sentence == (
        f"E-mail 6 of {ID} was withdrawn, and no execution waits to skip it: it is settled as skipped."
    )
    assert mends(enrolments=[withdrawn({5: SENT, 6: SKIPPED, 7: FAILED})]) == []
    assert mends(enrolments=[withdrawn({5: FAILED, 6: SENDING, 7: SENT})]) == [Withdraw(ID, 6, NOW)]


def test_withdrawn_email_with_a_run_is_left_to_the_gate() -> None:
    runs = [sends(5)._replace(number=number) for number in (6, 7)]
    assert mends(*runs, enrolments=[withdrawn({5: SENT})]) == []


def test_withdrawn_email_is_settled_in_its_place_and_not_before_its_time() -> None:
    assert mends(sends(5), enrolments=[withdrawn({})]) == []
    (mend,) = mends(enrolments=[withdrawn({5: SENDING})])
    assert isinstance(mend, Schedule)
    assert mend.number == 5
    assert mends(enrolments=[withdrawn({5: SENT}, {**WITHDRAWN, 6: NOW + TICK})]) == []


def test_enrolment_in_a_withdrawn_sequence_is_neither_scheduled_nor_enrolled_again() -> None:
    found = withdrawn({5: SENT}, sequence="winback")
    assert mends(enrolments=[found]) == [Withdraw(ID, 6, NOW), Withdraw(ID, 7, NOW)]
    assert mends(enrolments=[found._replace(enrolled=False)]) == []


def test_page_is_completed_when_the_withdrawn_emails_are_skipped() -> None:
    found = withdrawn({5: SENT, 6: SKIPPED, 7: SKIPPED})
    assert mends(enrolments=[found], pages=page({"Email 5 Sent": "2025-11-20"})) == [Stamp(ID, "page-1", {}, True)]


# enrolments


def unfinished(**rest: Any) -> Enrolment:
    given: dict[str, Any] = {"enrolled": False, "page": None, **rest}
    return enrolment(**given)


def test_an_enrolment_that_was_not_finished_is_run_again() -> None:
    found = unfinished()
    (mend,) = mends(enrolments=[found])
    assert mend == Enroll(ID, enroll_input(found.record.event), LABELS)
    assert mend.sentence == f"The enrolment {ID} is unfinished, and no execution works on it: it is run again."
    assert len(mends(enrolments=[unfinished(page="page-1", mails={2: SENT})])) == 1, "whatever was done of it"


@pytest.mark.parametrize(("age", "again"), [(MINUTE, 0), (15 * MINUTE, 0), (15 * MINUTE + TICK, 1)])
def test_one_that_may_yet_be_finished_is_left_alone(age: timedelta, again: int) -> None:
    assert len(mends(enrolments=[unfinished()._replace(recorded_at=NOW - age)])) == again


def test_one_that_a_run_works_at_is_left_alone() -> None:
    enrolls = LiveExecution("run", "enroll", "QUEUED", ID, None, None, NOW)
    assert mends(enrolls, enrolments=[unfinished()]) == []
    assert len(mends(enrolls._replace(enrolment="another"), enrolments=[unfinished()])) == 1
    assert len(mends(sends(2), enrolments=[unfinished()])) == 1


def test_one_that_has_failed_waits_for_a_person() -> None:
    assert mends(enrolments=[unfinished(failed=True)]) == []


def test_a_failed_try_is_over_when_a_later_one_has_enrolled() -> None:
    assert len(mends(enrolments=[enrolment(failed=True)])) == len(DUE)


# pages


def page(values: Mapping[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    return {"page-1": build.sequence_page(values, **rest)}


WELL = {number: EmailOutcome("sent", NOW - number * MINUTE) for number in DUE}
STAMPED = {f"Email {number} Sent": "2025-11-20T10:00:00.000Z" for number in DUE}


def test_a_page_gets_the_ledgers_time_where_it_has_none() -> None:
    runs = [sends(4), sends(5)]
    mails = {2: SENT, 3: SENT}
    (mend,) = mends(*runs, enrolments=[enrolment(mails=mails)], pages=page({"Email 2 Sent": "2025-11-20"}))
    assert mend == Stamp(ID, "page-1", {3: NOW - HOUR}, False)
    assert mend.values == {"Email 3 Sent": NOW - HOUR}
    assert mend.sentence == f"The page of {ID} lacks what the ledger says: Email 3 Sent is written."


def test_a_page_whose_emails_are_all_settled_well_is_completed_with_it() -> None:
    (mend,) = mends(enrolments=[enrolment(mails=WELL)], pages=page({**STAMPED, "Email 3 Sent": None}))
    assert mend == Stamp(ID, "page-1", {3: NOW - 3 * MINUTE}, True)
    assert mend.values == {"Email 3 Sent": NOW - 3 * MINUTE, "Sequence Completed": True}
    assert mend.sentence.endswith(": Email 3 Sent, Sequence Completed is written.")


def test_a_page_that_lacks_the_last_word_alone_gets_it() -> None:
    (mend,) = mends(enrolments=[enrolment(mails={**WELL, 4: SKIPPED})], pages=page(STAMPED))
    assert mend == Stamp(ID, "page-1", {}, True)
    assert mends(enrolments=[enrolment(mails=WELL)], pages=page({**STAMPED, "Sequence Completed": True})) == []


def test_a_page_is_not_completed_while_an_email_has_failed_or_may_yet_come() -> None:
    assert mends(enrolments=[enrolment(mails={**WELL, 3: FAILED})], pages=page(STAMPED)) == []
    assert mends(sends(5), enrolments=[enrolment(mails=WELL)], pages=page(STAMPED)) == []
    rest = {number: mail for number, mail in WELL.items() if number != 5}
    assert mends(sends(5), enrolments=[enrolment(mails=rest)], pages=page(STAMPED)) == []


def test_a_run_that_has_not_ended_stamps_the_page_itself() -> None:
    assert mends(*ALL_WAIT, enrolments=[enrolment(mails=WELL)], pages=page()) == []


def test_only_what_was_sent_is_stamped() -> None:
    runs = [sends(2), sends(5)]
    assert mends(*runs, enrolments=[enrolment(mails={2: SENDING, 3: SKIPPED, 4: FAILED})], pages=page()) == []


@pytest.mark.parametrize("trash", [{"archived": True}, {"in_trash": True}])
def test_a_page_in_the_trash_is_left_there(trash: dict[str, Any]) -> None:
    assert mends(enrolments=[enrolment(mails=WELL)], pages=page(**trash)) == []


def test_a_page_that_was_not_found_among_the_incomplete_ones_is_left_alone() -> None:
    assert mends(enrolments=[enrolment(mails=WELL)], pages={"another": build.sequence_page()}) == []
    assert mends(enrolments=[unfinished(failed=True, mails=WELL, page="page-1")], pages=page()) == []


def test_pages_to_look_at_are_those_of_enrolments_with_a_sent_email_or_all_skipped() -> None:
    assert pages_to_check([enrolment(mails=dict.fromkeys(DUE, SKIPPED))]) == {"page-1": "zoe@example.com"}
    assert pages_to_check([enrolment(mails={2: SKIPPED, 3: SKIPPED, 4: SKIPPED})]) == {}
    assert pages_to_check([enrolment(mails={**dict.fromkeys(DUE, SKIPPED), 4: FAILED})]) == {}
    assert pages_to_check([enrolment(mails={2: FAILED, 3: SENT})]) == {"page-1": "zoe@example.com"}
    assert pages_to_check([enrolment(), enrolment(mails={2: FAILED}), enrolment(page=None, mails={2: SENT})]) == {}


# runs that do not go on


def stuck(*tasks: Task, state: str = "RUNNING", since: timedelta = HOUR + TICK) -> LiveExecution:
    return LiveExecution("run", "send-email", state, ID, 2, None, NOW - since, tasks)


def kills(*runs: LiveExecution) -> list[Action]:
    return [mend for mend in mends(*runs) if isinstance(mend, Kill)]


def test_a_run_in_which_nothing_runs_for_an_hour_is_ended() -> None:
    run = stuck(Task("a", None, "SUCCESS"), Task("b", None, "CREATED"))
    (mend,) = kills(run)
    assert mend == Kill("send-email", "run", NOW - HOUR - TICK)
    assert mend.sentence == (
        "The execution run of send-email has had no running task since 2025-11-20T13:59:59.999Z: it is killed."
    )
    assert kills(stuck()) == [mend], "nor does one without any task go on"
    assert kills(run._replace(enrolment=None, number=None, flow="signup-handler"))


def test_one_that_came_into_another_state_within_the_hour_is_left_alone() -> None:
    assert kills(stuck(since=HOUR)) == []


def test_in_a_lane_others_wait_for_it_and_it_is_ended_after_five_minutes() -> None:
    lane = Lane("send-email", 1, 1, None)
    in_time, late = stuck(since=5 * MINUTE), stuck(since=5 * MINUTE + TICK)
    assert mends(in_time, lanes=[lane]) == []
    assert mends(late, lanes=[lane]) == [Kill("send-email", "run", NOW - 5 * MINUTE - TICK)]
    assert mends(late, lanes=[Lane("enroll", 1, 0, None)]) == [], "its own flow has none"
    busy = late._replace(tasks=[Task("a", None, "RUNNING")])
    assert mends(busy, lanes=[lane]) == []


@pytest.mark.parametrize("state", ["SUBMITTED", "RUNNING", "PAUSED", "RETRYING", "KILLING", "BREAKPOINT"])
def test_one_with_a_task_at_work_is_left_alone(state: str) -> None:
    assert kills(stuck(Task("a", None, "SUCCESS"), Task("b", None, state))) == []
    assert kills(stuck(Task("a", None, "RUNNING"), Task("b", "a", state))) == []


def test_a_task_that_others_are_in_is_not_at_work_itself() -> None:
    assert len(kills(stuck(Task("a", None, "RUNNING"), Task("b", "a", "SUCCESS")))) == 1


@pytest.mark.parametrize("state", ["CREATED", "QUEUED", "PAUSED", "RESTARTED", "RETRYING", "KILLING"])
def test_one_that_waits_is_left_alone(state: str) -> None:
    assert kills(stuck(state=state)) == []


# e-mails that are held


def test_an_email_that_is_held_when_none_is_goes_on() -> None:
    run = sends(2, "PAUSED")._replace(changed=NOW - MINUTE - TICK)
    (mend,) = mends(run)
    assert mend == Release("send-email", "run-2")
    assert mend.sentence == "The execution run-2 of send-email is paused, but e-mails are not: it is resumed."
    assert mends(run, paused=True) == []
    assert mends(run._replace(changed=NOW - MINUTE)) == [], "it is let go right now"
    assert mends(run._replace(state="RUNNING")) == []
    assert mends(run._replace(flow="enroll")) == []


def test_an_email_that_is_held_in_the_follow_up_goes_on_too() -> None:
    run = sends(2, "PAUSED")._replace(flow="email-follow-up", changed=NOW - MINUTE - TICK)
    (mend,) = mends(run)
    assert mend == Release("email-follow-up", "run-2")
    assert mends(run, paused=True) == []


def test_an_email_with_a_follow_up_alone_is_not_scheduled_again() -> None:
    """The follow-up schedules the next try itself."""
    runs = [sends(2, "PAUSED")._replace(flow="email-follow-up", changed=NOW), *ALL_WAIT[1:]]
    assert mends(*runs, enrolments=[enrolment()]) == []


# lanes

LONG_AGO = NOW - HOUR
LANE = Lane("send-email", 1, 1, LONG_AGO)


def queued(name: str = "a", since: timedelta = MINUTE + TICK) -> LiveExecution:
    return LiveExecution(name, "send-email", "QUEUED", None, None, None, NOW - since)


def unblocks(*runs: LiveExecution, lane: Lane = LANE) -> list[Action]:
    return mends(*runs, lanes=[lane])


def test_a_lane_in_which_all_wait_and_nobody_runs_moves_again() -> None:
    (mend,) = unblocks(queued("b", 2 * MINUTE), queued("c", 3 * MINUTE), queued("a"))
    assert mend == Unblock("send-email", 1, "c")
    assert mend.sentence == "Executions of send-email wait for one that does not exist: the oldest, c, is started."
    assert unblocks(queued(), lane=LANE._replace(running=0)) == [Unblock("send-email", 1, "a")], "whatever is counted"
    assert unblocks(queued(), lane=LANE._replace(last_ended=None)) == [Unblock("send-email", 1, "a")]


def test_a_queue_may_take_a_minute_to_move() -> None:
    assert unblocks(queued(since=MINUTE)) == []
    assert unblocks(queued(), lane=LANE._replace(last_ended=NOW - MINUTE)) == []
    assert unblocks(queued(), lane=LANE._replace(last_ended=NOW - MINUTE - TICK)) == [Unblock("send-email", 1, "a")]
    assert unblocks(queued(), lane=LANE._replace(last_ended=NOW + HOUR)) == []


@pytest.mark.parametrize("state", ["RUNNING", "PAUSED", "RESTARTED", "RETRYING", "KILLING", "SUBMITTED", "BREAKPOINT"])
def test_a_lane_that_somebody_is_in_is_left_alone(state: str) -> None:
    one = queued("one")._replace(state=state, changed=NOW)
    assert unblocks(queued(), one) == []
    assert unblocks(one) == []
    assert unblocks(queued(), one._replace(flow="enroll")) == [Unblock("send-email", 1, "a")], "of another flow"


def test_one_that_waits_for_its_time_is_not_in_the_lane() -> None:
    assert unblocks(queued(), sends(5)) == [Unblock("send-email", 1, "a")]


def test_a_wider_lane_is_filled() -> None:
    lane = LANE._replace(limit=2, running=2)
    one = queued("one")._replace(state="RUNNING", changed=NOW)
    assert unblocks(queued(), one, lane=lane) == [Unblock("send-email", 2, "a")]
    assert unblocks(queued(), one, one, lane=lane) == []


def test_each_lane_is_looked_at() -> None:
    one = queued("one")._replace(state="RUNNING", changed=NOW, flow="enroll")
    lanes = [Lane("enroll", 1, 1, LONG_AGO), LANE]
    assert mends(one, queued(), lanes=lanes) == [Unblock("send-email", 1, "a")]


def test_a_count_of_runs_that_are_not_there_is_set_right() -> None:
    (mend,) = unblocks(sends(5))
    assert mend == Unblock("send-email", 0, None)
    assert mend.sentence == "Kestra counts executions of send-email that do not exist: the count is set to 0."
    assert unblocks(lane=LANE._replace(running=2)) == [mend]
    assert unblocks(lane=LANE._replace(limit=2, running=1)) == []
    assert unblocks(lane=LANE._replace(running=0)) == []
    assert unblocks(lane=LANE._replace(last_ended=NOW)) == []


def lane_of_two(queue: int, **rest: Any) -> list[Action]:
    """The mends of a lane of one in which two e-mails are at work and ``queue`` others wait."""
    at_work = [sends(2, "RUNNING")._replace(changed=NOW), sends(3, "PAUSED")._replace(changed=NOW)]
    return unblocks(*at_work, *(queued(str(number)) for number in range(queue)), **rest)


def test_lane_that_is_too_wide_is_counted_again() -> None:
    (mend,) = lane_of_two(2)
    assert mend == Recount("send-email", 2)
    assert mend.sentence == ("More executions of send-email are running than Kestra counts: the count is set to 2.")


def test_lane_whose_queue_may_be_empty_at_any_moment_heals_itself() -> None:
    assert lane_of_two(1) == []


def test_wide_lane_is_left_alone_where_kestra_counts_all_or_its_limit_allows_it() -> None:
    assert lane_of_two(5, lane=LANE._replace(running=2)) == [], "the limit was lowered, or a person forced one to run"
    assert lane_of_two(5, lane=LANE._replace(limit=2)) == []


@pytest.mark.parametrize("state", ["CREATED", "RESTARTED", "KILLING"])
def test_run_that_kestra_may_not_count_makes_no_lane_too_wide(state: str) -> None:
    both = [sends(2, "RUNNING")._replace(changed=NOW), sends(3, state)._replace(changed=NOW)]
    assert unblocks(*both, *(queued(str(number)) for number in range(5))) == []


def test_a_run_that_is_about_to_begin_may_be_counted_already() -> None:
    due = sends(2)
    assert unblocks(due) == []
    assert unblocks(due._replace(due=NOW)) == []
    assert unblocks(due._replace(due=NOW + TICK)) == [Unblock("send-email", 0, None)]
    assert unblocks(due._replace(due=None)) == []
    assert unblocks(due._replace(due=None, changed=NOW + TICK)) == [Unblock("send-email", 0, None)]


# whose turn it is


def test_enrolments_are_looked_at_in_turn() -> None:
    ids = ["c", "a", "b", "d"]
    assert choose_enrolments(ids, [], "", 3) == (["a", "b", "c"], "c")
    assert choose_enrolments(ids, [], "c", 3) == (["d", "a", "b"], "b")
    assert choose_enrolments(ids, [], "b", 9) == (["c", "d", "a", "b"], "b")
    assert choose_enrolments(ids, [], "bb", 1) == (["c"], "c"), "the cursor may be gone"
    assert choose_enrolments([], [], "b", 3) == ([], "b")


def test_those_that_are_not_finished_come_first_but_never_take_all_places() -> None:
    ids = ["a", "b", "c", "d", "e"]
    assert choose_enrolments(ids, ["e"], "", 3) == (["e", "a", "b"], "b")
    assert choose_enrolments(ids, ids, "", 4) == (["a", "b", "c", "d"], "d")
    assert choose_enrolments(ids, ["d", "c", "e"], "c", 4) == (["d", "e", "a", "b"], "b")
    assert choose_enrolments(ids, ids, "a", 1) == (["b"], "b")
    assert choose_enrolments(["a"], ["a"], "x", 2) == (["a"], "x"), "there is none else"


# all of it


def test_what_blocks_is_mended_first_then_each_enrolment() -> None:
    other = unfinished()._replace(id="other")
    found = mends(
        queued(),
        stuck()._replace(flow="signup-handler"),
        lanes=[LANE],
        enrolments=[enrolment(mails=dict(list(WELL.items())[:3])), other],
        pages=page(),
    )
    assert [type(mend) for mend in found] == [Kill, Unblock, Schedule, Stamp, Enroll]


def test_the_same_look_leads_to_the_same_mends() -> None:
    def seen(now: datetime) -> list[Action]:
        return find_actions(Snapshot(now, [queued()], [LANE], [enrolment()], {}))

    assert seen(NOW) == seen(NOW)
