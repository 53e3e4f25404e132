"""What is kept of an enrolment in Kestra's KV store until its sequence is long over: the machine's memory.

All entries are under the enrolment's opaque id, and written in this order. ``enrolment.<id>`` is this record, before anything
else is done. ``page.<id>`` is the id of the contact's page in Notion. ``enrolled.<id>`` says that every e-mail is scheduled:
from then on the event is known; until then the same event takes the enrolment up again. ``mail.<id>.<number>`` says how an
e-mail was settled: see ``LedgerEntry``.

Only the flow `enroll` writes the record, one run at a time. It writes it again when values come later: see ``amend``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion.page_values import PropertyValue
from christmas_campaign.sequences import registry
from christmas_campaign.sequences.field_types import Plain

#: How long the record outlives the last e-mail of its sequence.
KEPT_AFTER = timedelta(days=30)


def labels(event: Event, enrolment: str | None = None) -> dict[str, str]:
    """Return what makes every run about an event findable: its sequence, and the opaque ids of contact and enrolment.

    ``enrolment`` is the id of the enrolment, for callers that know it. Without it the id is computed from the event, which
    raises ``UnknownSequence`` when this release does not have the sequence.
    """
    contact = opaque_ids.contact_id(event.email)
    return {"sequence": event.sequence, "contact": contact, "enrolment": enrolment or event.id}


class Record(NamedTuple):
    """One enrolment.

    ``contact`` has the plain values of the contact's page (none if there is no such page), ``emails`` when each e-mail that
    this system sends is due, by number (UTC), ``sources`` the ids of Notion's data sources ``templates`` and ``analytics``:
    they are kept because looking them up would cost every e-mail two calls. ``signup`` has what the contact's signup in this
    campaign said, by the names of its payload's fields: for the other sequences, and empty if there was none.
    """

    event: Event
    contact: Mapping[str, PropertyValue]
    emails: Mapping[int, datetime]
    sources: Mapping[str, str]
    signup: Mapping[str, Plain] = {}

    def as_json(self) -> JsonObject:
        """Return the record as it is kept."""
        emails: JsonObject = {str(number): times.text(date) for number, date in self.emails.items()}
        numbers = sorted(self.emails)
        signup: dict[str, Any] = dict(self.signup)
        return {
            "event": self.event.as_json(),
            "contact": dict(self.contact),
            "emails": emails,
            # For the flow: the labels of a run that it starts, and the e-mail that has to be settled before another.
            "labels": {**self.labels},
            "before": {str(number): before for before, number in pairwise(numbers)},
            "sources": {**self.sources},
            "signup": signup,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """Return the record that ``as_json`` wrote."""
        emails = {int(number): times.parse(date) for number, date in data["emails"].items()}
        return cls(Event.from_json(data["event"]), data["contact"], emails, data["sources"], data.get("signup") or {})

    @property
    def labels(self) -> dict[str, str]:
        """What makes every run for this enrolment findable: its sequence, and the opaque ids of contact and enrolment."""
        return labels(self.event)

    def previous_number(self, number: int) -> int | None:
        """Return the number of the e-mail that has to be settled before e-mail ``number``, ``None`` for the first."""
        return max((each for each in self.emails if each < number), default=None)

    def is_withdrawn(self, number: int) -> bool:
        """Return whether e-mail ``number`` was planned by a release that had it, and this release does not."""
        return number in self.emails and not registry.has_email(self.event.sequence, number)

    @property
    def last(self) -> int:
        """The number of the last e-mail."""
        return max(self.emails)

    def time_left(self, now: datetime) -> str | None:
        """Return how long this record may still be kept when it is written again at ``now`` (aware), as an ISO 8601 duration.

        It ends when the first one did, ``KEPT_AFTER`` after the last e-mail: a record that outlived ``enrolled.<id>`` would
        look like an enrolment that was never finished. ``None``: that moment is past.
        """
        seconds = int((self.emails[self.last] + KEPT_AFTER - now).total_seconds())
        return f"PT{seconds}S" if seconds > 0 else None


class LedgerEntry(NamedTuple):
    """How an e-mail was settled, and when (UTC); ``resend_id`` is Resend's id of a mail that was sent.

    The outcome ``sending`` is a claim: written before the e-mail is handed to Resend, and replaced by what became of it.
    ``claimed_at`` is when it was claimed first (UTC), for as long as Resend may have taken it without saying so.
    """

    outcome: Outcome
    at: datetime
    reason: Reason | None = None
    resend_id: str | None = None
    claimed_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether the e-mail is sent, skipped or failed for good, so that the next one of its sequence may go."""
        return self.outcome is not Outcome.SENDING

    @property
    def is_done(self) -> bool:
        """Whether the e-mail is sent or skipped, so that nothing is left to do for it."""
        return self.outcome in (Outcome.SENT, Outcome.SKIPPED)

    def as_json(self) -> JsonObject:
        """Return the entry as it is kept."""
        claimed_at = times.text(self.claimed_at) if self.claimed_at else None
        return {**self._asdict(), "at": times.text(self.at), "claimed_at": claimed_at}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LedgerEntry:
        """Return the entry that ``as_json`` wrote."""
        reason = Reason(data["reason"]) if data.get("reason") else None
        claimed_at = times.parse(data["claimed_at"]) if data.get("claimed_at") else None
        return cls(Outcome(data["outcome"]), times.parse(data["at"]), reason, data.get("resend_id"), claimed_at)


def time_to_live(last: datetime, now: datetime) -> str:
    """Return how long to keep what belongs to a sequence whose last e-mail is due at ``last``, as an ISO 8601 duration."""
    seconds = int((max(last, now) - now + KEPT_AFTER).total_seconds())
    return f"PT{seconds}S"
