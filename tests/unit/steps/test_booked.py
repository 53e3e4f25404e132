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


def run_booked(**changes: Any) -> tuple[list[Any], PollState]:
    """Return the stops and the state of the poll after the step in a changed context."""
    outputs = step(contexts.booked(**changes), NOW)
    assert list(outputs) == ["stops", "keep"]
    return outputs["stops"], PollState.from_json(json.loads(outputs["keep"]))


def test_booked_contact_is_stopped() -> None:
    stops, state = run_booked()
    assert stops == [
        {"contact": build.WHO["contact"], "reason": "booked", "by": "notion", "at": "2025-11-20T15:00:00.000Z"}
    ]
    assert state.since == NOW - 5 * build.MINUTE
    assert state.cursor is None


@pytest.mark.parametrize("context", [{}, {"look": None, "answer": None}])
def test_first_poll_only_stores_its_start(context: dict[str, Any]) -> None:
    outputs = step(context, NOW)
    assert outputs["stops"] == []
    assert json.loads(outputs["keep"]) == PollState().as_json()


def test_cursor_of_the_next_page_is_stored() -> None:
    answer = {"results": [], "has_more": True, "next_cursor": "abc"}
    assert run_booked(answer=build.response(answer))[1] == PollState(None, NOW, "abc")
    assert run_booked(answer=build.response({**answer, "has_more": False}))[1].cursor is None


def test_expired_cursor_restarts_the_poll() -> None:
    state = PollState(NOW, NOW, "abc", {"zoe": "2025-11-20T14:58:00.000Z"})
    refused = build.response({"object": "error", "code": "validation_error"}, 400)
    assert run_booked(look=state.as_json(), answer=refused) == ([], state._replace(cursor=None, began=None))
    with pytest.raises(UnusableContext):
        run_booked(look=state._replace(cursor=None).as_json(), answer=refused)


@pytest.mark.parametrize("code", [401, 404])
def test_refused_request_to_notion_is_named(code: int) -> None:
    refused = build.response({"object": "error", "code": "unauthorized"}, code)
    with pytest.raises(
        UnusableContext, match=rf"the look into BusinessX: Notion answered HTTP {code} \(unauthorized\)"
    ):
        run_booked(look=PollState(NOW, NOW, "abc").as_json(), answer=refused)


def test_response_without_a_code_is_no_response() -> None:
    context = {"look": None, "answer": None}
    assert step({**context, "answer": {"headers": {}}}, build.NOW) == step(context, build.NOW)
