from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.campaign import email_address

NO_AT = "is not an e-mail address: it has no @"
TOO_LONG = "is not an e-mail address: it is too long"
NOT_ASCII = "is not an e-mail address that can be sent to: it has a letter outside ASCII before the @"
LOCAL_PART = "is not an e-mail address: the part before the @ is not valid"
DOMAIN = "is not an e-mail address: the part after the @ is not a domain"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("  Zoe@Example.COM\n", "zoe@example.com"),
        ("info@beauté-salon.ca", "info@xn--beaut-salon-fbb.ca"),
        (" Info@BEAUTÉ-Salon.CA", "info@xn--beaut-salon-fbb.ca"),
        ("info@beaute\u0301-salon.ca", "info@xn--beaut-salon-fbb.ca"),
        ("a@straße.example", "a@xn--strae-oqa.example"),
        ("a@sub.beauté.ca", "a@sub.xn--beaut-fsa.ca"),
        ("a@пример.рф", "a@xn--e1afmkfd.xn--p1ai"),
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
        (["zoë@example.com", "\u212aim@example.com", "zoë@bücher.example"], NOT_ASCII),
        (
            ["zoe@\u212aim.com", "zoe@exam\uff4dple.com", "zoe@bü\u200bcher", "zoe@ü..com"],
            DOMAIN,
        ),
        ([f"{'a' * 65}@example.com", f"a@{'b.' * 125}com"], TOO_LONG),
        (
            [
                "@example.com",
                "a@b@example.com",
                "a@b@bücher.example",
                ".a@example.com",
                "a.@example.com",
                "a..b@example.com",
            ],
            LOCAL_PART,
        ),
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


@pytest.mark.parametrize(
    ("address", "readable"),
    [
        ("a@xn--strae-oqa.example", "a@straße.example"),
        ("xn--a@sub.xn--e1afmkfd.xn--p1ai", "xn--a@sub.пример.рф"),
        ("zoe@example.com", "zoe@example.com"),
        ("a@xn--\u00fc.com", "a@xn--\u00fc.com"),
    ],
)
def test_readable_address_has_the_letters_of_its_domain(address: str, readable: str) -> None:
    assert email_address.readable(address) == readable


@pytest.mark.parametrize("value", [" Zoe@Example.com", "zoe@example.com"])
def test_same_address_may_be_spelled_otherwise(value: str) -> None:
    assert email_address.is_same(value, "zoe@example.com")


@pytest.mark.parametrize("value", [None, 5, "", "zoe", "joanzoe@example.com", "zoë@example.com"])
def test_other_value_is_not_the_address(value: object) -> None:
    assert not email_address.is_same(value, "zoe@example.com")
