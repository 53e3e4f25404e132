"""Which data belongs to the contact who is to be forgotten. All of it is erased, except the opaque id in the suppression list.

An execution with the label ``contact`` belongs to that contact, even if it mentions another address. Other executions have no
such label: a refused payload, a delivery report, an alert, a look-up in BusinessX. One of those belongs to the contact if their
address, their opaque id or the opaque id of one of their enrolments occurs anywhere in it.
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

#: Flows whose executions are never killed: each ends within seconds and should finish its work.
NEVER_KILLED = ("stop", FLOW)

#: The prefix of the KV keys of enrolment records.
RECORD = "enrolment."

#: An execution that is due within this time may start at any moment.
SOON = timedelta(minutes=1)


class Person(NamedTuple):
    """The contact to forget: the address in lower case, the opaque id, and the opaque ids of their enrolments."""

    email: str
    contact: str
    enrolments: frozenset[str] = frozenset()


class Whose(Enum):
    """How an execution relates to the contact."""

    OWN = "it belongs to the contact"
    MENTIONS = "it belongs to another contact and mentions the address"
    UNRELATED = "it has nothing of the contact"


def mentions(value: object, email: str) -> bool:
    """Return whether an address (in lower case) occurs anywhere in a JSON value, in any spelling."""
    return bool(spellings(value, email))


def spellings(value: object, email: str) -> set[str]:
    """Return every spelling of an address (in lower case) in a JSON value.

    Finds it alone or inside a text, in capitals, at any depth, in names of fields, in JSON that is stored as text, and
    percent-encoded as in a URL.
    """
    # The boundaries keep other addresses out: mariana@… contains ana@…, and …@example.com.br contains …@example.com.
    # ASCII only, because IGNORECASE takes some letters outside ASCII for ASCII letters.
    either = "|".join(re.escape(form) for form in dict.fromkeys((email, email_address.readable(email))))
    # The letters of a domain outside ASCII have capitals too.
    flags = re.IGNORECASE | (re.ASCII if either.isascii() else re.NOFLAG)
    pattern = re.compile(rf"(?<![a-z0-9._+-])(?:{either})(?![a-z0-9-]|\.[a-z0-9])", flags)
    return {match[0] for text in texts(value) for match in pattern.finditer(text)}


def texts(value: object) -> Iterator[str]:
    """Yield every text in a JSON value: strings, names of fields, and the texts inside JSON that is stored as text."""
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
        for name, item in value.items():
            yield str(name)
            yield from texts(item)
    elif isinstance(value, Iterable) and not isinstance(value, bytes):
        for item in value:
            yield from texts(item)


def is_record_of(record: object, email: str) -> bool:
    """Return whether the record of an enrolment (from the KV store) belongs to the contact with this address.

    A record that cannot be read belongs to the contact if it mentions the address.
    """
    try:
        record_email = record["event"]["fields"]["email"]  # type: ignore[index]
        return email_address.normalise(record_email) == email
    except (TypeError, KeyError, ValueError, AttributeError):
        return mentions(record, email)


def label(execution: Mapping[str, Any], name: str) -> str | None:
    """Return the value of a label of an execution (Kestra's JSON), or ``None`` if it has no such label."""
    return next((entry["value"] for entry in execution.get("labels") or () if entry.get("key") == name), None)


def whose(execution: Mapping[str, Any], person: Person) -> Whose:
    """Return how an execution (Kestra's JSON) relates to the contact."""
    if is_own(execution, person):
        return Whose.OWN
    if label(execution, "contact") is not None:
        return Whose.MENTIONS if mentions(execution, person.email) else Whose.UNRELATED
    opaque_ids = (person.contact, *person.enrolments)
    if any(opaque_id in text for text in texts(execution) for opaque_id in opaque_ids):
        return Whose.OWN
    return Whose.OWN if mentions(execution, person.email) else Whose.UNRELATED


def is_own(execution: Mapping[str, Any], person: Person) -> bool:
    """Return whether the label ``contact`` or the input ``enrolment`` of an execution is that of the contact."""
    contact = label(execution, "contact")
    if contact:
        return contact == person.contact
    return (execution.get("inputs") or {}).get("enrolment") in person.enrolments


def may_be_killed(execution: Mapping[str, Any], person: Person) -> bool:
    """Return whether an execution that has not ended is to be killed; the others end by themselves within seconds."""
    return is_own(execution, person) and execution.get("flowId") not in NEVER_KILLED


def only_waits(execution: Mapping[str, Any], now: datetime) -> bool:
    """Return whether an execution waits for its scheduled time and will not start soon (``now`` is aware).

    Such an execution can be deleted directly. Killing it first would make Kestra start another one of the same flow from the
    queue, one for each that is killed.
    """
    due = execution.get("scheduleDate")
    return execution["state"]["current"] == "CREATED" and due is not None and datetime.fromisoformat(due) > now + SOON


def enrolments_of(executions: Iterable[Mapping[str, Any]], contact: str) -> set[str]:
    """Return the opaque ids of the enrolments that a contact's executions name.

    They include enrolments whose record has already expired.
    """
    return {
        enrolment
        for execution in executions
        if label(execution, "contact") == contact and (enrolment := label(execution, "enrolment")) is not None
    }


def keys_of(keys: Iterable[str], person: Person) -> list[str]:
    """Return those of the KV keys that belong to the contact, sorted. The key of the suppression is not among them."""
    return sorted(key for key in keys if key in _contact_keys(person) or person.enrolments.intersection(key.split(".")))


def patterns(person: Person) -> list[str]:
    """Return the patterns of the files in Kestra's storage that the flow ``forget`` erases.

    They match all entries of ``keys_of`` and their older versions: Kestra keeps a value after it was overwritten or deleted.
    """
    of_enrolments = (f"*.{enrolment}{rest}" for enrolment in sorted(person.enrolments) for rest in ("", ".*"))
    return [*_contact_keys(person), *of_enrolments]


def _contact_keys(person: Person) -> list[str]:
    """Return the KV keys that contain the contact's opaque id, without the key of the suppression."""
    return [f"bounces.{person.contact}", marks.key(person.contact)]
