"""When a sequence ends before its last e-mail: which reason ends which sequence, for how long, and what is kept of it.

What is kept of a contact is Kestra's KV entry ``stop.<contact id>``; the id is opaque. ``stops`` has each reason with when and
by whom, and ``ends``, made from it, which reason ends which sequence: executions of `send-email` of releases up to 0.4 check
that at the last moment, without Python. What ends one booking alone is there under the opaque id of that booking. ``back`` is
when a contact took her unsubscribing back, if ever: a call from before that, late or once more, does not count. ``lifted`` is
when a person last lifted what holds for good: by these two a mark on a page in Notion is older or newer (see ``marks``).
``changed`` is when it was written, so that no two entries of a contact are the same: by that `send-email` sees that something
has changed. An entry has no time to live: one that went away by itself would send mail.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, NamedTuple

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.sequences.registry import SEQUENCES


class Source(StrEnum):
    """Who stopped a contact: the closed list."""

    PERSON = "person"
    """A person who runs the campaign, with `christmas stop`."""
    ENROLMENT = "enrolment"
    """An enrolment that was kept: an accepted onboarding."""
    CONTACT = "contact"
    """She herself, by the link in an e-mail or by her mail provider's button."""
    RESEND = "resend"
    """What Resend reported of an e-mail to her."""
    BOOKING = "booking"
    """A call that was booked or cancelled, as Calendly, Cal.com or another tool says."""
    NOTION = "notion"
    """A person who set `Booking Status` by hand in Notion."""


class Holds(Enum):
    """For how long a reason ends sequences."""

    FOR_GOOD = "for good"
    UNTIL_LET_GO = "until she is let go on"
    WHAT_WAS_BEFORE = "for what had begun before"
    """A later event begins anew: whoever misses the call that she booked is written to."""
    FOR_THAT_CALL = "for that call alone"
    """For good too, but for one booking of hers; another one has its e-mails."""


class Lift(StrEnum):
    """What is lifted of what stops a contact: the closed list."""

    LET_GO = "let_go"
    """By a person: what does not hold for good."""
    ALSO_FOR_GOOD = "also_for_good"
    """By a person who mends a mistake: all but a complaint, which nobody takes back for her."""
    UNSUBSCRIBED = "unsubscribed"
    """By the contact herself: that she unsubscribed, and nothing of what others have said."""


class Rule(NamedTuple):
    """Which sequences a reason ends, by name, and for how long."""

    ends: frozenset[str]
    holds: Holds


_ALL = frozenset(each.name for each in SEQUENCES)


def _ended_by(reason: Reason) -> frozenset[str]:
    """Return the sequences that say that this reason ends them."""
    return frozenset(each.name for each in SEQUENCES if reason in each.ended_by)


#: Which reason ends which sequence. Where several do, the first one is told.
RULES: dict[Reason, Rule] = {
    Reason.UNSUBSCRIBED: Rule(_ALL, Holds.FOR_GOOD),
    Reason.COMPLAINED: Rule(_ALL, Holds.FOR_GOOD),
    Reason.BOUNCED: Rule(_ALL, Holds.FOR_GOOD),
    Reason.STOPPED_BY_PERSON: Rule(_ALL, Holds.UNTIL_LET_GO),
    Reason.BOUGHT: Rule(_ended_by(Reason.BOUGHT), Holds.UNTIL_LET_GO),
    Reason.BOOKED: Rule(_ended_by(Reason.BOOKED), Holds.WHAT_WAS_BEFORE),
    Reason.CALL_MOVED: Rule(_ended_by(Reason.CALL_MOVED), Holds.WHAT_WAS_BEFORE),
    Reason.CALL_CANCELLED: Rule(_ended_by(Reason.CALL_CANCELLED), Holds.FOR_THAT_CALL),
}

#: What a person may give as a reason: only a booking knows which call it is about.
BY_PERSON = tuple(each for each in RULES if each not in (Reason.CALL_MOVED, Reason.CALL_CANCELLED))

#: What is kept of nobody, for it is seen anew each time: all was sent, the contact's page is gone, it is too late.
SEEN_EACH_TIME = (Reason.NOTHING_LEFT_TO_SEND, Reason.PAGE_ARCHIVED, Reason.EXPIRED)

#: The closed list of reasons to stop.
REASONS = (*RULES, *SEEN_EACH_TIME)

#: The end of all times (the year 10000), in milliseconds since 1970.
FOR_EVER = 253_402_300_800_000


class Stop(NamedTuple):
    """That a contact was stopped: why, when (UTC), and by whom; ``booking`` is the opaque id of the only booking that it ends
    (``None``: it ends whole sequences)."""

    reason: Reason
    at: datetime
    by: Source
    booking: str | None = None

    @property
    def before(self) -> int:
        """What arrived before this moment is ended by it, in milliseconds since 1970."""
        return times.milliseconds(self.at) if RULES[self.reason].holds is Holds.WHAT_WAS_BEFORE else FOR_EVER


class Lifts(NamedTuple):
    """When what stopped a contact for good was lifted last (UTC): ``back`` by the contact, ``lifted`` by a person."""

    back: datetime | None = None
    lifted: datetime | None = None

    def of(self, reason: Reason) -> datetime | None:
        """Return when a stop for this reason was lifted last, ``None`` if it never was."""
        possible = {Reason.UNSUBSCRIBED: self, Reason.BOUNCED: (self.lifted,)}.get(reason, ())
        return max((each for each in possible if each is not None), default=None)


def bought(event: Event) -> Stop | None:
    """Return what an event ends of the contact's other sequences by being a purchase, ``None`` if it is none."""
    reason = event.own_sequence.stops_for
    return None if reason is None else Stop(reason, event.received_at, Source.ENROLMENT)


def key(contact: str) -> str:
    """Return the key of the KV store under which it is kept what stops a contact; ``contact`` is her opaque id."""
    return f"stop.{contact}"


def key_of(event: Event) -> str:
    """Return that key of the contact whom an event is about."""
    return key(opaque_ids.contact_id(event.email))


def read(kept: Mapping[str, Any] | None) -> tuple[Stop, ...]:
    """Return what stops a contact, from what ``as_json`` wrote; ``None``: nothing does."""
    said = kept["stops"] if kept else ()
    return tuple(
        Stop(Reason(each["reason"]), times.parse(each["at"]), Source(each["by"]), each.get("booking")) for each in said
    )


def lifts(kept: Mapping[str, Any] | None) -> Lifts | None:
    """Return when a contact's stops were lifted, from what ``as_json`` wrote; ``None`` if nothing is kept."""
    if kept is None:
        return None
    back, lifted = (times.parse(kept[name]) if kept.get(name) else None for name in ("back", "lifted"))
    return Lifts(back, lifted)


def as_json(stops: Collection[Stop], lifts: Lifts | None = None) -> JsonObject:
    """Return what stops a contact as it is kept; ``ends`` has for each sequence, and for each booking that is ended by itself,
    the reason that ends it and, in milliseconds since 1970, the moment before which what arrived is ended. ``lifts`` is when
    the contact's stops were lifted."""
    ends = {name: _strongest(stops, name, None) for name in sorted(_ALL)}
    ends |= {each.booking: each for each in stops if each.booking}
    return {
        **{name: times.text(at) for name, at in (lifts or Lifts())._asdict().items() if at},
        "stops": [_as_json(each) for each in stops],
        "ends": {name: {"reason": each.reason, "before": each.before} for name, each in ends.items() if each},
    }


def ending(stops: Collection[Stop], event: Event) -> Stop | None:
    """Return what ends the sequence that ``event`` began or would begin, ``None`` when nothing does."""
    found = _strongest(stops, event.sequence, event.booking)
    return found if found and received(event) < found.before else None


def received(event: Event) -> int:
    """Return when an event arrived, in milliseconds since 1970; of a booking, when it was made."""
    return times.milliseconds(event.happened_at)


def add(stops: Sequence[Stop], new: Stop) -> tuple[Stop, ...]:
    """Return ``stops`` with ``new``. A reason is there once (once for each booking): since when it held first, or up to when it
    held last. What the contact herself says stands beside what others say, up to when she said it last: she may take it back.
    """
    same = [each for each in stops if _about(each) == _about(new)]
    others = [each for each in stops if _about(each) != _about(new)]
    # What ends whatever was before a moment ends more the later that is.
    latest = RULES[new.reason].holds is Holds.WHAT_WAS_BEFORE or _by_herself(new)
    chosen = (max if latest else min)([*same, new], key=lambda each: each.at)
    return tuple(sorted([*others, chosen], key=lambda each: list(RULES).index(each.reason)))


def unsubscribe(stops: Sequence[Stop], new: Stop, back: datetime | None) -> tuple[Stop, ...]:
    """Return ``stops`` with ``new``, what a contact has said herself; without it where she took it back (``back``) later."""
    return tuple(stops) if back and new.at < back else add(stops, new)


def take_back(stops: Sequence[Stop], at: datetime) -> tuple[Stop, ...]:
    """Return what stops a contact still who took back at this time that she had unsubscribed: whatever others have said, and
    what she has said since. Where both were said at the same moment she stays unsubscribed."""
    return tuple(each for each in stops if not (_by_herself(each) and each.at < at))


def let_go(stops: Sequence[Stop], *, also_for_good: bool = False) -> tuple[Stop, ...]:
    """Return what stops a contact still when she is let go on: what holds for good, and that a call takes place no more. Of
    what holds for good a complaint alone where a person says that the rest was a mistake (``also_for_good``)."""
    return tuple(each for each in stops if _stays(each, also_for_good))


def holds_for_good(stop: Stop) -> bool:
    """Whether a contact who is stopped by this is not let go on, unless a person says that it was a mistake."""
    return RULES[stop.reason].holds is Holds.FOR_GOOD


def _stays(stop: Stop, also_for_good: bool) -> bool:
    """Whether a person who lets the contact go on leaves it."""
    if holds_for_good(stop):
        return stop.reason is Reason.COMPLAINED or not also_for_good
    return stop.reason not in BY_PERSON


def _by_herself(stop: Stop) -> bool:
    """Whether the contact may take it back."""
    return stop.reason is Reason.UNSUBSCRIBED and stop.by is Source.CONTACT


def _about(stop: Stop) -> tuple[Reason, str | None, bool]:
    """What is kept once."""
    return stop.reason, stop.booking, _by_herself(stop)


def _as_json(stop: Stop) -> JsonObject:
    booking = {"booking": stop.booking} if stop.booking else {}
    return {"reason": stop.reason, "at": times.text(stop.at), "by": stop.by, **booking}


def _strongest(stops: Collection[Stop], sequence: str, booking: str | None) -> Stop | None:
    """What ends most of a sequence, or of this booking: what holds for ever, before what ends only what was before it; then by
    the table."""
    order = list(RULES)
    found = [each for each in stops if sequence in RULES[each.reason].ends and each.booking in (None, booking)]
    return min(found, key=lambda each: (-each.before, order.index(each.reason)), default=None)
