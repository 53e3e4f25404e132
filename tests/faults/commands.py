"""Runs the `christmas` command on the stack of a test, as the owner or a schedule does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from christmas_campaign.local.stack import Stack


def start(stack: Stack, *words: str) -> subprocess.Popen[str]:
    """Start a command with the settings of the stack, and the address of the engine since its last start."""
    lines = stack.environment_file.read_text(encoding="utf-8").splitlines()
    settings = [line for line in lines if not line.startswith(("export KESTRA_URL=", "export LD_PRELOAD="))]
    file = stack.data / "environment-of-a-command"
    file.touch(mode=0o600)
    file.write_text("\n".join([*settings, f"KESTRA_URL={stack.kestra.url}", ""]), encoding="utf-8")
    argv = [str(Path(sys.executable).parent / "christmas"), *words, "--env-file", str(file)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ})


def run(stack: Stack, *words: str, timeout: float = 120) -> tuple[int, str]:
    """Run a command to its end; return its exit code and its output."""
    process = start(stack, *words)
    output, _ = process.communicate(timeout=timeout)
    return process.returncode, output


def repair(stack: Stack) -> str:
    """Run `christmas repair --apply`; return its report."""
    code, report = run(stack, "repair", "--apply")
    assert code == 0, f"`christmas repair --apply` ended with {code}:\n{report}"
    return report
