"""An e-mail that a pause holds waits in `send-email` under a revision up to 0.4, and in `email-follow-up` since then."""

from __future__ import annotations

from pathlib import Path

from cli.operator import christmas
from faults.people import about_to_get_the_last
from support import SCALE, address, ended, mails, runs, until

from christmas_campaign.local.stack import PROJECT, Stack

BEFORE = Path(__file__).parent / "frozen/0.4.0"


def paused(stack: Stack, flow: str, email: str) -> bool:
    return [run.state for run in runs(stack, flow, email)] == ["PAUSED"]


def test_pause_and_resume_find_emails_of_both_revisions(tmp_path: Path) -> None:
    with Stack(tmp_path, time_scale=SCALE, flows=BEFORE) as stack:
        assert christmas(stack, "pause").exit_code == 0
        old = address()
        about_to_get_the_last(stack, [old], seconds=2)
        until(lambda: paused(stack, "send-email", old), "an e-mail that is held under the old revision")

        stack.kestra.import_flows(sorted((PROJECT / "flows").glob("*.yml")))
        new = address()
        about_to_get_the_last(stack, [new], seconds=2)
        until(lambda: paused(stack, "email-follow-up", new), "an e-mail that is held under the new revision")
        assert "2 are due and waiting" in christmas(stack, "pause").stdout
        # A stop does not wait for an e-mail that a pause holds.
        assert christmas(stack, "stop", new, "--reason", "complained", "--yes").exit_code == 0

        assert christmas(stack, "resume").exit_code == 0
        assert [run.labels["outcome"] for run in ended(stack, old, 2)] == ["deferred", "sent"]
        assert [run.labels["outcome"] for run in ended(stack, new, 2)] == ["deferred", "skipped"]
        assert (len(mails(stack, old)), mails(stack, new)) == (1, [])
