from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.stops import marks
from christmas_campaign.stops.marks import Mark
from christmas_campaign.stops.rules import Lifts, Source, Stop
from unit import build

NOW, HOUR = build.NOW, build.HOUR
#: In whole seconds, as a page has it.
AT = datetime.fromisoformat("2025-11-20T15:00:05+00:00")
UNSUBSCRIBED = Stop(Reason.UNSUBSCRIBED, AT.replace(microsecond=300_000), Source.CONTACT)
BOUNCED = Stop(Reason.BOUNCED, AT - HOUR, Source.RESEND)
BOUGHT = Stop(Reason.BOUGHT, AT - HOUR, Source.ENROLMENT)
WORDS = "unsubscribed since 2025-11-20T10:00:05-05:00"


@pytest.mark.parametrize(
    ("words", "mark"),
    [
        (WORDS, Mark(Reason.UNSUBSCRIBED, AT)),
        (f"{WORDS} (from E3)", Mark(Reason.UNSUBSCRIBED, AT)),
        ("complained", Mark(Reason.COMPLAINED, None)),
        ("bounced (from E2)", Mark(Reason.BOUNCED, None)),
        ("bounced since yesterday", Mark(Reason.BOUNCED, None)),
        ("bounced since", Mark(Reason.BOUNCED, None)),
        ("stopped_by_person (from E2)", None),
        ("unsubscribedly", None),
        ("", None),
        (None, None),
    ],
)
def test_mark_is_read_from_the_page(words: str | None, mark: Mark | None) -> None:
    assert marks.read(words) == mark
    assert marks.on_page(build.sequence_page({"Stop Reason": words} if words else {})) == mark


def test_text_is_read_back() -> None:
    for reason in marks.FOR_GOOD:
        for number in (None, 3):
            assert marks.read(marks.text(reason, AT, number)) == Mark(reason, AT)
    assert marks.text(Reason.BOOKED, AT, 4) == "booked (from E4)"


@pytest.mark.parametrize(
    ("reason", "at", "lifts", "holds"),
    [
        # The KV store has lost the entry, or never had one.
        (Reason.UNSUBSCRIBED, AT, None, True),
        (Reason.UNSUBSCRIBED, None, None, True),
        # It has an older entry, of another stop.
        (Reason.UNSUBSCRIBED, AT, Lifts(), True),
        (Reason.UNSUBSCRIBED, AT, Lifts(back=AT - HOUR, lifted=AT - HOUR), True),
        (Reason.UNSUBSCRIBED, AT, Lifts(back=AT.replace(microsecond=900_000)), True),
        # Lifted since.
        (Reason.UNSUBSCRIBED, AT, Lifts(back=AT + HOUR, lifted=AT - HOUR), False),
        (Reason.UNSUBSCRIBED, AT, Lifts(lifted=AT + HOUR), False),
        (Reason.UNSUBSCRIBED, None, Lifts(), False),
        # The contact takes back what the contact said, and nobody takes back a complaint.
        (Reason.BOUNCED, AT, Lifts(back=AT + HOUR), True),
        (Reason.BOUNCED, AT, Lifts(lifted=AT + HOUR), False),
        (Reason.COMPLAINED, AT, Lifts(back=AT + HOUR, lifted=AT + HOUR), True),
    ],
)
def test_mark_holds_unless_it_was_lifted_later(
    reason: Reason, at: datetime | None, lifts: Lifts | None, holds: bool
) -> None:
    assert marks.holds(Mark(reason, at), lifts) is holds


def written(held: list[Stop], *words: str, **rest: Any) -> list[str | None]:
    """What each of these pages, by what it says, is made to say (``None``: it stays)."""
    pages = [build.sequence_page({"Stop Reason": each}, page_id=f"page-{n}", **rest) for n, each in enumerate(words)]
    bodies: dict[str, Any] = {each.path: each.body["properties"] for each in marks.updates(pages, held)}
    said = {path: properties["Stop Reason"] for path, properties in bodies.items()}
    found = {path: build.text_of(words) if words["rich_text"] else "" for path, words in said.items()}
    return [found.get(f"/v1/pages/{page['id']}") for page in pages]


def test_pages_get_the_strongest_stop_that_holds_for_good() -> None:
    assert written([UNSUBSCRIBED, BOUNCED, BOUGHT], "", "bought (from E2)", "bounced") == [WORDS] * 3
    assert written([BOUNCED], "") == ["bounced since 2025-11-20T09:00:05-05:00"]
    assert (
        written([UNSUBSCRIBED], "unsubscribed (from E2)", "unsubscribed since 2025-11-19T10:00:00-05:00") == [WORDS] * 2
    )


def test_page_that_says_it_already_stays() -> None:
    assert written([UNSUBSCRIBED], WORDS, f"{WORDS} (from E3)") == [None, None]


def test_marks_are_cleared_when_no_stop_holds_for_good() -> None:
    for held in ([], [BOUGHT]):
        assert written(held, WORDS, f"{WORDS} (from E3)", "bounced") == [""] * 3
        assert written(held, "", "bought (from E2)", "expired (from E5)") == [None] * 3


def test_page_in_the_trash_gets_no_mark() -> None:
    assert written([UNSUBSCRIBED], "", in_trash=True) == [None]


def test_all_pages_of_the_contact_in_this_campaign_are_found() -> None:
    known = marks.page_query("zoe@example.com", "source-pages", "9f1ccc60-dd69-4393-bd85-78315608f4be")
    assert known.link == "https://www.notion.so/9f1ccc60dd694393bd8578315608f4be"
    assert marks.page_query("zoe@example.com", "source-pages", None).link is None
    assert known.path == "/v1/data_sources/source-pages/query"
    both = [
        {"property": "Email", "email": {"equals": "zoe@example.com"}},
        {"property": "Campaign", "select": {"equals": "Christmas 2025"}},
    ]
    assert known.query == {"filter": {"and": both}}
    assert marks.key("abc") == "pages.abc"
