"""Read Resend's delivery reports about e-mails, and maintain the history of each e-mail in Kestra's KV store.

Resend sends reports in any order, more than once, and days late. The history therefore has, for each reported kind, its first
and last time. The same reports in another order, or repeated, give the same history.

Two KV entries hold this data. ``reported.<enrolment>.<number>`` is the history of one e-mail. ``bounces.<contact id>`` lists
the contact's e-mails with a soft bounce. The ids are opaque. Text that Resend quotes (an address, a server's message) is not
stored.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Kind, Reason
from christmas_campaign.events import opaque_ids
from christmas_campaign.json_types import JsonObject

#: This many e-mails with a soft bounce suppress a contact, as one hard bounce does.
SOFT_BOUNCES = 5

#: How long the history of an e-mail is stored after its last report.
HISTORY_LIFETIME = timedelta(days=60)

#: How long the list of a contact's soft bounces is stored after its last change.
BOUNCES_LIFETIME = timedelta(days=365)


_STRENGTH = list(Kind)

#: The kind of each event type of Resend. For a bounce the payload decides between soft and hard: see ``read``.
_KINDS: Mapping[str, Kind] = {
    "email.delivery_delayed": Kind.DELAYED,
    "email.delivered": Kind.DELIVERED,
    "email.opened": Kind.OPENED,
    "email.clicked": Kind.CLICKED,
    "email.failed": Kind.FAILED,
    "email.bounced": Kind.SOFT_BOUNCED,
    "email.suppressed": Kind.BOUNCED,
    "email.complained": Kind.COMPLAINED,
}

#: The kinds that track the reader and not the delivery. They count only if the setting ``resend_opens`` is on.
_TRACKING = (Kind.OPENED, Kind.CLICKED)

#: The kinds that suppress a contact at once.
_STOPS: Mapping[Kind, Reason] = {Kind.BOUNCED: Reason.BOUNCED, Kind.COMPLAINED: Reason.COMPLAINED}

# The form of the tags that ``compose`` puts on each e-mail.
_ENROLMENT = re.compile(r"[a-z]+-[0-9a-f]{24}")
_CONTACT = re.compile(r"[0-9a-f]{24}")
_NUMBER = re.compile(r"[1-9]")

_MAIL_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

# A type or a reason is a single word. Longer text may quote an address.
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Report(NamedTuple):
    """One delivery report.

    ``enrolment`` and ``number`` identify the e-mail, ``contact`` is the contact's opaque id, ``resend_id`` Resend's id of the
    e-mail. ``at`` is UTC in whole milliseconds. ``detail`` has one or two words, or is empty.
    """

    enrolment: str
    number: int
    contact: str
    resend_id: str
    kind: Kind
    at: datetime
    detail: str = ""

    def as_json(self) -> JsonObject:
        """Return the report as the input of the flow `report`."""
        return {**self._asdict(), "at": times.text(self.at)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """Return the report that ``as_json`` wrote."""
        return cls(**{**data, "kind": Kind(data["kind"]), "at": times.parse(data["at"])})

    @property
    def email(self) -> str:
        """The unique name of the e-mail."""
        return f"{self.enrolment}.{self.number}"

    @property
    def sequence(self) -> str:
        """The name of the e-mail's sequence."""
        return opaque_ids.sequence_name(self.enrolment)

    @property
    def stops(self) -> Reason | None:
        """The reason if this report alone suppresses the contact, else ``None``."""
        return _STOPS.get(self.kind)


class ReportTimes(NamedTuple):
    """The first and the last report of one kind (UTC), and the detail of the first."""

    first: datetime
    detail: str
    last: datetime


#: Every kind that was reported about one e-mail.
ReportedKinds = Mapping[Kind, ReportTimes]


class ReportHistory(NamedTuple):
    """The KV entry of one e-mail: the reported kinds, and the status line on its analytics page (``None``: none yet)."""

    kinds: Mapping[Kind, ReportTimes] = {}
    page_status: str | None = None

    def as_json(self) -> JsonObject:
        """Return the KV entry."""
        kinds: JsonObject = {
            kind.value: {"first": times.text(report.first), "detail": report.detail, "last": times.text(report.last)}
            for kind, report in sorted(self.kinds.items())
        }
        return {"kinds": kinds, **({"written": self.page_status} if self.page_status else {})}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> ReportHistory:
        """Return the history that ``as_json`` wrote. ``None`` gives an empty history."""
        if not data:
            return cls()
        kinds = {
            Kind(kind): ReportTimes(times.parse(report["first"]), report["detail"], times.parse(report["last"]))
            for kind, report in data["kinds"].items()
        }
        return cls(kinds, data.get("written"))


def read(payload: Any, now: datetime, *, opens: bool) -> Report | Reason:
    """Return the report in a webhook call of Resend, or the reason to ignore the call.

    ``payload`` is any JSON value. ``now`` (aware) is the report's time if the payload has no usable one. ``opens`` is whether
    opened e-mails and followed links count.
    """
    call = _object(payload)
    name, data = call.get("type"), _object(call.get("data"))
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None or (kind in _TRACKING and not opens):
        return Reason.NOT_OF_INTEREST
    tags = _tags(data.get("tags"))
    raw_ids = (tags.get("enrolment"), tags.get("number"), tags.get("contact"), data.get("email_id"))
    ids = [_matching(form, raw) for form, raw in zip((_ENROLMENT, _NUMBER, _CONTACT, _MAIL_ID), raw_ids, strict=True)]
    if not all(ids):
        return Reason.NOT_OURS
    enrolment, number, contact, resend_id = ids
    detail = ""
    if name == "email.bounced":
        bounce = _object(data.get("bounce"))
        words = [_matching(_WORD, bounce.get(part)) for part in ("type", "subType")]
        # A hard bounce suppresses the contact for good, so only Resend's exact word counts as one.
        kind = Kind.BOUNCED if words[0] == "Permanent" else kind
        detail = " ".join(filter(None, words))
    elif name == "email.suppressed":
        detail = "Suppressed"
    elif kind is Kind.FAILED:
        detail = _matching(_WORD, _object(data.get("failed")).get("reason"))
    return Report(enrolment, int(number), contact, resend_id, kind, _moment(call.get("created_at"), now), detail)


def add(kinds: ReportedKinds, report: Report) -> dict[Kind, ReportTimes]:
    """Return ``kinds`` with ``report`` added. Order and repetition of reports do not change the result."""
    new = ReportTimes(report.at, report.detail, report.at)
    old = kinds.get(report.kind, new)
    first = min((old.first, old.detail), (new.first, new.detail))
    return {**kinds, report.kind: ReportTimes(*first, max(old.last, new.last))}


def strongest(kinds: ReportedKinds) -> tuple[Kind, str]:
    """Return the strongest kind and its detail. ``kinds`` must not be empty."""
    kind = max(kinds, key=_STRENGTH.index)
    return kind, kinds[kind].detail


def soft_bounced(before: Iterable[str], report: Report) -> list[str]:
    """Return the names of the contact's e-mails with a soft bounce: ``before``, and the e-mail of ``report`` if it is one.

    A later delivery of another e-mail removes nothing, because then the result would depend on the order of the reports.
    """
    own = [report.email] if report.kind is Kind.SOFT_BOUNCED else []
    return sorted({*before, *own})


def stops(report: Report, emails: Collection[str]) -> Reason | None:
    """Return the reason if the soft bounce ``report`` suppresses the contact, else ``None``.

    ``emails`` are the contact's e-mails with a soft bounce, from ``soft_bounced``.
    """
    enough = report.kind is Kind.SOFT_BOUNCED and len(emails) >= SOFT_BOUNCES
    return Reason.BOUNCED if enough else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _matching(form: re.Pattern[str], value: Any) -> str:
    """Return ``value`` if it is text of this form, else an empty text."""
    return value if isinstance(value, str) and form.fullmatch(value) else ""


def _tags(value: Any) -> Mapping[str, Any]:
    """Return the tags of an e-mail by name.

    Resend reports them as one object. Its documentation also shows the list form in which they were sent.
    """
    if isinstance(value, list):
        return {tag["name"]: tag.get("value") for tag in map(_object, value) if isinstance(tag.get("name"), str)}
    return _object(value)


def _moment(value: Any, now: datetime) -> datetime:
    try:
        moment = times.parse(value) if isinstance(value, str) else now
    except ValueError:
        moment = now
    # The KV entry has whole milliseconds. Rounding here keeps the report equal to its stored copy.
    return times.parse(times.text(moment))
