"""What Resend reports of an e-mail: what is read from a report, what is kept of all of them, and which one is shown.

Reports come in any order, twice, and days late. So what is kept of an e-mail is a join: each kind that was reported, with the
first and the last time of it. Whoever joins the same reports in another order, or some of them again, keeps the same. It is
Kestra's KV entry ``reported.<enrolment>.<number>``; ``bounces.<contact id>`` has the e-mails of a contact that bounced for
now, each once. The ids are opaque; nothing of what Resend quotes (an address, a server's words) is kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Kind, Reason
from christmas_campaign.json_types import JsonObject

#: So many e-mails that bounced for now are as good as one that bounced for good.
SOFT_BOUNCES = 5

#: How long it is kept what was reported of an e-mail: from its last report on.
KEPT = timedelta(days=60)

#: How long an e-mail that bounced for now counts.
BOUNCES_KEPT = timedelta(days=365)


_STRENGTH = list(Kind)

#: Resend's name of a report, and what is made of it; a bounce says itself whether it is for good.
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

#: What says something of a person, and nothing of the way of the e-mail: counted only where somebody wants it.
_OF_READING = (Kind.OPENED, Kind.CLICKED)

#: The reports that stop a contact at once.
_STOPS: Mapping[Kind, Reason] = {Kind.BOUNCED: Reason.BOUNCED, Kind.COMPLAINED: Reason.COMPLAINED}

# What the tags of an e-mail of this system look like; see ``compose``.
_ENROLMENT = re.compile(r"[a-z]+-[0-9a-f]{24}")
_CONTACT = re.compile(r"[0-9a-f]{24}")
_NUMBER = re.compile(r"[1-9]")

_MAIL_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

# A type or a reason is a word; a sentence may quote an address.
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Report(NamedTuple):
    """One report: of which e-mail (the enrolment's id, the number, the contact's opaque id, Resend's own id), what, when (UTC,
    whole milliseconds), and a detail in a word or two, empty for none."""

    enrolment: str
    number: int
    contact: str
    resend_id: str
    kind: Kind
    at: datetime
    detail: str = ""

    def as_json(self) -> JsonObject:
        """Return the report as the flow `report` is given it."""
        return {**self._asdict(), "at": times.text(self.at)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """Return the report that ``as_json`` wrote."""
        return cls(**{**data, "kind": Kind(data["kind"]), "at": times.parse(data["at"])})

    @property
    def email(self) -> str:
        """The name of the e-mail: the same for the same e-mail, and for no other."""
        return f"{self.enrolment}.{self.number}"

    @property
    def sequence(self) -> str:
        """The name of the e-mail's sequence: an enrolment's id begins with it."""
        return self.enrolment.rpartition("-")[0]

    @property
    def stops(self) -> Reason | None:
        """Why the contact is stopped by this very report, whatever was reported before; ``None``: she is not."""
        return _STOPS.get(self.kind)


class Seen(NamedTuple):
    """That a kind was reported: first and last when (UTC), and the detail of the first."""

    first: datetime
    detail: str
    last: datetime


#: What was reported of one e-mail.
State = Mapping[Kind, Seen]


class Kept(NamedTuple):
    """The KV store's entry of one e-mail: what was reported of it, and what its analytics page says of that (``None``: nothing
    yet)."""

    kinds: Mapping[Kind, Seen] = {}
    written: str | None = None

    def as_json(self) -> JsonObject:
        """Return the entry as it is kept."""
        kinds: JsonObject = {
            kind.value: {"first": times.text(seen.first), "detail": seen.detail, "last": times.text(seen.last)}
            for kind, seen in sorted(self.kinds.items())
        }
        return {"kinds": kinds, **({"written": self.written} if self.written else {})}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Kept:
        """Return the entry that ``as_json`` wrote; ``None``: nothing was reported."""
        if not data:
            return cls()
        kinds = {
            Kind(kind): Seen(times.parse(seen["first"]), seen["detail"], times.parse(seen["last"]))
            for kind, seen in data["kinds"].items()
        }
        return cls(kinds, data.get("written"))


def read(payload: Any, now: datetime, *, opens: bool) -> Report | Reason:
    """Return what a webhook of Resend's reports, or why that is no matter of this system's.

    ``payload`` is any JSON value; ``now`` (aware) counts for a report that does not say when it happened; ``opens`` says
    whether it counts that somebody opened an e-mail or followed a link.
    """
    said = _object(payload)
    name, data = said.get("type"), _object(said.get("data"))
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None or (kind in _OF_READING and not opens):
        return Reason.NOT_OF_INTEREST
    tags = _tags(data.get("tags"))
    named = (tags.get("enrolment"), tags.get("number"), tags.get("contact"), data.get("email_id"))
    found = [_matching(form, each) for form, each in zip((_ENROLMENT, _NUMBER, _CONTACT, _MAIL_ID), named, strict=True)]
    if not all(found):
        return Reason.NOT_OURS
    enrolment, number, contact, resend_id = found
    detail = ""
    if name == "email.bounced":
        bounce = _object(data.get("bounce"))
        words = [_matching(_WORD, bounce.get(part)) for part in ("type", "subType")]
        # Only Resend's own word for it is for good: whoever is stopped by that is never written to again.
        kind = Kind.BOUNCED if words[0] == "Permanent" else kind
        detail = " ".join(filter(None, words))
    elif name == "email.suppressed":
        detail = "Suppressed"
    elif kind is Kind.FAILED:
        detail = _matching(_WORD, _object(data.get("failed")).get("reason"))
    return Report(enrolment, int(number), contact, resend_id, kind, _moment(said.get("created_at"), now), detail)


def add(said: State, report: Report) -> dict[Kind, Seen]:
    """Return what was reported of an e-mail, with ``report``: the same in whatever order, and however often."""
    new = Seen(report.at, report.detail, report.at)
    old = said.get(report.kind, new)
    first = min((old.first, old.detail), (new.first, new.detail))
    return {**said, report.kind: Seen(*first, max(old.last, new.last))}


def shown(said: State) -> tuple[Kind, str]:
    """Return the strongest of the kinds that were reported, of which there is one at least, and its detail."""
    kind = max(said, key=_STRENGTH.index)
    return kind, said[kind].detail


def bounced(before: Iterable[str], report: Report) -> list[str]:
    """Return the e-mails of the contact that bounced for now, by their names: those before, and that of ``report`` if it did.

    A later delivery of another e-mail takes nothing away: that would depend on the order.
    """
    own = [report.email] if report.kind is Kind.SOFT_BOUNCED else []
    return sorted({*before, *own})


def stops(report: Report, emails: Collection[str]) -> Reason | None:
    """Return why the contact is stopped now that these ``emails`` of hers bounced for now, as ``bounced`` gives them; ``None``:
    ``report`` is of another kind, or they are not enough."""
    enough = report.kind is Kind.SOFT_BOUNCED and len(emails) >= SOFT_BOUNCES
    return Reason.BOUNCED if enough else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _matching(form: re.Pattern[str], value: Any) -> str:
    """A text of this form; empty for anything else."""
    return value if isinstance(value, str) and form.fullmatch(value) else ""


def _tags(value: Any) -> Mapping[str, Any]:
    """Resend reports an e-mail's tags as one object; its documentation also knows the list in which they were sent."""
    if isinstance(value, list):
        return {each["name"]: each.get("value") for each in map(_object, value) if isinstance(each.get("name"), str)}
    return _object(value)


def _moment(value: Any, now: datetime) -> datetime:
    try:
        found = times.parse(value) if isinstance(value, str) else now
    except ValueError:
        found = now
    # As it is kept, so that it is the same again when it is read.
    return times.parse(times.text(found))
