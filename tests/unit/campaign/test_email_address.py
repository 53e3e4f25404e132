from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.campaign import email_address

NO_AT = "is not an e-mail address: it has no @"
TOO_LONG = "is not an e-mail address: it is too long"
NOT_ASCII = "is not an e-mail address that can be sent to: it has a letter outside ASCII"
LOCAL_PART = "is not an e-mail address: the part before the @ is not valid"
DOMAIN = "is not an e-mail address: the part after the @ is not a domain"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("  Zoe@Example.COM\n", "zoe@example.com"),
        *(
            (address, address)
            for address in (
                "a.b+c_d-e'f@sub.example.co",
                "!#$%&'*+/=?^_`{|}~-@example.com",
                "1@2.example",
                "a@xn--bcher-kva.example",
                f"{'a' * 64}@example.com",
                f"a@{'b' * 63}.com",
                f"a@{'b.' * 124}comm",
            )
        ),
    ],
)
def test_valid_address_is_normalised(text: str, address: str) -> None:
    assert email_address.normalise(text) == address


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["", "zoe.example.com"], NO_AT),
        # The Kelvin sign becomes an ASCII k in lower case.
        (["zoë", "zoë@example.com", "zoe@bücher.example", "\u212aim@example.com"], NOT_ASCII),
        ([f"{'a' * 65}@example.com", f"a@{'b.' * 125}com"], TOO_LONG),
        (["@example.com", "a@b@example.com", ".a@example.com", "a.@example.com", "a..b@example.com"], LOCAL_PART),
        (["a b@example.com", "a\nbcc:x@example.com", "Zoe <zoe@example.com>", '"a"@example.com'], LOCAL_PART),
        (["a@", "a@example", "a@example.c", "a@example.123", "a@127.0.0.1", "a@-b.com", "a@b-.com"], DOMAIN),
        (["a@b..com", "a@b.com.", f"a@{'b' * 64}.com", "a@b_c.com"], DOMAIN),
    ],
)
def test_invalid_address_is_refused(texts: list[str], problem: str) -> None:
    for text in texts:
        with pytest.raises(ValueError, match=r".") as caught:
            email_address.normalise(text)
        assert str(caught.value) == problem, text


@given(st.text(st.characters()) | st.emails())
def test_normalised_address_stays_the_same(text: str) -> None:
    try:
        address = email_address.normalise(text)
    except ValueError:
        return
    assert email_address.normalise(address) == address == address.strip().lower()
    assert address.isascii()
    assert len(address) <= 254
