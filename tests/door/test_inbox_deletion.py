"""Deleting refused calls, and reading and erasing any calls, while a door has the inbox open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from christmas_campaign.door.inbox.admin import discard
from christmas_campaign.door.inbox.erasure import InboxCall, erase, read_calls
from christmas_campaign.door.inbox.store import Call, Inbox, InboxError, StoreOutcome, list_entries

ARRIVED = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
BODIES = {"a": b'{"email": "a@example.com"}', "b": b'{"email": "b@exam', "c": b'["\\u0000"]'}


def call(name: str, body: bytes = b"{}") -> Call:
    return Call(name, "signup", body, ARRIVED, f"signup-{name}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    """A full inbox, open as in a door. Kestra has refused the calls "a" and "b"; "c" waits."""
    opened = Inbox(path, max_calls=3)
    opened.store([call(name, body) for name, body in BODIES.items()])
    opened.set_aside(1, "HTTP 422")
    opened.set_aside(2, "HTTP 422")
    yield opened
    opened.close()


def ids(path: Path) -> list[str]:
    return [entry.id for entry in list_entries(path)]


def is_in_a_file(path: Path, text: bytes) -> bool:
    return any(text in file.read_bytes() for file in path.parent.iterdir())


def test_discarded_call_leaves_no_trace_and_makes_room(inbox: Inbox, path: Path) -> None:
    assert inbox.store([call("d")]) == [StoreOutcome.FULL]
    discard(path, ["a"])
    assert ids(path) == ["b", "c"]
    assert not is_in_a_file(path, b"a@example.com")
    assert inbox.store([call("d"), call("e")]) == [StoreOutcome.STORED, StoreOutcome.FULL]


def test_discard_deletes_all_calls_or_none(inbox: Inbox, path: Path) -> None:
    for wrong in ("c", "unknown"):
        with pytest.raises(InboxError, match=f"^{wrong} is not among"):
            discard(path, ["a", wrong, "b"])
    assert ids(path) == ["a", "b", "c"]
    # The file is not locked afterwards.
    assert inbox.record_failure(3, "HTTP 503", 0, kestra_answered=False) == 1


@pytest.mark.usefixtures("inbox")
def test_calls_are_read_with_their_content(path: Path) -> None:
    at = "2025-11-20T15:00:00.000Z"
    assert read_calls(path) == [
        InboxCall("a", "signup", at, True, {"email": "a@example.com"}),
        InboxCall("b", "signup", at, True, '{"email": "b@exam'),
        InboxCall("c", "signup", at, False, '["\\u0000"]'),
    ]


def test_erased_calls_leave_no_trace_and_the_door_goes_on(inbox: Inbox, path: Path) -> None:
    erase(path, ["a", "c", "unknown"])
    assert ids(path) == ["b"]
    assert not is_in_a_file(path, b"a@example.com")
    # The door was forwarding the erased call.
    assert inbox.record_failure(3, "HTTP 503", 0, kestra_answered=True) == 1
    inbox.set_aside(3, "HTTP 422")
    inbox.delete([3])
    assert inbox.next_call(0) is None


def test_file_that_is_not_an_inbox_is_a_plain_error(path: Path) -> None:
    with pytest.raises(InboxError, match="there is no inbox at"):
        discard(path, ["a"])
    path.write_text("no inbox at all, and long enough to be looked at" * 100)
    for delete in (discard, erase):
        with pytest.raises(InboxError, match="cannot be changed: "):
            delete(path, ["a"])
    with pytest.raises(InboxError, match="cannot be read: "):
        read_calls(path)
