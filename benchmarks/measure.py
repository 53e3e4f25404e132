"""What this system costs on this machine: start, webhooks, e-mails. Run by `make bench`; writes `results.md` beside it."""

from __future__ import annotations

import os
import platform
import re
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.notion import schema

HERE = Path(__file__).parent

#: The key of a webhook in a flow.
KEY = re.compile(r"key: \"\{\{ secret\('\w+'\) \}\}\"")

#: The flow that looks each minute whom a person has set to Booked, and what says in it whether its trigger looks at all.
BOOKED = "christmas-booked"
WANTED = re.compile(r"^  wanted: .*$", re.MULTILINE)
SCALE = 14_400.0
EMAILS = 20
BURST = 100

#: How long an engine is left alone until it looks for work at its slowest, and then measured, in seconds: whole minutes, for
#: the schedules come once a minute.
SETTLES = 75
IDLE = 180


def cpu_seconds(pid: int) -> float:
    """The processor time of a process and of its children that have ended, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(fields[place]) for place in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    """The memory that a process holds, in MB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def payload(**fields: str) -> dict[str, object]:
    """A signup of somebody new."""
    return {"email": f"{uuid.uuid4().hex}@example.com", "first_name": "Ana", "assessment_score": 52, **fields}


def webhooks(stack: Stack) -> dict[str, str]:
    """Answer times one by one, and the rate of a burst; refused payloads, so that nothing but the handler works."""
    address = stack.webhook("signup-handler")
    bad: dict[str, object] = {"first_name": "Ana"}

    def post(_: int) -> float:
        begun = time.monotonic()
        assert httpx.post(address, json=bad, timeout=120).status_code == 422
        return time.monotonic() - begun

    for place in range(30):
        post(place)
    alone = sorted(post(place) for place in range(50))
    begun = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(post, range(BURST)))
    rate = BURST / (time.monotonic() - begun)
    return {
        "a webhook's answer, one after the other, median": f"{statistics.median(alone):.2f} s",
        "a webhook's answer, one after the other, slowest of 50": f"{alone[-1]:.2f} s",
        f"webhooks answered a second, {BURST} by 16 callers": f"{rate:.1f}",
    }


def emails(stack: Stack) -> dict[str, str]:
    """The rate and the cost of e-mails that are all due at once: the last e-mail of as many contacts."""
    now = datetime.now(UTC)
    due = now + timedelta(seconds=75)
    anchor = due - timedelta(hours=120) / SCALE
    sent = {f"Email {number} Sent": now - timedelta(hours=9 - number) for number in (1, 2, 3, 4)}
    with stack.notion() as notion:
        source = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
        people = [payload(email_1_sent_at=anchor.isoformat()) for _ in range(EMAILS)]
        for person in people:
            values = {"Email": person["email"], "Campaign": "Christmas 2025", **sent}
            notion.create_page(source, schema.SEQUENCE_PAGES, values)
    begun = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda person: httpx.post(stack.webhook("signup-handler"), json=person, timeout=120), people))
    while len(stack.kestra.executions(namespace="christmas", flow_id="send-email")) < EMAILS:
        time.sleep(0.2)
    enrolments = EMAILS / (time.monotonic() - begun)
    assert datetime.now(UTC) < due, "the e-mails were due before all of them were scheduled"
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds() - 0.5))
    cpu = cpu_seconds(stack.engine.pid)
    while len(stack.sandbox.mails()) < EMAILS:
        time.sleep(0.05)
    last = max(mail.received_at for mail in stack.sandbox.mails())
    time.sleep(5)
    each = (cpu_seconds(stack.engine.pid) - cpu) / EMAILS
    return {
        "enrolments a second, webhook included, one at a time by design": f"{enrolments:.1f}",
        f"e-mails a second, {EMAILS} due at once": f"{EMAILS / (last - due).total_seconds():.1f}",
        "processor time for an e-mail": f"{each:.2f} s",
    }


def idle(flows: Path) -> float:
    """The part of one processor, in per cent, that an engine with these flows takes when nothing happens."""
    with tempfile.TemporaryDirectory() as data, Stack(Path(data), flows=flows) as stack:
        time.sleep(SETTLES)
        begun, cpu = time.monotonic(), cpu_seconds(stack.engine.pid)
        time.sleep(IDLE)
        return 100 * (cpu_seconds(stack.engine.pid) - cpu) / (time.monotonic() - begun)


def idle_with(change: Callable[[str, str], str | None]) -> str:
    """What an idle engine takes whose flows were changed: by name and text to a text, ``None`` leaves a flow out."""
    with tempfile.TemporaryDirectory() as folder:
        for file in (PROJECT / "flows").glob("*.yml"):
            text = change(file.stem, file.read_text(encoding="utf-8"))
            if text is not None:
                Path(folder, file.name).write_text(text, encoding="utf-8")
        return f"{idle(Path(folder)):.1f}% of one"


def looking(name: str, text: str) -> str:
    """Have the flow `booked` ask Notion each minute, as it does in production."""
    if name != BOOKED:
        return text
    changed, count = WANTED.subn('  wanted: "true"', text)
    assert count == 1, f"{name}: what says whether it looks was not found"
    return changed


def not_looking(name: str, text: str) -> str | None:
    """Leave the flow `booked` out."""
    return None if name == BOOKED else text


def with_plain_keys(name: str, text: str) -> str | None:
    """Leave it out, and have the webhooks' keys as text: Kestra may render a secret again and again."""
    changed, count = KEY.subn(lambda _: f'key: "{uuid.uuid4().hex}"', text)
    assert count == name.endswith("-handler"), f"{name}: {count} keys of webhooks"
    return not_looking(name, changed)


def idle_of_each_kind() -> dict[str, str]:
    """What an idle engine costs, and what of it comes from the look each minute and from keys that are secrets."""
    return {
        "processor, idle, as in production": idle_with(looking),
        "processor, idle, without the look each minute for who was set to Booked": idle_with(not_looking),
        "processor, idle, without it, the webhooks' keys as plain text": idle_with(with_plain_keys),
    }


def measure() -> dict[str, str]:
    """Measure everything; returns figures by what they are."""
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as data:
        begun: list[float] = []

        def told(line: str) -> None:
            print(line, flush=True)
            begun.append(float(line.split()[0]))

        stack = Stack(Path(data), time_scale=SCALE)
        stack.start(told)
        try:
            found["Kestra ready after, on new data"] = f"{begun[2]:.1f} s"
            found |= webhooks(stack)
            found |= emails(stack)
            found["memory of the engine after all that"] = f"{resident_megabytes(stack.engine.pid):.0f} MB"
            stack.engine.stop()
            again = time.monotonic()
            stack.engine.start()
            found["Kestra ready after, on that data"] = f"{time.monotonic() - again:.1f} s"
        finally:
            stack.stop()
    return found | idle_of_each_kind()


def main() -> None:
    """Measure, print, and write `results.md`."""
    found = measure()
    lines = [
        "# Measured",
        "",
        f"By `make bench`, with {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}. "
        "Notion and Resend are the sandbox's, without limits and without the network's delay.",
        "",
        "| what | figure |",
        "|---|---|",
        *(f"| {what} | {figure} |" for what, figure in found.items()),
    ]
    (HERE / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
