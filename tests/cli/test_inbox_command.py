"""``christmas inbox``: what waits behind the door, and never what it said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from christmas_campaign.cli import prompts
from christmas_campaign.cli.main import main
from christmas_campaign.door.inbox.store import Call, Inbox, list_entries

ARRIVED = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    """An inbox with three calls, held as a door holds it."""
    opened = Inbox(path, max_calls=10)
    calls = [("id-1", "signup"), ("id-2", "noshow"), ("id-3", "signup")]
    opened.store([Call(name, sequence, b"ana@example.com", ARRIVED, name) for name, sequence in calls])
    yield opened
    opened.close()


def run(*words: str, answer: str | None = None, **environment: str) -> Result:
    result = CliRunner().invoke(main, ["inbox", *words], env=environment, input=answer)
    assert "ana@example.com" not in result.output
    return result


@pytest.mark.usefixtures("inbox")
def test_what_waits_is_listed(path: Path) -> None:
    result = run("--file", str(path))
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "2025-11-20T15:00:00.000Z  signup      id-1  not tried yet",
        "2025-11-20T15:00:00.000Z  noshow      id-2  not tried yet",
        "2025-11-20T15:00:00.000Z  signup      id-3  not tried yet",
        "3 calls wait since 2025-11-20T15:00:00.000Z: 1 noshow, 2 signup.",
    ]


def test_what_kestra_said_is_listed_and_a_refusal_is_exit_code_1(inbox: Inbox, path: Path) -> None:
    inbox.record_failure(1, "ConnectError", 0, kestra_answered=False)
    inbox.record_failure(1, "HTTP 503", 0, kestra_answered=False)
    inbox.set_aside(2, "HTTP 422")
    result = run("--file", str(path))
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "2025-11-20T15:00:00.000Z  signup      id-1  2 tries, the last one: HTTP 503",
        "2025-11-20T15:00:00.000Z  noshow      id-2  REFUSED, 1 try, the last one: HTTP 422",
        "2025-11-20T15:00:00.000Z  signup      id-3  not tried yet",
        "2 calls wait since 2025-11-20T15:00:00.000Z: 2 signup.",
        "Kestra refused 1 call: bring the door and Kestra to the same version, then start the door again. "
        "christmas inbox discard deletes the calls that it refuses again.",
    ]


def test_as_json(inbox: Inbox, path: Path) -> None:
    inbox.set_aside(2, "HTTP 422")
    result = run("--file", str(path), "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert [each["id"] for each in found] == ["id-1", "id-2", "id-3"]
    assert found[1] == {
        "id": "id-2",
        "handler": "noshow",
        "received_at": "2025-11-20T15:00:00.000Z",
        "refused": True,
        "tries": 1,
        "last_answer": "HTTP 422",
    }


def test_an_empty_inbox(inbox: Inbox, path: Path) -> None:
    inbox.delete([1, 2, 3])
    result = run("--file", str(path))
    assert (result.exit_code, result.output) == (0, "No call waits.\n")
    assert json.loads(run("--file", str(path), "--json").output) == []


@pytest.mark.usefixtures("inbox")
def test_the_file_is_found_as_the_door_finds_it(path: Path, tmp_path: Path) -> None:
    assert "3 calls wait" in run(DOOR_INBOX=str(path)).output
    settings = tmp_path / "settings"
    settings.write_text(f"DOOR_INBOX={path}\n")
    assert "3 calls wait" in run("--env-file", str(settings)).output


def test_without_an_inbox_it_says_what_to_do(path: Path) -> None:
    result = run("--file", str(path))
    assert result.exit_code == 2
    assert result.output == f"christmas: there is no inbox at {path}: set DOOR_INBOX, or start the door once\n"
    path.write_text("this is a letter, and no database " * 100)
    assert "cannot be read" in run("--file", str(path)).output


# discard


def ids(path: Path) -> list[str]:
    return [each.id for each in list_entries(path)]


def test_what_kestra_refused_is_shown_and_then_deleted(inbox: Inbox, path: Path) -> None:
    inbox.set_aside(2, "HTTP 422")
    line = "2025-11-20T15:00:00.000Z  noshow      id-2  REFUSED, HTTP 422: to delete"
    dry = run("discard", "id-2", "--file", str(path))
    assert dry.exit_code == 3
    assert dry.output.splitlines() == [line, "Nothing was changed: run it again with --yes to do it."]
    assert ids(path) == ["id-1", "id-2", "id-3"]
    wet = run("discard", "id-2", "--file", str(path), "--yes")
    assert (wet.exit_code, wet.output.splitlines()) == (0, [line, "1 call was deleted."])
    assert ids(path) == ["id-1", "id-3"]


def test_it_asks_on_a_terminal(inbox: Inbox, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.set_aside(1, "HTTP 422")
    inbox.set_aside(2, "HTTP 422")
    monkeypatch.setattr(prompts, "terminal", lambda: True)
    assert "Nothing was changed." in run("discard", "id-1", "id-2", "--file", str(path), answer="n\n").output
    assert ids(path) == ["id-1", "id-2", "id-3"]
    assert "2 calls were deleted." in run("discard", "id-1", "id-2", "id-1", "--file", str(path), answer="y\n").output
    assert ids(path) == ["id-3"]


@pytest.mark.parametrize("wrong", ["id-1", "unknown"], ids=["it_waits", "unknown"])
def test_what_waits_is_not_deleted_and_nothing_beside_it(inbox: Inbox, path: Path, wrong: str) -> None:
    inbox.record_failure(1, "HTTP 404", 0, kestra_answered=True)
    inbox.set_aside(2, "HTTP 422")
    result = run("discard", "id-2", wrong, "--file", str(path), "--yes")
    assert result.exit_code == 2
    assert f"christmas: {wrong} is not among the calls that Kestra refused: christmas inbox lists them" in result.output
    assert ids(path) == ["id-1", "id-2", "id-3"]


def test_the_file_to_discard_from_is_found_as_the_door_finds_it(inbox: Inbox, path: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        inbox.set_aside(number, "HTTP 422")
    settings = tmp_path / "settings"
    settings.write_text(f"DOOR_INBOX={path}\n")
    assert run("discard", "id-1", "--yes", DOOR_INBOX=str(path)).exit_code == 0
    assert run("discard", "id-2", "--yes", "--env-file", str(settings)).exit_code == 0
    assert run("--file", str(path), "discard", "id-3", "--yes").exit_code == 0
    assert ids(path) == []
    assert run("discard", "id-3", "--file", str(tmp_path / "none")).exit_code == 2
    assert run("discard", "--file", str(path)).exit_code == 2
