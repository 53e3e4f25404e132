from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.stops import marks
from christmas_campaign.stops.marks import Mark
from christmas_campaign.stops.rules import Lifts, Source, Stop
from unit import build

HOUR = build.HOUR
#: In whole seconds, as on a page.
AT = datetime.fromisoformat("2025-11-20T15:00:05+00:00")
UNSUBSCRIBED = Stop(Reason.UNSUBSCRIBED, AT.replace(microsecond=300_000), Source.CONTACT)
BOUNCED = Stop(Reason.BOUNCED, AT - HOUR, Source.RESEND)
BOUGHT = Stop(Reason.BOUGHT, AT - HOUR, Source.ENROLMENT)
TEXT = "unsubscribed since 2025-11-20T10:00:05-05:00"


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        (TEXT, Mark(Reason.UNSUBSCRIBED, AT)),
        (f"{TEXT} (from E3)", Mark(Reason.UNSUBSCRIBED, AT)),
        ("complained", Mark(Reason.COMPLAINED, None)),
        ("bounced (from E2)", Mark(Reason.BOUNCED, None)),
        ("bounced since yesterday", Mark(Reason.BOUNCED, None)),
        ("bounced since", Mark(Reason.BOUNCED, None)),
        ("stopped_by_person (from E2)", None),
        ("unsubscribedly", None),
        (None, None),
    ],
)
def test_mark_is_read_from_stop_reason(text: str | None, mark: Mark | None) -> None:
    assert marks.read(text) == mark
    assert marks.on_page(build.sequence_page({"Stop Reason": text} if text else {})) == mark


def test_mark_text_is_read_back() -> None:
    assert [marks.read(marks.text(reason, AT, 3)) for reason in marks.FOR_GOOD] == [
        Mark(reason, AT) for reason in marks.FOR_GOOD
    ]
    assert marks.text(Reason.UNSUBSCRIBED, AT) == TEXT
    assert marks.text(Reason.BOOKED, AT, 4) == "booked (from E4)"


@pytest.mark.parametrize(
    ("mark", "lifts", "holds"),
    [
        # Without an entry in the KV store the mark counts, with an entry only if it is newer.
        (Mark(Reason.UNSUBSCRIBED, None), None, True),
        (Mark(Reason.UNSUBSCRIBED, None), Lifts(), False),
        (Mark(Reason.UNSUBSCRIBED, AT), Lifts(), True),
        (Mark(Reason.UNSUBSCRIBED, AT), Lifts(back=AT.replace(microsecond=900_000), lifted=AT - HOUR), True),
        (Mark(Reason.UNSUBSCRIBED, AT), Lifts(back=AT + HOUR, lifted=AT - HOUR), False),
        (Mark(Reason.UNSUBSCRIBED, AT), Lifts(lifted=AT + HOUR), False),
        # The contact can take back only their unsubscribing, and nobody a complaint.
        (Mark(Reason.BOUNCED, AT), Lifts(back=AT + HOUR), True),
        (Mark(Reason.BOUNCED, AT), Lifts(lifted=AT + HOUR), False),
        (Mark(Reason.COMPLAINED, AT), Lifts(back=AT + HOUR, lifted=AT + HOUR), True),
    ],
)
def test_mark_holds_unless_it_was_lifted_later(mark: Mark, lifts: Lifts | None, holds: bool) -> None:
    assert marks.holds(mark, lifts) is holds


def new_texts(stops: list[Stop], *texts: str, **attributes: Any) -> list[str | None]:
    """Return the new `Stop Reason` of pages with these texts, ``None`` for a page without an update."""
    pages = [
        build.sequence_page({"Stop Reason": text}, page_id=f"page-{number}", **attributes)
        for number, text in enumerate(texts)
    ]
    properties: dict[str, Any] = {update.path: update.body["properties"] for update in marks.updates(pages, stops)}
    values = {path: changed["Stop Reason"] for path, changed in properties.items()}
    by_path = {path: build.text_of(value) if value["rich_text"] else "" for path, value in values.items()}
    return [by_path.get(f"/v1/pages/{page['id']}") for page in pages]


def test_pages_get_the_strongest_stop_that_holds_for_good() -> None:
    older = "unsubscribed since 2025-11-19T10:00:00-05:00"
    assert new_texts([BOUNCED, UNSUBSCRIBED, BOUGHT], "", "bought (from E2)", "bounced", older) == [TEXT] * 4
    assert new_texts([BOUNCED], "") == ["bounced since 2025-11-20T09:00:05-05:00"]


def test_page_with_the_mark_or_in_the_trash_gets_no_update() -> None:
    assert new_texts([UNSUBSCRIBED], TEXT, f"{TEXT} (from E3)") == [None, None]
    assert new_texts([UNSUBSCRIBED], "", in_trash=True) == [None]


def test_marks_are_cleared_when_no_stop_holds_for_good() -> None:
    assert new_texts([BOUGHT], f"{TEXT} (from E3)", "bounced", "", "bought (from E2)") == ["", "", None, None]


def test_page_query_finds_the_contacts_pages_of_this_campaign() -> None:
    query = marks.page_query("zoe@example.com", "source-pages", "9f1ccc60-dd69-4393-bd85-78315608f4be")
    assert query.link == "https://www.notion.so/9f1ccc60dd694393bd8578315608f4be"
    assert marks.page_query("zoe@example.com", "source-pages", None).link is None
    assert query.path == "/v1/data_sources/source-pages/query"
    conditions = [
        {"property": "Email", "email": {"equals": "zoe@example.com"}},
        {"property": "Campaign", "select": {"equals": "Christmas 2025"}},
    ]
    assert query.query == {"filter": {"and": conditions}}
    assert marks.key("abc") == "pages.abc"
