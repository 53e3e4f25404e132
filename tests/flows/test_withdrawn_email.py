"""E-mails that an earlier release planned and this one does not have: each is skipped, settled, and never scheduled again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from cli.operator import christmas, christmas_json
from faults.people import about_to_get_the_last
from support import SCALE, address, mails, numbers, page_of, runs, until

from christmas_campaign.campaign import times
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.local.stack import Stack

SKIPPED = ("SUCCESS", "skipped", "email_withdrawn")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own: `christmas repair` is for all contacts."""
    with Stack(tmp_path_factory.mktemp("withdrawn"), time_scale=SCALE) as running:
        yield running


def enrolled_by_another_release(stack: Stack, email: str, planned: dict[int, datetime]) -> tuple[str, datetime]:
    """Enrol a contact who got all but E5, and add e-mails to the plan; returns the enrolment's id, and when E5 is due."""
    due = about_to_get_the_last(stack, [email], seconds=6)
    enrolment = runs(stack, "send-email", email)[0].labels["enrolment"]
    record = stack.kestra.kv_get(f"enrolment.{enrolment}")
    record["emails"] |= {str(number): times.text(date) for number, date in planned.items()}
    planned_numbers = sorted(int(number) for number in record["emails"])
    record["before"] = {str(after): before for before, after in pairwise(planned_numbers)}
    write_record(stack, enrolment, record)
    assert datetime.now(UTC) < due, "E5 was due before the record was written"
    return enrolment, due


def write_record(stack: Stack, enrolment: str, record: dict[str, Any]) -> None:
    stack.kestra.kv_put(f"enrolment.{enrolment}", record, ttl="P30D")


def schedule(stack: Stack, email: str, number: int, date: datetime) -> str:
    """Schedule an e-mail of an enrolled contact; returns the execution's id."""
    waiting = runs(stack, "send-email", email)[0]
    labels = {name: waiting.labels[name] for name in ("sequence", "contact", "enrolment")}
    inputs = {"enrolment": labels["enrolment"], "number": number}
    return stack.kestra.run("send-email", inputs, labels={**labels, "number": str(number)}, scheduled=date)


def end_of(stack: Stack, execution: str) -> Execution:
    return until(lambda: run if (run := stack.kestra.execution(execution)).ended else None, "the end of the run")


def outcome(run: Execution) -> tuple[str, str | None, str | None]:
    return run.state, run.labels.get("outcome"), run.labels.get("reason")


def ledger(stack: Stack, enrolment: str, number: int) -> tuple[str, str | None] | None:
    entry = stack.kestra.kv_get(f"mail.{enrolment}.{number}")
    return (entry["outcome"], entry.get("reason")) if entry else None


def settled_runs(stack: Stack, email: str, number: int) -> list[Execution]:
    """Wait until no run for a contact is left to begin or to end; returns those of an e-mail, the oldest first."""
    until(lambda: not any(run.live for run in runs(stack, "send-email", email)), "the end of all runs")
    return [run for run in runs(stack, "send-email", email) if run.inputs["number"] == number]


def about(report: dict[str, Any], enrolment: str) -> list[str]:
    """The sentences of a repair's report about an enrolment."""
    return [sentence for sentence in (*report["found"], *(report["done"] or ())) if enrolment in sentence]


def test_withdrawn_emails_are_skipped_and_hold_up_no_other(stack: Stack) -> None:
    """E6 waits as a run; the runs of E1 and E7 have vanished, and E5 waits for E1 until the repair has settled it."""
    email, now = address(), datetime.now(UTC)
    enrolment, due = enrolled_by_another_release(
        stack, email, {1: now, 6: now + timedelta(seconds=7), 7: now + timedelta(seconds=8)}
    )
    schedule(stack, email, 6, due + timedelta(seconds=1))
    until(lambda: any(outcome(run)[2] == "earlier_email_unsettled" for run in runs(stack, "send-email", email)), "E5")
    christmas_json(stack, "repair", "--apply")
    assert ledger(stack, enrolment, 1) == ("skipped", "email_withdrawn")

    *_, last = settled_runs(stack, email, 6)
    assert (outcome(last), ledger(stack, enrolment, 6)) == (SKIPPED, ("skipped", "email_withdrawn"))
    assert any("it was withdrawn" in line.message for line in stack.kestra.logs(last.id))
    assert numbers(mails(stack, email)) == [5]

    before = len(runs(stack, "send-email", email))
    until(lambda: datetime.now(UTC) > now + timedelta(seconds=8), "the time of E7")
    done = about(christmas_json(stack, "repair", "--apply"), enrolment)
    assert any(sentence.startswith(f"E-mail 7 of {enrolment} was withdrawn") for sentence in done)
    assert ledger(stack, enrolment, 7) == ("skipped", "email_withdrawn")
    christmas_json(stack, "repair", "--apply")
    assert about(christmas_json(stack, "repair", "--apply"), enrolment) == []
    assert page_of(stack, email)["Sequence Completed"] is True
    assert len(runs(stack, "send-email", email)) == before
    assert christmas_json(stack, "failures") == []


def test_email_of_a_withdrawn_sequence_is_skipped(stack: Stack) -> None:
    email = address()
    enrolment, _ = enrolled_by_another_release(stack, email, {})
    record = stack.kestra.kv_get(f"enrolment.{enrolment}")
    record["event"]["sequence"] = record["labels"]["sequence"] = "winback"
    write_record(stack, enrolment, record)

    run = end_of(stack, runs(stack, "send-email", email)[0].id)
    assert outcome(run) == SKIPPED
    assert (run.labels["sequence"], run.labels["enrolment"]) == ("winback", enrolment)
    assert ledger(stack, enrolment, 5) == ("skipped", "email_withdrawn")
    assert mails(stack, email) == []
    assert about(christmas_json(stack, "repair", "--apply"), enrolment) == []


def test_replay_of_an_email_that_failed_before_it_could_be_skipped(stack: Stack) -> None:
    """A release that did not know what to do with a withdrawn e-mail has failed in the gate, and settled nothing."""
    email, now = address(), datetime.now(UTC)
    enrolment, _ = enrolled_by_another_release(stack, email, {6: now})
    assert [outcome(run)[1] for run in settled_runs(stack, email, 5)] == ["sent"]
    record = stack.kestra.kv_get(f"enrolment.{enrolment}")
    write_record(stack, enrolment, {**record, "event": {}})
    failed = end_of(stack, schedule(stack, email, 6, now))
    assert outcome(failed) == ("FAILED", "failed", "step_failed")
    assert ledger(stack, enrolment, 6) is None
    write_record(stack, enrolment, record)
    assert [failure["execution"] for failure in christmas_json(stack, "failures", code=1)] == [failed.id]

    result = christmas(stack, "replay", failed.id, "--yes")
    assert result.exit_code == 0, result.output
    assert [outcome(run) for run in settled_runs(stack, email, 6)][-1] == SKIPPED
    assert ledger(stack, enrolment, 6) == ("skipped", "email_withdrawn")
    assert christmas_json(stack, "failures") == []
    assert numbers(mails(stack, email)) == [5]
