"""Back up the engine's folder while e-mails wait, and restore it into an empty folder, as after the loss of a machine."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import DELAYS, SCALE, address, calls, find_pages, mails, numbers, page_of, runs, scheduled, sign_up, until

from christmas_campaign.campaign import notion_names
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.notion import schema

#: A day takes eighteen seconds: between two e-mails the engine is stopped, backed up and started.
SLOWER = 3


def run_documented_tar(verb: str, folder: Path, archive: Path) -> None:
    """Run the line of `docs/operating.md` that backs up the engine's folder (``-czf``) or restores it (``-xpzf``)."""
    page = (PROJECT / "docs" / "operating.md").read_text(encoding="utf-8")
    (line,) = re.findall(rf"^tar .*{verb} .*$", page, re.MULTILINE)
    words = line.replace(".data/up/engine", str(folder)).replace("engine.tar.gz", str(archive)).split()
    subprocess.run(words, check=True, timeout=60)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_31_the_machine_is_lost_and_a_backup_is_restored_elsewhere(tmp_path: Path) -> None:
    """Waiting e-mails go out on time, once. E-mails that were sent after the backup are not sent again."""
    archive, elsewhere = tmp_path / "engine.tar.gz", tmp_path / "elsewhere"
    with Stack(tmp_path / "stack", time_scale=SCALE / SLOWER) as stack:
        # The page of the second contact will lack the time of the third e-mail, as if Notion failed at that moment.
        emails = stamped, unstamped = address(), address()
        arrived = {email: sign_up(stack, email) for email in emails}
        wait_for_ends(stack, emails, {2})
        due = [scheduled(stack, email) for email in emails]

        stack.engine.stop()
        run_documented_tar("-czf", stack.engine.data, archive)
        stack.engine.start()

        # The third e-mail is sent after the backup, in which it still waits.
        wait_for_ends(stack, emails, {2, 3})
        stack.engine.kill()
        (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, unstamped)
        with stack.notion() as notion:
            notion.update_page(page["id"], schema.SEQUENCE_PAGES, {"Email 3 Sent": None})
        elsewhere.mkdir()
        run_documented_tar("-xpzf", elsewhere, archive)
        stack.engine.data, stack.engine.log = elsewhere, elsewhere / "engine.log"
        stack.engine.start()
        back = datetime.now(UTC)

        assert [scheduled(stack, email) for email in emails] == due, "a waiting e-mail has another date"
        wait_for_ends(stack, emails, {2, 3, 4, 5})
        time.sleep(3)
        for email in emails:
            received = mails(stack, email)
            assert numbers(received) == [2, 3, 4, 5]
            last = arrived[email] + SLOWER * DELAYS[5]
            assert last <= received[-1].received_at <= max(last, back) + timedelta(seconds=60)
            properties = page_of(stack, email)
            assert all(properties[f"Email {number} Sent"] for number in (2, 3, 4, 5))
            assert properties["Sequence Completed"]
        # The restored execution of the third e-mail finds its time on the page. Without that it calls Resend again with the
        # same idempotency key, which sends no second e-mail.
        assert {email: reasons(stack, email)[3] for email in emails} == {stamped: "already_sent", unstamped: None}
        assert [len(calls(stack, "resend", email)) for email in emails] == [4, 5]


def wait_for_ends(stack: Stack, emails: Collection[str], expected: set[int]) -> None:
    """Wait until the executions of these e-mails of each contact have ended, and check that no others have."""
    until(lambda: all(len(reasons(stack, email)) >= len(expected) for email in emails), f"the end of {expected}")
    assert [set(reasons(stack, email)) for email in emails] == [expected] * len(emails)


def reasons(stack: Stack, email: str) -> dict[int, str | None]:
    """Return the reason of each ended e-mail of a contact (``None``: it was sent), by number."""
    ended = [run for run in runs(stack, "send-email", email) if not run.live]
    # A deferred e-mail continues in another execution.
    return {run.inputs["number"]: run.labels.get("reason") for run in ended if run.labels.get("outcome") != "deferred"}
