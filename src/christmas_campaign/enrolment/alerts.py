"""Discord alerts for the owner's team: a signup that needs a call at once, and an enrolment or e-mail that failed."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from christmas_campaign.campaign import facts
from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Reason
from christmas_campaign.campaign.segments import Segment
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values
from christmas_campaign.sequences.registry import sequence

#: The most characters of one field of the payload in a message. Discord takes 2,000 characters a message.
MAX_FIELD_LENGTH = 200

#: The most characters of a failure's detail, which may list every placeholder without a value.
MAX_DETAIL_LENGTH = 1_000


def signup_alert(event: Event, segment: Segment) -> JsonObject | None:
    """Return the body of the Discord message about a signup; ``None`` if its segment asks for no alert."""
    if not segment.alert:
        return None
    lines = [
        f"**{segment.name}** (priority {segment.priority}): {_field_text(event, 'business_name')}",
        f"{segment.description} {segment.characteristics}",
        f"To do: {segment.action}",
        f"Contact: {_field_text(event, 'first_name')}, {event.email}. Score {event.value('assessment_score')} of 100;"
        f" red {event.value('red_systems')}, orange {event.value('orange_systems')}.",
    ]
    # A name may contain "@everyone" or a link. Discord neither notifies anybody nor shows a preview (flag 4).
    return {"content": "\n".join(lines), "allowed_mentions": {"parse": []}, "flags": 4}


class TeamAlert(TypedDict):
    """The input of the flow `tell`: ``key`` identifies the failure, ``message`` is the text of the alert."""

    key: str
    message: str


class Pages(NamedTuple):
    """The ids of a contact's pages in Email Sequence (``sequence``) and BusinessX (``contact``); ``None`` if unknown."""

    sequence: str | None = None
    contact: str | None = None


class About(NamedTuple):
    """What an alert is about: the enrolment or e-mail (``subject``), and the contact without name or address."""

    subject: str
    contact: str

    def as_json(self) -> dict[str, str]:
        """Return the two texts by name, as a flow reads them."""
        return self._asdict()


def about(event: Event | None, enrolment: str, number: int | None, pages: Pages) -> About:
    """Return what an alert about an enrolment, or about its e-mail ``number``, is about.

    ``event`` is the event of the enrolment; ``None`` if Kestra no longer has its record.
    """
    contact = f"Contact {opaque_ids.contact_id(event.email)}" if event else f"Contact of the enrolment {enrolment}"
    if pages.sequence:
        page = page_values.link(pages.sequence)
    elif pages.contact:
        page = f"no page in Email Sequence yet; in BusinessX {page_values.link(pages.contact)}"
    else:
        page = "no page in Notion is known"
    name = event.sequence if event else opaque_ids.sequence_name(enrolment)
    return About(subject(name, number), f"{contact}: {page}")


def subject(name: str, number: int | None) -> str:
    """Return the words for e-mail ``number`` of the sequence ``name``, or for an enrolment in it (``number`` is ``None``).

    An e-mail that this release has is named with its template and the number of the sequence's last e-mail.
    """
    if number is None:
        return f"{name}, the enrolment"
    template_name = template(name, number)
    if template_name is None:
        return f"{name}, e-mail {number}"
    return f"{name}, e-mail {number} of {sequence(name).last} (template {template_name})"


def template(name: str, number: int) -> str | None:
    """Return the template's name of an e-mail; ``None`` if this release does not have the sequence or the e-mail."""
    try:
        return sequence(name).email(number).template
    except LookupError:
        return None


def failure(
    event: Event | None, enrolment: str, number: int | None, reason: Reason, detail: str, pages: Pages | None = None
) -> TeamAlert:
    """Return the alert about an enrolment, or about its e-mail ``number``, that waits for a person to act.

    ``event`` is the event of the enrolment (``None``: Kestra no longer has its record); ``detail`` explains the reason. The
    message links to the contact's page and contains neither name nor address.
    """
    alert_about = about(event, enrolment, number, pages or Pages())
    lines = [
        f"**Failed**: {alert_about.subject}: {reason}.",
        _shorten(detail, MAX_DETAIL_LENGTH),
        f"{alert_about.contact}.",
        f"To do: {WHAT_TO_DO[reason]} `christmas failures` lists all.",
    ]
    return {"key": ".".join([enrolment, str(number or 0), reason]), "message": "\n".join(filter(None, lines))}


def warning(event: Event, detail: str, pages: Pages) -> TeamAlert:
    """Return the alert about a contact whom a person should look at, although the enrolment in their sequence went well.

    ``detail`` says what to look at. The alert is sent once for an enrolment, and has neither name nor address.
    """
    alert_about = about(event, event.id, None, pages)
    lines = [f"**Warning**: {alert_about.subject}.", detail, f"{alert_about.contact}."]
    return {"key": f"{event.id}.0.warning", "message": "\n".join(lines)}


def _field_text(event: Event, name: str) -> str:
    """Return a field of the event on one line, shortened."""
    value = event.value(name)
    return _shorten(" ".join(str(facts.UNNAMED.get(name) if value is None else value).split()), MAX_FIELD_LENGTH)


def _shorten(text: str, max_length: int) -> str:
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"
