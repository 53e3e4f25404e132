"""The facts of the campaign, each in this one place. What differs between installations is a setting: see ``settings``."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

#: The campaign's name, in responses to the website and in the select ``Campaign`` of sequence and analytics pages.
NAME = "Christmas 2025"

#: The name in the responses of the three other webhooks.
SERVICE_NAME = "Christmas Traditional Service"

#: The campaign of stops that were stored before stops named their campaign.
FIRST_NAME = "Christmas 2025"

#: The zone of times that come without one, and of every date that people read.
ZONE = ZoneInfo("America/Toronto")

#: The last day on which a contact can act.
DEADLINE = date(2025, 12, 5)

#: The deadline as e-mails show it.
DEADLINE_TEXT = f"{DEADLINE:%B} {DEADLINE.day}, {DEADLINE.year}"

#: The name in the From header. The address is a setting, because Resend must have verified its domain.
SENDER_NAME = "Sang Le - BusOS"

#: Placeholder values that are the same for every contact.
CONSTANTS: dict[str, str] = {
    "spots_remaining": "12",
    "bookings_count": "18",
    "sender_name": SENDER_NAME,
}

#: Placeholder values for a contact whose name or business is unknown.
UNNAMED: dict[str, str] = {"first_name": "there", "business_name": "your business"}

#: The shortest time between two e-mails of one sequence.
SPACING = timedelta(hours=1)

#: In testing mode the first e-mail is due after one unit, the second after two, and so on. The spacing is one unit too.
TESTING_UNIT = timedelta(minutes=1)
