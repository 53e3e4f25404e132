"""Find the value of a placeholder. There are seven sources, and the first one with a value wins.

The order: payload, variables, signup, contact, campaign, the template's own ``|fallback``, defaults.

Every value also has forms for readers: ``{{payment_amount_money}}`` is ``$14,700``, ``{{call_date_day}}`` is ``November 26``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from christmas_campaign.campaign import business_systems, facts, times, unsubscribe_link
from christmas_campaign.campaign.segments import classify
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import footer, template_text
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.registry import sequence

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?")

#: The counts of a signup's business systems. ``systems_counted`` is their sum: 0 if nobody counted.
SYSTEM_COUNTS = ("red_systems", "orange_systems", "yellow_systems", "green_systems")


class Source(NamedTuple):
    """A source of placeholder values: its name, and its values by placeholder name."""

    name: str
    values: Mapping[str, Plain]


def derive(fields: Mapping[str, Plain]) -> dict[str, Plain]:
    """Return the values that are computed from a signup's fields, under every name that templates use.

    A value is left out when its field is missing. The segment needs only a score; missing counts of systems are 0 for it.
    """
    values: dict[str, Plain] = {}
    if "assessment_score" in fields:
        values["overall_score"] = fields["assessment_score"]
        segment = classify(
            field_types.whole(fields.get("red_systems")), field_types.whole(fields.get("orange_systems"))
        )
        values["segment"] = segment.name
        values["readiness_zone"] = segment.zone
    counts = [fields[name] for name in SYSTEM_COUNTS if name in fields]
    if counts:
        values["systems_counted"] = sum(map(field_types.whole, counts))
    if "weakest_system_1" in fields:
        values["WeakestSystem1"] = values["weakest_system"] = fields["weakest_system_1"]
        system = business_systems.find(str(fields["weakest_system_1"]))
        if system:
            values["personalized_tip_1"] = business_systems.TIPS[system]
    if "weakest_system_2" in fields:
        values["WeakestSystem2"] = fields["weakest_system_2"]
        system = business_systems.find(str(fields["weakest_system_2"]))
        if system:
            values["personalized_tip_2"] = business_systems.TIPS[system]
    if "strongest_system" in fields:
        values["StrongestSystem"] = fields["strongest_system"]
    if "revenue_leak_total" in fields:
        leak = field_types.whole(fields["revenue_leak_total"])
        values["TotalRevenueLeak"] = leak
        # In thousands, rounded half up: 14,500 gives 15.
        values["TotalRevenueLeak_K"] = (leak + 500) // 1000
        values["AnnualRevenueLeak"] = leak * 12
    return values


def dates_for_people(sequence_name: str, fields: Mapping[str, Plain]) -> dict[str, Plain]:
    """Return the times among a payload's fields as words, under the field's name plus ``_text``.

    They are in the contact's zone if the payload names it, otherwise in the campaign's. A time of day names its zone.
    The time of day is left out when the field's name ends in ``_date`` or its value is a date alone.
    """
    values: dict[str, Plain] = {}
    zone = times.zone(fields.get("time_zone")) or facts.ZONE
    for field in sequence(sequence_name).fields:
        if field.kind is field_types.time and field.name in fields:
            iso_time = str(fields[field.name])
            day_alone = field.name.endswith("_date") or times.is_date(iso_time)
            moment = times.parse(iso_time)
            # A day alone is one of the campaign's zone, whatever the contact's is.
            words = times.day_for_people(moment) if day_alone else times.moment_for_people(moment, zone)
            values[f"{field.name}_text"] = words
    return values


def unsubscribe_url(email: str, settings: Settings) -> str | None:
    """Return the URL of the page where the contact with this address unsubscribes, or ``None`` when a setting is missing."""
    if settings.public_url is None or settings.unsubscribe_keys is None:
        return None
    return unsubscribe_link.url(settings.public_url, settings.unsubscribe_keys, opaque_ids.contact_id(email))


def _of_this_email(event: Event, scheduled: datetime, settings: Settings) -> dict[str, Plain]:
    today: date = scheduled.astimezone(facts.ZONE).date()
    values: dict[str, Plain] = {
        "days_to_deadline": max(0, (facts.DEADLINE - today).days),
        "deadline_date": facts.DEADLINE_TEXT,
        "deadline_day": f"{facts.DEADLINE:%B} {facts.DEADLINE.day}",
        "personalized_tip_3": business_systems.GENERAL_TIP,
        footer.MAIL_REASON: sequence(event.sequence).mail_reason,
    }
    if settings.postal_address:
        values[footer.POSTAL_ADDRESS] = settings.postal_address
    unsubscribe = unsubscribe_url(event.email, settings)
    if unsubscribe:
        values[footer.UNSUBSCRIBE] = unsubscribe
    return values


def _defaults(event: Event) -> dict[str, Plain]:
    fallbacks: dict[str, Plain] = {
        **facts.UNNAMED,
        "personalized_tip_1": business_systems.TIPS[business_systems.FALLBACK_WEAKEST],
        "personalized_tip_2": business_systems.TIPS[business_systems.FALLBACK_SECOND],
        **event.defaults,
    }
    own = sequence(event.sequence).defaults
    # ``fallbacks`` comes last because of the tips: without a second weakest system the tip is CREW's, although the sequence's
    # default system is FUEL.
    return {**derive(own), **own, **fallbacks}


def sources(
    event: Event,
    *,
    scheduled: datetime,
    signup: Mapping[str, Plain],
    contact: Mapping[str, Any],
    settings: Settings,
) -> tuple[Source, ...]:
    """Return the sources of values for one e-mail, in the order in which ``find`` searches them.

    ``scheduled`` is the e-mail's scheduled time (aware). ``signup`` holds the fields of the contact's signup in this campaign;
    it is empty if there was none, and for the signup's own e-mails. ``contact`` holds the plain values of the contact's page in
    BusinessX.
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


def find(placeholder: template_text.Placeholder, candidates: Sequence[Source]) -> tuple[str, str] | None:
    """Return a placeholder's value as text and the name of its source, or ``None`` when no source has a value.

    Blank text and empty lists count as no value. The placeholder's own fallback comes right before the last of ``candidates``.
    """
    for source in candidates[:-1]:
        value = _value(source, placeholder.name)
        if value is not None:
            return value.text, source.name
    if placeholder.fallback is not None:
        return placeholder.fallback, "template"
    value = _value(candidates[-1], placeholder.name)
    return None if value is None else (value.text, candidates[-1].name)


def is_told(name: str, candidates: Sequence[Source]) -> bool:
    """Return whether somebody told the value that a placeholder of this name shows, and it is not zero or false.

    Neither the template's own fallback nor the defaults, the last of ``candidates``, tell anything about the contact.
    """
    values = (_value(source, name) for source in candidates[:-1])
    value = next((value for value in values if value is not None), None)
    return value is not None and not _is_nothing(value.plain)


class _Value(NamedTuple):
    """The value of a source, and the text that a placeholder shows of it."""

    plain: Plain
    text: str


def _value(source: Source, name: str) -> _Value | None:
    """Return the value of a name, or of the name without ``_money`` or ``_day``, in that form for readers."""
    plain = source.values.get(name)
    text = _text(plain)
    if plain is not None and text is not None:
        return _Value(plain, text)
    for suffix, in_words in _FORMS.items():
        # A name without the ending has no value here, as was just found out.
        plain = source.values.get(name.removesuffix(suffix))
        if plain is not None and _text(plain) is not None:
            return _Value(plain, in_words(plain, times.zone(source.values.get("time_zone")) or facts.ZONE))
    return None


def base_name(name: str) -> str:
    """Return a name without the ending that asks for the form for readers: ``payment_date`` for ``payment_date_day``."""
    for suffix in _FORMS:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def _is_nothing(value: Plain) -> bool:
    number = _as_number(value)
    return number == 0 or (isinstance(value, str) and value.strip().lower() == "false")


def _as_number(value: Plain) -> int | float | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    return value if isinstance(value, int | float) else None


def _in_dollars(value: Plain, _zone: ZoneInfo) -> str:
    """Write an amount: ``$14,700``, ``$49.90``. A text that is not a number stays as it is."""
    number = _as_number(value)
    if number is None or isinstance(value, bool):
        return field_types.as_text(value)
    sign, amount = ("-" if number < 0 else ""), round(abs(number), 2)
    return f"{sign}${amount:,.0f}" if float(amount).is_integer() else f"{sign}${amount:,.2f}"


def _as_day(value: Plain, zone: ZoneInfo) -> str:
    """Write a date or a time as its day: ``November 26``. A text that is neither stays as it is."""
    text = field_types.as_text(value)
    try:
        moment = times.parse(text)
    except ValueError:
        return text
    # A day alone is one of the campaign's zone, whatever the contact's is.
    day = moment.astimezone(facts.ZONE if times.is_date(text) else zone)
    return f"{day:%B} {day.day}"


_FORMS: dict[str, Callable[[Plain, ZoneInfo], str]] = {"_money": _in_dollars, "_day": _as_day}


def _text(value: Plain | None) -> str | None:
    if value is None:
        return None
    text = field_types.as_text(value)
    return text if text.strip() else None
