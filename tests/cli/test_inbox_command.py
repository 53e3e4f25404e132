"""``christmas inbox``: what waits behind the door, and never what it said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from christmas_campaign.cli.main import main
from christmas_campaign.door.inbox import Call, Inbox

ARRIVED = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    """An inbox with three calls, held as a door holds it."""
    opened = Inbox(path, most=10)
    calls = [("id-1", "signup"), ("id-2", "noshow"), ("id-3", "signup")]
    opened.keep([Call(name, sequence, b"ana@example.com", ARRIVED, name) for name, sequence in calls])
    yield opened
    opened.close()


def run(*words: str, **environment: str) -> Result:
    result = CliRunner().invoke(main, ["inbox", *words], env=environment)
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
    inbox.not_taken(1, "ConnectError", 0, answered=False)
    inbox.not_taken(1, "HTTP 503", 0, answered=False)
    inbox.refused(2, "HTTP 422")
    result = run("--file", str(path))
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "2025-11-20T15:00:00.000Z  signup      id-1  2 tries, the last one: HTTP 503",
        "2025-11-20T15:00:00.000Z  noshow      id-2  REFUSED, 1 try, the last one: HTTP 422",
        "2025-11-20T15:00:00.000Z  signup      id-3  not tried yet",
        "2 calls wait since 2025-11-20T15:00:00.000Z: 2 signup.",
        "1 call was refused by Kestra: mend it, then start the door again.",
    ]


def test_as_json(inbox: Inbox, path: Path) -> None:
    inbox.refused(2, "HTTP 422")
    result = run("--file", str(path), "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert [each["id"] for each in found] == ["id-1", "id-2", "id-3"]
    assert found[1] == {
        "id": "id-2",
        "sequence": "noshow",
        "received_at": "2025-11-20T15:00:00.000Z",
        "refused": True,
        "tries": 1,
        "last_answer": "HTTP 422",
    }


def test_an_empty_inbox(inbox: Inbox, path: Path) -> None:
    inbox.taken([1, 2, 3])
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
