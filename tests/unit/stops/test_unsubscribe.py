"""What a call of the unsubscribe link leads to."""

from __future__ import annotations

from typing import Any

import pytest

from christmas_campaign.campaign import unsubscribe_link
from christmas_campaign.stops import unsubscribe
from christmas_campaign.stops.unsubscribe import UnsubscribeCall, Wish
from unit import build

CONTACT = build.WHO["contact"]
KEYS = unsubscribe_link.keys("a first key of the links to unsubscribe")
TOKEN = KEYS.token(CONTACT)


def answered(payload: Any) -> UnsubscribeCall | None:
    return unsubscribe.read_call(payload, KEYS, build.NOW)


@pytest.mark.parametrize("said", [{}, {"wish": "unsubscribe"}, {"wish": "unsubscribe", "more": 1}])
def test_who_has_the_link_is_unsubscribed(said: dict[str, Any]) -> None:
    assert answered({"token": TOKEN, **said}) == UnsubscribeCall(CONTACT, Wish.STOP, build.NOW)


def test_and_may_take_it_back() -> None:
    assert answered({"token": TOKEN, "wish": "go_on"}) == UnsubscribeCall(CONTACT, Wish.GO_ON, build.NOW)


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
    assert answered(payload) is None
