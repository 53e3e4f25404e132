"""``christmas inbox`` lists the calls that wait behind the door, never their content; ``discard`` deletes refused ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from christmas_campaign.cli.main import main
from christmas_campaign.door.inbox.store import Call, Inbox, list_entries

WHEN = "2025-11-20T15:00:00.000Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    """An inbox of a running door, with three calls; Kestra refused the second one."""
    inbox = Inbox(path, max_calls=10)
    arrived = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
    calls = [("id-1", "signup"), ("id-2", "noshow"), ("id-3", "signup")]
    inbox.store([Call(call_id, handler, b"ana@example.com", arrived, call_id) for call_id, handler in calls])
    inbox.set_aside(2, "HTTP 422")
    yield inbox
    inbox.close()


def run(*words: str, **environment: str) -> Result:
    result = CliRunner().invoke(main, ["inbox", *words], env=environment)
    assert "ana@example.com" not in result.output
    return result


def ids(path: Path) -> list[str]:
    return [call.id for call in list_entries(path)]


def test_waiting_and_refused_calls_are_listed(inbox: Inbox, path: Path) -> None:
    for answer in ("ConnectError", "HTTP 503"):
        inbox.record_failure(1, answer, 0, kestra_answered=False)
    result = run("--file", str(path))
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[:4] == [
        f"{WHEN}  signup      id-1  2 tries, the last one: HTTP 503",
        f"{WHEN}  noshow      id-2  REFUSED, 1 try, the last one: HTTP 422",
        f"{WHEN}  signup      id-3  not tried yet",
        f"2 calls wait since {WHEN}: 2 signup.",
    ]
    assert "christmas inbox discard" in lines[4]
    calls = json.loads(run("--file", str(path), "--json").output)
    assert [call["id"] for call in calls] == ["id-1", "id-2", "id-3"]
    assert calls[1] == {
        "id": "id-2",
        "handler": "noshow",
        "received_at": WHEN,
        "refused": True,
        "tries": 1,
        "last_answer": "HTTP 422",
    }


def test_inbox_without_refused_calls_ends_with_0(inbox: Inbox, path: Path) -> None:
    inbox.delete([2])
    result = run("--file", str(path))
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, f"2 calls wait since {WHEN}: 2 signup.")
    inbox.delete([1, 3])
    assert run("--file", str(path)).output == "No call waits.\n"
    assert json.loads(run("--file", str(path), "--json").output) == []


@pytest.mark.usefixtures("inbox")
def test_refused_call_is_discarded_from_the_inbox_that_is_named(path: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    settings.write_text(f"DOOR_INBOX={path}\n")
    for words in (["--env-file", str(settings)], ["--file", str(path)]):
        assert "2 calls wait" in run(*words).output
        assert "Nothing was changed" in run("discard", "id-2", *words).output
    assert "2 calls wait" in run(DOOR_INBOX=str(path)).output
    dry = run("--file", str(path), "discard", "id-2")
    plan = f"{WHEN}  noshow      id-2  REFUSED, HTTP 422: to delete"
    assert dry.output.splitlines() == [plan, "Nothing was changed: run it again with --yes to do it."]
    assert (dry.exit_code, ids(path)) == (3, ["id-1", "id-2", "id-3"])
    waiting = run("discard", "id-2", "id-1", "--yes", DOOR_INBOX=str(path))
    assert (waiting.exit_code, "id-1 is not among the calls that Kestra refused" in waiting.output) == (2, True)
    done = run("discard", "id-2", "--yes", DOOR_INBOX=str(path))
    assert (done.exit_code, done.output.splitlines()) == (0, [plan, "1 call was deleted."])
    assert ids(path) == ["id-1", "id-3"]


def test_missing_or_unreadable_inbox_ends_with_2(path: Path) -> None:
    for words in ([], ["discard", "id-1"]):
        result = run(*words, "--file", str(path))
        assert (result.exit_code, f"there is no inbox at {path}" in result.output) == (2, True)
    path.write_text("this is a letter, and no database " * 100)
    assert "cannot be read" in run("--file", str(path)).output
    assert run("discard", "--file", str(path)).exit_code == 2
