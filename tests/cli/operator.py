"""Run the owner's commands with the settings of a stack."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from christmas_campaign.cli.main import main
from christmas_campaign.local.stack import Stack


def christmas(stack: Stack, command: str, *words: str, answer: str | None = None) -> Result:
    """Run a command; ``answer`` is typed at its prompt."""
    result = CliRunner().invoke(main, [command, "--env-file", str(stack.environment_file), *words], input=answer)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def group(stack: Stack, *words: str) -> Result:
    """Run a command of a group, such as ``notion release``."""
    result = CliRunner().invoke(main, [*words, "--env-file", str(stack.environment_file)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def christmas_json(stack: Stack, command: str, *words: str, code: int = 0) -> Any:
    """Run a command with ``--json`` and expect exit code ``code``; return the parsed output."""
    result = christmas(stack, command, *words, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)
