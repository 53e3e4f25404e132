"""The gate: the first decision about a due e-mail. It works without Notion.

The checks run in this order:

1. The enrolment is in the KV store.
2. The e-mail was not sent before.
3. No suppression of the contact ends its sequence.
4. The campaign is not paused.
5. This release still has the e-mail; otherwise it was withdrawn, and is skipped after the previous one is settled.
6. No claim is so old that Resend may have sent the e-mail without our knowledge.
7. The e-mail has not expired, and the call that it prepares for has not begun.
8. The previous e-mail of the sequence is settled, and was settled long enough ago.

The checks of ``compose`` follow. Right before the request the task `send` checks two more things: the idempotency key is still
valid, and the contact's suppressions have not changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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

#: How long we rely on an idempotency key. Resend keeps it for 24 hours; one hour is a margin for clock drift and slow calls.
KEY_HOLDS = timedelta(hours=23)

#: Clock corrections smaller than this are normal.
CLOCKS_DIFFER = timedelta(minutes=1)


class EmailState(NamedTuple):
    """The entries of the KV store about a due e-mail.

    - ``record`` and ``page_id``: the enrolment and the id of its page in Email Sequence (``None``: no such entry).
    - ``own`` and ``before``: the ledger entries of this e-mail and of the previous one (``None``: no entry yet).
    - ``suppressions``: the contact's suppressions.
    - ``paused``: whether the owner has paused the campaign.
    - ``resumed``: when the owner last resumed it (aware; ``None``: never).
    - ``entries``: the ledger entries of the enrolment by e-mail number (``None``: not known, in older revisions).
    """

    record: Record | None
    page_id: str | None
    own: LedgerEntry | None = None
    before: LedgerEntry | None = None
    suppressions: Collection[Stop] = ()
    paused: bool = False
    resumed: datetime | None = None
    entries: Mapping[int, LedgerEntry] | None = None


class PageNote(NamedTuple):
    """An update of the contact's page in Notion: the path of the request, and the properties to write.

    ``unless`` is a jq expression on Notion's JSON of the page. Where it is true, nothing is written. ``None`` always writes.
    """

    path: str
    properties: JsonObject
    unless: str | None = None


class Refused(NamedTuple):
    """The gate does not let the e-mail pass now.

    - ``detail`` explains the refusal to the owner.
    - ``date`` (aware) is when a deferred e-mail is tried again.
    - ``ledger`` is the new ledger entry when this decision settles the e-mail.
    - ``page`` writes on the contact's page why the sequence ended (``None``: it did not end, or the page says so already).
    """

    outcome: Outcome
    reason: Reason
    detail: str
    date: datetime | None = None
    ledger: LedgerEntry | None = None
    page: PageNote | None = None


def gate(number: int, state: EmailState, settings: Settings, now: datetime) -> Refused | None:
    """Return why e-mail ``number`` of an enrolment must not be sent at ``now`` (aware); ``None`` lets it pass.

    Raises ``UnknownEmail`` when the sequence never had an e-mail of this number.
    """
    record, page_id, own, before = state.record, state.page_id, state.own, state.before
    if record is None or page_id is None:
        detail = "Kestra's KV store has no such enrolment. It is deleted 30 days after the last e-mail was due."
        return Refused(Outcome.FAILED, Reason.ENROLMENT_UNKNOWN, detail)
    email = None if record.is_withdrawn(number) else sequence(record.event.sequence).email(number)
    if own and own.outcome is Outcome.SENT:
        return Refused(Outcome.SKIPPED, Reason.ALREADY_SENT, f"Sent on {times.for_owner(own.at)}.")
    stop = rules.ending_stop(state.suppressions, record.event)
    if stop is not None:
        detail = f"The contact was stopped on {times.for_owner(stop.at)}."
        page = _page(number, page_id, stop.reason, stop.at, state)
        return _ended(stop.reason, detail, own, now)._replace(page=page)
    if state.paused:
        # The retry is due now, but the execution first waits for the end of the pause: see the task `hold`.
        return _later(now, Reason.PAUSED, "The campaign is paused. `christmas resume` continues it.")
    earlier = record.previous_number(number)
    unsettled = _unsettled(earlier, before, settings, now)
    if email is None:
        # It waits for its turn. Skipped too early, it would let the next e-mail overtake the previous one.
        return unsettled or _ended(Reason.EMAIL_WITHDRAWN, withdrawn(record, number), own, now)
    if own and own.claimed_at and now - own.claimed_at >= KEY_HOLDS:
        # The ledger entry settles the e-mail. Without it the next e-mail of the sequence would wait for ever.
        settled = LedgerEntry(Outcome.FAILED, now, Reason.SEND_UNKNOWN, claimed_at=own.claimed_at)
        return Refused(Outcome.FAILED, Reason.SEND_UNKNOWN, unknown(own.claimed_at), ledger=settled)
    # The time of a pause does not count: after it, an e-mail is due when the campaign was resumed.
    due = max(record.emails[number], state.resumed or record.emails[number])
    call = _call(record, settings)
    late = f"It was due on {times.for_owner(record.emails[number])}." if now - due > settings.expires_after else None
    if call is not None and call <= now:
        late = f"The call was on {times.for_owner(call)}."
    if late:
        return _ended(Reason.EXPIRED, late, own, now)._replace(page=_page(number, page_id, Reason.EXPIRED, now, state))
    if unsettled is not None:
        return unsettled
    if before is not None:
        turn = before.at + settings.spacing
        # An entry from the future means that the clock was set back. Then the scheduled dates alone keep the distance.
        if before.at <= now + CLOCKS_DIFFER and now < turn:
            return _later(turn, Reason.TOO_SOON, f"E-mail {earlier} was settled on {times.for_owner(before.at)}.")
    return None


def _page(number: int, page_id: str, reason: Reason, at: datetime, state: EmailState) -> PageNote | None:
    """Return the update that writes on the contact's page why the sequence ended, or ``None`` if the page says it already."""
    if state.before is not None and state.before.reason is reason:
        # The previous e-mail was skipped for the same reason, and its decision updated the page.
        return None
    values = {notion_names.PAGE_STOPPED: marks.text(reason, at, _first_skipped(number, reason, state))}
    return PageNote(
        path=f"/v1/pages/{page_id}",
        properties=page_values.properties(schema.SEQUENCE_PAGES, values),
        # After a restore the page may have the mark of an unsubscribe that the KV store has lost.
        unless=None if reason in marks.FOR_GOOD else marks.ON_PAGE,
    )


def _first_skipped(number: int, reason: Reason, state: EmailState) -> int:
    """Return the number of the first e-mail that is skipped for ``reason``.

    After a time without Kestra, several e-mails of an enrolment may be decided at once. Each one then counts the earlier ones
    that have no final ledger entry yet, so that all write the same text on the page.
    """
    entries = state.entries
    if state.record is None or entries is None:
        return number
    earlier = (
        other
        for other in state.record.emails
        if other < number and (other not in entries or not entries[other].is_final or entries[other].reason is reason)
    )
    return min(earlier, default=number)


def _call(record: Record, settings: Settings) -> datetime | None:
    """Return when the call begins that the e-mails of this enrolment prepare for (aware), or ``None`` if there is none.

    With a time scale there is no such limit: two scaled hours are shorter than the sending of an e-mail.
    """
    own = sequence(record.event.sequence)
    anchor = record.event.fields.get(own.anchor_field or "")
    if not isinstance(anchor, str) or settings.time_scale != 1:
        return None
    return schedule.call_time(own, times.parse(anchor), record.event.received_at, settings)


def unknown(claimed_at: datetime) -> str:
    """Return the detail for an e-mail that was claimed at this time (aware) and that the owner must check at Resend."""
    return (
        f"The request to Resend began on {times.for_owner(claimed_at)}, and its result is unknown."
        " The idempotency key may have expired, so another try could send the e-mail twice."
    )


def withdrawn(record: Record, number: int) -> str:
    """Return the detail for e-mail ``number``, which another release planned and this release does not have."""
    return f"This release has no e-mail {number} in the sequence {record.event.sequence}: it was withdrawn."


def _ended(reason: Reason, detail: str, own: LedgerEntry | None, now: datetime) -> Refused:
    """Return a refusal that settles the e-mail as skipped. An open claim stays, because Resend may have the e-mail."""
    settled = LedgerEntry(Outcome.SKIPPED, now, reason, claimed_at=own.claimed_at if own else None)
    return Refused(Outcome.SKIPPED, reason, detail, ledger=settled)


def _unsettled(earlier: int | None, before: LedgerEntry | None, settings: Settings, now: datetime) -> Refused | None:
    """Return a refusal until e-mail ``earlier`` is settled, or ``None`` when it is settled or there is no earlier e-mail."""
    if earlier is None or (before is not None and before.is_final):
        return None
    wait = max(settings.spacing, SHORTEST_WAIT)
    detail = f"E-mail {earlier} is not settled yet."
    return _later(now + wait, Reason.EARLIER_EMAIL_UNSETTLED, detail)


def _later(date: datetime, reason: Reason, detail: str) -> Refused:
    return Refused(Outcome.DEFERRED, reason, detail, date=date)
