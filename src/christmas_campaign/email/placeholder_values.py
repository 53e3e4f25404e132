"""Where the value of a placeholder comes from: seven sources, and the first that has one wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from christmas_campaign.campaign import business_systems, facts, times, unsubscribe_link
from christmas_campaign.campaign.segments import classify
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import footer, template_text
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.registry import sequence


class Source(NamedTuple):
    """One source: its name for people, and the values it has."""

    name: str
    values: Mapping[str, Plain]


def derive(given: Mapping[str, Plain]) -> dict[str, Plain]:
    """Return what can be computed from a signup's fields, under every name that templates use for it.

    Only from what is there: without a leak there is no yearly leak. Counts of systems that nobody gave are 0 for the
    segment once there is a score.
    """
    found: dict[str, Plain] = {}
    if "assessment_score" in given:
        found["overall_score"] = given["assessment_score"]
        segment = classify(field_types.whole(given.get("red_systems")), field_types.whole(given.get("orange_systems")))
        found["segment"] = segment.name
        found["readiness_zone"] = segment.zone
    if "weakest_system_1" in given:
        found["WeakestSystem1"] = found["weakest_system"] = given["weakest_system_1"]
        system = business_systems.find(str(given["weakest_system_1"]))
        if system:
            found["personalized_tip_1"] = business_systems.TIPS[system]
    if "weakest_system_2" in given:
        found["WeakestSystem2"] = given["weakest_system_2"]
        system = business_systems.find(str(given["weakest_system_2"]))
        if system:
            found["personalized_tip_2"] = business_systems.TIPS[system]
    if "strongest_system" in given:
        found["StrongestSystem"] = given["strongest_system"]
    if "revenue_leak_total" in given:
        leak = field_types.whole(given["revenue_leak_total"])
        found["TotalRevenueLeak"] = leak
        # Half up, in whole numbers: 14,500 is 15 thousand.
        found["TotalRevenueLeak_K"] = (leak + 500) // 1000
        found["AnnualRevenueLeak"] = leak * 12
    return found


def dates_for_people(sequence_name: str, given: Mapping[str, Plain]) -> dict[str, Plain]:
    """Return each time among the fields of a payload as people read it, under its field's name and ``_text``: a field that is
    called a date, and what was given as one, without the time of day."""
    found: dict[str, Plain] = {}
    for field in sequence(sequence_name).fields:
        if field.kind is field_types.time and field.name in given:
            said = str(given[field.name])
            day_alone = field.name.endswith("_date") or times.is_date(said)
            write = times.day_for_people if day_alone else times.moment_for_people
            found[f"{field.name}_text"] = write(times.parse(said))
    return found


def unsubscribe_url(email: str, settings: Settings) -> str | None:
    """Return the address of the page by which the contact with this address unsubscribes, or ``None`` when a setting for it is
    missing."""
    if settings.public_url is None or settings.unsubscribe_keys is None:
        return None
    return unsubscribe_link.url(settings.public_url, settings.unsubscribe_keys, opaque_ids.contact_id(email))


def _of_this_email(event: Event, scheduled: datetime, settings: Settings) -> dict[str, Plain]:
    today: date = scheduled.astimezone(facts.ZONE).date()
    found: dict[str, Plain] = {
        "days_to_deadline": max(0, (facts.DEADLINE - today).days),
        "deadline_date": facts.DEADLINE_TEXT,
        "personalized_tip_3": business_systems.GENERAL_TIP,
        footer.MAIL_REASON: sequence(event.sequence).mail_reason,
    }
    if settings.postal_address:
        found[footer.POSTAL_ADDRESS] = settings.postal_address
    unsubscribe = unsubscribe_url(event.email, settings)
    if unsubscribe:
        found[footer.UNSUBSCRIBE] = unsubscribe
    return found


def _defaults(event: Event) -> dict[str, Plain]:
    found: dict[str, Plain] = {
        **facts.UNNAMED,
        "personalized_tip_1": business_systems.TIPS[business_systems.FALLBACK_WEAKEST],
        "personalized_tip_2": business_systems.TIPS[business_systems.FALLBACK_SECOND],
        **event.defaults,
    }
    own = sequence(event.sequence).defaults
    # The tips are not derived from them: without a second weakest system the tip is CREW's, not FUEL's.
    return {**derive(own), **own, **found}


def sources(
    event: Event,
    *,
    scheduled: datetime,
    signup: Mapping[str, Plain],
    contact: Mapping[str, Any],
    settings: Settings,
) -> tuple[Source, ...]:
    """Return the sources for one e-mail, the first to be asked first.

    ``scheduled`` is the e-mail's scheduled time (aware), ``signup`` what this contact's signup in this campaign said (empty if
    there was none, and for the signup's own e-mails), ``contact`` the plain values of the contact's page in Notion. A
    template's own ``|…`` is asked before the last source.
    """
    computed = {**derive(event.fields), **dates_for_people(event.sequence, event.fields)}
    return (
        Source("payload", {**_of_this_email(event, scheduled, settings), **computed, **event.fields}),
        Source("variables", event.variables),
        Source("signup", {**derive(signup), **{name: value for name, value in signup.items() if name != "email"}}),
        Source("contact", {name: value for name, value in contact.items() if value is not None}),
        Source("campaign", {**facts.CONSTANTS, **settings.links, "sender_name": settings.sender_name}),
        Source("defaults", _defaults(event)),
    )


def find(placeholder: template_text.Placeholder, asked: Sequence[Source]) -> tuple[str, str] | None:
    """Return a placeholder's value as text and the name of the source that had it, or ``None`` when none has.

    Blank text and empty lists are no values. The template's own ``|…`` comes right before the last of ``asked``.
    """
    for source in asked[:-1]:
        text = _text(source.values.get(placeholder.name))
        if text is not None:
            return text, source.name
    if placeholder.fallback is not None:
        return placeholder.fallback, "template"
    text = _text(asked[-1].values.get(placeholder.name))
    return None if text is None else (text, asked[-1].name)


def _text(value: Plain | None) -> str | None:
    if value is None:
        return None
    text = field_types.as_text(value)
    return text if text.strip() else None
