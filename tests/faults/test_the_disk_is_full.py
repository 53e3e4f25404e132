"""The engine's disk, a small file system of its own, is full to the brim while signups arrive."""

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
from support import SCALE, address, found_in, payload

from christmas_campaign.campaign import notion_names
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema
from faults import commands
from faults.account import Expected, living, settle_the_account
from faults.people import about_to_get_the_last, anchored, pages_of_all_but_the_last

#: The size of the file system. The engine's database alone takes a hundred megabytes at times, until it is tidied up.
MEGABYTES = 512

#: The room that is left at first, in bytes.
ROOM = 6 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The folder of the engine's data, on a file system of its own."""
    disk = tmp_path / "engine"
    disk.mkdir()
    said = ""
    if os.geteuid() == 0:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(disk)]
        tried = subprocess.run(mount, capture_output=True, text=True, check=False)
        said = tried.stderr.strip()
        if tried.returncode == 0:
            yield disk
            # The log is on that disk as well, and whoever looks into a failure needs it.
            for log in disk.glob("engine.*"):
                if log.is_file():
                    shutil.copy(log, tmp_path)
            subprocess.run(["umount", "--lazy", str(disk)], check=False)
            return
    needs = (
        f"this test mounts a small tmpfs: it needs root and the right to mount (in a container: CAP_SYS_ADMIN). {said}"
    )
    # A gate that cannot show this must not be green; a developer without root may go on.
    if os.environ.get("CI") or os.geteuid() == 0:
        pytest.fail(needs)
    pytest.skip(needs)


def fill(disk: Path, name: str) -> Path:
    """Fill the file system to the last byte; returns the file that does."""
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
    """What a signup is answered: the status, 0 when there is no answer."""
    try:
        return httpx.post(stack.webhook("signup-handler"), json=payload(email, **fields), timeout=timeout).status_code
    except httpx.HTTPError:
        return 0


def stands_still(stack: Stack, within: float = 75) -> bool:
    """Whether the enrolments are all still queued after so many seconds; if one runs, they go on."""

    def goes_on() -> bool:
        states = {run.state for run in living(stack) if run.flow == "enroll"}
        return states != {"QUEUED"}

    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if goes_on():
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
        # First a little room is left, which the signups themselves use up; then there is none at all.
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
        assert [codes[email] for email in emails[10:]] == [200, 200], "it does not work with space again"
        # Who was not answered with 200 comes again, as the website does.
        late = [email for email, code in codes.items() if code != 200]
        again = {email: answer(stack, email, **fields) for email in late}
        assert set(again.values()) <= {200}
        if stands_still(stack):
            # Kestra counts a run that the full disk has swallowed. The schedule of the repair comes every fifteen minutes.
            said = commands.repair(stack)
            print(said)
            assert "Executions of enroll wait for one that does not exist" in said
        settle_the_account(stack, [Expected(email) for email in [waiting, *emails]], timeout=150)
        for email in emails:
            assert len(list(found_in(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email))) == 1
