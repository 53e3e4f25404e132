"""A step as Kestra runs it: a process in a folder with a ``context.json``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

#: A step, for tests that look into its outputs without saying first which of them there are.
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
    """Run a step that goes well, and return the outputs that Kestra takes from its one line."""
    done = process(folder, step, context=context)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert line.startswith("::{")
    assert line.endswith("}::")
    said = json.loads(line[2:-2])
    assert list(said) == ["outputs"]
    found: dict[str, Any] = said["outputs"]
    return found
