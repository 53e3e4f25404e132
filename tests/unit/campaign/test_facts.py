from __future__ import annotations

from datetime import date

from christmas_campaign.campaign import facts


def test_facts_are_those_of_the_contract() -> None:
    assert facts.NAME == "Christmas 2025"
    assert facts.SERVICE_NAME == "Christmas Traditional Service"
    assert facts.FIRST_NAME == "Christmas 2025"
    assert facts.ZONE.key == "America/Toronto"
    assert date(2025, 12, 5) == facts.DEADLINE
    assert facts.DEADLINE_TEXT == "December 5, 2025"
    assert facts.CONSTANTS == {"spots_remaining": "12", "bookings_count": "18", "sender_name": "Sang Le - BusOS"}
