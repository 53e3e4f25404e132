"""Calls of the unsubscribe link."""

from __future__ import annotations

from typing import Any

import pytest

from christmas_campaign.campaign import unsubscribe_link
from christmas_campaign.stops import unsubscribe
from christmas_campaign.stops.unsubscribe import UnsubscribeCall, Wish
from unit import build

CONTACT = build.WHO["contact"]
KEYS = unsubscribe_link.keys("a first key of the links to unsubscribe")
OTHER_KEYS = unsubscribe_link.keys("a second key of these links")
TOKEN = KEYS.token(CONTACT)


@pytest.mark.parametrize(
    ("fields", "wish"),
    [({}, Wish.STOP), ({"wish": "unsubscribe", "more": 1}, Wish.STOP), ({"wish": "go_on"}, Wish.GO_ON)],
)
def test_valid_call_has_contact_wish_and_time(fields: dict[str, Any], wish: Wish) -> None:
    call = unsubscribe.read_call({"token": TOKEN, **fields}, KEYS, build.NOW)
    assert call == UnsubscribeCall(CONTACT, wish, build.NOW)


@pytest.mark.parametrize("payload", [TOKEN, {}, {"token": f"{TOKEN}x"}, {"token": OTHER_KEYS.token(CONTACT)}])
def test_call_without_a_valid_token_is_invalid(payload: Any) -> None:
    assert unsubscribe.read_call(payload, KEYS, build.NOW) is None


@pytest.mark.parametrize("wish", [None, "complained", ["go_on"]])
def test_call_with_another_wish_is_invalid(wish: Any) -> None:
    assert unsubscribe.read_call({"token": TOKEN, "wish": wish}, KEYS, build.NOW) is None
