"""The log: a line on standard error for each thing that whoever runs the door may want to know; no customer's data."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from christmas_campaign.campaign import times


def line(*words: object) -> None:
    """Write a line: the time and ``words``, which are the door's own and never something that came from outside."""
    # A reader of the log that went away is no reason to stop.
    with suppress(OSError, ValueError):
        print(times.text(datetime.now(UTC)), *words, file=sys.stderr, flush=True)


def origin(error: BaseException) -> str:
    """Return what kind of error this is and where it came from; its message may quote a customer's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{type(error).__name__} in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}"
