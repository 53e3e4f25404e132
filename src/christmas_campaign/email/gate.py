"""The gate: the first decision about an e-mail that is due. It does not need what Notion says.

The order of the checks: is the enrolment known; was this e-mail sent; is the contact stopped for its sequence; is the campaign
paused; was the e-mail withdrawn (this release does not have it); may the e-mail have been sent, too long ago to be sure; is it
too late for it (its days are over, or the call has begun that it prepares for); is the one before it settled; is that long
enough ago. The checks of ``compose`` follow. The task `send` checks two things at the last moment: is the idempotency key still
valid; are the contact's stops still those that were decided on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from christmas_campaign.campaign import notion_names, times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email.retry import SHORTEST_WAIT
from christmas_campaign.enrolment import schedule
from christmas_campaign.enrolment.record import LedgerEntry, Record
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values, schema
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.stops import marks, rules
from christmas_campaign.stops.rules import Stop

#: Resend keeps an idempotency key for 24 hours; an hour less, for clocks that differ and calls that take their time.
KEY_HOLDS = timedelta(hours=23)

#: Clocks are set right by less than this all the time.
CLOCKS_DIFFER = timedelta(minutes=1)


class EmailState(NamedTuple):
    """What is kept about an e-mail that is due.

    ``record`` and ``page_id`` are what is kept of the enrolment (``None``: nothing), ``own`` and ``before`` how this e-mail and
    the one before it were settled (``None``: not yet), ``as_of`` names the state of Notion before which no kept template
    counts, ``stopped`` is what stops the contact, ``paused`` says whether a person holds the campaign, ``resumed`` when it was
    last let go on (aware; ``None``: it was never held).
    """

    record: Record | None
    page_id: str | None
    own: LedgerEntry | None = None
    before: LedgerEntry | None = None
    as_of: str = ""
    stopped: Collection[Stop] = ()
    paused: bool = False
    resumed: datetime | None = None


class LastLook(NamedTuple):
    """What the last look before the send needs: ``key`` (where it is kept what stops the contact), ``sequence``, ``received``
    (when the event arrived, in milliseconds since 1970) and ``booking`` (which booking it is about, or ``none``)."""

    key: str
    sequence: str
    received: int
    booking: str


class Open(NamedTuple):
    """The e-mail goes on: the paths of the contact's page and of the Notion query for its template, the query's body, where the
    template is kept for some minutes, and what the last look needs."""

    page_path: str
    templates_path: str
    template_query: JsonObject
    template_key: str
    stop: LastLook


class PageNote(NamedTuple):
    """An update of the contact's page in Notion: the path of the request, and the properties to write.

    Where the jq expression ``unless`` is true of the page as Notion gives it, nothing is written (``None``: it is always
    written).
    """

    path: str
    properties: JsonObject
    unless: str | None = None


class Refused(NamedTuple):
    """The e-mail does not go on now.

    ``detail`` is for the person who looks, ``date`` (aware) is when the e-mail is tried again if it is put off, ``ledger`` is
    how it is settled by this decision, if it is, and ``page`` says on the contact's page why the sequence has ended (``None``:
    it has not, or the page says so).
    """

    outcome: Outcome
    reason: Reason
    detail: str
    date: datetime | None = None
    ledger: LedgerEntry | None = None
    page: PageNote | None = None


def gate(number: int, state: EmailState, settings: Settings, now: datetime) -> Open | Refused:
    """Decide whether e-mail ``number`` of an enrolment goes on at ``now`` (aware)."""
    record, page_id, own, before = state.record, state.page_id, state.own, state.before
    if record is None or page_id is None:
        detail = "What the webhook said is not kept, or no longer: it is for 30 days after the last e-mail was due."
        return Refused(Outcome.FAILED, Reason.ENROLMENT_UNKNOWN, detail)
    email = None if record.is_withdrawn(number) else sequence(record.event.sequence).email(number)
    if own and own.outcome is Outcome.SENT:
        return Refused(Outcome.SKIPPED, Reason.ALREADY_SENT, f"Sent on {times.for_owner(own.at)}.")
    stop = rules.ending(state.stopped, record.event)
    if stop is not None:
        detail = f"The contact was stopped on {times.for_owner(stop.at)}."
        page = _page(number, page_id, stop.reason, stop.at, before)
        return _ended(stop.reason, detail, own, now)._replace(page=page)
    if state.paused:
        # Tried again at once, but the run waits before that: see the task `hold`.
        return _later(now, Reason.PAUSED, "The campaign is paused: `christmas resume` lets it go on.")
    earlier = record.previous_number(number)
    unsettled = _unsettled(earlier, before, settings, now)
    if email is None:
        # It keeps its place: if it were skipped earlier, the e-mail after it could overtake the one before it.
        return unsettled or _ended(Reason.EMAIL_WITHDRAWN, withdrawn(record, number), own, now)
    if own and own.claimed_at and now - own.claimed_at >= KEY_HOLDS:
        # Settled by this very decision, or the next one of the sequence would wait for it for ever.
        settled = LedgerEntry(Outcome.FAILED, now, Reason.SEND_UNKNOWN, claimed_at=own.claimed_at)
        return Refused(Outcome.FAILED, Reason.SEND_UNKNOWN, unknown(own.claimed_at), ledger=settled)
    # While a person holds the campaign nothing grows too old.
    due = max(record.emails[number], state.resumed or record.emails[number])
    call = _call(record, settings)
    late = f"It was due on {times.for_owner(record.emails[number])}." if now - due > settings.expires_after else None
    if call is not None and call <= now:
        late = f"The call was on {times.for_owner(call)}."
    if late:
        return _ended(Reason.EXPIRED, late, own, now)._replace(page=_page(number, page_id, Reason.EXPIRED, now, before))
    if unsettled is not None:
        return unsettled
    if before is not None:
        turn = before.at + settings.spacing
        # Settled in the future: the clock was set back since. That says nothing of the distance, which the dates keep.
        if before.at <= now + CLOCKS_DIFFER and now < turn:
            return _later(turn, Reason.TOO_SOON, f"E-mail {earlier} was settled on {times.for_owner(before.at)}.")
    return Open(
        page_path=f"/v1/pages/{page_id}",
        templates_path=f"/v1/data_sources/{record.sources['templates']}/query",
        template_query=template_query(email.template),
        template_key=template_key(email.template, state.as_of),
        stop=LastLook(
            key=rules.key_of(record.event),
            sequence=record.event.sequence,
            received=rules.received(record.event),
            booking=record.event.booking or "none",
        ),
    )


def _page(number: int, page_id: str, reason: Reason, at: datetime, before: LedgerEntry | None) -> PageNote | None:
    """What the contact's page is to say; it was written with the first e-mail that was skipped for this reason."""
    if before is not None and before.reason is reason:
        return None
    values = {notion_names.PAGE_STOPPED: marks.text(reason, at, number)}
    return PageNote(
        path=f"/v1/pages/{page_id}",
        properties=page_values.properties(schema.SEQUENCE_PAGES, values),
        # After a restore the page may know of an unsubscribe that the KV store has lost.
        unless=None if reason in marks.FOR_GOOD else marks.ON_PAGE,
    )


def _call(record: Record, settings: Settings) -> datetime | None:
    """When the call begins before which all e-mails of this enrolment have to be sent, ``None`` if there is none.

    Where time is squeezed two hours are less than an e-mail takes: there it is too late only when it is for all others.
    """
    found = sequence(record.event.sequence)
    told = record.event.fields.get(found.anchor_field or "")
    if not isinstance(told, str) or settings.time_scale != 1:
        return None
    return schedule.call_time(found, times.parse(told), record.event.received_at, settings)


def unknown(claimed_at: datetime) -> str:
    """Return why an e-mail that was claimed at this time (UTC) is not sent any more without a person's look."""
    return (
        f"It was handed to Resend on {times.for_owner(claimed_at)}, or was about to be, and what became of it is not known."
        " That is too long ago for Resend to tell a second try from a second e-mail."
    )


def withdrawn(record: Record, number: int) -> str:
    """Return why e-mail ``number``, which another release planned, is not sent."""
    return f"This release has no e-mail {number} in the sequence {record.event.sequence}: it was withdrawn."


def template_key(name: str, as_of: str) -> str:
    """Return the key of the KV store under which a template is kept for some minutes."""
    return f"template.{hashlib.sha256(f'{as_of} {name}'.encode()).hexdigest()[:24]}"


def template_query(name: str) -> JsonObject:
    """Return the body of the Notion query for the active templates of this name."""
    return {
        "filter": {
            "and": [
                page_values.equals(schema.TEMPLATES, notion_names.TEMPLATE_NAME, name),
                page_values.equals(schema.TEMPLATES, notion_names.TEMPLATE_STATUS, notion_names.TEMPLATE_ACTIVE),
            ]
        }
    }


def _ended(reason: Reason, detail: str, own: LedgerEntry | None, now: datetime) -> Refused:
    """Skipped, and settled by that: the next one does not wait for it. What Resend may have it may have still."""
    settled = LedgerEntry(Outcome.SKIPPED, now, reason, claimed_at=own.claimed_at if own else None)
    return Refused(Outcome.SKIPPED, reason, detail, ledger=settled)


def _unsettled(earlier: int | None, before: LedgerEntry | None, settings: Settings, now: datetime) -> Refused | None:
    """Return that the e-mail waits for e-mail ``earlier``; ``None`` when there is none or it is settled."""
    if earlier is None or (before is not None and before.is_final):
        return None
    wait = max(settings.spacing, SHORTEST_WAIT)
    detail = f"E-mail {earlier} is neither sent nor skipped nor failed for good."
    return _later(now + wait, Reason.EARLIER_EMAIL_UNSETTLED, detail)


def _later(date: datetime, reason: Reason, detail: str) -> Refused:
    return Refused(Outcome.DEFERRED, reason, detail, date=date)
