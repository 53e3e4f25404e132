from __future__ import annotations

import pytest

from christmas_campaign.campaign import sender_settings
from christmas_campaign.campaign.sender_settings import NO_SETTINGS, SenderSettings
from christmas_campaign.campaign.settings import InvalidSetting


@pytest.mark.parametrize("raw", [{}, {"sales_call_types": None, "own_domains": " , "}])
def test_empty_settings_are_none(raw: dict[str, object]) -> None:
    assert sender_settings.read(raw) == NO_SETTINGS == SenderSettings(frozenset(), frozenset())


def test_lists_are_separated_by_commas() -> None:
    raw = {"sales_call_types": " Diagnostic Call,diagnostic ,, https://x/AAA", "own_domains": "Example.com, @beauté.ca"}
    assert sender_settings.read(raw) == SenderSettings(
        frozenset({"diagnostic call", "diagnostic", "https://x/aaa"}), frozenset({"example.com", "xn--beaut-fsa.ca"})
    )


@pytest.mark.parametrize("domains", ["example", "a@example.com", "example.com; example.org"])
def test_text_that_is_no_domain_is_named(domains: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        sender_settings.read({"own_domains": domains})
    assert str(caught.value) == (
        "ENV_OWN_DOMAINS must be domains such as example.com, separated by commas: correct the one that is none"
    )


SALES_CALL = SenderSettings(sales_call_types=frozenset({"diagnostic", "discovery call"}))


@pytest.mark.parametrize(
    ("names", "counts"),
    [([], True), (["Coffee"], False), (["coffee", " Discovery Call "], True), (["DIAGNOSTIC"], True)],
)
def test_call_counts_if_one_name_of_its_type_is_listed(names: list[str], counts: bool) -> None:
    assert SALES_CALL.counts(names) is counts
    assert NO_SETTINGS.counts(names)


@pytest.mark.parametrize(
    ("email", "is_own"),
    [(" Sang@Example.COM", True), ("sang@mail.example.com", False), ("sang@example.org", False), ("sang", False)],
)
def test_own_address_has_an_own_domain(email: str, is_own: bool) -> None:
    assert SenderSettings(own_domains=frozenset({"example.com"})).is_own(email) is is_own
