"""Run a step as Kestra does: as a process in a folder with a ``context.json``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

#: The type of a step for tests that index its outputs without a check for optional ones.
Step = Callable[[Mapping[str, Any], datetime], Mapping[str, Any]]


def process(
    folder: Path, *arguments: str, context: Any = ..., python: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m christmas_campaign.steps`` in ``folder``."""
    if context is not ...:
        text = context if isinstance(context, str) else json.dumps(context, ensure_ascii=False)
        (folder / "context.json").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, *python, "-m", "christmas_campaign.steps", *arguments],
        cwd=folder,
        env=os.environ if env is None else env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def outputs(folder: Path, step: str, context: Any) -> dict[str, Any]:
    """Run a step that succeeds, and return the outputs that Kestra reads from its only line."""
    completed = process(folder, step, context=context)
    assert (completed.returncode, completed.stderr) == (0, "")
    (line,) = completed.stdout.splitlines()
    assert line.startswith("::{")
    assert line.endswith("}::")
    message = json.loads(line[2:-2])
    assert list(message) == ["outputs"]
    step_outputs: dict[str, Any] = message["outputs"]
    return step_outputs
