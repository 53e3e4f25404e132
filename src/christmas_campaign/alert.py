"""The alert: what the team reads in Discord when somebody needs a call at once."""

from __future__ import annotations

from typing import Any

from christmas_campaign.intake import Event
from christmas_campaign.segments import Segment

#: The most characters of one text of the contact's within a message: Discord takes 2,000 in all.
LONGEST = 200


def alert(event: Event, segment: Segment) -> dict[str, Any] | None:
    """Return the body of the Discord message about a signup, or ``None`` when its segment asks for none."""
    if not segment.alert:
        return None
    lines = [
        f"**{segment.name}** (priority {segment.priority}): {_text(event, 'business_name')}",
        f"{segment.description} {segment.characteristics}",
        f"To do: {segment.action}",
        f"Contact: {_text(event, 'first_name')}, {event.email}. Score {event.value('assessment_score')} of 100;"
        f" red {event.value('red_systems')}, orange {event.value('orange_systems')}.",
    ]
    # Whatever a name holds, nobody is called by it: no @everyone, no link that unfolds.
    return {"content": "\n".join(lines), "allowed_mentions": {"parse": []}, "flags": 4}


def _text(event: Event, name: str) -> str:
    said = " ".join(str(event.value(name)).split())
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
