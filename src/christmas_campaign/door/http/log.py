"""The log of the door: lines on standard error for the owner, without data of contacts."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from christmas_campaign.campaign import times


def line(*words: object) -> None:
    """Write a line: the time and ``words``. The words must be the door's own, never text from a request."""
    # The door also runs when nobody reads its log any more.
    with suppress(OSError, ValueError):
        print(times.text(datetime.now(UTC)), *words, file=sys.stderr, flush=True)


def error_origin(error: BaseException) -> str:
    """Return the type of an error and the line that raised it. The error's message may quote a contact's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{type(error).__name__} in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}"
