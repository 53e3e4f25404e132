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
from christmas_campaign.enrolment.record import Record
from christmas_campaign.notion import schema
from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps import plan as the_step
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Source, Stop
from unit import build
from unit.steps import contexts, run


def step(context: Any, now: datetime) -> dict[str, Any]:
    return dict(the_step.step(context, now))


ENROLLED = build.sequence_page({"Template Type": "5-Day Sequence"})


def test_as_a_task(tmp_path: Path) -> None:
    context = contexts.plan()
    context["event"]["fields"]["business_name"] = "100% {% raw %}"
    said = run.outputs(tmp_path, "plan", context)
    assert said["go"] is True
    assert [email["number"] for email in said["emails"]] == [2, 3, 4, 5]
    page = json.loads(said["page"]["body"])
    assert build.text_of(page["properties"]["Business Name"]) == "100% {% raw %}"
    assert not any("%" in text for text in (said["record"], said["page"]["body"], said["contact"]["body"]))


def test_what_is_written_is_handed_over_ready_made() -> None:
    said = step(contexts.plan(), build.NOW)
    assert Record.from_json(json.loads(said["record"])).event == build.event()
    assert Record.from_json(json.loads(said["record"])).sources == build.SOURCES
    assert json.loads(said["page"]["body"])["parent"] == {"type": "data_source_id", "data_source_id": "source-pages"}
    assert json.loads(said["contact"]["body"])["properties"]["Assessment Score"] == {"number": 52}
    assert said["contact"]["path"] == "/v1/pages/contact-1"
    assert json.loads(said["labels"]) == {"outcome": "enrolled", **build.WHO}
    assert said["emails"] == [
        {"number": 2, "date": "2025-11-21T15:00:00.000Z"},
        {"number": 3, "date": "2025-11-23T15:00:00.000Z"},
        {"number": 4, "date": "2025-11-24T15:00:00.000Z"},
        {"number": 5, "date": "2025-11-25T15:00:00.000Z"},
    ]


def test_without_a_contact_nothing_is_updated() -> None:
    assert step(contexts.plan(contacts=build.found()), build.NOW)["contact"] is None


def test_the_same_event_again_is_labelled() -> None:
    said = step(contexts.plan(pages=build.found(ENROLLED)), build.NOW)
    assert said["go"] is False
    assert json.loads(said["labels"]) == {"outcome": "skipped", "reason": "already_in_sequence", **build.WHO}


def test_an_enrolment_that_was_recorded_and_not_finished_goes_on() -> None:
    said = step(contexts.plan(pages=build.found(ENROLLED), record=build.record().as_json()), build.NOW)
    assert (said["go"], said["page"]["method"]) == (True, "PATCH")


def test_an_enrolment_that_goes_on_keeps_its_dates() -> None:
    context = contexts.plan(pages=build.found(ENROLLED), record=build.record().as_json())
    context["event"]["fields"]["email_1_sent_at"] = "2025-01-01"
    said = step(context, build.NOW)
    assert Record.from_json(json.loads(said["record"])).emails == build.record().emails


def test_an_entry_of_the_kv_store_that_is_not_there_may_be_left_out() -> None:
    context = contexts.plan()
    del context["record"], context["signup"], context["portals"]
    assert step(context, build.NOW)["go"] is True


#: What becomes of the signup when Notion does not answer, the first time.
LATER = {
    "outcome": "deferred",
    "reason": "notion_unreachable",
    "detail": "Notion could not be reached, or was not ready to answer. It is tried again.",
    "date": "2025-11-20T15:01:00.000Z",
    "tries": 1,
    "alert": None,
}


def read(later: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of later, with its labels read."""
    return {**later, "labels": json.loads(later["labels"])}


@pytest.mark.parametrize("changed", [{}, {"pages": build.found(ENROLLED)}])
def test_what_is_decided_comes_with_what_becomes_of_it_if_notion_does_not_answer(changed: dict[str, Any]) -> None:
    """The page may not be written down yet."""
    said = step(contexts.plan(**changed), build.NOW)
    assert said["outcome"] != "deferred"
    assert read(said["later"]) == {
        **LATER,
        "labels": {"outcome": "deferred", "reason": "notion_unreachable", **build.WHO},
    }
    assert "told" not in said


@pytest.mark.parametrize("missing", ["contacts", "pages", "sources"])
@pytest.mark.parametrize("left_out", [True, False])
def test_without_an_answer_of_notion_an_enrolment_is_put_off(missing: str, left_out: bool) -> None:
    context = contexts.plan(**{missing: None})
    if left_out:
        del context[missing]
    said = dict(step(context, build.NOW))
    labels = {"outcome": "deferred", "reason": "notion_unreachable", **build.WHO}
    assert json.loads(said["labels"]) == labels
    assert read(said.pop("later")) == {**LATER, "labels": labels}
    assert said.pop("find_databases") == (missing == "sources")
    assert set(said) == {"go", "outcome", "labels"}
    assert (said["go"], said["outcome"]) == (False, "deferred")


def test_no_answer_of_notion_comes_before_its_refusal() -> None:
    said = step(contexts.plan(contacts=build.response({"code": "unauthorized"}, 401), pages=None), build.NOW)
    assert (said["go"], said["outcome"]) == (False, "deferred")


@pytest.mark.parametrize(
    ("tries", "scale", "date"),
    [
        (0, None, "2025-11-20T15:01:00.000Z"),
        (4, None, "2025-11-20T15:16:00.000Z"),
        (47, None, "2025-11-20T15:30:00.000Z"),
        (47, "60", "2025-11-20T15:00:30.000Z"),
    ],
)
@pytest.mark.parametrize("contacts_found", [build.found(build.contact()), None])
def test_each_time_it_is_put_off_for_longer_and_counted(
    tries: int, scale: str | None, date: str, contacts_found: dict[str, Any] | None
) -> None:
    settings = {**contexts.SETTINGS, "time_scale": scale, "resend_url": "http://127.0.0.1:8000"}
    later = step(contexts.plan(tries=tries, contacts=contacts_found, settings=settings), build.NOW)["later"]
    assert (later["date"], later["tries"]) == (date, tries + 1)


def test_the_first_run_may_leave_the_tries_out() -> None:
    context = contexts.plan()
    del context["tries"]
    assert step(context, build.NOW)["later"]["tries"] == 1


@pytest.mark.parametrize("pages", [build.found(), None])
def test_after_a_day_without_notion_the_team_is_told(pages: dict[str, Any] | None) -> None:
    said = step(contexts.plan(tries=48, pages=pages), build.NOW)
    detail = "Notion could not be reached, or was not ready to answer, for as long as it was tried: 49 times."
    assert read(said["later"]) == {
        "outcome": "failed",
        "reason": "notion_unreachable",
        "detail": detail,
        "labels": {"outcome": "failed", "reason": "notion_unreachable", **build.WHO},
        "alert": {
            "key": f"{build.WHO['enrolment']}.0.notion_unreachable",
            "message": "**Failed**: signup, the enrolment: notion_unreachable.\n"
            f"{detail}\n"
            f"Contact {build.WHO['contact']}: no page in Email Sequence yet; in BusinessX https://www.notion.so/contact1.\n"
            "To do: Check that Notion works again, and that the token is right; then `christmas replay`."
            " `christmas failures` lists all.",
        },
    }
    # Without an answer it has not come to a plan; with one this is not needed.
    assert (said["go"], said["outcome"]) == ((True, "enrolled") if pages else (False, "deferred"))


def test_a_portal_is_made_once_notion_has_said_that_there_is_none() -> None:
    said = step(contexts.plan("onboarding"), build.NOW)
    assert json.loads(said["portal"])["parent"] == {"type": "data_source_id", "data_source_id": "source-portals"}
    title = "Bảo Sang Beauty Salon - Customer Portal"
    portal = build.page(schema.PORTALS, {notion_names.PORTAL_NAME: title}, page_id="portal-1")
    again = step(contexts.plan("onboarding", portals=build.found(portal)), build.NOW)
    assert (again["go"], again["portal"]) == (True, None)


@pytest.mark.parametrize(("signup", "said"), [(build.record(red_systems=2).as_json(), 2), (None, None)])
def test_what_the_contacts_signup_said_is_kept_for_the_emails(signup: dict[str, Any] | None, said: int | None) -> None:
    record = Record.from_json(json.loads(step(contexts.plan("noshow", signup=signup), build.NOW)["record"]))
    assert record.signup.get("red_systems") == said
    assert bool(record.signup) is bool(signup)


@pytest.mark.parametrize("left_out", [True, False])
def test_where_a_portal_is_made_its_look_up_has_to_be_answered_too(left_out: bool) -> None:
    context = contexts.plan("onboarding", portals=None)
    if left_out:
        del context["portals"]
    said = step(context, build.NOW)
    assert (said["go"], said["outcome"], said["later"]["tries"]) == (False, "deferred", 1)
    assert json.loads(said["labels"])["sequence"] == "onboarding"


@pytest.mark.parametrize("name", ["signup", "noshow", "postcall"])
def test_where_none_is_made_nobody_waits_for_it(name: str) -> None:
    said = step(contexts.plan(name, portals=None), build.NOW)
    assert (said["go"], said["portal"]) == (True, None)


def test_the_team_is_told_of_a_contact_that_is_not_there() -> None:
    said = step(contexts.plan("noshow", contacts=build.found()), build.NOW)
    event = build.event("noshow")
    assert (said["go"], said["outcome"]) == (False, "skipped")
    note = "There is no contact with this address in BusinessX: add it, then run this again. Nothing was sent."
    assert said["note"] == said["warning"] == note
    assert said["told"] == {
        "key": f"{event.id}.0.contact_not_found",
        "message": "**Failed**: noshow, the enrolment: contact_not_found.\n"
        "There is no contact with this address in BusinessX: add it, then run this again. Nothing was sent.\n"
        f"Contact {build.WHO['contact']}: no page in Notion is known.\n"
        "To do: Add the contact to BusinessX, with this address; then `christmas replay`."
        " `christmas failures` lists all.",
    }
    assert json.loads(said["labels"]) == {
        "outcome": "skipped",
        "reason": "contact_not_found",
        "sequence": "noshow",
        "contact": build.WHO["contact"],
        "enrolment": event.id,
    }


@pytest.mark.parametrize(
    ("changed", "message"),
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
def test_a_refusal_by_notion_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as caught:
        step(contexts.plan("onboarding", **changed), build.NOW)
    assert str(caught.value) == message


def test_settings_that_cannot_be_used_stop_the_enrolment() -> None:
    with pytest.raises(InvalidSetting):
        step(contexts.plan(settings={"time_scale": "60"}), build.NOW)


def test_what_stops_a_contact_keeps_her_out() -> None:
    held = rules.as_json([Stop(Reason.UNSUBSCRIBED, build.NOW, Source.PERSON)])
    said = step(contexts.plan(stopped=held), build.NOW)
    assert json.loads(said["labels"]) == {"outcome": "skipped", "reason": "unsubscribed", **build.WHO}


def test_an_event_of_before_hands_over_no_stop() -> None:
    context = contexts.plan()
    del context["stopped"]
    assert step(context, build.NOW)["go"] is True


@pytest.mark.parametrize("name", ["signup", "onboarding"])
def test_look_ups_are_read_like_the_responses_of_older_revisions(name: str) -> None:
    older = contexts.plan(name)
    newer = {key: value for key, value in older.items() if key not in ("contacts", "pages", "portals")}
    newer["look_ups"] = {"contact": older["contacts"], "pages": older["pages"]} | (
        {"portals": older["portals"]} if older["portals"] else {}
    )
    assert step(newer, build.NOW) == step(older, build.NOW)


def test_a_look_up_without_an_answer_reschedules_the_enrolment() -> None:
    context = contexts.plan(look_ups={"contact": contexts.plan()["contacts"]})
    assert step(context, build.NOW)["outcome"] == "deferred"
