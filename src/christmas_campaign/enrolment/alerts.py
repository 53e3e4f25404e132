"""What the team reads in Discord: that somebody needs a call at once, and that something has failed."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Reason
from christmas_campaign.campaign.segments import Segment
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values
from christmas_campaign.sequences.registry import sequence

#: The most characters of one text of the contact's within a message: Discord takes 2,000 in all.
LONGEST = 200

#: And of what a decision says of a failure: it names every placeholder without a value.
LONGEST_DETAIL = 1_000


def alert(event: Event, segment: Segment) -> JsonObject | None:
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


class TeamAlert(TypedDict):
    """The input of the flow `tell`: ``key`` is the same for the same failure, ``message`` is the text of the alert."""

    key: str
    message: str


class Pages(NamedTuple):
    """The ids of a contact's pages in Notion: in Email Sequence, and in BusinessX (``None``: not known, or not there)."""

    sequence: str | None = None
    contact: str | None = None


class About(NamedTuple):
    """Whom and what an alert is about, in words without an address or a name."""

    subject: str
    contact: str

    def as_json(self) -> dict[str, str]:
        """Return it for a flow."""
        return self._asdict()


def about(event: Event | None, enrolment: str, number: int | None, pages: Pages) -> About:
    """Return what an alert says of an enrolment, or of e-mail ``number`` of one.

    ``event`` is what the enrolment is about; ``None`` if it is not kept any more.
    """
    contact = f"Contact {opaque_ids.contact_id(event.email)}" if event else f"Contact of the enrolment {enrolment}"
    if pages.sequence:
        where = page_values.link(pages.sequence)
    elif pages.contact:
        where = f"no page in Email Sequence yet; in BusinessX {page_values.link(pages.contact)}"
    else:
        where = "no page in Notion is known"
    # The id of an enrolment begins with its sequence.
    return About(subject(event.sequence if event else enrolment.rpartition("-")[0], number), f"{contact}: {where}")


def subject(name: str, number: int | None) -> str:
    """Return the words for an e-mail of the sequence ``name``, or for an enrolment in it: the sequence, the number and of how
    many, the template."""
    if number is None:
        return f"{name}, the enrolment"
    found = template(name, number)
    return (
        f"{name}, e-mail {number} of {sequence(name).last} (template {found})" if found else f"{name}, e-mail {number}"
    )


def template(name: str, number: int) -> str | None:
    """Return the template of an e-mail; ``None`` if this version knows no such sequence or e-mail."""
    try:
        return sequence(name).email(number).template
    except LookupError:
        return None


def failure(
    event: Event | None, enrolment: str, number: int | None, reason: Reason, detail: str, pages: Pages | None = None
) -> TeamAlert:
    """Return what the team is told of an enrolment, or of e-mail ``number`` of one, that waits for a person.

    ``event`` is what the enrolment is about (``None``: nobody knows any more). The message has a link to the contact's page,
    and no name or address.
    """
    said = about(event, enrolment, number, pages or Pages())
    lines = [
        f"**Failed**: {said.subject}: {reason}.",
        detail if len(detail) <= LONGEST_DETAIL else f"{detail[: LONGEST_DETAIL - 1]}…",
        f"{said.contact}.",
        f"To do: {WHAT_TO_DO[reason]} `christmas failures` lists all.",
    ]
    return {"key": ".".join([enrolment, str(number or 0), reason]), "message": "\n".join(filter(None, lines))}


def _text(event: Event, name: str) -> str:
    said = " ".join(str(event.value(name)).split())
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
