"""Measure the speed and the load of the campaign on this machine: ``make bench``.

The most important scenarios run three times (once with ``--quick``). The command writes the raw figures to
``benchmarks/results.json`` and, from them, ``docs/benchmarks.md`` with its charts.

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
    """Return the scenarios by name; each one yields its figures once for each run."""
    size = QUICK if quick else FULL
    planned: dict[str, Callable[[], Iterator[Figures]]] = {
        "send_emails": partial(scenarios.send_emails, size, runs),
        "sign_up": partial(scenarios.sign_up, size, runs),
        "run_step": partial(scenarios.run_step, size),
    }
    if not quick:
        planned["stay_idle"] = partial(scenarios.stay_idle, size)
        planned |= {f"wait_with_{waiting}": partial(scenarios.wait_with, waiting) for waiting in report.WAITING}
    return planned


def main() -> int:
    """Run the scenarios, print each figure at once, and write the results; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="one short run of the scenarios that matter most: 3 minutes"
    )
    parser.add_argument("--runs", type=int, help="how often e-mails and signups are measured (3; with --quick 1)")
    parser.add_argument("--only", action="append", help="run only this scenario; may be repeated")
    parser.add_argument(
        "--to", type=Path, help="write the raw figures to this file, and do not write docs/benchmarks.md"
    )
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
