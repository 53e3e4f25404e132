"""Measure what this costs on this machine: ``make bench``.

The scenarios that tell most run three times (once with ``--quick``). The raw figures go to ``benchmarks/results.json``, and
``docs/benchmarks.md`` with its pictures is written from them.

Example: ``python benchmarks/measure.py --only send_emails --runs 1 --to /tmp/results.json``
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import report
import scenarios
from scenarios import FULL, QUICK, Figures

RESULTS = Path(__file__).with_name("results.json")


def plan(quick: bool, runs: int) -> dict[str, Callable[[], Iterator[Figures]]]:
    """Return the scenarios by name; each yields its figures, once a run."""
    size = QUICK if quick else FULL
    found: dict[str, Callable[[], Iterator[Figures]]] = {
        "send_emails": partial(scenarios.send_emails, size, runs),
        "sign_up": partial(scenarios.sign_up, size, runs),
        "run_step": partial(scenarios.run_step, size),
    }
    if not quick:
        found["stay_idle"] = partial(scenarios.stay_idle, size)
        found |= {f"wait_with_{waiting}": partial(scenarios.wait_with, waiting) for waiting in report.WAITING}
    return found


def main() -> int:
    """Run the scenarios, print their figures as they come, and write the results; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="one short run of the scenarios that matter most: 3 minutes"
    )
    parser.add_argument("--runs", type=int, help="how often e-mails and signups are measured (3; with --quick 1)")
    parser.add_argument("--only", action="append", help="run this scenario alone; may be repeated")
    parser.add_argument("--to", type=Path, help="write the raw figures to this file and leave the docs as they are")
    options = parser.parse_args()
    planned = plan(options.quick, options.runs or (1 if options.quick else 3))
    if unknown := set(options.only or ()) - set(planned):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(planned)}")
    figures: dict[str, list[float]] = {}
    begun = time.monotonic()
    for name, scenario in planned.items():
        if options.only and name not in options.only:
            continue
        print(f"{time.monotonic() - begun:5.0f} s  {name} …", file=sys.stderr, flush=True)
        for run in scenario():
            for figure, value in run.items():
                figures.setdefault(figure, []).append(value)
                print(f"         {figure:32} {value:10.3f}", file=sys.stderr, flush=True)
    results: report.Results = {
        "processors": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "seconds": round(time.monotonic() - begun),
        "figures": {figure: [round(value, 4) for value in values] for figure, values in figures.items()},
    }
    text = json.dumps(results, indent=2) + "\n"
    if options.to:
        options.to.write_text(text, encoding="utf-8")
    elif options.quick or options.only:
        print(text, end="")
    else:
        RESULTS.write_text(text, encoding="utf-8")
        report.write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
