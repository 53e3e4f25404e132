"""Commands use the stack of ``christmas up`` only if nothing names another installation, and they say so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from christmas_campaign import folders
from christmas_campaign.cli.main import main
from christmas_campaign.deployment import environment
from christmas_campaign.local import running_stack

#: The Kestra of the stack, and every other one. None of them answers.
LOCAL, OTHER = "http://127.0.0.1:9", "http://127.0.0.1:19"


@pytest.fixture(autouse=True)
def project_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in the project's folder, without a setting in the environment. The default Kestra is ``OTHER``."""
    monkeypatch.chdir(folders.CHECKOUT / "src")
    monkeypatch.setattr(environment, "KESTRA_URL", OTHER)
    for name in os.environ:
        if name.startswith(("KESTRA_", "SECRET_", "ENV_", "DOOR_", "CHRISTMAS_")):
            monkeypatch.delenv(name)


@pytest.fixture
def settings_file(stack_folder: Path) -> Path:
    """The file of a stack that does not run any more, with the address of a Kestra that does not answer."""
    stack_folder.mkdir(parents=True)
    file = running_stack.environment_file(stack_folder)
    file.write_text(f"export KESTRA_URL={LOCAL}\n")
    running_stack.lock_file(stack_folder).touch()
    return file


@pytest.fixture
def running(settings_file: Path, stack_folder: Path) -> Iterator[Path]:
    """The same of a stack that runs."""
    with running_stack.locked(stack_folder):
        yield settings_file


def failures(*words: str, **variables: str) -> Result:
    result = CliRunner().invoke(main, ["failures", *words], env=variables)
    assert result.exit_code == 2, result.output
    return result


def assert_not_local(result: Result) -> None:
    assert result.stderr.startswith(f"christmas: Kestra at {OTHER} does not answer")


def test_running_stack_is_used_and_named_on_standard_error(running: Path) -> None:
    result = failures("--json")
    assert result.stdout == ""
    line, error = result.stderr.splitlines()
    assert line == f"christmas: using the local stack of `christmas up` ({running})"
    assert f"Kestra at {LOCAL} does not answer" in error


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    "variable", [{"KESTRA_URL": OTHER}, {"SECRET_NOTION_TOKEN": "eA=="}, {"ENV_NOTION_URL": OTHER}, {"DOOR_INBOX": "x"}]
)
def test_setting_in_the_environment_wins(variable: dict[str, str]) -> None:
    assert_not_local(failures(**variable))


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("by_variable", [True, False])
def test_named_file_wins(tmp_path: Path, by_variable: bool) -> None:
    file = tmp_path / "other"
    file.write_text(f"KESTRA_URL={OTHER}\n")
    assert_not_local(failures(CHRISTMAS_ENV_FILE=str(file)) if by_variable else failures("--env-file", str(file)))


@pytest.mark.usefixtures("running")
def test_stack_is_ignored_outside_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert_not_local(failures())


@pytest.mark.usefixtures("running")
def test_stack_is_ignored_by_an_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "is_checkout", lambda: False)
    assert_not_local(failures())


@pytest.mark.usefixtures("settings_file")
def test_file_that_a_killed_stack_left_is_ignored() -> None:
    assert_not_local(failures())


def test_no_stack_was_ever_started() -> None:
    assert_not_local(failures())


def test_stack_that_is_still_starting_is_ignored(stack_folder: Path) -> None:
    with running_stack.locked(stack_folder):
        assert_not_local(failures())
