"""Which reason ends which sequence and for how long, and how a contact's stops are stored.

Kestra's KV entry ``stop.<contact id>`` stores the stops of one contact; the id is opaque. The entry has no time to live,
because an entry that expired would let e-mails go out again. Its fields:

- ``stops``: each reason with its time and its source.
- ``ends``: derived from ``stops``, which reason ends which sequence or booking. Executions of `send-email` that wait under a
  release up to 0.4 read it right before sending, without Python.
- ``back``: when the contact last took back their unsubscribing, if ever. Unsubscribe calls from before that time are ignored.
- ``lifted``: when the owner last lifted the stops that hold for good. ``back`` and ``lifted`` tell whether a mark on a Notion
  page is newer than the entry (see ``marks``).
- ``changed``: when the entry was written. It makes every version of an entry unique, so `send-email` notices a change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, NamedTuple

from christmas_campaign.campaign import facts, times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.sequences.registry import SEQUENCES


class Source(StrEnum):
    """Who stopped a contact: the closed list."""

    PERSON = "person"
    """The owner, with `christmas stop`."""
    ENROLMENT = "enrolment"
    """The contact's enrolment in a sequence that counts as a purchase."""
    CONTACT = "contact"
    """The contact, by the unsubscribe link or their mail provider's unsubscribe button."""
    RESEND = "resend"
    """Resend, in a delivery report."""
    BOOKING = "booking"
    """A booking or cancellation that Calendly, Cal.com or another tool reported."""
    NOTION = "notion"
    """A person who set `Booking Status` in Notion by hand."""


class Holds(Enum):
    """For how long a reason ends sequences; the value is the phrase that `christmas stopped` prints."""

    FOR_GOOD = "for good"
    UNTIL_LIFTED = "until you lift it"
    FOR_EARLIER_EVENTS = "for earlier events"
    """Later events count again: a contact who misses the call they booked still gets the no-show e-mails."""
    FOR_ONE_BOOKING = "for that booking"
    """For good, but only for one booking; the contact's other bookings keep their e-mails."""


class Lift(StrEnum):
    """Which of a contact's stops are lifted, and by whom: the closed list."""

    LET_GO = "let_go"
    """The owner lifts the stops that do not hold for good."""
    ALSO_FOR_GOOD = "also_for_good"
    """The owner corrects a mistake and lifts everything except a complaint. Nobody can take back a complaint."""
    UNSUBSCRIBED = "unsubscribed"
    """The contact takes back their own unsubscribing; stops from other sources stay."""


class Rule(NamedTuple):
    """The names of the sequences that a reason ends, and for how long."""

    ends: frozenset[str]
    holds: Holds


_ALL = frozenset(sequence.name for sequence in SEQUENCES)


def _ended_by(reason: Reason) -> frozenset[str]:
    """Return the names of the sequences that list this reason in their ``ended_by``."""
    return frozenset(sequence.name for sequence in SEQUENCES if reason in sequence.ended_by)


#: Which reason ends which sequence. When several reasons apply, the first one in this order is reported.
RULES: dict[Reason, Rule] = {
    Reason.UNSUBSCRIBED: Rule(_ALL, Holds.FOR_GOOD),
    Reason.COMPLAINED: Rule(_ALL, Holds.FOR_GOOD),
    Reason.BOUNCED: Rule(_ALL, Holds.FOR_GOOD),
    Reason.STOPPED_BY_PERSON: Rule(_ALL, Holds.UNTIL_LIFTED),
    Reason.BOUGHT: Rule(_ended_by(Reason.BOUGHT), Holds.UNTIL_LIFTED),
    Reason.BOOKED: Rule(_ended_by(Reason.BOOKED), Holds.FOR_EARLIER_EVENTS),
    Reason.CALL_MOVED: Rule(_ended_by(Reason.CALL_MOVED), Holds.FOR_EARLIER_EVENTS),
    Reason.CALL_CANCELLED: Rule(_ended_by(Reason.CALL_CANCELLED), Holds.FOR_ONE_BOOKING),
    Reason.NOSHOW_WITHDRAWN: Rule(_ended_by(Reason.NOSHOW_WITHDRAWN), Holds.FOR_ONE_BOOKING),
}

#: The reasons that end sequences only in the campaign in which they were set.
OF_CAMPAIGN = (Reason.BOUGHT,)

#: The reasons that need to know the booking or call.
_OF_CALLS = (Reason.CALL_MOVED, Reason.CALL_CANCELLED, Reason.NOSHOW_WITHDRAWN)

#: The reasons that `christmas stop` accepts.
BY_PERSON = tuple(reason for reason in RULES if reason not in _OF_CALLS)

#: Reasons that are never stored, because they are checked again for each e-mail.
NOT_STORED = (Reason.NOTHING_LEFT_TO_SEND, Reason.PAGE_ARCHIVED, Reason.EXPIRED)

#: The closed list of reasons to stop.
REASONS = (*RULES, *NOT_STORED)

#: The year 10000 in milliseconds since 1970, later than every time that can be written.
FOR_EVER = 253_402_300_800_000


class Stop(NamedTuple):
    """Why a contact was stopped, when (UTC), and by whom.

    ``booking`` is the opaque id of the one booking or call that the stop ends; ``None`` ends whole sequences. ``campaign`` is
    the one in which it was set. It matters only for ``OF_CAMPAIGN``.
    """

    reason: Reason
    at: datetime
    by: Source
    booking: str | None = None
    campaign: str = facts.NAME

    @property
    def counts(self) -> bool:
        """Whether the stop counts in this campaign: who bought in an earlier one may be won again."""
        return self.reason not in OF_CAMPAIGN or self.campaign == facts.NAME

    @property
    def before(self) -> int:
        """The stop ends events that arrived before this moment, in milliseconds since 1970."""
        return times.milliseconds(self.at) if RULES[self.reason].holds is Holds.FOR_EARLIER_EVENTS else FOR_EVER


class Lifts(NamedTuple):
    """When stops that hold for good were last lifted (UTC): ``back`` by the contact, ``lifted`` by the owner."""

    back: datetime | None = None
    lifted: datetime | None = None

    def of(self, reason: Reason) -> datetime | None:
        """Return when stops for this reason were last lifted, ``None`` if never."""
        lift_times = {Reason.UNSUBSCRIBED: self, Reason.BOUNCED: (self.lifted,)}.get(reason, ())
        return max((time for time in lift_times if time is not None), default=None)


def purchase_stop(event: Event) -> Stop | None:
    """Return the stop for the contact's other sequences if the event counts as a purchase, else ``None``."""
    reason = event.own_sequence.stops_for
    return None if reason is None else Stop(reason, event.received_at, Source.ENROLMENT)


def key(contact: str) -> str:
    """Return the KV key of a contact's stops; ``contact`` is their opaque id."""
    return f"stop.{contact}"


def key_of(event: Event) -> str:
    """Return the KV key of the stops of the event's contact."""
    return key(opaque_ids.contact_id(event.email))


def read(entry: Mapping[str, Any] | None) -> tuple[Stop, ...]:
    """Return the stops in a KV entry that ``as_json`` made; none for ``None``."""
    stops = entry["stops"] if entry else ()
    return tuple(_from_json(stop) for stop in stops)


def lifts(entry: Mapping[str, Any] | None) -> Lifts | None:
    """Return the times of the lifts in a KV entry that ``as_json`` made; ``None`` if there is no entry."""
    if entry is None:
        return None
    back, lifted = (times.parse(entry[name]) if entry.get(name) else None for name in ("back", "lifted"))
    return Lifts(back, lifted)


def as_json(stops: Collection[Stop], lifts: Lifts | None = None) -> JsonObject:
    """Return the KV entry of a contact with these stops and lifts.

    ``ends`` has, for each sequence and each ended booking, the reason and ``before``: events that arrived earlier are ended
    (milliseconds since 1970).
    """
    ends = {name: _strongest(stops, name, ()) for name in sorted(_ALL)}
    ends |= {stop.booking: stop for stop in stops if stop.booking}
    return {
        **{name: times.text(at) for name, at in (lifts or Lifts())._asdict().items() if at},
        "stops": [_as_json(stop) for stop in stops],
        "ends": {name: {"reason": stop.reason, "before": stop.before} for name, stop in ends.items() if stop},
    }


def ending_stop(stops: Collection[Stop], event: Event) -> Stop | None:
    """Return the stop that ends the sequence of ``event``, ``None`` if no stop does."""
    stop = _strongest(stops, event.sequence, (event.booking, event.call, event.missed_call))
    return stop if stop and received(event) < stop.before else None


def received(event: Event) -> int:
    """Return when the event arrived, for a booking when it was made, in milliseconds since 1970."""
    return times.milliseconds(event.happened_at)


def add(stops: Sequence[Stop], new: Stop) -> tuple[Stop, ...]:
    """Return ``stops`` with ``new``, in the order of ``RULES``.

    There is one stop for each reason and booking. Of two the earlier time stays, except where a later one ends more: reasons
    that hold for earlier events, and the contact's own unsubscribing. That one is separate from stops by others, because the
    contact may take it back.
    """
    same = [stop for stop in stops if _identity(stop) == _identity(new)]
    others = [stop for stop in stops if _identity(stop) != _identity(new)]
    latest = RULES[new.reason].holds is Holds.FOR_EARLIER_EVENTS or _by_contact(new)
    merged = (max if latest else min)([*same, new], key=lambda stop: stop.at)
    return tuple(sorted([*others, merged], key=lambda stop: list(RULES).index(stop.reason)))


def unsubscribe(stops: Sequence[Stop], new: Stop, back: datetime | None) -> tuple[Stop, ...]:
    """Return ``stops`` with the contact's own stop ``new``, or unchanged if they took it back later, at ``back``."""
    return tuple(stops) if back and new.at < back else add(stops, new)


def take_back(stops: Sequence[Stop], at: datetime) -> tuple[Stop, ...]:
    """Return the stops that remain after the contact took back their unsubscribing at this time.

    Stops by others remain, and the contact's own from that moment or later: in doubt the contact stays unsubscribed.
    """
    return tuple(stop for stop in stops if not (_by_contact(stop) and stop.at < at))


def lift(stops: Sequence[Stop], *, also_for_good: bool = False) -> tuple[Stop, ...]:
    """Return the stops that remain after the owner lifted a contact's stops.

    Stops that hold for good remain; with ``also_for_good`` only a complaint does. Moved and cancelled calls always remain.
    """
    return tuple(stop for stop in stops if _outlasts_lift(stop, also_for_good))


def holds_for_good(stop: Stop) -> bool:
    """Return whether a stop holds until the owner says that it was a mistake."""
    return RULES[stop.reason].holds is Holds.FOR_GOOD


def _outlasts_lift(stop: Stop, also_for_good: bool) -> bool:
    if holds_for_good(stop):
        return stop.reason is Reason.COMPLAINED or not also_for_good
    return stop.reason not in BY_PERSON


def _by_contact(stop: Stop) -> bool:
    """Return whether the contact may take this stop back."""
    return stop.reason is Reason.UNSUBSCRIBED and stop.by is Source.CONTACT


def _identity(stop: Stop) -> tuple[Reason, str | None, bool, str]:
    """Return the key of a stop: a contact has at most one stop with the same key."""
    return stop.reason, stop.booking, _by_contact(stop), stop.campaign


def _as_json(stop: Stop) -> JsonObject:
    booking = {"booking": stop.booking} if stop.booking else {}
    campaign = {"campaign": stop.campaign} if stop.reason in OF_CAMPAIGN else {}
    return {"reason": stop.reason, "at": times.text(stop.at), "by": stop.by, **booking, **campaign}


def _from_json(stop: Mapping[str, Any]) -> Stop:
    reason = Reason(stop["reason"])
    campaign = stop.get("campaign", facts.FIRST_NAME) if reason in OF_CAMPAIGN else facts.NAME
    return Stop(reason, times.parse(stop["at"]), Source(stop["by"]), stop.get("booking"), campaign)


def _strongest(stops: Collection[Stop], sequence: str, calls: Collection[str | None]) -> Stop | None:
    """Return the stop that ends most events of a sequence, or of one of these bookings and calls (opaque ids).

    If several end the same, it is the first in ``RULES``.
    """
    order = list(RULES)
    candidates = [
        stop for stop in stops if stop.counts and sequence in RULES[stop.reason].ends and stop.booking in (None, *calls)
    ]
    return min(candidates, key=lambda stop: (-stop.before, order.index(stop.reason)), default=None)
