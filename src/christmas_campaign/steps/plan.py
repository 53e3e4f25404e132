"""The step ``plan``: an event and what Notion knows of the contact to everything that an enrolment writes and schedules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import retry
from christmas_campaign.enrolment import amend, plan
from christmas_campaign.enrolment.alerts import Pages, TeamAlert, about, failure
from christmas_campaign.enrolment.lookups import own_page
from christmas_campaign.enrolment.plan import Enrol, Skip
from christmas_campaign.enrolment.record import Record, labels
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.steps import labelled, ready_made, results, with_alert, with_answers
from christmas_campaign.steps.outputs import read_settings, retry_outputs
from christmas_campaign.steps.page_writes import PageWrite, page_write
from christmas_campaign.stops import marks, rules


class SequencePageWrite(TypedDict):
    """A request that creates or changes the contact's page in Email Sequence; the body is ready-made."""

    method: str
    path: str
    body: str


class DueEmail(TypedDict):
    """An e-mail of the enrolment: its number, and when it is due (UTC)."""

    number: int
    date: str


class Outputs(TypedDict, total=False):
    """What the step hands to the flow. ``go`` says whether the contact is enrolled; ``note`` is a sentence for the log.

    Of an enrolment: ``record`` (kept for ``ttl``), ``known`` (kept for ``known_ttl``), ``portal``, ``alert`` and the bodies of
    ``contact`` and ``page`` are ready-made; ``emails`` are the e-mails to schedule. Otherwise ``reason``, and when a person
    should act ``warning`` (the note again) and ``told``, the input of the flow `tell`.

    ``later`` is what becomes of the enrolment if Notion does not answer: as ``retry_outputs`` gives it, with labels and
    ``alert``. If Notion has not answered already, there is little else; if it has, there is ``about``, for an alert.

    Of an event that is enrolled already: ``amended``, the record with the values that were added, ready-made (``None``: nothing
    was added), with its ``ttl``.

    ``seen`` is as the context had it: a record is written only if the entry still says the same. ``find_databases`` is whether
    it is not known where the databases are. ``pages`` are the ids of the contact's pages, the fields of ``Pages``.
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
    context = with_answers(_with_look_ups(context), "contacts", "pages", "portals")
    event = Event.from_json(context["event"])
    if context.get("enrolled"):
        return _again(context, event, now)
    given = read_settings(context)
    put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context.get("tries", 0), given, now)
    pages = _pages(context, event)
    later = labelled(with_alert(retry_outputs(put_off), event, event.id, None, pages), **labels(event))
    asked = [context.get(name) for name in ("contacts", "pages", "sources")]
    if context["event"]["lookups"].get("portals") is not None:
        asked.append(context.get("portals"))
    if any(answer is None for answer in asked):
        return {
            "go": False,
            "outcome": Outcome.DEFERRED,
            "labels": later["labels"],
            "later": later,
            "find_databases": context.get("sources") is None,
        }
    portals, record = context.get("portals"), context.get("record")
    decision = plan.plan(
        _with_earlier_variables(event, record),
        contacts=results(context["contacts"], "the look-up in BusinessX"),
        pages=results(context["pages"], "the look-up in Email Sequence"),
        portals=results(portals, "the look-up in Customer Projects") if portals else (),
        begun=record is not None,
        planned=Record.from_json(record).emails if record else {},
        stops=rules.read(context.get("stopped")),
        lifts=rules.lifts(context.get("stopped")),
        signup=_signup(context),
        sources=context["sources"],
        settings=given,
        now=now,
    )
    outputs = _enrolled(decision) if isinstance(decision, Enrol) else _skipped(decision)
    outputs["later"] = later
    outputs["seen"] = context.get("seen")
    outputs["pages"] = [*pages]
    outputs["about"] = about(event, event.id, None, pages).as_json()
    if isinstance(decision, Enrol):
        outputs["known_ttl"] = f"P{marks.PAGE_QUERY_TIME_TO_LIVE.days}D"
    elif decision.warns:
        outputs["told"] = failure(event, event.id, None, decision.reason, decision.note, pages)
    outputs["labels"] = labelled(outputs, **labels(event))["labels"]
    return outputs


def _with_look_ups(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the context with each response under the name that revisions up to 0.4 gave it."""
    if "look_ups" not in context:
        return context
    look_ups = context["look_ups"]
    return {
        **context,
        "contacts": look_ups.get("contact"),
        "pages": look_ups.get("pages"),
        "portals": look_ups.get("portals"),
    }


def _enrolled(enrol: Enrol) -> Outputs:
    return {
        "go": True,
        "outcome": Outcome.ENROLLED,
        "note": enrol.note,
        "record": ready_made(enrol.record.as_json()),
        "ttl": enrol.ttl,
        "known": ready_made(enrol.known.as_json()),
        "contact": page_write(enrol.contact) if enrol.contact else None,
        "page": {"method": enrol.page.method, "path": enrol.page.path, "body": ready_made(enrol.page.body)},
        "portal": ready_made(enrol.portal) if enrol.portal is not None else None,
        "emails": [{"number": number, "date": times.text(date)} for number, date in enrol.record.emails.items()],
        "alert": ready_made(enrol.alert) if enrol.alert is not None else None,
    }


def _skipped(skip: Skip) -> Outputs:
    outputs: Outputs = {"go": False, "outcome": Outcome.SKIPPED, "reason": skip.reason, "note": skip.note}
    if skip.warns:
        outputs["warning"] = skip.note
    return outputs


def _again(context: Mapping[str, Any], event: Event, now: datetime) -> Outputs:
    """What an event that is enrolled adds to its enrolment."""
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
            contacts=results(context["contacts"], "the look-up in BusinessX") if answered else (),
            pages=results(context["pages"], "the look-up in Email Sequence") if answered else (),
            signup=_signup(context),
        )
        ttl = record.time_left(now)
        if amended != record and ttl is not None:
            note = "This very event is enrolled already; the values that came since were added."
            text = ready_made(amended.as_json())
            outputs |= {"note": note, "amended": text, "record": text, "ttl": ttl, "seen": context.get("seen")}
    outputs["labels"] = labelled(outputs, **labels(event))["labels"]
    return outputs


def _with_earlier_variables(event: Event, record: Mapping[str, Any] | None) -> Event:
    """An event whose enrolment was begun and not finished, with what the same event brought before."""
    if record is None:
        return event
    return event._replace(variables=amend.variables(Record.from_json(record).event, event))


def _signup(context: Mapping[str, Any]) -> Event | None:
    signup = context.get("signup")
    return Record.from_json(signup).event if signup else None


def _pages(context: Mapping[str, Any], event: Event) -> Pages:
    """The contact's pages, as far as Notion has answered."""

    def found(name: str) -> list[Any]:
        answer = context.get(name)
        return results(answer, "the look-up") if answer is not None and answer.get("code") == 200 else []

    own, contacts = own_page(event, found("pages")), found("contacts")
    return Pages(str(own["id"]) if own else None, contacts[0]["id"] if contacts else None)
