from __future__ import annotations

import pytest

from christmas_campaign.campaign import names


@pytest.mark.parametrize(
    "name",
    [
        "Zoë",
        "",
        "Lệ Ngọc O'Neil-Smith",
        "Salon.ca",
        "Booking.com",
        "A/B Salon",
        "Ana @ the salon",
        "St. Ives",
        "x" * 80,
        f" {'x' * 80} ",
    ],
)
def test_name_may_be_shown(name: str) -> None:
    assert names.is_usable(name)


@pytest.mark.parametrize(
    "name",
    [
        "You won 500 dollars: https://spam.example.com/x",
        "HTTP://spam.example.com",
        "Call www.spam.example.com",
        "mailto:spam",
        "write to win@spam.example.com",
        "see bit.ly/win",
        "x" * 81,
    ],
)
def test_name_with_an_address_or_of_great_length_is_not_shown(name: str) -> None:
    assert not names.is_usable(name)
    values = {"first_name": name, "business_name": "A salon", "call_notes": name, "other": None}
    assert names.without_unusable(values) == {"business_name": "A salon", "call_notes": name, "other": None}
