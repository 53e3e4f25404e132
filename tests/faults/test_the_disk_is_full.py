"""Fill the engine's disk, a small separate file system, while signups arrive."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import SCALE, address, find_pages, payload

from christmas_campaign.campaign import notion_names
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema
from faults import commands
from faults.account import Expected, live_executions, settle_the_account
from faults.people import about_to_get_the_last, anchored, pages_of_all_but_the_last

#: The size of the file system. The engine's database alone may take a hundred megabytes until it is compacted.
MEGABYTES = 512

#: The free space at first, in bytes.
ROOM = 6 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The folder of the engine's data, on a separate file system."""
    disk = tmp_path / "engine"
    disk.mkdir()
    mount_error = ""
    if os.geteuid() == 0:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(disk)]
        tried = subprocess.run(mount, capture_output=True, text=True, check=False)
        mount_error = tried.stderr.strip()
        if tried.returncode == 0:
            yield disk
            # The log is on that disk too, and is needed to examine a failure.
            for log in disk.glob("engine.*"):
                if log.is_file():
                    shutil.copy(log, tmp_path)
            subprocess.run(["umount", "--lazy", str(disk)], check=False)
            return
    needs = "this test mounts a small tmpfs: it needs root and the right to mount (in a container: CAP_SYS_ADMIN)."
    needs += f" {mount_error}"
    # In CI the test must not be skipped; a developer without root may skip it.
    if os.environ.get("CI") or os.geteuid() == 0:
        pytest.fail(needs)
    pytest.skip(needs)


def fill(disk: Path, name: str) -> Path:
    """Fill the file system to the last byte; return the file that fills it."""
    filler = disk / name
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            while True:
                try:
                    if file.write(b"\0" * size) < size:
                        break
                except OSError:
                    break
    return filler


def answer(stack: Stack, email: str, *, timeout: float = 60, **fields: Any) -> int:
    """Return the status of the answer to a signup, 0 without an answer."""
    try:
        return httpx.post(stack.webhook("signup-handler"), json=payload(email, **fields), timeout=timeout).status_code
    except httpx.HTTPError:
        return 0


def queue_is_blocked(stack: Stack, within: float = 75) -> bool:
    """Return whether all enrolments stay queued for this number of seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        states = {execution.state for execution in live_executions(stack) if execution.flow == "enroll"}
        if states != {"QUEUED"}:
            return False
        time.sleep(0.5)
    return True


@pytest.mark.long
@pytest.mark.timeout(400)
def test_26_the_disk_is_full_while_signups_arrive(tmp_path: Path, small_disk: Path) -> None:
    """With free space and a restart, every call that was answered with 200 is enrolled once, and the waiting e-mails go
    out. If the queue of enrolments stops, the next repair starts it."""
    with Stack(tmp_path, time_scale=SCALE) as stack:
        waiting = address()
        about_to_get_the_last(stack, [waiting], seconds=60)
        emails = [address() for _ in range(12)]
        pages_of_all_but_the_last(stack, emails)
        fields = anchored(stack, datetime.now(UTC))
        # At first the signups themselves use up a little free space; later there is none at all.
        small_disk.joinpath("room").write_bytes(bytes(ROOM))
        fillers = [fill(small_disk, "filler")]
        small_disk.joinpath("room").unlink()
        codes = {}
        for place, email in enumerate(emails[:10]):
            if place == 7:
                fillers.append(fill(small_disk, "filler-2"))
            codes[email] = answer(stack, email, timeout=15, **fields)
        print(f"answers while it filled up: {list(codes.values())}; the engine runs: {stack.engine.running}")
        for filler in fillers:
            filler.unlink()
        stack.engine.kill()
        stack.engine.start()
        for email in emails[10:]:
            codes[email] = answer(stack, email, **fields)
        assert [codes[email] for email in emails[10:]] == [200, 200], "signups fail although there is free space again"
        # The website repeats a signup that was not answered with 200.
        late = [email for email, code in codes.items() if code != 200]
        again = {email: answer(stack, email, **fields) for email in late}
        assert set(again.values()) <= {200}
        if queue_is_blocked(stack):
            # Kestra counts an execution that was lost on the full disk. In production the repair runs every fifteen minutes.
            report = commands.repair(stack)
            print(report)
            assert "Executions of enroll wait for one that does not exist" in report
        settle_the_account(stack, [Expected(email) for email in [waiting, *emails]], timeout=150)
        for email in emails:
            assert len(list(find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email))) == 1
