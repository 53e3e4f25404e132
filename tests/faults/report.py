"""Write the table of `docs/reliability.md` from the results that `conftest.py` recorded. `scripts/faults` runs it."""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

INTRODUCTION = """\
# Reliability

This page lists failures that tests cause on purpose, and the expected behaviour. Each line is a test of
[`tests/faults`](../tests/faults) on the real engine. The tests kill Kestra with SIGKILL, make Notion and Resend fail,
drop connections, fill the disk and change the clock.

Every test ends with the same count:

- each expected e-mail arrived once;
- no e-mail arrived twice;
- no e-mail went to another contact;
- each missing e-mail has its reason.

`make faults` runs all of them and writes this table. `scripts/faults` with arguments runs a part, and the other lines
stay. With `RUNS=3` each test runs three times. Seconds include an engine that only this test starts, but not a shared
one. After several runs they are the median. Last machine: {machine}.

| no. | failure | expected behaviour | result | seconds |
|---|---|---|---|---|
"""

#: Names and words as people write them, for the words of a test function's name.
SPELLINGS = {
    "kestra": "Kestra",
    "notion": "Notion",
    "resend": "Resend",
    "resends": "Resend's",
    "email": "e-mail",
    "emails": "e-mails",
}


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
    """Return the number and the failure from the name of a test function: ``test_08_kestra_is_killed_between_…``."""
    match = re.fullmatch(r"test_(\d+)_(.*)", test)
    if match is None:
        return "", test
    return str(int(match[1])), " ".join(SPELLINGS.get(word, word) for word in match[2].split("_"))


def rows(results: Iterable[Mapping[str, Any]], runs: int) -> list[Row]:
    """Return one line for each test. Its cases and runs count together: if one of them fails, the test has failed."""
    by_test: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for result in results:
        by_test[result["test"]].append(result)
    return [_row(test, test_results, runs) for test, test_results in by_test.items()]


def _row(test: str, results: Sequence[Mapping[str, Any]], runs: int) -> Row:
    """Return the line of one test from the results of its cases and runs."""
    number, breaks = words(test)
    by_case: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for result in results:
        by_case[result["case"]].append(result)
    failures = [sum(result["outcome"] == "failed" for result in case) for case in by_case.values()]
    if all(result["outcome"] == "skipped" for result in results):
        outcome = "skipped"
    elif runs > 1:
        # An interrupted run may lack some cases.
        complete_runs = min(len(case) for case in by_case.values())
        outcome = f"{complete_runs - max(failures)} of {complete_runs}"
    else:
        outcome = "failed" if any(failures) else "passed"
    # The cases of one test run one after the other: a run takes the sum of their seconds.
    seconds = sum(statistics.median(result["seconds"] for result in case) for case in by_case.values())
    return Row(number, breaks, " ".join(str(results[0]["holds"]).split()), outcome, f"{seconds:.0f}")


def read(page: str) -> list[Row]:
    """Return the lines of a page's table."""
    cells = (
        re.split(r"\s*\|\s*", line.strip().strip("|").strip()) for line in page.splitlines() if line.startswith("| ")
    )
    return [Row(*row) for row in cells if len(row) == len(Row._fields) and row[0].isdigit()]


def page(old: str, new: Iterable[Row], machine: str) -> str:
    """Return the page with the ``new`` lines; an old line stays if its test has no new one."""
    merged = {row.breaks: row for row in [*read(old), *new]}
    lines = sorted(merged.values(), key=lambda row: (int(row.number), row.breaks))
    return INTRODUCTION.format(machine=machine) + "".join(f"{row}\n" for row in lines)


def main() -> None:
    """Write the page. The arguments are the file with the results, and the number of runs."""
    file, runs = Path(sys.argv[1]), int(sys.argv[2])
    results = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(page(old, rows(results, runs), f"{os.cpu_count()} cores"), encoding="utf-8")


if __name__ == "__main__":
    main()
