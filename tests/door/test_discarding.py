"""Deleting what Kestra refused, beside the door that has the inbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from christmas_campaign.door.inbox.admin import discard
from christmas_campaign.door.inbox.store import Call, Inbox, InboxError, StoreOutcome, list_entries

ARRIVED = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)


def call(name: str) -> Call:
    return Call(name, "signup", f"{name}@example.com".encode() * 50, ARRIVED, f"signup-{name}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.sqlite"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    """An inbox that is full, held as a door holds it; Kestra has refused the first two."""
    opened = Inbox(path, max_calls=3)
    assert opened.store([call("a"), call("b"), call("c")]) == [StoreOutcome.STORED] * 3
    opened.set_aside(1, "HTTP 422")
    opened.set_aside(2, "HTTP 422")
    yield opened
    opened.close()


def test_what_is_deleted_is_nowhere_in_the_file_and_makes_room(inbox: Inbox, path: Path) -> None:
    assert inbox.store([call("d")]) == [StoreOutcome.FULL]
    discard(path, ["a"])
    assert [each.id for each in list_entries(path)] == ["b", "c"]
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert (b"a@example.com" in written, b"b@example.com" in written) == (False, True)
    assert inbox.store([call("d"), call("e")]) == [StoreOutcome.STORED, StoreOutcome.FULL]
    waiting = inbox.next_call(0)
    assert waiting is not None
    assert waiting.call.id == "c"


def test_all_of_them_or_none(inbox: Inbox, path: Path) -> None:
    for wrong in ("c", "unknown"):
        with pytest.raises(InboxError, match=f"^{wrong} is not among"):
            discard(path, ["a", wrong, "b"])
    assert [each.id for each in list_entries(path)] == ["a", "b", "c"]
    # It was not left locked.
    assert inbox.record_failure(3, "HTTP 503", 0, kestra_answered=False) == 1


def test_one_that_waits_again_is_not_deleted(inbox: Inbox, path: Path) -> None:
    """Whoever starts the door again has what was refused tried once more."""
    inbox.close()
    again = Inbox(path, max_calls=3)
    with pytest.raises(InboxError, match="is not among"):
        discard(path, ["a"])
    again.close()


def test_a_file_that_is_no_inbox_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(InboxError, match="there is no inbox at"):
        discard(tmp_path / "none", ["a"])
    letter = tmp_path / "letter"
    letter.write_text("this is a letter, and no database " * 100)
    with pytest.raises(InboxError, match="cannot be changed"):
        discard(letter, ["a"])
