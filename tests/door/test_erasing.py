"""Reading what waits behind the door, and deleting any of it, beside the door that has the inbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from christmas_campaign.door.inbox.erasure import InboxCall, erase, read_calls
from christmas_campaign.door.inbox.store import Call, Inbox, InboxError, list_entries

ARRIVED = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
BODIES = {"a": b'{"email": "a@example.com"}', "b": b'{"email": "b@exam', "c": b'["\\u0000"]'}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    """An inbox held as a door holds it; Kestra has refused the second call."""
    opened = Inbox(path, max_calls=9)
    opened.store([Call(name, "signup", body, ARRIVED, None) for name, body in BODIES.items()])
    opened.set_aside(2, "HTTP 422")
    yield opened
    opened.close()


@pytest.mark.usefixtures("inbox")
def test_what_each_said_is_told_whatever_it_was(path: Path) -> None:
    at = "2025-11-20T15:00:00.000Z"
    assert read_calls(path) == [
        InboxCall("a", "signup", at, False, {"email": "a@example.com"}),
        InboxCall("b", "signup", at, True, '{"email": "b@exam'),
        InboxCall("c", "signup", at, False, '["\\u0000"]'),
    ]


def test_what_is_erased_is_nowhere_in_the_file_and_the_door_goes_on(inbox: Inbox, path: Path) -> None:
    erase(path, ["a", "b", "unknown"])
    erase(path, ["a"])
    assert [each.id for each in list_entries(path)] == ["c"]
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"@exam" not in written
    # The door had it in hand.
    assert inbox.record_failure(1, "HTTP 503", 0, kestra_answered=True) == 1
    inbox.set_aside(1, "HTTP 422")
    inbox.delete([1])
    waiting = inbox.next_call(0)
    assert waiting is not None
    assert waiting.call.id == "c"


def test_a_file_that_is_no_inbox_is_said_in_words(path: Path) -> None:
    path.write_text("no inbox at all, and long enough to be looked at")
    with pytest.raises(InboxError, match=r"cannot be read: "):
        read_calls(path)
    with pytest.raises(InboxError, match=r"cannot be changed: "):
        erase(path, ["a"])
