"""The record of an enrolment, and the ledger of its e-mails, in Kestra's KV store.

The keys contain the enrolment's opaque id. The flows write the entries in this order:

- ``enrolment.<id>``: the record, before anything else happens.
- ``page.<id>``: the id of the contact's page in Notion.
- ``enrolled.<id>``: every e-mail is scheduled. The same event is a duplicate from now on; before, it resumes the enrolment.
- ``mail.<id>.<number>``: the ledger entry of an e-mail, see ``LedgerEntry``.

Only the flow `enroll` writes the record, one execution at a time. It writes it again when values are amended: see ``amend``.
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

#: How long Kestra keeps the record after the last e-mail of its sequence is due.
KEPT_AFTER = timedelta(days=30)


def labels(event: Event, enrolment: str | None = None) -> dict[str, str]:
    """Return the labels of every execution about an event: its sequence, and the opaque ids of contact and enrolment.

    ``enrolment`` is the id of the enrolment, for callers that know it. Without it the id is computed from the event, which
    raises ``UnknownSequence`` if this release does not have the sequence.
    """
    contact = opaque_ids.contact_id(event.email)
    return {"sequence": event.sequence, "contact": contact, "enrolment": enrolment or event.id}


class Record(NamedTuple):
    """One enrolment.

    - ``contact``: the plain values of the contact's page in BusinessX; empty if there is no page.
    - ``emails``: when each e-mail is due (UTC), by number.
    - ``sources``: the ids of the Notion data sources ``templates`` and ``analytics``. Without them every e-mail would need two
      more requests.
    - ``signup``: the fields of the contact's signup in this campaign, by their names in the payload. Empty for a signup itself,
      and if there was none.
    """

    event: Event
    contact: Mapping[str, PropertyValue]
    emails: Mapping[int, datetime]
    sources: Mapping[str, str]
    signup: Mapping[str, Plain] = {}

    def as_json(self) -> JsonObject:
        """Return the record as the KV entry ``enrolment.<id>`` has it."""
        emails: JsonObject = {str(number): times.text(date) for number, date in self.emails.items()}
        numbers = sorted(self.emails)
        signup: dict[str, Any] = dict(self.signup)
        return {
            "event": self.event.as_json(),
            "contact": dict(self.contact),
            "emails": emails,
            # For the flow: the labels of the executions that it starts, and the number of each e-mail's predecessor.
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
        """The labels of every execution of this enrolment: see ``labels``."""
        return labels(self.event)

    def previous_number(self, number: int) -> int | None:
        """Return the number of the e-mail before e-mail ``number``; ``None`` for the first.

        The gate holds an e-mail back until the ledger entry of the one before it is final.
        """
        return max((other for other in self.emails if other < number), default=None)

    def is_withdrawn(self, number: int) -> bool:
        """Return whether e-mail ``number`` is planned in this record, but this release no longer has it."""
        return number in self.emails and not registry.has_email(self.event.sequence, number)

    @property
    def last(self) -> int:
        """The number of the last e-mail."""
        return max(self.emails)

    def time_left(self, now: datetime) -> str | None:
        """Return the time to live of this record when it is written again at ``now`` (aware), as an ISO 8601 duration.

        The record expires when it would have without the change, ``KEPT_AFTER`` after its last e-mail is due. If it outlived
        ``enrolled.<id>``, it would look like an enrolment that was never finished. ``None``: it has expired already.
        """
        seconds = int((self.emails[self.last] + KEPT_AFTER - now).total_seconds())
        return f"PT{seconds}S" if seconds > 0 else None


class LedgerEntry(NamedTuple):
    """The ledger entry of an e-mail: its outcome, when it was written (``at``, UTC), and Resend's id of a sent e-mail.

    The outcome ``sending`` is a claim: it is written before the request to Resend, and replaced by the result. ``claimed_at``
    is the time (UTC) of the first claim, as long as Resend may have accepted the e-mail without a response.
    """

    outcome: Outcome
    at: datetime
    reason: Reason | None = None
    resend_id: str | None = None
    claimed_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether the e-mail is sent, skipped or failed for good. The next e-mail of the sequence may be sent then."""
        return self.outcome is not Outcome.SENDING

    @property
    def is_done(self) -> bool:
        """Whether the e-mail is sent or skipped. Nothing is left to do for it then."""
        return self.outcome in (Outcome.SENT, Outcome.SKIPPED)

    def as_json(self) -> JsonObject:
        """Return the entry as the KV entry ``mail.<id>.<number>`` has it."""
        claimed_at = times.text(self.claimed_at) if self.claimed_at else None
        return {**self._asdict(), "at": times.text(self.at), "claimed_at": claimed_at}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LedgerEntry:
        """Return the entry that ``as_json`` wrote."""
        reason = Reason(data["reason"]) if data.get("reason") else None
        claimed_at = times.parse(data["claimed_at"]) if data.get("claimed_at") else None
        return cls(Outcome(data["outcome"]), times.parse(data["at"]), reason, data.get("resend_id"), claimed_at)


def time_to_live(last: datetime, now: datetime) -> str:
    """Return the time to live, as an ISO 8601 duration, of the KV entries of an enrolment.

    ``last`` is when its last e-mail is due, ``now`` the time of writing (both aware). The entries expire ``KEPT_AFTER`` after
    the later of the two.
    """
    seconds = int((max(last, now) - now + KEPT_AFTER).total_seconds())
    return f"PT{seconds}S"
