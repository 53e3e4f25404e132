"""Find out which sources can give a placeholder its value.

This module searches the real sources of ``placeholder_values`` twice: once with a payload of all fields of a sequence, and once
with its required fields alone. So a new field or constant needs no change here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import placeholder_values
from christmas_campaign.email.placeholder_values import Source
from christmas_campaign.email.template_text import Placeholder
from christmas_campaign.events.intake import Event
from christmas_campaign.notion import schema
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.model import Field
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.sequences.signup import SIGNUP

# Any moment will do: only the names and the kinds of the values matter.
_MOMENT = datetime(2025, 11, 20, 15, tzinfo=UTC)

# Sample text. The second one names a business system, so that the values computed from a system have a sample too.
_WORDS = "some words"
_WORDS_WITH_A_SYSTEM = "the GPS system"
_ADDRESS = "https://example.com/x"
_OTHERS: tuple[Plain, ...] = (1, True, "2025-11-20T15:00:00-05:00", "a@example.com")

_WHOLE_ADDRESS = re.compile(r"(?:https?://|mailto:|tel:|sms:)[^\s<>\"']+")
_NOT_IN_AN_ADDRESS = re.compile(r"[\s<>\"'&]")
_CALLED_AN_ADDRESS = re.compile(r"(?:ur[li]|link)\s*$", re.IGNORECASE)
# How similar two names must be, from 0 to 1. "frist_name" and "first_name" reach 0.9, "bookings_count" and "booking_uri" 0.7.
_SIMILAR = 0.8
_NOTION: dict[str, Plain] = {"number": 1, "checkbox": False, "date": "2025-11-20", "email": "a@example.com"}


#: The sources that tell something about the contact or the campaign. The payload's variables do too, under any name.
TELLING = ("payload", "signup", "contact", "campaign")


class Origin(NamedTuple):
    """A source that can have a placeholder's value.

    - ``source``: its name, from ``placeholder_values.find``.
    - ``certain``: whether it has a value for every contact, and not only for some.
    - ``sample``: an example value of the right kind (``None``: any value is possible).
    - ``needs``: the optional payload field from which the value is computed, if any.
    """

    source: str
    certain: bool
    sample: str | None
    needs: str | None = None


def is_address_by_name(name: str) -> bool:
    """Return whether a placeholder's name says that its value is an address: ``reschedule_url``, ``Proposal Link``."""
    return bool(_CALLED_AN_ADDRESS.search(name))


class Origins:
    """The possible sources of values for the templates of one sequence, with these settings."""

    def __init__(self, sequence_name: str, settings: Settings) -> None:
        """Raise ``UnknownSequence`` when there is no such sequence."""
        self._sequence = sequence_name
        self._settings = settings
        own = sequence(sequence_name)
        self._required = _sample_fields([field for field in own.fields if field.required], _WORDS)
        self._optional = _sample_fields([field for field in own.fields if not field.required], _WORDS_WITH_A_SYSTEM)
        self._least = self._sources(self._required)
        signup = {} if own.is_assessment else _sample_fields(SIGNUP.fields, _WORDS_WITH_A_SYSTEM)
        contact = {property_.name: _of_contact(property_) for property_ in schema.CONTACTS.properties}
        self._most = self._sources({**self._required, **self._optional}, signup, contact)

    def _sources(
        self,
        fields: Mapping[str, Plain],
        signup: Mapping[str, Plain] | None = None,
        contact: Mapping[str, Any] | None = None,
    ) -> tuple[Source, ...]:
        event = Event(self._sequence, dict(fields), {}, _MOMENT)
        return placeholder_values.sources(
            event, scheduled=_MOMENT, signup=signup or {}, contact=contact or {}, settings=self._settings
        )

    def of(self, placeholder: Placeholder) -> tuple[Origin, ...]:
        """Return the sources that can have this placeholder's value, in the order in which they are searched."""
        origins: list[Origin] = []
        for number, least in enumerate(self._least):
            if number == len(self._least) - 1 and placeholder.fallback is not None:
                origins.append(Origin("template", True, placeholder.fallback))
            # The variables of a payload may have any name.
            if least.name == "variables":
                origins.append(Origin(least.name, False, None))
                continue
            certain, possible = _value(least, placeholder.name), _value(self._most[number], placeholder.name)
            if certain is not None:
                origins.append(Origin(least.name, True, certain))
            elif possible is not None:
                needs = self._needs(placeholder.name) if number == 0 else None
                origins.append(Origin(least.name, False, possible, needs))
        return tuple(origins)

    def similar(self, name: str) -> str | None:
        """Return the name of a value that ``name`` is probably a misspelling of, or ``None``.

        ``None`` also if a source other than the payload's variables knows ``name`` itself.
        """
        known = {value for source in self._most for value in source.values}
        if name in known or placeholder_values.base_name(name) in known:
            return None
        names = {_simplified(value): value for value in sorted(known)}
        closest = difflib.get_close_matches(_simplified(name), names, n=1, cutoff=_SIMILAR)
        return names[closest[0]] if closest else None

    def _needs(self, name: str) -> str | None:
        """Return the optional payload field that the value ``name`` is computed from, or ``None`` if it is a field itself."""
        if name in self._optional:
            return None
        for field, value in self._optional.items():
            if _value(self._sources({**self._required, field: value})[0], name) is not None:
                return field
        return None


def _simplified(name: str) -> str:
    """Return a name in small letters and without what people confuse: ``First Name`` is meant as ``first_name``."""
    return re.sub(r"[\s_-]+", "", name).casefold()


def _value(source: Source, name: str) -> str | None:
    # The same search as for a real e-mail, so a blank text counts as no value.
    match = placeholder_values.find(Placeholder(name, None), (source,))
    return match[0] if match else None


def _sample_fields(fields: list[Field] | tuple[Field, ...], words: str) -> dict[str, Plain]:
    """Return a sample value for each field."""
    return {field.name: _of_field(field, words) for field in fields}


def _of_field(field: Field, words: str) -> Plain:
    if field.default is not None:
        return field.default
    text = _ADDRESS if is_address_by_name(field.name) else words
    for candidate in (text, *_OTHERS):
        try:
            return field.kind(candidate)
        except ValueError:
            continue
    raise ValueError(
        f"no sample value fits the field {field.name}: give it a default, or add a sample of its kind here"
    )


def _of_contact(property_: schema.Property) -> Plain:
    text = _ADDRESS if is_address_by_name(property_.name) else _WORDS
    return _NOTION.get(property_.type, text)


def same_for_all(origins: tuple[Origin, ...]) -> Origin | None:
    """Return the first source that is certain to have a value, or ``None``."""
    return next((origin for origin in origins if origin.certain), None)


def searched(origins: tuple[Origin, ...]) -> tuple[Origin, ...]:
    """Return the sources that a search can reach: those up to the first certain one."""
    last = same_for_all(origins)
    return origins if last is None else origins[: origins.index(last) + 1]


def words_from(placeholder: Placeholder, origins: tuple[Origin, ...], *, begins: bool) -> Origin | None:
    """Return the source that may put plain words into the address of a link, or ``None``.

    ``begins`` is whether the address begins with this placeholder; otherwise the placeholder comes later in it.
    """
    for origin in searched(origins):
        if origin.sample is None:
            if begins and not is_address_by_name(placeholder.name):
                return origin
        elif not _WHOLE_ADDRESS.fullmatch(origin.sample) if begins else _NOT_IN_AN_ADDRESS.search(origin.sample):
            return origin
    return None
