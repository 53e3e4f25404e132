"""What a call of the unsubscribe link leads to."""

from __future__ import annotations

from typing import Any

import pytest

from christmas_campaign.campaign import unsubscribe_link
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.stops import unsubscribe
from unit import build

CONTACT = build.WHO["contact"]
KEYS = unsubscribe_link.keys("a first key of the links to unsubscribe")
TOKEN = KEYS.token(CONTACT)


def answered(payload: Any) -> dict[str, Any]:
    return unsubscribe.answer(payload, KEYS, build.NOW)


@pytest.mark.parametrize("said", [{}, {"wish": "unsubscribe"}, {"wish": "unsubscribe", "more": 1}])
def test_who_has_the_link_is_unsubscribed(said: dict[str, Any]) -> None:
    assert answered({"token": TOKEN, **said}) == {
        "code": 200,
        "status": "accepted",
        "outcome": Outcome.ACCEPTED,
        "contact": CONTACT,
        "reason": Reason.UNSUBSCRIBED,
        "lift": "",
        "at": "2025-11-20T15:00:00.000Z",
    }


def test_and_may_take_it_back() -> None:
    found = answered({"token": TOKEN, "wish": "go_on"})
    assert (found["code"], found["contact"], found["reason"], found["lift"]) == (200, CONTACT, "", "unsubscribed")
    assert found["at"] == "2025-11-20T15:00:00.000Z"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        TOKEN,
        {},
        {"token": ""},
        {"token": f"{TOKEN}x"},
        {"token": unsubscribe_link.keys("a second key of these links").token(CONTACT)},
        {"token": TOKEN, "wish": ""},
        {"token": TOKEN, "wish": None},
        {"token": TOKEN, "wish": "complained"},
        {"token": TOKEN, "wish": ["go_on"]},
    ],
)
def test_whatever_else_is_refused_without_a_word_why(payload: Any) -> None:
    assert answered(payload) == {
        "code": 422,
        "status": "rejected",
        "outcome": Outcome.REJECTED,
        "contact": None,
        "reason": Reason.INVALID_PAYLOAD,
        "lift": "",
        "at": "",
    }
