"""Where the value of a placeholder would come from: asked of the very sources of ``values``, once with a payload of all that a
sequence takes and once with what it requires alone. Nothing is listed here: a new field or constant is known at once."""

from __future__ import annotations

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

# Any moment: only the names of the values count, and of what kind they are.
_MOMENT = datetime(2025, 11, 20, 15, tzinfo=UTC)

# Text may be words; it may also name one of the eight systems, from which a tip is computed.
_WORDS = "some words"
_WORDS_WITH_A_SYSTEM = "the GPS system"
_ADDRESS = "https://example.com/x"
_OTHERS: tuple[Plain, ...] = (1, True, "2025-11-20T15:00:00-05:00", "a@example.com")

_WHOLE_ADDRESS = re.compile(r"(?:https?://|mailto:|tel:|sms:)[^\s<>\"']+")
_NOT_IN_AN_ADDRESS = re.compile(r"[\s<>\"'&]")
_CALLED_AN_ADDRESS = re.compile(r"(?:ur[li]|link)\s*$", re.IGNORECASE)
_NOTION: dict[str, Plain] = {"number": 1, "checkbox": False, "date": "2025-11-20", "email": "a@example.com"}


class Origin(NamedTuple):
    """One source that can have a placeholder's value.

    ``source`` is its name as ``values.find`` gives it. ``certain``: it has one for every contact; else only for some.
    ``sample`` is a value of the kind that it would have (``None``: any). ``needs`` is the optional field of the payload from
    which it is computed.
    """

    source: str
    certain: bool
    sample: str | None
    needs: str | None = None


def is_address_by_name(name: str) -> bool:
    """Whether a placeholder is called an address: ``reschedule_url``, ``Proposal Link``."""
    return bool(_CALLED_AN_ADDRESS.search(name))


class Origins:
    """Where the placeholders of one sequence's templates would get their values, with these settings."""

    def __init__(self, sequence_name: str, settings: Settings) -> None:
        """Raises ``UnknownSequence`` when there is no such sequence."""
        self._sequence = sequence_name
        self._settings = settings
        own = sequence(sequence_name)
        self._required = _given([each for each in own.fields if each.required], _WORDS)
        self._optional = _given([each for each in own.fields if not each.required], _WORDS_WITH_A_SYSTEM)
        self._least = self._sources(self._required)
        signup = {} if own.is_assessment else _given(SIGNUP.fields, _WORDS_WITH_A_SYSTEM)
        contact = {each.name: _of_contact(each) for each in schema.CONTACTS.properties}
        self._most = self._sources({**self._required, **self._optional}, signup, contact)

    def _sources(
        self,
        given: Mapping[str, Plain],
        signup: Mapping[str, Plain] | None = None,
        contact: Mapping[str, Any] | None = None,
    ) -> tuple[Source, ...]:
        event = Event(self._sequence, dict(given), {}, _MOMENT)
        return placeholder_values.sources(
            event, scheduled=_MOMENT, signup=signup or {}, contact=contact or {}, settings=self._settings
        )

    def of(self, placeholder: Placeholder) -> tuple[Origin, ...]:
        """Return the sources that can have this placeholder's value, the first to be asked first."""
        found: list[Origin] = []
        for number, least in enumerate(self._least):
            if number == len(self._least) - 1 and placeholder.fallback is not None:
                found.append(Origin("template", True, placeholder.fallback))
            # Whoever calls the webhook may put any name among the variables.
            if least.name == "variables":
                found.append(Origin(least.name, False, None))
                continue
            certain, possible = _value(least, placeholder.name), _value(self._most[number], placeholder.name)
            if certain is not None:
                found.append(Origin(least.name, True, certain))
            elif possible is not None:
                needs = self._needs(placeholder.name) if number == 0 else None
                found.append(Origin(least.name, False, possible, needs))
        return tuple(found)

    def _needs(self, name: str) -> str | None:
        """The optional field of the payload from which the value of this name is computed, if it is none itself."""
        if name in self._optional:
            return None
        for field, value in self._optional.items():
            if _value(self._sources({**self._required, field: value})[0], name) is not None:
                return field
        return None


def _value(source: Source, name: str) -> str | None:
    # Asked as an e-mail would ask: what is blank is no value.
    answer = placeholder_values.find(Placeholder(name, None), (source,))
    return answer[0] if answer else None


def _given(fields: list[Field] | tuple[Field, ...], words: str) -> dict[str, Plain]:
    """A payload's fields, each with a value of its kind."""
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
    raise ValueError(f"no example of the field {field.name}: give it a default, or add one of its kind")


def _of_contact(property_: schema.Property) -> Plain:
    text = _ADDRESS if is_address_by_name(property_.name) else _WORDS
    return _NOTION.get(property_.type, text)


def same_for_all(origins: tuple[Origin, ...]) -> Origin | None:
    """Return the first source that is certain to have the value, ``None`` when none is."""
    return next((origin for origin in origins if origin.certain), None)


def as_asked(origins: tuple[Origin, ...]) -> tuple[Origin, ...]:
    """Return the sources that can be the answer: behind one that is certain nobody is asked."""
    last = same_for_all(origins)
    return origins if last is None else origins[: origins.index(last) + 1]


def words_from(placeholder: Placeholder, origins: tuple[Origin, ...], *, begins: bool) -> Origin | None:
    """Return the source that may give words where the address of a link begins with this placeholder (or, unless ``begins``,
    goes on with it), ``None`` when none may."""
    for origin in as_asked(origins):
        if origin.sample is None:
            if begins and not is_address_by_name(placeholder.name):
                return origin
        elif not _WHOLE_ADDRESS.fullmatch(origin.sample) if begins else _NOT_IN_AN_ADDRESS.search(origin.sample):
            return origin
    return None
