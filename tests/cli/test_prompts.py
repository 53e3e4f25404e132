"""Commands ask for confirmation on a terminal only, and show progress there only."""

from __future__ import annotations

import sys

import click
import pytest
from click.testing import CliRunner

from christmas_campaign.cli import prompts


@pytest.mark.parametrize(
    ("yes", "as_json", "terminal", "answer", "code", "output"),
    [
        (True, False, False, None, 0, "confirmed\n"),
        (False, False, True, "y\n", 0, "Do it? [y/N]: y\nconfirmed\n"),
        (False, False, True, "n\n", 0, "Do it? [y/N]: n\nNothing was changed.\n"),
        (False, False, True, "\n", 0, "Do it? [y/N]: \nNothing was changed.\n"),
        (False, False, False, None, 3, "Nothing was changed: run it again with --yes to do it.\n"),
        (False, True, True, "y\n", 3, ""),
    ],
)
def test_change_needs_yes_or_an_answer_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
    yes: bool,
    as_json: bool,
    terminal: bool,
    answer: str | None,
    code: int,
    output: str,
) -> None:
    @click.command
    def command() -> None:
        if prompts.confirm(yes, as_json, "Do it?"):
            click.echo("confirmed")

    monkeypatch.setattr(prompts, "terminal", lambda: terminal)
    result = CliRunner().invoke(command, input=answer)
    assert (result.exit_code, result.stdout) == (code, output)
    assert ("run it again with --yes" in result.stderr) is as_json


@pytest.mark.parametrize(("terminal", "output"), [(False, ""), (True, "\r\x1b[K1 of 2 contacts")])
def test_progress_is_shown_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, output: str
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    prompts.progress()("1 of 2 contacts")
    assert capsys.readouterr().err == output
