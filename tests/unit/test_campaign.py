from __future__ import annotations

from datetime import date

from christmas_campaign import campaign


def test_the_facts_of_the_campaign() -> None:
    assert campaign.NAME == "Christmas 2025"
    assert campaign.SERVICE_NAME == "Christmas Traditional Service"
    assert campaign.ANALYTICS_NAME == "Christmas Campaign"
    assert campaign.ZONE.key == "America/Toronto"
    assert date(2025, 12, 5) == campaign.DEADLINE
    assert campaign.DEADLINE_TEXT == "December 5, 2025"
    assert campaign.SENDER_NAME == "Sang Le - BusOS"


def test_what_templates_may_name_without_anyone_having_said_it() -> None:
    assert campaign.CONSTANTS == {
        "spots_remaining": "12",
        "bookings_count": "18",
        "sender_name": "Sang Le - BusOS",
    }
