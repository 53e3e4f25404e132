"""A paused e-mail waits in `send-email` under the flows up to release 0.4, and in `email-follow-up` under the current ones.

Under the current flows an execution of `send-email` waits for it. A kill of one of the two does not reach the other.
"""

from __future__ import annotations

from pathlib import Path

from cli.operator import christmas, christmas_json
from faults.people import about_to_get_the_last
from support import SCALE, address, ended, mails, numbers, runs, until, wait_for_mails

from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.repair.decide import EMAIL_FLOWS

OLD_FLOWS = Path(__file__).parent / "frozen/0.4.0"


def is_paused(stack: Stack, flow: str, email: str) -> bool:
    """Return whether the only run of a flow for a contact is paused."""
    return [run.state for run in runs(stack, flow, email)] == ["PAUSED"]


def test_pause_and_resume_find_emails_of_both_revisions(tmp_path: Path) -> None:
    with Stack(tmp_path, time_scale=SCALE, flows=OLD_FLOWS) as stack:
        assert christmas(stack, "pause").exit_code == 0
        old = address()
        about_to_get_the_last(stack, [old], seconds=2)
        until(lambda: is_paused(stack, "send-email", old), "a paused e-mail under the old revision")

        stack.kestra.import_flows(sorted((PROJECT / "flows").glob("*.yml")))
        new = address()
        about_to_get_the_last(stack, [new], seconds=2)
        until(lambda: is_paused(stack, "email-follow-up", new), "a paused e-mail under the new revision")
        assert "2 are due and waiting" in christmas(stack, "pause").stdout
        # The command `stop` does not wait for the paused e-mail.
        assert christmas(stack, "stop", new, "--reason", "complained", "--yes").exit_code == 0

        assert christmas(stack, "resume").exit_code == 0
        assert [run.labels["outcome"] for run in ended(stack, old, 2)] == ["deferred", "sent"]
        assert [run.labels["outcome"] for run in ended(stack, new, 2)] == ["deferred", "skipped"]
        assert (len(mails(stack, old)), mails(stack, new)) == (1, [])


def test_paused_email_is_sent_once_after_a_kill_and_never_after_forget(tmp_path: Path) -> None:
    with Stack(tmp_path, time_scale=SCALE) as stack:
        assert christmas(stack, "pause").exit_code == 0
        killed = {flow: address() for flow in EMAIL_FLOWS}
        forgotten = address()
        contacts = [*killed.values(), forgotten]
        about_to_get_the_last(stack, contacts, seconds=4)
        until(lambda: all(is_paused(stack, "email-follow-up", email) for email in contacts), "three paused e-mails")
        for flow, email in killed.items():
            stack.kestra.kill(runs(stack, flow, email)[0].id)
        assert christmas(stack, "forget", forgotten, "--yes").exit_code == 0
        for flow in EMAIL_FLOWS:
            assert runs(stack, flow, forgotten) == []

        assert christmas(stack, "resume").exit_code == 0
        # The repair schedules an e-mail of which no execution is left.
        until(lambda: christmas_json(stack, "repair", "--apply")["problems"] == [], "the repair")
        for email in killed.values():
            assert numbers(wait_for_mails(stack, email, 1)) == [5]
        christmas_json(stack, "repair", "--apply")
        assert [len(mails(stack, email)) for email in contacts] == [1, 1, 0]
