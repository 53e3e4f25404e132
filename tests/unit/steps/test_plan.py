"""The step ``plan``: its outputs. ``tests/unit/enrolment/test_plan.py`` tests the decision itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign import notion_names
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.settings import InvalidSetting
from christmas_campaign.enrolment import request, signers
from christmas_campaign.enrolment.record import Record
from christmas_campaign.notion import schema
from christmas_campaign.steps import UnusableContext, settle_enrolment
from christmas_campaign.steps import plan as plan_step
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Lifts, Source, Stop
from unit import build
from unit.steps import contexts, run

ENROLLED = build.sequence_page({"Template Type": "5-Day Sequence"})
UNREACHABLE = {"outcome": "deferred", "reason": "notion_unreachable", **build.WHO}


def run_plan(name: str = "signup", /, **changes: Any) -> dict[str, Any]:
    """Return the outputs of the step at ``build.NOW`` for an event of the sequence ``name`` in a changed context."""
    return dict(plan_step.step(contexts.plan(name, **changes), build.NOW))


def with_parsed_labels(later: Mapping[str, Any]) -> dict[str, Any]:
    return {**later, "labels": json.loads(later["labels"])}


def stored_record(outputs: Mapping[str, Any]) -> Record:
    return Record.from_json(json.loads(outputs["record"]))


#: The output ``later`` of a first try: the flow follows it when Notion does not answer.
LATER = {
    "outcome": "deferred",
    "reason": "notion_unreachable",
    "detail": "Notion could not be reached, or was not ready to answer. It is tried again.",
    "date": "2025-11-20T15:01:00.000Z",
    "tries": 1,
    "alert": None,
    "labels": UNREACHABLE,
}


def test_outputs_are_free_of_percent_signs(tmp_path: Path) -> None:
    """Kestra would render ``{%`` in an output as a template."""
    context = contexts.plan()
    context["event"]["fields"]["business_name"] = "100% {% raw %}"
    outputs = run.outputs(tmp_path, "plan", context)
    page = json.loads(outputs["page"]["body"])
    assert build.text_of(page["properties"]["Business Name"]) == "100% {% raw %}"
    assert not any("%" in text for text in (outputs["record"], outputs["page"]["body"], outputs["contact"]["body"]))


def test_enrolment_returns_everything_that_the_flow_writes() -> None:
    outputs = run_plan()
    record = Record.from_json(json.loads(outputs.pop("record")))
    assert (record.event, record.sources) == (build.event(), build.SOURCES)
    page, contact = outputs.pop("page"), outputs.pop("contact")
    assert (page["method"], page["path"]) == ("POST", "/v1/pages")
    assert json.loads(page["body"])["parent"] == {"type": "data_source_id", "data_source_id": "source-pages"}
    assert contact["path"] == "/v1/pages/contact-1"
    assert json.loads(contact["body"])["properties"]["Assessment Score"] == {"number": 52}
    assert json.loads(outputs.pop("known"))["path"] == "/v1/data_sources/source-pages/query"
    assert json.loads(outputs.pop("labels")) == {"outcome": "enrolled", **build.WHO}
    assert with_parsed_labels(outputs.pop("later")) == LATER
    assert outputs == {
        "go": True,
        "outcome": "enrolled",
        "note": "Enrolled in signup: 4 e-mail(s) scheduled.",
        "ttl": "PT3024000S",
        "known_ttl": "P365D",
        "portal": None,
        "emails": [
            {"number": 2, "date": "2025-11-21T15:00:00.000Z"},
            {"number": 3, "date": "2025-11-23T15:00:00.000Z"},
            {"number": 4, "date": "2025-11-24T15:00:00.000Z"},
            {"number": 5, "date": "2025-11-25T15:00:00.000Z"},
        ],
        "alert": None,
        "seen": None,
        "pages": [None, "contact-1"],
        "about": {
            "subject": "signup, the enrolment",
            "contact": f"Contact {build.WHO['contact']}: no page in Email Sequence yet;"
            " in BusinessX https://www.notion.so/contact1",
        },
    }


def test_several_contacts_warn_and_the_last_edited_counts() -> None:
    first = build.contact("first", email="Zoe@Example.com ") | {"last_edited_time": "2025-11-20T10:00:00.000Z"}
    latest = build.contact("latest") | {"last_edited_time": "2025-11-20T10:01:00.000Z"}
    outputs = run_plan(contacts=build.found(first, build.contact("other", email="joanzoe@example.com"), latest))
    assert outputs["contact"]["path"] == "/v1/pages/latest"
    assert outputs["pages"] == [None, "latest"]
    warning = "BusinessX has 2 contacts with this address, and the one edited last counts: leave only one."
    assert outputs["warning"] == warning
    assert outputs["told"]["key"] == f"{build.WHO['enrolment']}.0.warning"
    assert warning in outputs["told"]["message"]
    assert "other" not in json.dumps(outputs)


def test_contract_of_several_signers_begins_again_with_the_contact() -> None:
    event = build.event("onboarding", email="robin@example.net", other_signers=["zoe@example.com"])
    context = contexts.plan("onboarding")
    context["event"] = {**event.as_json(), "lookups": context["event"]["lookups"]}
    outputs = plan_step.step(context, build.NOW)
    chosen = signers.choose(event, [build.contact()])
    assert chosen is not None
    assert outputs["instead"] == {
        "event": request.enroll_input(chosen),
        "enrolment": chosen.id,
        "contact": build.WHO["contact"],
    }
    assert (outputs["go"], outputs["outcome"], outputs["reason"]) == (False, "skipped", "other_signer")
    assert json.loads(outputs["labels"])["reason"] == "other_signer"
    settle = contexts.settle_enrolment("onboarding", event=context["event"], plan=outputs)
    decision = json.loads(settle_enrolment.step(settle, build.NOW)["follow_up"])
    assert decision == {"date": "2025-11-20T15:00:00.000Z", "tries": 0, **outputs["instead"]}
    nobody = plan_step.step({**context, "contacts": build.found(build.contact(email="x@example.org"))}, build.NOW)
    assert (nobody["reason"], bool(nobody["told"])) == ("contact_not_found", True)


def test_missing_contact_is_not_updated() -> None:
    assert run_plan(contacts=build.found())["contact"] is None


def test_contact_in_the_sequence_is_skipped() -> None:
    outputs = run_plan(pages=build.found(ENROLLED))
    assert outputs["go"] is False
    assert json.loads(outputs["labels"]) == {"outcome": "skipped", "reason": "already_in_sequence", **build.WHO}
    assert with_parsed_labels(outputs["later"]) == LATER
    assert "told" not in outputs


def test_unfinished_enrolment_continues_and_keeps_its_dates() -> None:
    context = contexts.plan(pages=build.found(ENROLLED), record=build.record().as_json())
    context["event"]["fields"]["email_1_sent_at"] = "2025-01-01"
    outputs = plan_step.step(context, build.NOW)
    assert (outputs["go"], outputs["page"]["method"]) == (True, "PATCH")
    assert stored_record(outputs).emails == build.record().emails


def test_null_entries_of_the_context_may_be_missing() -> None:
    context = contexts.plan()
    for name in ("record", "signup", "portals", "stopped", "tries"):
        del context[name]
    assert plan_step.step(context, build.NOW) == run_plan()


@pytest.mark.parametrize("missing", ["contacts", "pages", "sources"])
def test_enrolment_without_an_answer_of_notion_is_rescheduled(missing: str) -> None:
    context = contexts.plan(**{missing: None})
    outputs = dict(plan_step.step(context, build.NOW))
    assert plan_step.step(contexts.as_kestra_hands_over(context), build.NOW) == outputs
    assert json.loads(outputs.pop("labels")) == UNREACHABLE
    assert with_parsed_labels(outputs.pop("later")) == LATER
    assert outputs == {"go": False, "outcome": "deferred", "find_databases": missing == "sources"}


def test_missing_answer_of_notion_comes_before_a_refused_request() -> None:
    refused = build.response({"code": "unauthorized"}, 401)
    assert run_plan(contacts=refused, pages=None)["outcome"] == "deferred"


@pytest.mark.parametrize("contacts_response", [build.found(build.contact()), None])
def test_each_retry_waits_longer_and_is_counted(contacts_response: dict[str, Any] | None) -> None:
    later = run_plan(tries=4, contacts=contacts_response)["later"]
    assert (later["date"], later["tries"]) == ("2025-11-20T15:16:00.000Z", 5)
    settings = {**contexts.SETTINGS, "time_scale": "60", "resend_url": "http://127.0.0.1:8000"}
    later = run_plan(tries=47, contacts=contacts_response, settings=settings)["later"]
    assert (later["date"], later["tries"]) == ("2025-11-20T15:00:30.000Z", 48)


@pytest.mark.parametrize("pages", [build.found(), None])
def test_day_without_notion_alerts_the_team(pages: dict[str, Any] | None) -> None:
    outputs = run_plan(tries=48, pages=pages)
    detail = "Notion could not be reached, or was not ready to answer, for as long as it was tried: 49 times."
    later = with_parsed_labels(outputs["later"])
    alert = later.pop("alert")
    assert later == {
        "outcome": "failed",
        "reason": "notion_unreachable",
        "detail": detail,
        "labels": {**UNREACHABLE, "outcome": "failed"},
    }
    assert alert["key"] == f"{build.WHO['enrolment']}.0.notion_unreachable"
    assert f"\nContact {build.WHO['contact']}: " in alert["message"]
    assert "in BusinessX https://www.notion.so/contact1" in alert["message"]
    # With an answer of Notion the flow ignores `later`.
    assert (outputs["go"], outputs["outcome"]) == ((True, "enrolled") if pages else (False, "deferred"))


def test_portal_is_created_only_if_notion_has_none() -> None:
    portal_body = json.loads(run_plan("onboarding")["portal"])
    assert portal_body["parent"] == {"type": "data_source_id", "data_source_id": "source-portals"}
    title = "Bảo Sang Beauty Salon - Customer Portal"
    values = {notion_names.PORTAL_NAME: title, notion_names.PORTAL_EMAIL: "Zoe@example.com"}
    portal = build.page(schema.PORTALS, values, page_id="portal-1")
    outputs = run_plan("onboarding", portals=build.found(portal))
    assert (outputs["go"], outputs["portal"]) == (True, None)


@pytest.mark.parametrize(("signup", "red_systems"), [(build.record(red_systems=2).as_json(), 2), (None, None)])
def test_record_has_the_values_of_the_contacts_signup(signup: dict[str, Any] | None, red_systems: int | None) -> None:
    record = stored_record(run_plan("noshow", signup=signup))
    assert record.signup.get("red_systems") == red_systems
    assert bool(record.signup) is bool(signup)


def test_onboarding_waits_for_the_look_up_of_the_portal() -> None:
    context = contexts.plan("onboarding", portals=None)
    outputs = plan_step.step(context, build.NOW)
    assert plan_step.step(contexts.as_kestra_hands_over(context), build.NOW) == outputs
    assert (outputs["go"], outputs["outcome"], outputs["later"]["tries"]) == (False, "deferred", 1)
    assert json.loads(outputs["labels"])["sequence"] == "onboarding"


def test_contact_that_is_not_in_businessx_alerts_the_team() -> None:
    outputs = run_plan("noshow", contacts=build.found())
    event = build.event("noshow")
    assert (outputs["go"], outputs["outcome"], outputs["pages"]) == (False, "skipped", [None, None])
    note = "There is no contact with this address in BusinessX: add it, then run this again. Nothing was sent."
    assert outputs["note"] == outputs["warning"] == note
    assert outputs["told"] == {
        "key": f"{event.id}.0.contact_not_found",
        "message": "**Failed**: noshow, the enrolment: contact_not_found.\n"
        f"{note}\n"
        f"Contact {build.WHO['contact']}: no page in Notion is known.\n"
        "To do: Add the contact to BusinessX, with this address; then `christmas replay`."
        " `christmas failures` lists all.",
    }
    labels = {"sequence": "noshow", "contact": build.WHO["contact"], "enrolment": event.id}
    assert json.loads(outputs["labels"]) == {"outcome": "skipped", "reason": "contact_not_found", **labels}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"contacts": build.response({"code": "unauthorized"}, 401)},
            "the look-up in BusinessX: Notion answered HTTP 401 (unauthorized)",
        ),
        (
            {"pages": build.response({"code": "validation_error", "message": "zoe@example.com"}, 400)},
            "the look-up in Email Sequence: Notion answered HTTP 400 (validation_error)",
        ),
        (
            {"portals": build.response({"code": "object_not_found"}, 404)},
            "the look-up in Customer Projects: Notion answered HTTP 404 (object_not_found)",
        ),
    ],
)
def test_refused_request_to_notion_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as error:
        run_plan("onboarding", **changes)
    assert str(error.value) == message


def test_invalid_settings_break_the_step() -> None:
    with pytest.raises(InvalidSetting):
        run_plan(settings={"time_scale": "60"})


def test_suppressed_contact_is_skipped() -> None:
    entry = rules.as_json([Stop(Reason.UNSUBSCRIBED, build.NOW, Source.PERSON)])
    labels = {"outcome": "skipped", "reason": "unsubscribed", **build.WHO}
    assert json.loads(run_plan(stopped=entry)["labels"]) == labels


@pytest.mark.parametrize("name", ["signup", "onboarding"])
def test_look_ups_are_read_like_the_responses_of_older_revisions(name: str) -> None:
    older = contexts.plan(name)
    newer = {key: value for key, value in older.items() if key not in ("contacts", "pages", "portals")}
    newer["look_ups"] = {"contact": older["contacts"], "pages": older["pages"]} | (
        {"portals": older["portals"]} if older["portals"] else {}
    )
    assert plan_step.step(newer, build.NOW) == plan_step.step(older, build.NOW)


def test_look_up_without_an_answer_reschedules_the_enrolment() -> None:
    assert run_plan(look_ups={"contact": contexts.plan()["contacts"]})["outcome"] == "deferred"


@pytest.mark.parametrize("name", ["contacts", "pages", "portals"])
def test_response_without_a_code_is_no_response(name: str) -> None:
    assert run_plan("onboarding", **{name: {"headers": {}}}) == run_plan("onboarding", **{name: None})


@pytest.mark.parametrize(
    ("lifted", "outcome"), [(build.NOW - 2 * build.HOUR, "skipped"), (build.NOW, "enrolled")], ids=["before", "after"]
)
def test_mark_on_a_page_counts_unless_its_stop_was_lifted_later(lifted: datetime, outcome: str) -> None:
    # An hour before the step runs.
    page = build.sequence_page({"Stop Reason": "unsubscribed since 2025-11-20T09:00:00-05:00"})
    outputs = run_plan(pages=build.found(page), stopped=rules.as_json([], Lifts(lifted=lifted)))
    assert outputs["outcome"] == outcome


def test_outputs_name_the_contacts_pages_and_the_digest_of_the_record() -> None:
    outputs = run_plan(pages=build.found(ENROLLED), seen="a digest")
    assert (outputs["pages"], outputs["seen"]) == ([ENROLLED["id"], "contact-1"], "a digest")
    link = f"https://www.notion.so/{ENROLLED['id'].replace('-', '')}"
    assert outputs["about"]["contact"] == f"Contact {build.WHO['contact']}: {link}"


def test_alert_about_a_missing_contact_links_the_page_of_the_sequence() -> None:
    event = build.event("noshow")
    field = str(event.fields["calendly_event_uri"])
    # No system has enrolled the contact yet, or the event would be skipped.
    page = build.sequence_page({"Template Type": None, "Calendly Event URI": field})
    outputs = run_plan("noshow", contacts=build.found(), pages=build.found(page))
    assert f"https://www.notion.so/{page['id'].replace('-', '')}" in outputs["told"]["message"]
    assert outputs["pages"] == [page["id"], None]
