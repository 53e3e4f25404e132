"""E-mails that an earlier release planned and this release no longer has: each is skipped and never scheduled again."""

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
    """Return a stack that no other test uses: `christmas repair` changes the enrolments of all contacts."""
    with Stack(tmp_path_factory.mktemp("withdrawn"), time_scale=SCALE) as running:
        yield running


def enrolled_by_another_release(stack: Stack, email: str, planned: dict[int, datetime]) -> tuple[str, datetime]:
    """Enrol a contact who got all e-mails but E5, and add the e-mails ``planned`` with their dates to the enrolment.

    Return the enrolment's id and the time at which E5 is due.
    """
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
    """Store the KV entry of an enrolment."""
    stack.kestra.kv_put(f"enrolment.{enrolment}", record, ttl="P30D")


def schedule(stack: Stack, email: str, number: int, date: datetime) -> str:
    """Schedule an e-mail of an enrolled contact; return the execution's id."""
    waiting = runs(stack, "send-email", email)[0]
    labels = {name: waiting.labels[name] for name in ("sequence", "contact", "enrolment")}
    inputs = {"enrolment": labels["enrolment"], "number": number}
    return stack.kestra.run("send-email", inputs, labels={**labels, "number": str(number)}, scheduled=date)


def end_of(stack: Stack, execution: str) -> Execution:
    """Return an execution once it has ended."""
    return until(lambda: run if (run := stack.kestra.execution(execution)).ended else None, "the end of the run")


def outcome(run: Execution) -> tuple[str, str | None, str | None]:
    """Return the state of a run and its labels ``outcome`` and ``reason``."""
    return run.state, run.labels.get("outcome"), run.labels.get("reason")


def ledger(stack: Stack, enrolment: str, number: int) -> tuple[str, str | None] | None:
    """Return the outcome and the reason in the ledger entry of an e-mail, ``None`` without an entry."""
    entry = stack.kestra.kv_get(f"mail.{enrolment}.{number}")
    return (entry["outcome"], entry.get("reason")) if entry else None


def settled_runs(stack: Stack, email: str, number: int) -> list[Execution]:
    """Wait until all runs for a contact have ended; return the runs of one e-mail, oldest first."""
    until(lambda: not any(run.live for run in runs(stack, "send-email", email)), "the end of all runs")
    return [run for run in runs(stack, "send-email", email) if run.inputs["number"] == number]


def sentences_about(report: dict[str, Any], enrolment: str) -> list[str]:
    """Return the sentences about an enrolment in the report of a repair."""
    return [sentence for sentence in (*report["found"], *(report["done"] or ())) if enrolment in sentence]


def test_withdrawn_emails_are_skipped_and_later_ones_are_sent(stack: Stack) -> None:
    """E6 waits in a run; E1 and E7 have no run. E5 waits for E1 until the repair has written a ledger entry for E1."""
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

    count_before = len(runs(stack, "send-email", email))
    until(lambda: datetime.now(UTC) > now + timedelta(seconds=8), "the time of E7")
    repairs = sentences_about(christmas_json(stack, "repair", "--apply"), enrolment)
    assert any(sentence.startswith(f"E-mail 7 of {enrolment} was withdrawn") for sentence in repairs)
    assert ledger(stack, enrolment, 7) == ("skipped", "email_withdrawn")
    christmas_json(stack, "repair", "--apply")
    assert sentences_about(christmas_json(stack, "repair", "--apply"), enrolment) == []
    assert page_of(stack, email)["Sequence Completed"] is True
    assert len(runs(stack, "send-email", email)) == count_before
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
    assert sentences_about(christmas_json(stack, "repair", "--apply"), enrolment) == []


def test_replay_of_a_failed_withdrawn_email_is_skipped(stack: Stack) -> None:
    """An earlier release failed in the gate on a withdrawn e-mail and wrote no ledger entry.

    An enrolment whose event has no fields makes the gate of this release fail in the same way.
    """
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
