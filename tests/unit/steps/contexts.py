"""The context of each step, as the flows build it, for a signup without errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.email import delivery_reports
from christmas_campaign.email.delivery_reports import ReportHistory
from christmas_campaign.enrolment import lookups
from christmas_campaign.notion import schema
from christmas_campaign.steps import compose as compose_step
from christmas_campaign.steps import plan as plan_step
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Source, Stop
from christmas_campaign.templates import html_verdict
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

#: The key that signs unsubscribe links.
UNSUBSCRIBE_KEY = build.UNSUBSCRIBE_KEYS.secrets[0].decode()

#: When ``compose`` claimed the e-mail.
CLAIMED = "2025-11-20T14:59:58.000Z"

#: The output of the step ``sources``: the id of each data source, and until when they are valid (milliseconds since 1970).
SOURCES: dict[str, Any] = {
    "contacts": "source-contacts",
    "pages": "source-pages",
    "templates": "source-templates",
    "analytics": "source-analytics",
    "portals": "source-portals",
    "until": 1_763_651_400_000,
}


def intake(**changes: Any) -> dict[str, Any]:
    return {"payload": build.payload(), "sequence": "signup", "execution_id": "execution-1", "settings": {}, **changes}


def sources(**changes: Any) -> dict[str, Any]:
    names = ("contacts", "pages", "templates", "analytics", "portals")
    return {**{name: build.database(f"source-{name}") for name in names}, **changes}


def plan(name: str = "signup", /, **changes: Any) -> dict[str, Any]:
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
        **changes,
    }


#: The enrolment of the contexts below, and the labels of its executions.
ENROLMENT = "signup-abc"
WHO = {**build.WHO, "enrolment": ENROLMENT}

#: When the execution of the e-mail began: a tenth of a second before ``build.NOW``.
BEGAN = 1_763_650_799_900


def gate(**changes: Any) -> dict[str, Any]:
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
        **changes,
    }


#: The verdict on the HTML of ``build.template``.
VERDICT = html_verdict.judge(f"<p>A body</p>{build.FOOTER}").as_json()


def compose(**changes: Any) -> dict[str, Any]:
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
        **changes,
    }


def kept_template() -> dict[str, Any]:
    """The copy of the template that the step ``compose`` has made for the KV store."""
    copy: dict[str, Any] = json.loads(str(compose_step.step(compose(), build.NOW)["keep"]))
    return copy


def settle(**changes: Any) -> dict[str, Any]:
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
        **changes,
    }


#: The settings as the current flows hand them over: the environment of Kestra without the secrets.
ENVIRONMENT = {name: value for name, value in SETTINGS.items() if value is not None and name != "testing_mode"}


def as_kestra_hands_over(context: dict[str, Any]) -> dict[str, Any]:
    """Return the context without the null entries, which Kestra's expressions leave out."""
    return {name: value for name, value in context.items() if value is not None}


def prepare_email(**changes: Any) -> dict[str, Any]:
    return as_kestra_hands_over(
        {
            "enrolment": ENROLMENT,
            "number": 2,
            "page": build.response(build.sequence_page()),
            "template": {"until": 0, **build.found(build.template("{{first_name}}: 100%")), "verdict": VERDICT},
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
            **changes,
        }
    )


#: The outputs of ``prepare_email`` for an e-mail that is sent.
PREPARED: dict[str, Any] = {
    "send": True,
    "opened": True,
    "stop_key": f"stop.{build.WHO['contact']}",
    "stop_version": "",
    "began": "2025-11-20T14:59:59.000Z",
    "claimed_at": CLAIMED,
    "done": [],
}


def settle_email(**changes: Any) -> dict[str, Any]:
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
            **changes,
        }
    )


def template_query(**changes: Any) -> dict[str, Any]:
    return as_kestra_hands_over({"number": 2, "record": build.record().as_json(), **changes})


def judge_template(**changes: Any) -> dict[str, Any]:
    return as_kestra_hands_over({"template": build.found(build.template("{{first_name}}: 100%")), **changes})


def find_databases(**changes: Any) -> dict[str, Any]:
    return {
        "answers": {database.setting: build.database(f"source-{database.setting}") for database in schema.DATABASES},
        **changes,
    }


def settle_enrolment(name: str = "signup", /, **changes: Any) -> dict[str, Any]:
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
            **changes,
        }
    )


def unsubscribe(**changes: Any) -> dict[str, Any]:
    payload = {"token": build.UNSUBSCRIBE_KEYS.token(build.WHO["contact"]), "wish": "unsubscribe"}
    return {"payload": payload, "unsubscribe_key": UNSUBSCRIBE_KEY, "received_at": None, **changes}


def stop(**changes: Any) -> dict[str, Any]:
    return {"kept": None, "reason": "unsubscribed", "by": "person", **changes}


def mark(**changes: Any) -> dict[str, Any]:
    return {
        "contact": build.WHO["contact"],
        "tries": 0,
        "known": True,
        "pages": build.found(build.sequence_page()),
        "stopped": rules.as_json([Stop(Reason.UNSUBSCRIBED, build.NOW, Source.CONTACT)]),
        "settings": SETTINGS,
        **changes,
    }


def resend(**changes: Any) -> dict[str, Any]:
    return {"payload": build.resend(), "received_at": None, "settings": {"resend_opens": None}, **changes}


def report(**changes: Any) -> dict[str, Any]:
    return {"report": build.report().as_json(), "kept": None, "bounces": None, "source": "source-analytics", **changes}


def conclude(**changes: Any) -> dict[str, Any]:
    return {
        "report": build.report().as_json(),
        "kept": ReportHistory(delivery_reports.add({}, build.report())).as_json(),
        "asked": True,
        "pages": build.found(build.page(schema.ANALYTICS, page_id="analytics-1")),
        "written": build.response({"object": "page"}),
        "tries": 0,
        "settings": SETTINGS,
        **changes,
    }


def booking(**changes: Any) -> dict[str, Any]:
    event = build.event("precall")
    return {
        "event": {**event.as_json(), "lookups": lookups.lookups(event).as_json()},
        "tries": 0,
        "contacts": build.found(build.contact()),
        "stopped": None,
        "settings": {"time_scale": None, "resend_url": None},
        **changes,
    }


def booked(**changes: Any) -> dict[str, Any]:
    contact = {**build.contact(), "last_edited_time": "2025-11-20T14:59:00.000Z"}
    return {"look": {"since": None}, "answer": build.found(contact), **changes}


ALL: dict[str, Callable[[], dict[str, Any]]] = {
    "intake": intake,
    "sources": sources,
    "plan": plan,
    # These e-mails have expired by the clock of the machine; a late resume makes them valid.
    "gate": lambda: gate(resumed="9999-12-31T00:00:00.000Z"),
    "compose": lambda: compose(templates=None, kept=kept_template()),
    "settle": settle,
    "template_query": template_query,
    "judge_template": judge_template,
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
