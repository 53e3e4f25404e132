"""The step ``plan``: decides from an event and the contact's pages what an enrolment writes and schedules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import retry
from christmas_campaign.enrolment import amend, lookups, plan, signers
from christmas_campaign.enrolment.alerts import Pages, TeamAlert, about, failure, warning
from christmas_campaign.enrolment.plan import Enrol, Skip
from christmas_campaign.enrolment.record import Record, labels
from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion.page_values import Page
from christmas_campaign.steps import json_text, result_pages, with_alert, with_labels, with_responses
from christmas_campaign.steps.outputs import read_settings, retry_outputs
from christmas_campaign.steps.page_writes import PageWrite, page_write
from christmas_campaign.stops import marks, rules


class SequencePageWrite(TypedDict):
    """A request that creates or changes the contact's page in Email Sequence. The body is a JSON text."""

    method: str
    path: str
    body: str


class DueEmail(TypedDict):
    """An e-mail of the enrolment: its number, and when it is due (UTC)."""

    number: int
    date: str


class Outputs(TypedDict, total=False):
    """``go``: whether the contact is enrolled. ``note`` is a sentence for the log.

    If the contact is enrolled, these JSON texts: ``record`` (lifetime ``ttl``), ``known`` (the query for the contact's pages,
    lifetime ``known_ttl``), ``portal`` and ``alert``. ``contact`` and ``page`` are the requests that write these pages.
    ``emails`` are the e-mails to schedule.

    If not: ``reason``.

    If a person should act: ``warning``, a sentence for them, and ``told``, the inputs of the flow `tell`.

    If the event is enrolled already: ``record`` and ``amended`` have the record with the added values as JSON text
    (``amended`` is ``None`` if nothing was added), and ``ttl`` its lifetime.

    ``instead`` has the event, enrolment and contact to enrol in place of these: another signer of a contract is the contact.

    ``later`` is the retry if Notion does not answer (``RetryOutputs`` with labels and ``alert``). ``find_databases``: whether
    the KV store does not say where the databases are. ``seen`` is passed on from the context: the record replaces only an
    entry that still equals it. ``pages`` has the fields of ``Pages``. ``about`` says in words what an alert is about.
    """

    go: bool
    outcome: Outcome
    reason: Reason
    note: str
    warning: str
    amended: str | None
    record: str
    ttl: str
    seen: str | None
    known: str
    contact: PageWrite | None
    page: SequencePageWrite
    portal: str | None
    emails: list[DueEmail]
    alert: str | None
    later: JsonObject
    find_databases: bool
    pages: list[str | None]
    about: dict[str, str]
    told: TeamAlert
    known_ttl: str
    labels: str
    instead: JsonObject


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context:

    - ``event``, ``tries``, ``settings``, ``testing_mode``;
    - ``look_ups``: Notion's responses by the name of the query;
    - ``sources``: the ids of the data sources (``None``: not known yet);
    - ``record``: the entry of an enrolment of the same event (``None``: there is none), and ``seen``, a digest of it;
    - ``stopped``: the contact's stops, ``signup``: the record of the contact's signup (``None``: there is none);
    - ``enrolled``: whether all e-mails of the event are scheduled already; ``refresh``: whether Notion was asked again then.

    Executions of revisions up to 0.4 have ``contacts``, ``pages`` and ``portals`` in place of ``look_ups``, and may lack
    ``seen``, ``enrolled`` and ``refresh``.
    """
    if "look_ups" in context:
        names = {"contacts": "contact", "pages": "pages", "portals": "portals"}
        context = {**context, **{name: context["look_ups"].get(key) for name, key in names.items()}}
    context = with_responses(context, "contacts", "pages", "portals")
    event = Event.from_json(context["event"])
    if context.get("enrolled"):
        return _again(context, event, now)
    settings = read_settings(context)
    put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context.get("tries", 0), settings, now)
    pages = _pages(context, event)
    later = with_labels(with_alert(retry_outputs(put_off), event, event.id, None, pages), **labels(event))
    responses = [context.get(name) for name in ("contacts", "pages", "sources")]
    if context["event"]["lookups"].get("portals") is not None:
        responses.append(context.get("portals"))
    if any(response is None for response in responses):
        return {
            "go": False,
            "outcome": Outcome.DEFERRED,
            "labels": later["labels"],
            "later": later,
            "find_databases": context.get("sources") is None,
        }
    contact_pages = result_pages(context["contacts"], "the look-up in BusinessX")
    chosen = signers.choose(event, contact_pages) if signers.are_several(event) else None
    if chosen is not None:
        return _for_signer(event, chosen, later)
    portals, record = context.get("portals"), context.get("record")
    decision = plan.plan(
        _with_earlier_variables(event, record),
        contacts=_contacts(context, event),
        pages=_sequence_pages(context, event),
        portals=lookups.portals_of(event, result_pages(portals, "the look-up in Customer Projects")) if portals else (),
        begun=record is not None,
        planned=Record.from_json(record).emails if record else {},
        stops=rules.read(context.get("stopped")),
        lifts=rules.lifts(context.get("stopped")),
        signup=_signup(context),
        sources=context["sources"],
        settings=settings,
        now=now,
    )
    outputs = _enrolled(decision) if isinstance(decision, Enrol) else _skipped(decision)
    outputs["later"] = later
    outputs["seen"] = context.get("seen")
    outputs["pages"] = [*pages]
    outputs["about"] = about(event, event.id, None, pages).as_json()
    if isinstance(decision, Enrol):
        outputs["known_ttl"] = f"P{marks.PAGE_QUERY_TIME_TO_LIVE.days}D"
        if decision.warning:
            outputs["warning"] = decision.warning
            outputs["told"] = warning(event, decision.warning, pages)
    elif decision.warns:
        outputs["told"] = failure(event, event.id, None, decision.reason, decision.note, pages)
    outputs["labels"] = with_labels(outputs, **labels(event))["labels"]
    return outputs


def _for_signer(event: Event, chosen: Event, later: dict[str, Any]) -> Outputs:
    """Return the outputs for a contract with several signers: the enrolment begins again with the one who is a contact."""
    note = "Several people signed the contract: the enrolment begins with the one whom BusinessX knows."
    outputs: Outputs = {
        "go": False,
        "outcome": Outcome.SKIPPED,
        "reason": Reason.OTHER_SIGNER,
        "note": note,
        "later": later,
    }
    outputs["instead"] = {
        "event": enroll_input(chosen),
        "enrolment": chosen.id,
        "contact": opaque_ids.contact_id(chosen.email),
    }
    outputs["labels"] = with_labels(outputs, **labels(event))["labels"]
    return outputs


def _enrolled(enrol: Enrol) -> Outputs:
    return {
        "go": True,
        "outcome": Outcome.ENROLLED,
        "note": enrol.note,
        "record": json_text(enrol.record.as_json()),
        "ttl": enrol.ttl,
        "known": json_text(enrol.known.as_json()),
        "contact": page_write(enrol.contact) if enrol.contact else None,
        "page": {"method": enrol.page.method, "path": enrol.page.path, "body": json_text(enrol.page.body)},
        "portal": json_text(enrol.portal) if enrol.portal is not None else None,
        "emails": [{"number": number, "date": times.text(date)} for number, date in enrol.record.emails.items()],
        "alert": json_text(enrol.alert) if enrol.alert is not None else None,
    }


def _skipped(skip: Skip) -> Outputs:
    outputs: Outputs = {"go": False, "outcome": Outcome.SKIPPED, "reason": skip.reason, "note": skip.note}
    if skip.warns:
        outputs["warning"] = skip.note
    return outputs


def _again(context: Mapping[str, Any], event: Event, now: datetime) -> Outputs:
    """Return what an event that is enrolled already adds to its enrolment."""
    answered = all(context.get(name) is not None for name in ("contacts", "pages"))
    unread = bool(context.get("refresh")) and not answered
    outputs: Outputs = {
        "go": False,
        "outcome": Outcome.SKIPPED,
        "reason": Reason.NOTION_UNREACHABLE if unread else event.own_sequence.duplicate,
        "note": "This very event is enrolled already.",
        "amended": None,
    }
    if context.get("record") is not None:
        record = Record.from_json(context["record"])
        amended = amend.amend(
            record,
            event,
            contacts=_contacts(context, event) if answered else (),
            pages=_sequence_pages(context, event) if answered else (),
            signup=_signup(context),
        )
        ttl = record.time_left(now)
        if amended != record and ttl is not None:
            note = "This very event is enrolled already; the new values were added."
            text = json_text(amended.as_json())
            outputs |= {"note": note, "amended": text, "record": text, "ttl": ttl, "seen": context.get("seen")}
    outputs["labels"] = with_labels(outputs, **labels(event))["labels"]
    return outputs


def _with_earlier_variables(event: Event, record: Mapping[str, Any] | None) -> Event:
    """Return the event with the variables that an unfinished enrolment of the same event has stored."""
    if record is None:
        return event
    return event._replace(variables=amend.variables(Record.from_json(record).event, event))


def _signup(context: Mapping[str, Any]) -> Event | None:
    signup = context.get("signup")
    return Record.from_json(signup).event if signup else None


def _contacts(context: Mapping[str, Any], event: Event) -> list[Page]:
    return lookups.contacts_of(event, result_pages(context["contacts"], "the look-up in BusinessX"))


def _sequence_pages(context: Mapping[str, Any], event: Event) -> list[Page]:
    return lookups.sequence_pages_of(event, result_pages(context["pages"], "the look-up in Email Sequence"))


def _pages(context: Mapping[str, Any], event: Event) -> Pages:
    """Return the contact's pages, as far as Notion has answered."""
    own = lookups.own_page(event, _sequence_pages(context, event)) if _is_answered(context, "pages") else None
    contacts = _contacts(context, event) if _is_answered(context, "contacts") else []
    return Pages(str(own["id"]) if own else None, str(contacts[0]["id"]) if contacts else None)


def _is_answered(context: Mapping[str, Any], name: str) -> bool:
    response = context.get(name)
    return response is not None and response.get("code") == 200
