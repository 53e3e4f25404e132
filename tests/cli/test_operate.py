"""``christmas pause`` and ``christmas resume`` on the real engine: no e-mail is sent meanwhile, lost, or sent twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import address, enrolled, mails, numbers, runs, sign_up, until, wait_for_mails

from christmas_campaign.cli.main import main
from christmas_campaign.local.stack import Stack
from cli.operator import christmas


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A separate stack: a pause affects all contacts."""
    with Stack(tmp_path_factory.mktemp("operate"), time_scale=1) as running:
        yield running


def add_overdue(stack: Stack) -> str:
    """Enrol a contact whose E2 is due; return their address."""
    email = address()
    sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) - timedelta(days=2)).isoformat())
    enrolled(stack, email)
    return email


def states(stack: Stack, flow: str, emails: list[str]) -> list[str]:
    """Return the states of a flow's executions for the E2s of these contacts."""
    return [run.state for email in emails for run in runs(stack, flow, email) if run.inputs.get("number", 2) == 2]


def wait_for_pause(stack: Stack, emails: list[str], count: int) -> None:
    """Wait until the pause holds ``count`` of the contacts' e-mails in the lane."""
    until(lambda: states(stack, "email-follow-up", emails).count("PAUSED") == count, "the pause")


@pytest.mark.long
def test_pause_delays_all_emails_and_resume_sends_each_once(stack: Stack) -> None:
    assert christmas(stack, "resume").stdout == "E-mails are not paused.\n"
    first = christmas(stack, "pause")
    assert first.stdout.startswith("All e-mails are paused from now on, until christmas resume (")
    entry = stack.kestra.kv_get("paused")
    assert abs(datetime.fromisoformat(entry["since"]) - datetime.now(UTC)) < timedelta(seconds=10)

    # The lane has four places.
    emails = [add_overdue(stack) for _ in range(5)]
    wait_for_pause(stack, emails, 4)
    until(lambda: "QUEUED" in states(stack, "send-email", emails), "the fifth in the queue")
    time.sleep(2)
    assert [mails(stack, email) for email in emails] == [[]] * 5

    second = christmas(stack, "pause")
    assert second.stdout.startswith("E-mails were already paused, since ")
    assert second.stdout.endswith("; 5 are due and waiting.\n")
    assert stack.kestra.kv_get("paused") == entry
    assert christmas(stack, "repair", "--apply").stdout.endswith("Nothing needs repair.\n")

    resumed = datetime.now(UTC) - timedelta(seconds=1)
    last = christmas(stack, "resume")
    assert last.stdout.endswith("5 are overdue and are sent now.\n")
    # An e-mail expires some days after this moment: a pause makes no e-mail expire.
    assert resumed <= datetime.fromisoformat(stack.kestra.kv_get("resumed")["at"]) <= datetime.now(UTC)
    assert [numbers(wait_for_mails(stack, email, 1)) for email in emails] == [[2]] * 5
    until(lambda: set(states(stack, "send-email", emails)) == {"SUCCESS"}, "the end of all executions")
    assert [numbers(mails(stack, email)) for email in emails] == [[2]] * 5


@pytest.mark.long
def test_second_resume_completes_an_interrupted_one(stack: Stack) -> None:
    christmas(stack, "pause")
    email = add_overdue(stack)
    wait_for_pause(stack, [email], 1)
    stack.kestra.kv_delete("paused")
    assert christmas(stack, "resume").stdout == "E-mails are not paused; 1 was still waiting and is sent now.\n"
    assert numbers(wait_for_mails(stack, email, 1)) == [2]


@pytest.mark.parametrize("command", ["pause", "resume", "failures"])
def test_command_without_kestra_ends_with_2(tmp_path: Path, command: str) -> None:
    settings = tmp_path / "no-kestra"
    settings.write_text("KESTRA_URL=http://127.0.0.1:9\n", encoding="utf-8")
    result = CliRunner().invoke(main, [command, "--env-file", str(settings)])
    assert (result.exit_code, "Kestra at http://127.0.0.1:9 does not answer" in result.stderr) == (2, True)
