"""The step ``gate``: whether the turn of an e-mail that is due has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from christmas_campaign.campaign import settings, times
from christmas_campaign.email import gate, pace, result
from christmas_campaign.enrolment.alerts import Pages, about
from christmas_campaign.enrolment.record import Record, Settled, labels, time_to_live
from christmas_campaign.steps import labelled, ready_made, with_alert
from christmas_campaign.stops import rules


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``enrolment``, ``number``, ``tries``, ``record``, ``page_id``, ``own``, ``before`` and ``stopped`` (from the KV
    store, ``None`` if not there), ``as_of``, ``paused``, ``resumed`` (a time, or ``None``), ``settings``, ``began`` (when
    Kestra began this run, in milliseconds since 1970); not from runs of older revisions of the flow: ``mails``, the ledger's
    entries of this enrolment by number (``None`` if not there).

    Outputs: as ``gate.gate`` and ``settle.at_gate`` give them, with ``template_query``, ``ledger``, ``analytics`` and the body
    of ``page`` ready-made, and ``ttl`` for the ledger; ``tries`` for the next run when the e-mail is put off, ``alert`` when it
    has failed. When it goes on, ``done``, the numbers of the other e-mails that are sent or skipped; ``page_id`` as
    it was given; ``about`` (``About.as_json``), for an alert; and ``turn``: when it
    began and was let through, and when it looks at the page, in milliseconds since 1970; and the longest that it waits for
    that, in milliseconds.
    """
    kept, own, before = context.get("record"), context.get("own"), context.get("before")
    record = Record.from_json(kept) if kept else None
    done = _done(context.get("mails") or {}, context["number"])
    given = settings.read(context["settings"])
    outputs = gate.gate(
        context["number"],
        record=record,
        page_id=context.get("page_id"),
        own=Settled.from_json(own) if own else None,
        before=Settled.from_json(before) if before else None,
        as_of=context.get("as_of") or "",
        stopped=rules.read(context.get("stopped")),
        paused=context.get("paused", False),
        resumed=times.parse(context["resumed"]) if context.get("resumed") else None,
        settings=given,
        now=now,
    )
    if record and context.get("page_id"):
        outputs = result.at_gate(outputs, record, context["number"], page_id=context["page_id"], done=done, now=now)
    event = record.event if record else None
    pages = Pages(sequence=context.get("page_id"))
    if not outputs["go"]:
        outputs = with_alert(outputs, event, context["enrolment"], context["number"], pages)
        if record and outputs.get("ledger"):
            outputs["ledger"] = ready_made(outputs["ledger"])
            outputs["ttl"] = time_to_live(record.emails[record.last], now)
            outputs["analytics"] = ready_made(outputs["analytics"])
        if outputs.get("page"):
            outputs["page"] = {**outputs["page"], "body": ready_made(outputs["page"]["body"])}
        who = labels(record.event, context["enrolment"]) if record else {}
        return labelled({"tries": context.get("tries", 0), **outputs}, **who)
    outputs["done"] = done
    outputs["page_id"] = context.get("page_id")
    outputs["about"] = about(event, context["enrolment"], context["number"], pages).as_json()
    outputs["template_query"] = ready_made(outputs["template_query"])
    outputs["turn"] = {
        "began": context["began"],
        "opened": times.milliseconds(now),
        "looks": times.milliseconds(pace.looks(times.moment(context["began"]), given.pace)),
        "longest": given.pace // timedelta(milliseconds=1),
    }
    return outputs


def _done(mails: Mapping[str, Any], number: int) -> list[int]:
    """The numbers of the other e-mails that are sent or skipped."""
    entries = {int(each): Settled.from_json(entry) for each, entry in mails.items() if entry}
    return [each for each, entry in entries.items() if each != number and entry.well]
