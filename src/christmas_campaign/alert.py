"""What the team reads in Discord: that somebody needs a call at once, and that something has failed."""

from __future__ import annotations

from typing import Any

from christmas_campaign import identity
from christmas_campaign.intake import Event
from christmas_campaign.reasons import WHAT_TO_DO, Reason
from christmas_campaign.segments import Segment

#: The most characters of one text of the contact's within a message: Discord takes 2,000 in all.
LONGEST = 200

#: And of what a decision says of a failure: it names every placeholder without a value.
LONGEST_DETAIL = 1_000


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


def failure(event: Event | None, enrolment: str, number: int | None, reason: Reason, detail: str) -> dict[str, str]:
    """Return what the team is told of an enrolment, or of e-mail ``number`` of one, that waits for a person.

    ``event`` is what the enrolment is about (``None``: nobody knows any more). Returns ``key``, the same for the same failure,
    and ``message``: it names nobody, `christmas failures` does.
    """
    what = "An enrolment" if number is None else f"E-mail {number}"
    of = f" of {event.sequence} (contact {identity.contact_id(event.email)})" if event else f" of {enrolment}"
    lines = [
        f"**Failed**: {what}{of}: {reason}.",
        detail if len(detail) <= LONGEST_DETAIL else f"{detail[: LONGEST_DETAIL - 1]}…",
        f"To do: {WHAT_TO_DO[reason]} `christmas failures` lists all.",
    ]
    return {"key": ".".join([enrolment, str(number or 0), reason]), "message": "\n".join(filter(None, lines))}


def _text(event: Event, name: str) -> str:
    said = " ".join(str(event.value(name)).split())
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
