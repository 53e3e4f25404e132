"""Forgetting a contact: what of all that is kept is hers. All but her opaque id, which suppresses, is to go.

A run that says whose it is, by the label ``contact``, is that contact's, whatever it mentions. Of a run that does not say so (a
refused payload, a report of Resend, an alert, a look into BusinessX) everything is read: it is hers where her address stands
anywhere in it, or her opaque id, or that of an enrolment of hers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import unquote

from christmas_campaign.campaign import email_address
from christmas_campaign.stops import marks

#: The flow that erases entries of the KV store.
FLOW = "forget"

#: The flows of which no run is ended: each takes seconds, and what it has begun is done.
NEVER_KILLED = ("stop", FLOW)

#: The prefix of the keys under which the records of enrolments are kept.
RECORD = "enrolment."

#: A run that is due within this may begin at any moment.
SOON = timedelta(minutes=1)


class Person(NamedTuple):
    """Who is to be forgotten: her address in lower case, her opaque id, and the opaque ids of her enrolments."""

    email: str
    contact: str
    enrolments: frozenset[str] = frozenset()


class Whose(Enum):
    """Whose a run is."""

    HERS = "hers"
    NAMES_HER = "another contact's, with her address in it"
    OTHERS = "nothing of hers"


def mentions(value: object, email: str) -> bool:
    """Return whether an address (in lower case) stands anywhere in a JSON value, however it is written."""
    return bool(spellings(value, email))


def spellings(value: object, email: str) -> set[str]:
    """Return the address as it is written in a JSON value: alone or within a text, in capitals or not, at any depth, in names
    too, in JSON that is kept as text, and with the signs that an address of a page takes."""
    # Not within another's address: mariana@… has ana@… in it, and …@example.com.br has …@example.com. ASCII alone, for some
    # letters outside it are like one of ours in small.
    pattern = re.compile(rf"(?<![a-z0-9._+-]){re.escape(email)}(?![a-z0-9-]|\.[a-z0-9])", re.ASCII | re.IGNORECASE)
    return {found[0] for text in texts(value) for found in pattern.finditer(text)}


def texts(value: object) -> Iterator[str]:
    """Return every text in a JSON value: names, and what JSON that is kept as text has in it."""
    if isinstance(value, str):
        yield value
        if "%" in value:
            yield unquote(value)
        if value.lstrip()[:1] in ("{", "[", '"'):
            try:
                inner = json.loads(value)
            except (ValueError, RecursionError):
                return
            yield from texts(inner)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield str(name)
            yield from texts(each)
    elif isinstance(value, Iterable) and not isinstance(value, bytes):
        for each in value:
            yield from texts(each)


def is_her_record(kept: object, email: str) -> bool:
    """Return whether what is kept of an enrolment is of the contact with this address; a record that cannot be read is hers
    where it mentions her."""
    try:
        said = kept["event"]["fields"]["email"]  # type: ignore[index]
        return email_address.normalise(said) == email
    except (TypeError, KeyError, ValueError, AttributeError):
        return mentions(kept, email)


def label(run: Mapping[str, Any], name: str) -> str | None:
    """Return a label of a run, as Kestra's JSON has it; ``None`` if it has none of that name."""
    return next((each["value"] for each in run.get("labels") or () if each.get("key") == name), None)


def whose(run: Mapping[str, Any], person: Person) -> Whose:
    """Return whose a run is, from Kestra's JSON of it."""
    if is_own(run, person):
        return Whose.HERS
    if label(run, "contact") is not None:
        return Whose.NAMES_HER if mentions(run, person.email) else Whose.OTHERS
    names = (person.contact, *person.enrolments)
    if any(name in text for text in texts(run) for name in names) or mentions(run, person.email):
        return Whose.HERS
    return Whose.OTHERS


def is_own(run: Mapping[str, Any], person: Person) -> bool:
    """Return whether a run is about this contact alone, as its label or its input says."""
    about = label(run, "contact")
    return about == person.contact if about else (run.get("inputs") or {}).get("enrolment") in person.enrolments


def may_be_killed(run: Mapping[str, Any], person: Person) -> bool:
    """Return whether a run that has not ended is hers to end; the others end by themselves within seconds."""
    return is_own(run, person) and run.get("flowId") not in NEVER_KILLED


def only_waits(run: Mapping[str, Any], now: datetime) -> bool:
    """Return whether a run waits for its time (``now`` is aware) and nothing else will touch it before: it can be deleted as it
    is. Kestra lets a run of the same flow out of its queue for each that is killed while it waits so."""
    due = run.get("scheduleDate")
    return run["state"]["current"] == "CREATED" and due is not None and datetime.fromisoformat(due) > now + SOON


def enrolments_of(runs: Iterable[Mapping[str, Any]], contact: str) -> set[str]:
    """Return the opaque ids of the enrolments that the runs of a contact name: of some the record has gone already."""
    return {
        found for run in runs if label(run, "contact") == contact and (found := label(run, "enrolment")) is not None
    }


def keys_of(keys: Iterable[str], person: Person) -> list[str]:
    """Return the keys of the KV store that are hers, in order; what suppresses is not among them, and stays."""
    return sorted(key for key in keys if key in _of_contact(person) or person.enrolments.intersection(key.split(".")))


def patterns(person: Person) -> list[str]:
    """Return the patterns by which the flow erases all that ``keys_of`` finds, and what was there before it in Kestra's
    storage: a value that was overwritten or deleted stays there otherwise."""
    of_enrolments = (f"*.{each}{rest}" for each in sorted(person.enrolments) for rest in ("", ".*"))
    return [*_of_contact(person), *of_enrolments]


def _of_contact(person: Person) -> list[str]:
    """The keys that have the opaque id of the contact in them, but for what suppresses."""
    return [f"bounces.{person.contact}", marks.key(person.contact)]
