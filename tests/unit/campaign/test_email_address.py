from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.campaign import email_address


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("zoe@example.com", "zoe@example.com"),
        ("  Zoe@Example.COM\n", "zoe@example.com"),
        ("a.b+c_d-e'f@sub.example.co", "a.b+c_d-e'f@sub.example.co"),
        ("!#$%&'*+/=?^_`{|}~-@example.com", "!#$%&'*+/=?^_`{|}~-@example.com"),
        ("1@2.example", "1@2.example"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
        (f"a@{'b' * 63}.com", f"a@{'b' * 63}.com"),
        (f"a@{'b.' * 124}comm", f"a@{'b.' * 124}comm"),
    ],
)
def test_one_spelling_for_each_address(given: str, expected: str) -> None:
    assert email_address.normalise(given) == expected


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("", "is not an e-mail address: it has no @"),
        ("zoe.example.com", "is not an e-mail address: it has no @"),
        ("zoë", "is not an e-mail address that can be sent to: it has a letter outside ASCII"),
        ("zoë@example.com", "is not an e-mail address that can be sent to: it has a letter outside ASCII"),
        ("zoe@bücher.example", "is not an e-mail address that can be sent to: it has a letter outside ASCII"),
        (f"{'a' * 65}@example.com", "is not an e-mail address: it is too long"),
        (f"a@{'b.' * 125}com", "is not an e-mail address: it is too long"),
        ("@example.com", "is not an e-mail address: the part before the @ is not valid"),
        ("a@b@example.com", "is not an e-mail address: the part before the @ is not valid"),
        (".a@example.com", "is not an e-mail address: the part before the @ is not valid"),
        ("a.@example.com", "is not an e-mail address: the part before the @ is not valid"),
        ("a..b@example.com", "is not an e-mail address: the part before the @ is not valid"),
        ("a b@example.com", "is not an e-mail address: the part before the @ is not valid"),
        ("a\nbcc:x@example.com", "is not an e-mail address: the part before the @ is not valid"),
        ("Zoe <zoe@example.com>", "is not an e-mail address: the part before the @ is not valid"),
        ('"a"@example.com', "is not an e-mail address: the part before the @ is not valid"),
        ("a,b@example.com", "is not an e-mail address: the part before the @ is not valid"),
        ("a@", "is not an e-mail address: the part after the @ is not a domain"),
        ("a@example", "is not an e-mail address: the part after the @ is not a domain"),
        ("a@localhost", "is not an e-mail address: the part after the @ is not a domain"),
        ("a@example.c", "is not an e-mail address: the part after the @ is not a domain"),
        ("a@example.123", "is not an e-mail address: the part after the @ is not a domain"),
        ("a@127.0.0.1", "is not an e-mail address: the part after the @ is not a domain"),
        ("a@-b.com", "is not an e-mail address: the part after the @ is not a domain"),
        ("a@b-.com", "is not an e-mail address: the part after the @ is not a domain"),
        ("a@b..com", "is not an e-mail address: the part after the @ is not a domain"),
        ("a@b.com.", "is not an e-mail address: the part after the @ is not a domain"),
        (f"a@{'b' * 64}.com", "is not an e-mail address: the part after the @ is not a domain"),
        ("a@b_c.com", "is not an e-mail address: the part after the @ is not a domain"),
    ],
)
def test_an_address_that_no_mail_can_reach_is_refused_in_plain_words(given: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        email_address.normalise(given)
    assert str(caught.value) == problem


def test_a_kelvin_sign_is_not_taken_for_a_k() -> None:
    with pytest.raises(ValueError, match="outside ASCII"):
        email_address.normalise("\u212aim@example.com")


@given(st.text(st.characters()) | st.emails())
def test_an_address_once_spelt_stays_so_and_anything_else_is_a_value_error(text: str) -> None:
    try:
        address = email_address.normalise(text)
    except ValueError:
        return
    assert email_address.normalise(address) == address
    assert address.isascii()
    assert address == address.strip().lower()
    assert len(address) <= 254
