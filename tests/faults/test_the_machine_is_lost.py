"""The engine's folder is backed up while e-mails wait, and restored into an empty one after the machine was lost."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import DELAYS, SCALE, address, calls, found_in, mails, numbers, page_of, runs, scheduled, sign_up, until

from christmas_campaign.campaign import notion_names
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.notion import schema

#: A day is eighteen seconds: between two e-mails an engine is stopped, backed up, and started.
SLOWER = 3


def said(verb: str, folder: Path, archive: Path) -> None:
    """Run the line of `docs/operating.md` that backs the engine's folder up (``-czf``) or puts it back (``-xpzf``)."""
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
        # Of the second one the page will not say that the third e-mail was sent, as when Notion is away at that moment.
        emails = known, unknown = address(), address()
        arrived = {email: sign_up(stack, email) for email in emails}
        over(stack, emails, {2})
        due = [scheduled(stack, email) for email in emails]

        stack.engine.stop()
        said("-czf", stack.engine.data, archive)
        stack.engine.start()

        # Sent after the backup, which says that it waits.
        over(stack, emails, {2, 3})
        stack.engine.kill()
        (page,) = found_in(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, unknown)
        with stack.notion() as notion:
            notion.update_page(page["id"], schema.SEQUENCE_PAGES, {"Email 3 Sent": None})
        elsewhere.mkdir()
        said("-xpzf", elsewhere, archive)
        stack.engine.data, stack.engine.log = elsewhere, elsewhere / "engine.log"
        stack.engine.start()
        back = datetime.now(UTC)

        assert [scheduled(stack, email) for email in emails] == due, "what waits is due when it was"
        over(stack, emails, {2, 3, 4, 5})
        time.sleep(3)
        for email in emails:
            found = mails(stack, email)
            assert numbers(found) == [2, 3, 4, 5]
            last = arrived[email] + SLOWER * DELAYS[5]
            assert last <= found[-1].received_at <= max(last, back) + timedelta(seconds=60)
            page_says = page_of(stack, email)
            assert all(page_says[f"Email {number} Sent"] for number in (2, 3, 4, 5))
            assert page_says["Sequence Completed"]
        # The run of the third one, from the backup, read on the page that it was sent; or it asked Resend again, under the
        # same key, and that was no second e-mail.
        assert {email: reasons(stack, email)[3] for email in emails} == {known: "already_sent", unknown: None}
        assert [len(calls(stack, "resend", email)) for email in emails] == [4, 5]


def over(stack: Stack, emails: Collection[str], expected: set[int]) -> None:
    """Wait until these e-mails of each contact are over, and no others."""
    until(lambda: all(len(reasons(stack, email)) >= len(expected) for email in emails), f"the end of {expected}")
    assert [set(reasons(stack, email)) for email in emails] == [expected] * len(emails)


def reasons(stack: Stack, email: str) -> dict[int, str | None]:
    """The reason of each e-mail of a contact that is over (``None``: it was sent), by its number."""
    ended = [run for run in runs(stack, "send-email", email) if not run.live]
    # One that was put off goes on in another run.
    return {run.inputs["number"]: run.labels.get("reason") for run in ended if run.labels.get("outcome") != "deferred"}
