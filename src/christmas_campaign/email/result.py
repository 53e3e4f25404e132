"""Settle: what Resend's answer means, and what is written down about an e-mail, sent or not."""

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


class Answer(NamedTuple):
    """Resend's answer: the HTTP status and the body as text.

    ``held_back`` is whether the flow called an address that Resend does not have, because the idempotency key may have expired
    or the contact's stops had changed; ``stopped`` is the reason if the contact is stopped.
    """

    code: int
    body: str
    stopped: Reason | None = None
    held_back: bool = False


class Verdict(NamedTuple):
    """What an answer means; ``detail`` is for the person who looks and has no address in it."""

    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    resend_id: str | None = None


class Recorded(NamedTuple):
    """The e-mail is settled: how, and what is written down about it.

    ``ledger`` is the entry of the ledger, ``analytics`` the body that makes the analytics page, ``stamp`` the body that updates
    the contact's page (``None``: there is nothing to update).
    """

    verdict: Verdict
    ledger: LedgerEntry
    analytics: JsonObject
    stamp: JsonObject | None

    @property
    def outcome(self) -> Outcome:
        """What became of the e-mail."""
        return self.verdict.outcome

    @property
    def reason(self) -> Reason | None:
        """Why it was not sent; ``None`` if it was."""
        return self.verdict.reason

    @property
    def detail(self) -> str:
        """A sentence for the person who looks."""
        return self.verdict.detail


class GateRecord(NamedTuple):
    """What a refusal that settles an e-mail leaves in Notion: the body that makes the analytics page, and the update of the
    contact's page (``None``: there is nothing to update)."""

    analytics: JsonObject
    page: PageNote | None


def judge(answer: Answer | None, claimed_at: datetime, now: datetime) -> Verdict:
    """Return what Resend's answer means at ``now``, to an e-mail that was claimed at ``claimed_at`` (both aware); ``None``
    means that there was none, or one that passes."""
    if answer is None:
        return Verdict(Outcome.DEFERRED, Reason.RESEND_UNREACHABLE)
    if answer.stopped is not None:
        # The flow calls an address that Resend does not have when the contact is stopped: see the task `send`.
        return Verdict(Outcome.SKIPPED, answer.stopped, "The contact was stopped right before it was sent.")
    if answer.held_back and now - claimed_at < gate.KEY_HOLDS:
        return Verdict(Outcome.DEFERRED, Reason.STOPS_CHANGED)
    if answer.held_back:
        return Verdict(Outcome.FAILED, Reason.SEND_UNKNOWN, gate.unknown(claimed_at))
    body = _object(answer.body)
    if answer.code in (200, 201):
        resend_id = body.get("id")
        return Verdict(Outcome.SENT, resend_id=resend_id if isinstance(resend_id, str) else None)
    name = body.get("name")
    if answer.code == 409 and name == "concurrent_idempotent_requests":
        return Verdict(Outcome.DEFERRED, Reason.SEND_IN_PROGRESS)
    if answer.code == 409:
        # The key is made from the enrolment and the number alone: it was used, so this e-mail was accepted before.
        return Verdict(Outcome.SENT, detail="Resend had accepted this e-mail before, with other words.")
    if answer.code in (404, 405) and now - claimed_at >= gate.KEY_HOLDS:
        # The flow calls an address that Resend does not have when the key holds no longer: see the task `send`.
        return Verdict(Outcome.FAILED, Reason.SEND_UNKNOWN, gate.unknown(claimed_at))
    said = f" {name}" if isinstance(name, str) and name.replace("_", "").isalnum() else ""
    return Verdict(Outcome.FAILED, Reason.REFUSED_BY_RESEND, f"Resend refused the e-mail: HTTP {answer.code}{said}.")


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
    """Decide what is written down about e-mail ``number``.

    ``tries`` says how often it was put off before, ``claimed_at`` when it was claimed (``None``: not yet), ``page`` is the
    contact's page as it was read before the send, ``done`` has the numbers of the other e-mails that the ledger says are
    sent or skipped, ``now`` is the time after the send (aware).
    """
    if verdict.outcome is Outcome.DEFERRED and verdict.reason is not None:
        later = retry.put_off(verdict.reason, tries, settings, now)
        if isinstance(later, PutOff):
            return later
        verdict = Verdict(later.outcome, later.reason, later.detail)
    # Only Resend's own word ends a claim; whatever else stopped this try says nothing of the one before it.
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
    """Decide what is written down about e-mail ``number`` that a refusal of the gate settled; ``refused.ledger`` says how.

    ``page`` is the contact's page with this ``page_id`` (``None``: Notion did not give it), the rest is as in ``settle``. The
    note on the page must not replace a stop that holds for good.
    """
    written = at_gate(refused, record, number, page_id=page_id, done=done, now=now)
    note = written.page
    may_write = note is not None and (note.unless is None or (page is not None and marks.on_page(page) is None))
    return Recorded(
        Verdict(refused.outcome, refused.reason, refused.detail),
        ledger=refused.ledger or LedgerEntry(refused.outcome, now, refused.reason),
        analytics=written.analytics,
        stamp={"properties": note.properties} if note is not None and may_write else None,
    )


def at_gate(
    refused: Refused, record: Record, number: int, *, page_id: str, done: Collection[int], now: datetime
) -> GateRecord:
    """Decide what is written in Notion about e-mail ``number`` that a refusal of the gate settled at ``now`` (aware).

    ``page_id`` is the id of the contact's page, ``done`` has the numbers of the other e-mails that the ledger says are sent or
    skipped. Where all e-mails are sent or skipped, the page also says that the sequence is completed.
    """
    verdict = Verdict(refused.outcome, refused.reason, refused.detail)
    page = refused.page
    if verdict.outcome is Outcome.SKIPPED and _others_done(record, number, done):
        completed = page_values.properties(schema.SEQUENCE_PAGES, {notion_names.PAGE_COMPLETED: True})
        page = page or PageNote(f"/v1/pages/{page_id}", {})
        page = page._replace(properties={**page.properties, **completed})
    return GateRecord(analytics(record, number, verdict, now), page)


def analytics(record: Record, number: int, verdict: Verdict, now: datetime) -> JsonObject:
    """Return the body that makes the analytics page of one attempt at ``now``."""
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
        notion_names.ANALYTICS_CAMPAIGN: facts.ANALYTICS_NAME,
    }
    return {
        "parent": {"type": "data_source_id", "data_source_id": record.sources["analytics"]},
        "properties": page_values.properties(schema.ANALYTICS, values),
    }


def _others_done(record: Record, number: int, done: Collection[int]) -> bool:
    """Whether all other e-mails are among those that are done."""
    return all(each in done for each in record.emails if each != number)


def _stamp(
    record: Record,
    number: int,
    verdict: Verdict,
    page: Mapping[str, Any] | None,
    done: Collection[int],
    now: datetime,
) -> JsonObject | None:
    if page is None or page_values.archived(page):
        return None
    values: dict[str, Any] = {}
    if verdict.outcome is Outcome.SENT:
        values[notion_names.page_sent(number)] = now
    if verdict.reason in rules.RULES:
        mark = marks.on_page(page)
        since = mark.at if mark and mark.reason is verdict.reason else None
        values[notion_names.PAGE_STOPPED] = marks.text(verdict.reason, since or now, number)
    said = page_values.plain(page)
    # Whichever is settled last completes the sequence. One that has neither a date nor its place in the ledger can be replayed.
    dated = [each for each in record.emails if said.get(notion_names.page_sent(each)) is not None]
    if verdict.outcome is not Outcome.FAILED and _others_done(record, number, [*dated, *done]):
        values[notion_names.PAGE_COMPLETED] = True
    return {"properties": page_values.properties(schema.SEQUENCE_PAGES, values)} if values else None


def _object(text: str) -> JsonObject:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
