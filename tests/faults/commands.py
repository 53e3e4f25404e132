"""The `christmas` command on the stack of a test, as a person or a schedule runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from christmas_campaign.local.stack import Stack


def start(stack: Stack, *words: str) -> subprocess.Popen[str]:
    """Start a command with the settings of the stack; the engine's address is that of its newest start."""
    lines = stack.environment_file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("KESTRA_URL=", "LD_PRELOAD="))]
    file = stack.data / "environment-of-a-command"
    file.touch(mode=0o600)
    file.write_text("\n".join([*kept, f"KESTRA_URL={stack.kestra.url}", ""]), encoding="utf-8")
    argv = [str(Path(sys.executable).parent / "christmas"), *words, "--env-file", str(file)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ})


def run(stack: Stack, *words: str, timeout: float = 120) -> tuple[int, str]:
    """Run a command to its end; returns its exit code and what it said."""
    process = start(stack, *words)
    said, _ = process.communicate(timeout=timeout)
    return process.returncode, said


def repair(stack: Stack) -> str:
    """Repair what can be repaired; returns the report."""
    code, said = run(stack, "repair", "--apply")
    assert code == 0, f"`christmas repair --apply` ended with {code}:\n{said}"
    return said
