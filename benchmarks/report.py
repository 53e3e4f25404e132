"""Write ``docs/benchmarks.md`` from the raw figures: this release compared with the previous one, with charts."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

from christmas_campaign.wording import count

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs/benchmarks.md"

#: The raw figures of the previous release, from the same commands on the same machine.
BEFORE = HERE / "results-0.4.0.json"

#: The numbers of waiting e-mails in the scenarios with a long queue.
WAITING = (100, 1_000, 10_000)


class Results(TypedDict):
    """The raw figures: the machine, the duration of the measurement in seconds, and each figure's values, one for each run."""

    processors: int | None
    system: str
    python: str
    seconds: int
    figures: dict[str, list[float]]


class Row(NamedTuple):
    """A row of a table: the figure's name in the results, its description, its unit, and the number of digits."""

    figure: str
    description: str
    unit: str = "s"
    digits: int = 2


SENDING = (
    Row("email_cpu", "processor time for one e-mail, engine and steps"),
    Row("email_cpu_jvm", "the engine's part (Java)"),
    Row("email_cpu_python", "the steps' part (Python)"),
    Row("emails_per_second", "e-mails a second, 60 due in the same second", "", 1),
    Row("lag_p50", "delay from due to the request at Resend, one e-mail alone, median"),
    Row("lag_p95", "the same, 95th percentile"),
)
SIGNING_UP = (
    Row("signup_cpu", "processor time for one signup with four e-mails, engine and steps"),
    Row("signup_cpu_jvm", "the engine's part (Java)"),
    Row("signup_cpu_python", "the steps' part (Python)"),
    Row("signups_all_scheduled_after", "60 signups by 8 callers: time until all e-mails are scheduled", digits=0),
    Row("answer_p50", "a handler's answer, one signup alone, median"),
    Row("answer_p95", "the same, 95th percentile"),
)
AT_REST = (
    Row("start", "start of Kestra on new data", digits=1),
    Row("idle_cpu", "load of an idle engine, as part of one processor", "%", 1),
    Row("idle_memory_mb", "memory of an idle engine", "MB", 0),
    Row("memory_mb", "memory of an engine after a burst", "MB", 0),
    Row("step_wall", "time of one step alone", "ms", 0),
    Row("step_cpu", "processor time of one step", "ms", 0),
)

#: The factor from a raw figure to its unit.
FACTORS = {"%": 100.0, "ms": 1000.0}


def write(results: Results) -> None:
    """Write the page."""
    before: Results | None = json.loads(BEFORE.read_text(encoding="utf-8")) if BEFORE.exists() else None
    PAGE.write_text("\n".join(page(results, before)) + "\n", encoding="utf-8")


def page(results: Results, before: Results | None) -> Iterator[str]:
    """Return the lines of the page."""
    yield "# Benchmarks"
    yield ""
    runs = len(results["figures"]["email_cpu"])
    minutes = results["seconds"] / 60
    yield (
        f"`make bench` measured these figures in {minutes:.0f} minutes, with {count(runs, 'run', 'runs')} of each, "
        f"{results['processors']} processors, {results['system']} and Python {results['python']}."
    )
    yield "`make bench QUICK=1` takes 3 minutes and does not write this page."
    yield ""
    yield "The sandbox replaces Notion and Resend, without rate limits and network delay. So the figures are the engine's."
    yield "After several runs a figure is the median, with the lowest and the highest in brackets."
    for title, rows in (("Sending", SENDING), ("Signing up", SIGNING_UP), ("At rest", AT_REST)):
        yield from ["", f"## {title}", "", *table(rows, results, before)]
    if all(f"lag_p50_{waiting}_waiting" in results["figures"] for waiting in WAITING):
        lags = [median(results, f"lag_p50_{waiting}_waiting") for waiting in WAITING]
        yield from ["", "## While many e-mails wait", "", *waiting_table(results)]
        yield from [
            "",
            *bars("Seconds from due to the request at Resend", [f"{waiting:,} wait" for waiting in WAITING], lags),
        ]
    for title, figure in (("Processor seconds an e-mail", "email_cpu"), ("E-mails a second", "emails_per_second")):
        if before is not None:
            yield from ["", *bars(title, ["0.4.0", "now"], [median(before, figure), median(results, figure)])]
    yield from ["", "The raw figures are in [`benchmarks/results.json`](../benchmarks/results.json)."]


def table(rows: Iterable[Row], results: Results, before: Results | None) -> Iterator[str]:
    """Return a table of figures."""
    yield "| figure | 0.4.0 | now |"
    yield "|---|---|---|"
    for row in rows:
        if row.figure not in results["figures"]:
            continue
        was = format_figure(row, before["figures"]) if before else "–"
        yield f"| {row.description} | {was} | {format_figure(row, results['figures'])} |"


def waiting_table(results: Results) -> Iterator[str]:
    """Return the table of the figures that grow with the number of waiting e-mails."""
    yield "| waiting e-mails | delay of one e-mail alone | idle engine | start | disk |"
    yield "|---|---|---|---|---|"
    for waiting in WAITING:
        figures = (
            Row(f"lag_p50_{waiting}_waiting", ""),
            Row(f"idle_cpu_{waiting}_waiting", "", "%", 1),
            Row(f"start_{waiting}_waiting", "", "s", 1),
            Row(f"disk_mb_{waiting}_waiting", "", "MB", 0),
        )
        yield f"| {waiting:,} | {' | '.join(format_figure(row, results['figures']) for row in figures)} |"


def format_figure(row: Row, figures: Mapping[str, Sequence[float]]) -> str:
    """Return a figure with its unit: the median, and the range if there were several runs."""
    values = [value * FACTORS.get(row.unit, 1.0) for value in figures.get(row.figure, ())]
    if not values:
        return "–"
    text = f"{statistics.median(values):.{row.digits}f} {row.unit}".rstrip()
    if len(values) == 1:
        return text
    return f"{text} ({min(values):.{row.digits}f}–{max(values):.{row.digits}f})"


def median(results: Results, figure: str) -> float:
    """Return the median of a figure's runs."""
    return statistics.median(results["figures"][figure])


def bars(title: str, names: Sequence[str], values: Sequence[float]) -> Iterator[str]:
    """Return a bar chart in Mermaid, which GitHub draws."""
    yield "```mermaid"
    yield "xychart-beta"
    yield f'    title "{title}"'
    yield f"    x-axis [{', '.join(json.dumps(name) for name in names)}]"
    yield f"    y-axis 0 --> {max(values) * 1.2:.2f}"
    yield f"    bar [{', '.join(f'{value:.2f}' for value in values)}]"
    yield "```"
