"""The table of `docs/reliability.md`, from what `conftest.py` kept of each test. Run by `scripts/faults`."""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

INTRODUCTION = """\
# Reliability

What was broken on purpose, and what held. Each line is a test of [`tests/faults`](../tests/faults) on the real
engine: killed with SIGKILL, against a Notion and a Resend that fail, with sockets dropped, a full disk, a clock that
is set. Each ends with the same count: every e-mail that was to arrive is there once, none is there twice, none went
to somebody else, and each one that is missing has its reason.

`scripts/faults` writes this table (`make faults` for all of it; with arguments for a part, and the other lines stay);
with `RUNS=3` the folder runs three times. Seconds are those of the test itself: an engine of its own is counted, one that
is shared is not; where there were several runs, their median. Last machine: {machine}.

| no. | what breaks | what holds | result | seconds |
|---|---|---|---|---|
"""


class Row(NamedTuple):
    """A line of the table."""

    number: str
    breaks: str
    holds: str
    result: str
    seconds: str

    def __str__(self) -> str:
        return f"| {' | '.join(self)} |"


def words(test: str) -> tuple[str, str]:
    """The number and what breaks, from the name of a test function: ``test_08_killed_between_…``."""
    match = re.fullmatch(r"test_(\d+)_(.*)", test)
    return (str(int(match[1])), match[2].replace("_", " ")) if match else ("", test)


def rows(kept: Iterable[Mapping[str, Any]], runs: int) -> list[Row]:
    """A line for each test; its cases and its runs are counted together, and one that fails once has failed."""
    by_test: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for each in kept:
        by_test[each["test"]].append(each)
    made = []
    for test, found in by_test.items():
        number, breaks = words(test)
        cases = {each["case"] for each in found}
        bad = [each for each in found if each["outcome"] == "failed"]
        failed = max((sum(each["case"] == case for each in bad) for case in cases), default=0)
        if all(each["outcome"] == "skipped" for each in found):
            result = "skipped"
        elif runs > 1:
            # A run that was cut off has not had all of them.
            had = min(sum(each["case"] == case for each in found) for case in cases)
            result = f"{had - failed} of {had}"
        else:
            result = "failed" if bad else "passed"
        # The cases of one test follow each other: a run takes the sum of them.
        seconds = sum(
            statistics.median(each["seconds"] for each in found if each["case"] == case) for case in sorted(cases)
        )
        made.append(Row(number, breaks, " ".join(str(found[0]["holds"]).split()), result, f"{seconds:.0f}"))
    return made


def read(page: str) -> list[Row]:
    """The lines of the table of a page."""
    cells = (
        re.split(r"\s*\|\s*", line.strip().strip("|").strip()) for line in page.splitlines() if line.startswith("| ")
    )
    return [Row(*each) for each in cells if len(each) == len(Row._fields) and each[0].isdigit()]


def page(old: str, new: Iterable[Row], machine: str) -> str:
    """The page with new lines in place of the old ones of the same tests; the other old lines stay."""
    merged = {row.breaks: row for row in [*read(old), *new]}
    lines = sorted(merged.values(), key=lambda row: (int(row.number), row.breaks))
    return INTRODUCTION.format(machine=machine) + "".join(f"{row}\n" for row in lines)


def main() -> None:
    """Write the page: arguments are the file that was kept, and how often the folder ran."""
    file, runs = Path(sys.argv[1]), int(sys.argv[2])
    kept = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(page(old, rows(kept, runs), f"{os.cpu_count()} cores"), encoding="utf-8")


if __name__ == "__main__":
    main()
