from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext, plan, settle_enrolment
from unit import build
from unit.steps import contexts, run

step: run.Step = settle_enrolment.step

REFUSED = build.response({"object": "error", "message": "zoe@example.com"}, 400)


def plan_outputs(name: str = "signup", /, **changes: Any) -> dict[str, Any]:
    """Return the outputs of the step ``plan`` in a changed context."""
    return dict(plan.step(contexts.plan(name, **changes), build.NOW))


def follow_up(outputs: Any) -> Any:
    """Return the parsed output ``follow_up``, or ``None`` if the flow has nothing to follow up."""
    return json.loads(outputs["follow_up"]) if outputs["follow_up"] else None


def test_enrolment_saved_in_notion_has_its_page() -> None:
    outputs = step(contexts.settle_enrolment(), build.NOW)
    assert (outputs["page_id"], outputs["contact"]) == ("page-1", build.WHO["contact"])
    assert json.loads(outputs["labels"]) == {"outcome": "enrolled", **build.WHO}
    assert outputs["detail"] == outputs["log"] != ""


@pytest.mark.parametrize("name", ["contact_saved", "page_saved", "portal_saved"])
def test_write_without_an_answer_is_rescheduled(name: str) -> None:
    context = contexts.settle_enrolment("onboarding")
    # An HTTP task without an answer has outputs without a code, or none.
    answers: tuple[dict[str, Any] | None, ...] = ({}, None)
    for answer in answers:
        outputs = step({**context, name: answer}, build.NOW)
        assert outputs["page_id"] == ""
        who = {**build.WHO, "sequence": "onboarding", "enrolment": build.event("onboarding").id}
        assert json.loads(outputs["labels"]) == {"outcome": "deferred", "reason": "notion_unreachable", **who}
        assert outputs["contact"] == build.WHO["contact"]
        assert outputs["detail"] == outputs["log"] != ""
        assert follow_up(outputs) == {"date": "2025-11-20T15:01:00.000Z", "tries": 1, "find_databases": False}


@pytest.mark.parametrize("name", ["contact_saved", "page_saved", "portal_saved"])
def test_refused_write_breaks_the_step_without_customer_data(name: str) -> None:
    context = {**contexts.settle_enrolment("onboarding"), name: REFUSED}
    with pytest.raises(UnusableContext) as error:
        step(context, build.NOW)
    message = str(error.value)
    written = {"contact_saved": "contact", "page_saved": "page", "portal_saved": "portal"}[name]
    assert f"HTTP 400 for the {written}" in message
    assert message.startswith("Notion refused a write: HTTP ")
    assert message.endswith(". `christmas notion check` says what is missing in the databases.")
    assert message.count(", HTTP ") == 2
    assert "zoe@" not in message


@pytest.mark.parametrize(("tries", "date"), [(0, "2025-11-20T15:00:00.000Z"), (1, "2025-11-20T15:02:00.000Z")])
def test_unknown_databases_are_looked_up_before_the_retry(tries: int, date: str) -> None:
    """Only the first retry is immediate, because the look-up may fail."""
    outputs = step(contexts.settle_enrolment(plan=plan_outputs(sources=None), tries=tries), build.NOW)
    assert outputs["page_id"] == ""
    assert follow_up(outputs) == {"date": date, "tries": tries + 1, "find_databases": True}


def test_last_try_of_an_enrolment_alerts_the_team() -> None:
    outputs = step(contexts.settle_enrolment(plan=plan_outputs(contacts=None), tries=48), build.NOW)
    decision = follow_up(outputs)
    assert decision["failed"] is True
    assert decision["alert"]["key"] == f"{build.WHO['enrolment']}.0.notion_unreachable"
    assert decision["detail"] == outputs["detail"]
    assert json.loads(outputs["labels"])["outcome"] == "failed"


def test_alert_of_a_given_up_enrolment_links_the_page() -> None:
    context = contexts.settle_enrolment(page_saved=None, tries=48)
    message = follow_up(step(context, build.NOW))["alert"]["message"]
    assert "in BusinessX https://www.notion.so/contact1" in message


def test_answer_about_the_page_that_is_not_json_breaks_the_step() -> None:
    with pytest.raises(UnusableContext, match=r"^the contact's page: Notion's answer is not a JSON object"):
        step(contexts.settle_enrolment(page_saved=build.response([])), build.NOW)


def test_contact_that_is_not_in_businessx_warns() -> None:
    skipped = plan_outputs("noshow", contacts=build.found())
    outputs = step(contexts.settle_enrolment("noshow", plan=skipped, page_saved=None, contact_saved=None), build.NOW)
    decision = follow_up(outputs)
    assert outputs["page_id"] == ""
    assert (decision["warning"], decision["detail"]) == (True, skipped["note"])
    assert decision["alert"]["key"].endswith(".0.contact_not_found")


def test_contact_who_needs_a_call_is_named_in_an_alert() -> None:
    event = build.event("signup", red_systems=2)
    context = contexts.plan()
    context["event"] = {**context["event"], **event.as_json()}
    urgent = dict(plan.step(context, build.NOW))
    outputs = step(contexts.settle_enrolment(event=context["event"], plan=urgent), build.NOW)
    decision = follow_up(outputs)
    assert decision["names_contact"] is True
    assert decision["alert"]["key"].endswith(".0.call")
    assert "red 2" in decision["alert"]["message"]


def test_several_contacts_warn_although_the_contact_is_enrolled() -> None:
    warning = "BusinessX has 2 contacts with this address, and the one edited last counts: leave only one."
    two = plan_outputs(contacts=build.found(build.contact(), build.contact("contact-2")))
    decision = follow_up(step(contexts.settle_enrolment(plan=two), build.NOW))
    assert decision == {"warning": True, "detail": warning, "alert": two["told"]}
    call = {**two, "alert": json.dumps({"content": "Call them."})}
    decision = follow_up(step(contexts.settle_enrolment(plan=call), build.NOW))
    message = f"Call them.\n{warning}"
    alert = {"key": f"{build.WHO['enrolment']}.0.call", "message": message}
    assert decision == {"warning": True, "detail": warning, "alert": alert, "names_contact": True}


def test_event_that_is_enrolled_already_is_only_labelled() -> None:
    outputs = step(contexts.settle_enrolment(plan=plan_outputs(enrolled=True), page_saved=None), build.NOW)
    assert (outputs["page_id"], outputs["follow_up"]) == ("", "")
    assert json.loads(outputs["labels"])["outcome"] == "skipped"
