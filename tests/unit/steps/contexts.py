"""The context of each step, as the flows put it together, for a signup that goes well."""

from __future__ import annotations

from typing import Any

from unit import build

SETTINGS: dict[str, Any] = {
    "testing_mode": "false",
    "time_scale": None,
    "resend_url": None,
    "sender_name": None,
    "sender_address": "value@example.org",
    "unsubscribe_address": "stop@example.org",
    "calendly_link": None,
    "pdf_download_link": None,
}


def intake(**changed: Any) -> dict[str, Any]:
    return {"payload": build.payload(), "sequence": "signup", "execution_id": "execution-1", **changed}


def plan(**changed: Any) -> dict[str, Any]:
    return {
        "event": {**build.event().as_json(), "lookups": {}},
        "contacts": build.found(build.contact()),
        "pages": build.found(),
        "pages_database": build.database("source-pages"),
        "templates_database": build.database("source-templates"),
        "analytics_database": build.database("source-analytics"),
        "record": None,
        "settings": SETTINGS,
        **changed,
    }


def gate(**changed: Any) -> dict[str, Any]:
    return {
        "number": 2,
        "record": build.record().as_json(),
        "page_id": "page-1",
        "own": None,
        "before": None,
        "settings": SETTINGS,
        **changed,
    }


def compose(**changed: Any) -> dict[str, Any]:
    return {
        "enrolment": "signup-abc",
        "number": 2,
        "record": build.record().as_json(),
        "page": build.response(build.sequence_page()),
        "templates": build.found(build.template("{{first_name}}: 100%")),
        "settings": SETTINGS,
        **changed,
    }


def settle(**changed: Any) -> dict[str, Any]:
    return {
        "number": 2,
        "record": build.record().as_json(),
        "composed": {"send": True, "outcome": None, "reason": None, "detail": None},
        "answer": build.response({"id": "re_1"}),
        "page": build.response(build.sequence_page()),
        **changed,
    }


ALL = {"intake": intake, "plan": plan, "gate": gate, "compose": compose, "settle": settle}
