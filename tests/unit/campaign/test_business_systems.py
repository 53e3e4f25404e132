from __future__ import annotations

import pytest

from christmas_campaign.campaign import business_systems


@pytest.mark.parametrize(
    ("text", "system"),
    [
        *((system, system) for system in business_systems.TIPS),
        ("GPS_System", "GPS"),
        ("weakest_gps", "GPS"),
        ("Fuel (money)", "FUEL"),
        ("your RADAR, and CREW", "RADAR"),
        *((text, None) for text in ("Money System", "screw", "Engineering", "GPS2", "")),
    ],
)
def test_first_system_in_the_text_is_returned(text: str, system: str | None) -> None:
    assert business_systems.find(text) == system


def test_every_system_has_its_own_tip() -> None:
    assert list(business_systems.TIPS) == ["GPS", "CREW", "ENGINE", "FUEL", "CABIN", "COCKPIT", "RADAR", "AUTOPILOT"]
    assert len({*business_systems.TIPS.values(), business_systems.GENERAL_TIP}) == 9
    assert all(tip.strip() == tip and tip for tip in business_systems.TIPS.values())
