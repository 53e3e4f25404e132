from __future__ import annotations

import pytest

from christmas_campaign.campaign import business_systems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GPS", "GPS"),
        ("GPS System", "GPS"),
        ("GPS_System", "GPS"),
        ("weakest_gps", "GPS"),
        ("CREW System", "CREW"),
        ("the engine", "ENGINE"),
        ("Fuel (money)", "FUEL"),
        ("Cabin:", "CABIN"),
        ("COCKPIT", "COCKPIT"),
        ("your RADAR, please", "RADAR"),
        ("autopilot", "AUTOPILOT"),
        ("RADAR and CREW", "RADAR"),
        ("Money System", None),
        ("screw", None),
        ("Engineering", None),
        ("GPS2", None),
        ("", None),
    ],
)
def test_a_system_is_found_by_name_within_the_text(text: str, expected: str | None) -> None:
    assert business_systems.find(text) == expected


def test_each_of_the_eight_systems_has_a_tip_of_its_own() -> None:
    assert list(business_systems.TIPS) == ["GPS", "CREW", "ENGINE", "FUEL", "CABIN", "COCKPIT", "RADAR", "AUTOPILOT"]
    assert len({*business_systems.TIPS.values(), business_systems.GENERAL_TIP}) == 9
    assert all(tip.strip() == tip and tip for tip in business_systems.TIPS.values())


def test_whose_tips_are_given_when_no_system_is_known() -> None:
    assert (business_systems.FALLBACK_WEAKEST, business_systems.FALLBACK_SECOND) == ("GPS", "CREW")
