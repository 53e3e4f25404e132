"""The context of each step, as the flows put it together, for a signup that goes well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.email import delivery_reports
from christmas_campaign.email.delivery_reports import ReportHistory
from christmas_campaign.enrolment import lookups
from christmas_campaign.notion import schema
from christmas_campaign.steps import plan as plan_step
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Source, Stop
from unit import build

SETTINGS: dict[str, Any] = {
    "testing_mode": "false",
    "time_scale": None,
    "resend_url": None,
    "notion_rate": None,
    "resend_rate": None,
    "expires_after_days": None,
    "sender_name": None,
    "sender_address": "value@example.org",
    "unsubscribe_address": "stop@example.org",
    "public_url": "https://campaign.example.org",
    "postal_address": "1 Main St, Toronto",
    "calendly_link": None,
    "pdf_download_link": None,
}

#: What the links to unsubscribe are made with.
UNSUBSCRIBE_KEY = build.UNSUBSCRIBE_KEYS.secrets[0].decode()

#: When ``compose`` claimed the e-mail.
CLAIMED = "2025-11-20T14:59:58.000Z"

#: What the step ``sources`` kept for the enrolments: the id of each data source, and until when they count.
SOURCES: dict[str, Any] = {
    "contacts": "source-contacts",
    "pages": "source-pages",
    "templates": "source-templates",
    "analytics": "source-analytics",
    "portals": "source-portals",
    "until": 1_763_651_400_000,
}


def intake(**changed: Any) -> dict[str, Any]:
    return {"payload": build.payload(), "sequence": "signup", "execution_id": "execution-1", **changed}


def sources(**changed: Any) -> dict[str, Any]:
    names = ("contacts", "pages", "templates", "analytics", "portals")
    return {**{name: build.database(f"source-{name}") for name in names}, **changed}


def plan(name: str = "signup", /, **changed: Any) -> dict[str, Any]:
    event = build.event(name)
    return {
        "event": {**event.as_json(), "lookups": lookups.lookups(event).as_json()},
        "tries": 0,
        "contacts": build.found(build.contact()),
        "pages": build.found(),
        "portals": build.found() if name == "onboarding" else None,
        "sources": SOURCES,
        "record": None,
        "stopped": None,
        "signup": None,
        "settings": SETTINGS,
        **changed,
    }


#: The enrolment of the contexts below, and the labels of its runs.
ENROLMENT = "signup-abc"
WHO = {**build.WHO, "enrolment": ENROLMENT}

#: When the run of the e-mail got its turn: a tenth of a second ago.
BEGAN = 1_763_650_799_900


def gate(**changed: Any) -> dict[str, Any]:
    return {
        "enrolment": ENROLMENT,
        "number": 2,
        "tries": 0,
        "began": BEGAN,
        "record": build.record().as_json(),
        "page_id": "page-1",
        "own": None,
        "before": None,
        "as_of": None,
        "stopped": None,
        "paused": False,
        "resumed": None,
        "settings": SETTINGS,
        **changed,
    }


def compose(**changed: Any) -> dict[str, Any]:
    return {
        "enrolment": ENROLMENT,
        "number": 2,
        "turn": {"began": BEGAN - 200, "opened": BEGAN - 100},
        "record": build.record().as_json(),
        "own": None,
        "page": build.response(build.sequence_page()),
        "templates": build.found(build.template("{{first_name}}: 100%")),
        "kept": None,
        "unsubscribe_key": UNSUBSCRIBE_KEY,
        "settings": SETTINGS,
        **changed,
    }


def settle(**changed: Any) -> dict[str, Any]:
    return {
        "enrolment": ENROLMENT,
        "number": 2,
        "tries": 0,
        "record": build.record().as_json(),
        "composed": {"send": True, "claimed_at": CLAIMED, "outcome": None, "reason": None, "detail": None},
        "answer": build.response({"id": "re_1"}),
        "page_id": "page-1",
        "page": build.response(build.sequence_page()),
        "settings": SETTINGS,
        **changed,
    }


#: The settings as the current flows hand them over: the engine's environment, and the secrets beside it.
ENVIRONMENT = {name: value for name, value in SETTINGS.items() if value is not None and name != "testing_mode"}


def as_kestra_hands_over(context: dict[str, Any]) -> dict[str, Any]:
    """Kestra's expressions leave out what is null."""
    return {name: value for name, value in context.items() if value is not None}


def prepare_email(**changed: Any) -> dict[str, Any]:
    return as_kestra_hands_over(
        {
            "enrolment": ENROLMENT,
            "number": 2,
            "page": build.response(build.sequence_page()),
            "template": {"until": 0, **build.found(build.template("{{first_name}}: 100%"))},
            "record": build.record().as_json(),
            "page_id": "page-1",
            "ledger": "null",
            "mails": {str(number): None for number in range(1, 8)},
            "stopped": None,
            "paused": False,
            "resumed": None,
            "settings": ENVIRONMENT,
            "testing_mode": "false",
            "unsubscribe_key": UNSUBSCRIBE_KEY,
            **changed,
        }
    )


#: What ``prepare_email`` hands over for an e-mail that is sent.
PREPARED: dict[str, Any] = {
    "send": True,
    "opened": True,
    "stop_key": f"stop.{build.WHO['contact']}",
    "stop_version": "",
    "began": "2025-11-20T14:59:59.000Z",
    "claimed_at": CLAIMED,
    "done": [],
}


def settle_email(**changed: Any) -> dict[str, Any]:
    return as_kestra_hands_over(
        {
            "enrolment": ENROLMENT,
            "number": 2,
            "tries": 0,
            "record": build.record().as_json(),
            "page_id": "page-1",
            "stopped": None,
            "prepared": PREPARED,
            "page": build.response(build.sequence_page()),
            "answer": {**build.response({"id": "re_1"}), "uri": "https://api.resend.com/emails"},
            "settings": ENVIRONMENT,
            "testing_mode": "false",
            **changed,
        }
    )


def template_query(**changed: Any) -> dict[str, Any]:
    return as_kestra_hands_over({"number": 2, "record": build.record().as_json(), **changed})


def find_databases(**changed: Any) -> dict[str, Any]:
    return {"answers": {each.setting: build.database(f"source-{each.setting}") for each in schema.DATABASES}, **changed}


def settle_enrolment(name: str = "signup", /, **changed: Any) -> dict[str, Any]:
    context = plan(name)
    return as_kestra_hands_over(
        {
            "event": context["event"],
            "tries": 0,
            "plan": plan_step.step(context, build.NOW),
            "contact_saved": build.response({"id": "contact-1"}),
            "page_saved": build.response({"id": "page-1"}),
            "portal_saved": build.response({"id": "portal-1"}) if name == "onboarding" else None,
            "settings": ENVIRONMENT,
            "testing_mode": "false",
            **changed,
        }
    )


def unsubscribe(**changed: Any) -> dict[str, Any]:
    payload = {"token": build.UNSUBSCRIBE_KEYS.token(build.WHO["contact"]), "wish": "unsubscribe"}
    return {"payload": payload, "unsubscribe_key": UNSUBSCRIBE_KEY, "received_at": None, **changed}


def stop(**changed: Any) -> dict[str, Any]:
    return {"kept": None, "reason": "unsubscribed", "by": "person", **changed}


def mark(**changed: Any) -> dict[str, Any]:
    return {
        "contact": build.WHO["contact"],
        "tries": 0,
        "known": True,
        "pages": build.found(build.sequence_page()),
        "stopped": rules.as_json([Stop(Reason.UNSUBSCRIBED, build.NOW, Source.CONTACT)]),
        "settings": SETTINGS,
        **changed,
    }


def resend(**changed: Any) -> dict[str, Any]:
    return {"payload": build.resend(), "received_at": None, "settings": {"resend_opens": None}, **changed}


def report(**changed: Any) -> dict[str, Any]:
    return {"report": build.report().as_json(), "kept": None, "bounces": None, "source": "source-analytics", **changed}


def conclude(**changed: Any) -> dict[str, Any]:
    return {
        "report": build.report().as_json(),
        "kept": ReportHistory(delivery_reports.add({}, build.report())).as_json(),
        "asked": True,
        "pages": build.found(build.page(schema.ANALYTICS, page_id="analytics-1")),
        "written": build.response({"object": "page"}),
        "tries": 0,
        "settings": SETTINGS,
        **changed,
    }


def booking(**changed: Any) -> dict[str, Any]:
    event = build.event("precall")
    return {
        "event": {**event.as_json(), "lookups": lookups.lookups(event).as_json()},
        "tries": 0,
        "contacts": build.found(build.contact()),
        "stopped": None,
        "settings": {"time_scale": None, "resend_url": None},
        **changed,
    }


def booked(**changed: Any) -> dict[str, Any]:
    found = {**build.contact(), "last_edited_time": "2025-11-20T14:59:00.000Z"}
    return {"look": {"since": None}, "answer": build.found(found), **changed}


ALL: dict[str, Callable[[], dict[str, Any]]] = {
    "intake": intake,
    "sources": sources,
    "plan": plan,
    # By the clock of the machine it is too late for these e-mails.
    "gate": lambda: gate(resumed="9999-12-31T00:00:00.000Z"),
    "compose": compose,
    "settle": settle,
    "template_query": template_query,
    "prepare_email": lambda: prepare_email(resumed="9999-12-31T00:00:00.000Z"),
    "settle_email": settle_email,
    "settle_enrolment": settle_enrolment,
    "find_databases": find_databases,
    "stop": stop,
    "mark": mark,
    "unsubscribe": unsubscribe,
    "resend": resend,
    "report": report,
    "conclude": conclude,
    "booking": booking,
    "booked": booked,
}
