"""The eight BusOS business systems and a tip for each."""

from __future__ import annotations

import re

TIPS: dict[str, str] = {
    "GPS": "Write down one number that tells you each Monday whether last week was a good one, and look at it with your team.",
    "CREW": "Give every person on your team one task that is theirs alone, and ask them on Friday how it went.",
    "ENGINE": "Walk through one appointment as a client would, and take away the first thing that makes her wait.",
    "FUEL": "List your ten best-selling services with their true cost, and raise the price of the one that earns you least.",
    "CABIN": "Call three clients who have not come back for ninety days and ask them one question: what was missing?",
    "COCKPIT": "Block two hours a week in which you work on the salon and not in it, and keep them as you keep an appointment.",
    "RADAR": "Ask every new client how she found you, write it down for two weeks, and do more of what you then see.",
    "AUTOPILOT": "Choose one message that you type every day, write it well once, and let your booking tool send it for you.",
}

#: A tip that fits everyone.
GENERAL_TIP = "Pick one thing, do it this week, and only then pick the next: one finished change beats five begun."

#: The systems whose tips are used when the payload names no weakest or second weakest system.
FALLBACK_WEAKEST = "GPS"
FALLBACK_SECOND = "CREW"

# A name next to a letter or digit is part of another word. An underscore ends a word ("GPS_System").
_NAMES = re.compile(rf"(?<![^\W_])({'|'.join(TIPS)})(?![^\W_])", re.IGNORECASE)


def find(text: str) -> str | None:
    """Return the first system that is named in ``text``, such as GPS for "GPS System", or ``None``."""
    match = _NAMES.search(text)
    return match.group(1).upper() if match else None
