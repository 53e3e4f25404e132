"""The facts of the campaign. Each stands here and nowhere else; what differs from one installation to the next (addresses,
links) is a setting: see ``settings``."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

#: The campaign's name, as the website's callers read it and as the select ``Campaign`` of the sequence pages has it.
NAME = "Christmas 2025"

#: The name that callers of the three other webhooks read in the answer.
SERVICE_NAME = "Christmas Traditional Service"

#: The select ``Campaign`` of the analytics pages.
ANALYTICS_NAME = "Christmas Campaign"

#: Times without a zone are the campaign's, and so is every date shown to people.
ZONE = ZoneInfo("America/Toronto")

#: The last day on which a contact can act.
DEADLINE = date(2025, 12, 5)

#: The deadline as e-mails show it.
DEADLINE_TEXT = f"{DEADLINE:%B} {DEADLINE.day}, {DEADLINE.year}"

#: The name in the From line; the address beside it is a setting, for it must be at a domain that Resend has verified.
SENDER_NAME = "Sang Le - BusOS"

#: What templates may name without anyone having said it.
CONSTANTS: dict[str, str] = {
    "spots_remaining": "12",
    "bookings_count": "18",
    "sender_name": SENDER_NAME,
}

#: What is said of a contact whose name, or whose salon's, nobody knows.
UNNAMED: dict[str, str] = {"first_name": "there", "business_name": "your business"}

#: E-mails of one sequence are never closer than this.
SPACING = timedelta(hours=1)

#: In testing mode the first e-mail goes out after one of these, the second after two, and so on; spacing is one as well.
TESTING_UNIT = timedelta(minutes=1)
