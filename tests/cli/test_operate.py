"""`christmas pause` and `christmas resume` on the real engine: nothing goes out, nothing is lost, nothing comes twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from support import address, enrolled, mails, numbers, runs, sign_up, until, wait_for_mails

from christmas_campaign.local.stack import Stack
from cli.operator import christmas


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own: a pause is for everybody."""
    with Stack(tmp_path_factory.mktemp("operate"), time_scale=1) as running:
        yield running


def overdue(stack: Stack) -> str:
    """A contact whose E2 is due at once."""
    email = address()
    sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) - timedelta(days=2)).isoformat())
    enrolled(stack, email)
    return email


def states(stack: Stack, emails: list[str]) -> list[str]:
    """The states of the runs that are about the E2s of these contacts."""
    found = [run for email in emails for run in runs(stack, "send-email", email) if run.inputs["number"] == 2]
    return sorted(run.state for run in found)


def held(stack: Stack, emails: list[str]) -> int:
    """How many of these contacts' e-mails the pause holds in the lane."""
    return sum(run.state == "PAUSED" for email in emails for run in runs(stack, "email-follow-up", email))


@pytest.mark.long
def test_a_pause_holds_all_emails_and_a_resume_lets_each_go_once(stack: Stack) -> None:
    assert christmas(stack, "resume").stdout == "E-mails are not paused.\n"
    begun = datetime.now(UTC)
    first = christmas(stack, "pause")
    assert first.exit_code == 0
    assert first.stdout.startswith("All e-mails are paused from now on, until christmas resume (")
    kept = stack.kestra.kv_get("paused")
    assert begun - timedelta(seconds=1) <= datetime.fromisoformat(kept["since"]) <= datetime.now(UTC)

    # The lane has four places.
    emails = [overdue(stack) for _ in range(5)]
    until(lambda: held(stack, emails) == 4 and "QUEUED" in states(stack, emails), "all to wait")
    time.sleep(2)
    assert [mails(stack, email) for email in emails] == [[]] * 5

    second = christmas(stack, "pause")
    assert second.exit_code == 0
    assert second.stdout.startswith("E-mails were already paused, since ")
    assert second.stdout.endswith("; 5 are due and waiting.\n")
    assert stack.kestra.kv_get("paused") == kept
    assert christmas(stack, "repair", "--apply").stdout.endswith("Nothing needs repair.\n")

    let_go = datetime.now(UTC) - timedelta(seconds=1)
    last = christmas(stack, "resume")
    assert last.exit_code == 0
    assert last.stdout.startswith("E-mails are sent again; they were paused since ")
    assert last.stdout.endswith("5 are overdue and are sent now.\n")
    # What was overdue by then is no later than that: no pause makes an e-mail expire.
    assert let_go <= datetime.fromisoformat(stack.kestra.kv_get("resumed")["at"]) <= datetime.now(UTC)
    assert [numbers(wait_for_mails(stack, email, 1)) for email in emails] == [[2]] * 5
    until(lambda: set(states(stack, emails)) == {"SUCCESS"}, "the end of all runs")
    assert [numbers(mails(stack, email)) for email in emails] == [[2]] * 5
    assert christmas(stack, "resume").stdout == "E-mails are not paused.\n"


@pytest.mark.long
def test_a_resume_after_one_that_broke_off_lets_go_what_is_still_held(stack: Stack) -> None:
    christmas(stack, "pause")
    email = overdue(stack)
    until(lambda: held(stack, [email]) == 1, "the pause")
    stack.kestra.kv_delete("paused")
    assert christmas(stack, "resume").stdout == "E-mails are not paused; 1 was still waiting and is sent now.\n"
    assert numbers(wait_for_mails(stack, email, 1)) == [2]


@pytest.mark.long
def test_no_pause_makes_an_email_expire(stack: Stack) -> None:
    """Due nine days ago, by what is kept of it, and held until now."""
    christmas(stack, "pause")
    email = overdue(stack)
    until(lambda: held(stack, [email]) == 1, "the pause")
    enrolment = enrolled(stack, email).labels["enrolment"]
    record = stack.kestra.kv_get(f"enrolment.{enrolment}")
    record["emails"]["2"] = (datetime.now(UTC) - timedelta(days=9)).isoformat()
    stack.kestra.kv_put(f"enrolment.{enrolment}", record, ttl="P30D")
    christmas(stack, "resume")
    assert numbers(wait_for_mails(stack, email, 1)) == [2]


def test_a_kestra_that_is_not_there_is_said_plainly(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(stack), "environment_file", stack.data / "nowhere")
    stack.environment_file.write_text("KESTRA_URL=http://127.0.0.1:9\n", encoding="utf-8")
    for command in ("pause", "resume", "failures"):
        result = christmas(stack, command)
        assert result.exit_code == 2
        assert "Kestra at http://127.0.0.1:9 does not answer" in result.stderr
