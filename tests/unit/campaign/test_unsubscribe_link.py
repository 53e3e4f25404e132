from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from christmas_campaign.campaign import unsubscribe_link
from christmas_campaign.campaign.unsubscribe_link import Keys
from christmas_campaign.events import opaque_ids
from unit import build

CONTACT = build.WHO["contact"]
OTHER = opaque_ids.contact_id("ben@example.com")
FIRST, SECOND = "a first key of the links to unsubscribe", "a second key of these links"
KEYS = unsubscribe_link.keys(FIRST)
TOKEN = KEYS.token(CONTACT)
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_token_is_the_opaque_id_and_a_signature_for_this_purpose() -> None:
    digest = hmac.new(FIRST.encode(), b"unsubscribe\0" + CONTACT.encode(), hashlib.sha256).digest()
    assert f"{CONTACT}.{base64.urlsafe_b64encode(digest).decode()[:-1]}" == TOKEN
    assert KEYS.contact(TOKEN) == CONTACT
    assert unsubscribe_link.url("https://campaign.example.org", KEYS, CONTACT) == (
        f"https://campaign.example.org/unsubscribe/{TOKEN}"
    )


def test_altered_or_truncated_token_is_rejected() -> None:
    for place in range(len(TOKEN)):
        for letter in "0aA-_.":
            altered = TOKEN[:place] + letter + TOKEN[place + 1 :]
            assert KEYS.contact(altered) == (CONTACT if altered == TOKEN else None)
        assert KEYS.contact(TOKEN[:place]) is None
        assert KEYS.contact(TOKEN[place + 1 :]) is None
    # The last letter of a base64 text has two unused bits, so four letters would decode to the same bytes.
    assert [KEYS.contact(TOKEN[:-1] + letter) for letter in BASE64].count(CONTACT) == 1


@pytest.mark.parametrize(
    "token",
    [
        *(None, 0, [TOKEN], TOKEN.encode(), "", ".", CONTACT, f"{CONTACT}."),
        *(f"{TOKEN}=", f"{TOKEN}\n", f" {TOKEN}", f"{TOKEN}{TOKEN}", TOKEN.upper(), TOKEN.replace(".", "")),
        *(f"{OTHER}.{TOKEN.partition('.')[2]}", CONTACT + "." + "\u0664" * 43, f"{CONTACT}.{'é' * 43}", "\0\ud800"),
    ],
)
def test_invalid_token_is_rejected(token: Any) -> None:
    assert KEYS.contact(token) is None


def test_old_tokens_stay_valid_after_a_key_rotation() -> None:
    other = unsubscribe_link.keys(SECOND)
    assert other.contact(TOKEN) is None
    rotated = unsubscribe_link.keys(f" {SECOND} , {FIRST} ")
    assert rotated == Keys((SECOND.encode(), FIRST.encode()))
    assert rotated.token(CONTACT) == other.token(CONTACT) != TOKEN
    assert (rotated.contact(TOKEN), rotated.contact(other.token(CONTACT))) == (CONTACT, CONTACT)


@pytest.mark.parametrize("text", ["", FIRST + ",", "," + FIRST, "x" * 23])
def test_short_keys_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must have keys of 24 characters or more, separated by commas$"):
        unsubscribe_link.keys(text)


def test_key_of_24_characters_is_accepted() -> None:
    assert unsubscribe_link.keys("x" * 24).secrets == (b"x" * 24,)


def test_keys_are_not_shown() -> None:
    assert repr(KEYS) == "Keys(…)"
    assert FIRST not in f"{KEYS} {build.SETTINGS._replace(unsubscribe_keys=KEYS)}"
