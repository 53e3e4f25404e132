from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps.booked import step
from christmas_campaign.stops.manual_bookings import PollState
from unit import build
from unit.steps import contexts

NOW = build.NOW


def ask(**changed: Any) -> tuple[list[Any], PollState]:
    said = step(contexts.booked(**changed), NOW)
    assert list(said) == ["stops", "keep"]
    return said["stops"], PollState.from_json(json.loads(said["keep"]))


def test_who_is_found() -> None:
    stops, keep = ask()
    assert stops == [
        {"contact": build.WHO["contact"], "reason": "booked", "by": "notion", "at": "2025-11-20T15:00:00.000Z"}
    ]
    assert keep.since == NOW - 5 * build.MINUTE
    assert keep.cursor is None


@pytest.mark.parametrize("context", [{}, {"look": None, "answer": None}])
def test_the_first_look_is_prepared(context: dict[str, Any]) -> None:
    said = step(context, NOW)
    assert said["stops"] == []
    assert json.loads(said["keep"]) == PollState().as_json()


def test_an_answer_that_goes_on() -> None:
    answer = {"results": [], "has_more": True, "next_cursor": "abc"}
    assert ask(answer=build.response(answer))[1] == PollState(None, NOW, "abc")
    assert ask(answer=build.response({**answer, "has_more": False}))[1].cursor is None


def test_a_cursor_that_has_expired_begins_anew() -> None:
    look = PollState(NOW, NOW, "abc", {"zoe": "2025-11-20T14:58:00.000Z"})
    refused = build.response({"object": "error", "code": "validation_error"}, 400)
    assert ask(look=look.as_json(), answer=refused) == ([], look._replace(cursor=None, began=None))
    with pytest.raises(UnusableContext):
        ask(look=look._replace(cursor=None).as_json(), answer=refused)


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_refusal_is_named(code: int) -> None:
    refused = build.response({"object": "error", "code": "unauthorized"}, code)
    with pytest.raises(
        UnusableContext, match=rf"the look into BusinessX: Notion answered HTTP {code} \(unauthorized\)"
    ):
        ask(look=PollState(NOW, NOW, "abc").as_json(), answer=refused)
