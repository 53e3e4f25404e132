"""Settle an e-mail: read Resend's response, and decide on the records in the ledger and in Notion."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import gate, retry
from christmas_campaign.email.gate import PageNote, Refused
from christmas_campaign.email.retry import PutOff
from christmas_campaign.enrolment.record import LedgerEntry, Record
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values, schema
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.stops import marks, rules

#: The HTTP status of Resend for too many calls: a second, a day or a month.
TOO_MANY = 429


class Answer(NamedTuple):
    """Resend's response: the HTTP status and the body as text.

    ``held_back`` is whether the flow called a URL that Resend does not have. It does so when the idempotency key may have
    expired, or when the contact's suppressions changed. ``suppressed_by`` is the reason if a suppression now ends the sequence.
    """

    code: int
    body: str
    suppressed_by: Reason | None = None
    held_back: bool = False


class Verdict(NamedTuple):
    """How an e-mail ended. ``detail`` explains it to the owner and never has an e-mail address."""

    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    resend_id: str | None = None


class Recorded(NamedTuple):
    """The e-mail is settled: how it ended, and its records.

    ``ledger`` is the ledger entry. ``analytics`` is the body of the request that creates the analytics page, ``stamp`` the body
    of the request that updates the contact's page (``None``: no update).
    """

    verdict: Verdict
    ledger: LedgerEntry
    analytics: JsonObject
    stamp: JsonObject | None

    @property
    def outcome(self) -> Outcome:
        """How the e-mail ended."""
        return self.verdict.outcome

    @property
    def reason(self) -> Reason | None:
        """Why it was not sent, ``None`` if it was sent."""
        return self.verdict.reason

    @property
    def detail(self) -> str:
        """A sentence for the owner."""
        return self.verdict.detail


class GateRecord(NamedTuple):
    """The records in Notion when a refusal of the gate settles an e-mail.

    ``analytics`` is the body of the request that creates the analytics page. ``page`` updates the contact's page (``None``: no
    update).
    """

    analytics: JsonObject
    page: PageNote | None


def judge(answer: Answer | None, claimed_at: datetime, now: datetime) -> Verdict:
    """Return how an e-mail ended that was claimed at ``claimed_at``, from Resend's response at ``now``. Both times are aware.

    ``answer`` is ``None`` when Resend did not respond, or responded with a temporary error.
    """
    if answer is None:
        return Verdict(Outcome.DEFERRED, Reason.RESEND_UNREACHABLE)
    if answer.suppressed_by is not None:
        return Verdict(Outcome.SKIPPED, answer.suppressed_by, "The contact was stopped right before it was sent.")
    if answer.held_back and now - claimed_at < gate.KEY_HOLDS:
        return Verdict(Outcome.DEFERRED, Reason.STOPS_CHANGED)
    if answer.held_back:
        return Verdict(Outcome.FAILED, Reason.SEND_UNKNOWN, gate.unknown(claimed_at))
    body = _object(answer.body)
    if answer.code in (200, 201):
        resend_id = body.get("id")
        return Verdict(Outcome.SENT, resend_id=resend_id if isinstance(resend_id, str) else None)
    name = body.get("name")
    if answer.code == TOO_MANY:
        # The rate of a second ends at once, the quota of a day or month does not.
        is_quota = isinstance(name, str) and name.endswith("_quota_exceeded")
        return Verdict(Outcome.DEFERRED, Reason.RESEND_QUOTA if is_quota else Reason.RESEND_UNREACHABLE)
    if answer.code == 409 and name == "concurrent_idempotent_requests":
        return Verdict(Outcome.DEFERRED, Reason.SEND_IN_PROGRESS)
    if answer.code == 409:
        # The key depends on the enrolment and the number alone. Resend knows it, so Resend accepted this e-mail before.
        return Verdict(Outcome.SENT, detail="Resend had accepted this e-mail before, with other words.")
    if answer.code in (404, 405) and now - claimed_at >= gate.KEY_HOLDS:
        # Older flow revisions call a URL that Resend does not have when the key has expired: see the task `send`.
        return Verdict(Outcome.FAILED, Reason.SEND_UNKNOWN, gate.unknown(claimed_at))
    error_name = f" {name}" if isinstance(name, str) and name.replace("_", "").isalnum() else ""
    return Verdict(
        Outcome.FAILED, Reason.REFUSED_BY_RESEND, f"Resend refused the e-mail: HTTP {answer.code}{error_name}."
    )


def settle(
    record: Record,
    number: int,
    verdict: Verdict,
    *,
    tries: int,
    claimed_at: datetime | None,
    page: Mapping[str, Any] | None,
    done: Collection[int] = (),
    settings: Settings,
    now: datetime,
) -> Recorded | PutOff:
    """Decide on the records about e-mail ``number``, or when it is tried again after a temporary failure.

    - ``tries``: the number of earlier retries.
    - ``claimed_at``: when the e-mail was claimed (aware; ``None``: it was not).
    - ``page``: the contact's page, read before the send (``None``: Notion did not return it).
    - ``done``: the numbers of the other e-mails that are sent or skipped, from the ledger.
    - ``now``: the time after the send (aware).
    """
    if verdict.outcome is Outcome.DEFERRED and verdict.reason is not None:
        later = retry.put_off(verdict.reason, tries, settings, now)
        if isinstance(later, PutOff):
            return later
        verdict = Verdict(later.outcome, later.reason, later.detail)
    # Only a response of Resend ends a claim. Any other failure says nothing about an earlier try, which may have succeeded.
    answered = verdict.outcome is Outcome.SENT or verdict.reason is Reason.REFUSED_BY_RESEND
    return Recorded(
        verdict,
        ledger=LedgerEntry(verdict.outcome, now, verdict.reason, verdict.resend_id, None if answered else claimed_at),
        analytics=analytics(record, number, verdict, now),
        stamp=_stamp(record, number, verdict, page, done, now),
    )


def settle_refused(
    refused: Refused,
    record: Record,
    number: int,
    *,
    page_id: str,
    page: Mapping[str, Any] | None,
    done: Collection[int],
    now: datetime,
) -> Recorded:
    """Decide on the records about e-mail ``number`` that a refusal of the gate settled, as ``refused.ledger`` says.

    ``page`` is the contact's page with this ``page_id`` (``None``: Notion did not return it). The other arguments are those of
    ``settle``. The update must not replace the mark of a permanent suppression.
    """
    gate_record = at_gate(refused, record, number, page_id=page_id, done=done, now=now)
    note = gate_record.page
    may_write = note is not None and (note.unless is None or (page is not None and marks.on_page(page) is None))
    return Recorded(
        Verdict(refused.outcome, refused.reason, refused.detail),
        ledger=refused.ledger or LedgerEntry(refused.outcome, now, refused.reason),
        analytics=gate_record.analytics,
        stamp={"properties": note.properties} if note is not None and may_write else None,
    )


def at_gate(
    refused: Refused, record: Record, number: int, *, page_id: str, done: Collection[int], now: datetime
) -> GateRecord:
    """Decide on the records in Notion about e-mail ``number`` that a refusal of the gate settled at ``now`` (aware).

    ``page_id`` is the id of the contact's page. ``done`` holds the numbers of the other e-mails that are sent or skipped, from
    the ledger. When all e-mails are sent or skipped, the update also marks the sequence as completed.
    """
    verdict = Verdict(refused.outcome, refused.reason, refused.detail)
    page = refused.page
    if verdict.outcome is Outcome.SKIPPED and _others_done(record, number, done):
        completed = page_values.properties(schema.SEQUENCE_PAGES, {notion_names.PAGE_COMPLETED: True})
        page = page or PageNote(f"/v1/pages/{page_id}", {})
        page = page._replace(properties={**page.properties, **completed})
    return GateRecord(analytics(record, number, verdict, now), page)


def analytics(record: Record, number: int, verdict: Verdict, now: datetime) -> JsonObject:
    """Return the body of the request that creates the analytics page for one attempt at ``now`` (aware)."""
    withdrawn = record.is_withdrawn(number)
    template = None if withdrawn else sequence(record.event.sequence).email(number).template
    error = " ".join(part for part in (verdict.reason and f"{verdict.reason}:", verdict.detail) if part)
    values = {
        notion_names.ANALYTICS_TITLE: f"{template or f'{record.event.sequence} E{number}'} - {verdict.outcome}",
        notion_names.ANALYTICS_EMAIL: record.event.email,
        notion_names.ANALYTICS_TEMPLATE: template,
        notion_names.ANALYTICS_RESEND_ID: verdict.resend_id,
        notion_names.ANALYTICS_ERROR: error,
        notion_names.ANALYTICS_NUMBER: number,
        notion_names.ANALYTICS_STATUS: verdict.outcome,
        notion_names.ANALYTICS_DATE: now,
        notion_names.ANALYTICS_CAMPAIGN: facts.NAME,
    }
    return {
        "parent": {"type": "data_source_id", "data_source_id": record.sources["analytics"]},
        "properties": page_values.properties(schema.ANALYTICS, values),
    }


def _others_done(record: Record, number: int, done: Collection[int]) -> bool:
    """Return whether all e-mails of the enrolment but ``number`` are in ``done``."""
    return all(other in done for other in record.emails if other != number)


def _stamp(
    record: Record,
    number: int,
    verdict: Verdict,
    page: Mapping[str, Any] | None,
    done: Collection[int],
    now: datetime,
) -> JsonObject | None:
    """Return the body that updates the contact's page, or ``None`` when there is nothing to update."""
    if page is None or page_values.archived(page):
        return None
    values: dict[str, Any] = {}
    if verdict.outcome is Outcome.SENT:
        values[notion_names.page_sent(number)] = now
    if verdict.reason in rules.RULES:
        mark = marks.on_page(page)
        since = mark.at if mark and mark.reason is verdict.reason else None
        values[notion_names.PAGE_STOPPED] = marks.text(verdict.reason, since or now, number)
    on_page = page_values.plain(page)
    # The e-mail that is settled last completes the sequence. An e-mail without a date on the page and without a ledger entry
    # is still open: it can be replayed.
    dated = [other for other in record.emails if on_page.get(notion_names.page_sent(other)) is not None]
    if verdict.outcome is not Outcome.FAILED and _others_done(record, number, [*dated, *done]):
        values[notion_names.PAGE_COMPLETED] = True
    return {"properties": page_values.properties(schema.SEQUENCE_PAGES, values)} if values else None


def _object(text: str) -> JsonObject:
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
