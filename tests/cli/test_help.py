"""The help of the commands: complete, with examples, not cut short, and the same as docs/cli.md."""

from __future__ import annotations

import os
import subprocess

import click
import pytest
from click.testing import CliRunner

from christmas_campaign.cli.main import main
from christmas_campaign.local.stack import PROJECT


def paths(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the words of every command below a group, and of the group itself."""
    result = [path]
    for name, command in group.commands.items():
        result += paths(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return result


def help_of(*words: str) -> str:
    result = CliRunner().invoke(main, [*words, "--help"], terminal_width=80)
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("path", paths(main), ids=" ".join)
def test_help_fits_80_columns_and_is_not_cut(path: tuple[str, ...]) -> None:
    lines = help_of(*path).splitlines()
    assert max(map(len, lines)) <= 80
    # click ends a text that it cuts with three dots.
    assert [line for line in lines if line.endswith("...") and not line.startswith("Usage:")] == []


@pytest.mark.parametrize("path", [path for path in paths(main) if len(path) > 0], ids=" ".join)
def test_help_of_a_command_has_an_example_and_its_exit_codes(path: tuple[str, ...]) -> None:
    text = help_of(*path)
    if "COMMAND [ARGS]..." in text and path != ("inbox",):
        return
    assert f"christmas {' '.join(path)}" in text.partition("Example")[2]
    assert "Exit code" in text or path == ("up",)


def test_help_lists_the_commands_under_headings() -> None:
    text = help_of()
    headings = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Options:", "Try it:", "Templates:", "Notion:", "Operate:", "Install:"]
    assert [text.count(f"\n  {name} ") for name in main.commands] == [1] * len(main.commands)
    assert "3  nothing was changed: nobody was there to confirm" in text


def test_bash_completes_the_names_of_commands() -> None:
    environment = os.environ | {
        "_CHRISTMAS_COMPLETE": "bash_complete",
        "COMP_WORDS": "christmas unsub",
        "COMP_CWORD": "1",
    }
    christmas = [str(PROJECT / ".venv" / "bin" / "christmas")]
    result = subprocess.run(christmas, capture_output=True, text=True, check=False, env=environment)
    assert result.stdout == "plain,unsubscribe-link\n"
