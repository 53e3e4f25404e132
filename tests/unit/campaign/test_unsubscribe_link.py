"""The link to unsubscribe: only the right token is one."""

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


def test_a_token_is_the_opaque_id_and_a_signature_of_it_and_of_the_purpose() -> None:
    digest = hmac.new(FIRST.encode(), b"unsubscribe\0" + CONTACT.encode(), hashlib.sha256).digest()
    assert f"{CONTACT}.{base64.urlsafe_b64encode(digest).decode()[:-1]}" == TOKEN
    assert (len(TOKEN), TOKEN.isascii(), KEYS.contact(TOKEN)) == (68, True, CONTACT)
    # The same each time, and another for each contact.
    assert KEYS.token(CONTACT) == TOKEN != KEYS.token(OTHER)


def test_no_address_is_in_it() -> None:
    contact = opaque_ids.contact_id("ana.very-special@salon.example")
    assert len(contact) == 24
    assert set(contact) <= set("0123456789abcdef")
    for word in ("ana", "special", "salon", "@"):
        assert word not in KEYS.token(contact).partition(".")[0]


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_one_that_was_altered_in_one_place_or_cut_is_none(place: int) -> None:
    for letter in "0aA-_.":
        altered = TOKEN[:place] + letter + TOKEN[place + 1 :]
        assert KEYS.contact(altered) == (CONTACT if altered == TOKEN else None)
    assert KEYS.contact(TOKEN[:place]) is None
    assert KEYS.contact(TOKEN[place + 1 :]) is None


@pytest.mark.parametrize(
    "token",
    [
        None,
        0,
        [TOKEN],
        {"token": TOKEN},
        TOKEN.encode(),
        "",
        ".",
        CONTACT,
        f"{CONTACT}.",
        f"{TOKEN}=",
        f"{TOKEN}\n",
        f" {TOKEN}",
        f"{TOKEN}{TOKEN}",
        TOKEN.upper(),
        TOKEN.replace(".", ""),
        f"{OTHER}.{TOKEN.partition('.')[2]}",
        CONTACT + "." + "\u0664" * 43,
        f"{CONTACT}.{'é' * 43}",
        "\0\ud800",
    ],
)
def test_whatever_else_is_none(token: Any) -> None:
    assert KEYS.contact(token) is None


def test_the_last_letter_has_one_spelling_alone() -> None:
    """In base64 the last letter has two bits to spare: four letters would be read as the same bytes."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert [KEYS.contact(TOKEN[:-1] + letter) for letter in letters].count(CONTACT) == 1


def test_another_key_is_none_and_old_links_go_on_after_a_rotation() -> None:
    other = unsubscribe_link.keys(SECOND)
    assert other.contact(TOKEN) is None
    rotated = unsubscribe_link.keys(f"{SECOND},{FIRST}")
    assert rotated.token(CONTACT) == other.token(CONTACT) != TOKEN
    assert (rotated.contact(TOKEN), rotated.contact(other.token(CONTACT))) == (CONTACT, CONTACT)
    assert unsubscribe_link.keys(f" {FIRST} , {SECOND} ") == Keys((FIRST.encode(), SECOND.encode()))


@pytest.mark.parametrize("text", ["", ",", FIRST + ",", "," + FIRST, "x" * 23, f"{FIRST},short"])
def test_keys_that_could_be_guessed_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must have keys of 24 characters or more, separated by commas$"):
        unsubscribe_link.keys(text)


def test_the_shortest_key() -> None:
    assert unsubscribe_link.keys("x" * 24).secrets == (b"x" * 24,)


def test_keys_are_not_shown() -> None:
    assert FIRST not in repr(KEYS)
    assert FIRST not in f"{KEYS} {build.SETTINGS._replace(unsubscribe_keys=KEYS)}"
    assert repr(KEYS) == "Keys(…)"


def test_the_link() -> None:
    assert unsubscribe_link.url("https://campaign.example.org", KEYS, CONTACT) == (
        f"https://campaign.example.org/unsubscribe/{TOKEN}"
    )
