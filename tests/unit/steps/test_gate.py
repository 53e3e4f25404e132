from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.email import gate
from christmas_campaign.enrolment.record import Record, time_to_live
from christmas_campaign.steps import gate as gate_step
from christmas_campaign.stops import marks, rules
from christmas_campaign.stops.rules import Source, Stop
from unit import build
from unit.steps import contexts, run

step: run.Step = gate_step.step

KEPT = {"outcome": "sent", "at": "2025-11-20T14:30:00.000Z", "reason": None, "resend_id": "re_1"}

#: Somebody else's run is about to send it, or died on the way.
CLAIM = {"outcome": "sending", "at": "2025-11-20T14:59:00.000Z", "claimed_at": "2025-11-20T14:30:00.000Z"}
OLD_CLAIM = {**CLAIM, "claimed_at": "2025-11-19T16:00:00.000Z"}
#: What stops the contact; and a record whose e-mails were all due eight days ago.
STOPPED = rules.as_json([Stop(Reason.BOUNCED, build.NOW, Source.PERSON)])
LATE = build.record(emails=dict.fromkeys((2, 3, 4, 5), build.NOW - 192 * build.HOUR)).as_json()
LATER = "2025-11-20T16:00:00.000Z"


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "gate", contexts.ALL["gate"]())
    assert json.loads(said["template_query"]) == gate.template_query("5-Day E2")
    assert (said["go"], said["page_path"]) == (True, "/v1/pages/page-1")
    assert said["template_key"] == "template.2ba081d927625621760aad4a"
    assert said["turn"]["began"] == contexts.BEGAN < said["turn"]["opened"]


def test_what_the_flow_needs_to_go_on() -> None:
    said = dict(step(contexts.gate(), build.NOW))
    assert json.loads(said.pop("template_query")) == gate.template_query("5-Day E2")
    assert said == {
        "go": True,
        "page_path": "/v1/pages/page-1",
        "templates_path": "/v1/data_sources/source-templates/query",
        "template_key": "template.2ba081d927625621760aad4a",
        "turn": {"began": contexts.BEGAN, "opened": 1_763_650_800_000, "looks": 0, "longest": 0},
        "done": [],
        "page_id": "page-1",
        "about": {
            "subject": "signup, e-mail 2 of 5 (template 5-Day E2)",
            "contact": "Contact 7ece2a81c666152c41fce3d8: https://www.notion.so/page1",
        },
        "stop": {
            "key": "stop.7ece2a81c666152c41fce3d8",
            "sequence": "signup",
            "received": 1_763_650_800_000,
            "booking": "none",
        },
    }


@pytest.mark.parametrize(
    ("as_of", "key"),
    [
        (None, "template.2ba081d927625621760aad4a"),
        ("", "template.2ba081d927625621760aad4a"),
        ("2025-11-20T14:00:00Z", "template.fdee4ec24cb1d063617708cc"),
    ],
)
def test_the_kept_template_is_one_that_still_counts(as_of: str | None, key: str) -> None:
    context = contexts.gate(as_of=as_of)
    assert step(context, build.NOW)["template_key"] == key
    if as_of is None:
        del context["as_of"]
        assert step(context, build.NOW)["template_key"] == key


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({}, "email_withdrawn"), ({"page_id": None}, "enrolment_unknown"), ({"stopped": STOPPED}, "email_withdrawn")],
)
def test_withdrawn_sequence_keeps_the_labels_of_its_runs(changed: dict[str, Any], reason: str) -> None:
    record: dict[str, Any] = build.record().as_json()
    record["event"]["sequence"] = "winback"
    outputs = step(contexts.gate(record=record, **changed), build.NOW)
    labels = json.loads(outputs["labels"])
    assert labels == {"outcome": outputs["outcome"], "reason": reason, **contexts.WHO, "sequence": "winback"}
    if reason == "email_withdrawn":
        assert json.loads(outputs["ledger"])["reason"] == reason
        assert outputs["ttl"] == time_to_live(build.record().emails[5], build.NOW)


@pytest.mark.parametrize(
    ("changed", "labels", "date"),
    [
        ({"record": None}, {"outcome": "failed", "reason": "enrolment_unknown"}, None),
        ({"page_id": None}, {"outcome": "failed", "reason": "enrolment_unknown"}, None),
        ({"own": KEPT}, {"outcome": "skipped", "reason": "already_sent"}, None),
        ({"number": 3}, {"outcome": "deferred", "reason": "earlier_email_unsettled"}, LATER),
        ({"number": 3, "before": CLAIM}, {"outcome": "deferred", "reason": "earlier_email_unsettled"}, LATER),
        (
            {"number": 3, "before": KEPT},
            {"outcome": "deferred", "reason": "too_soon"},
            "2025-11-20T15:30:00.000Z",
        ),
        ({"own": OLD_CLAIM}, {"outcome": "failed", "reason": "send_unknown"}, None),
        ({"paused": True}, {"outcome": "deferred", "reason": "paused"}, "2025-11-20T15:00:00.000Z"),
        ({"stopped": STOPPED}, {"outcome": "skipped", "reason": "bounced"}, None),
        ({"record": LATE}, {"outcome": "skipped", "reason": "expired"}, None),
    ],
)
def test_who_is_turned_away_is_labelled(changed: dict[str, Any], labels: dict[str, str], date: str | None) -> None:
    said = step(contexts.gate(**changed), build.NOW)
    assert said["go"] is False
    # Nobody knows whose run it is when its enrolment is unknown.
    who = {} if changed.get("record", build) is None else contexts.WHO
    assert json.loads(said["labels"]) == {**labels, **who}
    assert said.get("date") == date


def test_what_is_not_kept_may_be_left_out() -> None:
    context = {"enrolment": "signup-abc", "number": 2, "settings": contexts.SETTINGS}
    said = step(context, build.NOW)
    assert (said["reason"], said["tries"]) == ("enrolment_unknown", 0)


@pytest.mark.parametrize("tries", [0, 7, 48])
@pytest.mark.parametrize("changed", [{"number": 3}, {"number": 3, "before": KEPT}, {"own": KEPT}, {"paused": True}])
def test_waiting_for_another_email_or_for_a_person_is_no_try(tries: int, changed: dict[str, Any]) -> None:
    said = step(contexts.gate(tries=tries, **changed), build.NOW)
    assert (said["tries"], said["alert"]) == (tries, None)


@pytest.mark.parametrize("paused", [False, ...])
def test_a_campaign_that_nobody_paused_goes_on(paused: Any) -> None:
    context = {name: value for name, value in contexts.gate(paused=paused).items() if value is not ...}
    assert step(context, build.NOW)["go"] is True


def test_a_claim_that_is_recent_is_taken_up() -> None:
    assert step(contexts.gate(own=CLAIM), build.NOW)["go"] is True


def test_the_team_is_told_of_an_enrolment_that_nobody_knows() -> None:
    said = step(contexts.gate(record=None), build.NOW)
    assert said["alert"] == {
        "key": "signup-abc.2.enrolment_unknown",
        "message": "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): enrolment_unknown.\n"
        "Kestra's KV store has no such enrolment. It is deleted 30 days after the last e-mail was due.\n"
        "Contact of the enrolment signup-abc: https://www.notion.so/page1.\n"
        "To do: Have the event sent again. Kestra deletes an enrolment 30 days after its last e-mail was due."
        " `christmas failures` lists all.",
    }


def test_the_team_is_told_of_an_email_that_resend_may_have() -> None:
    said = step(contexts.gate(own=OLD_CLAIM, tries=3), build.NOW)
    assert said["tries"] == 3
    assert said["alert"] == {
        "key": "signup-abc.2.send_unknown",
        "message": "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): send_unknown.\n"
        "The request to Resend began on 19 November 2025, 11:00 America/Toronto, and its result is unknown."
        " The idempotency key may have expired, so another try could send the e-mail twice.\n"
        "Contact 7ece2a81c666152c41fce3d8: https://www.notion.so/page1.\n"
        "To do: Look for this e-mail in Resend. If it is there, set its date on the contact's page: an e-mail with a date is"
        " not sent again. Then, either way, `christmas replay --not-sent`. `christmas failures` lists all.",
    }
    # Ready-made, for the KV store.
    assert json.loads(said["ledger"]) == {
        "outcome": "failed",
        "at": "2025-11-20T15:00:00.000Z",
        "reason": "send_unknown",
        "resend_id": None,
        "claimed_at": "2025-11-19T16:00:00.000Z",
    }
    assert said["ttl"] == time_to_live(Record.from_json(contexts.gate()["record"]).emails[5], build.NOW)


def test_the_distance_goes_by_the_settings() -> None:
    settings = {**contexts.SETTINGS, "testing_mode": "true"}
    assert step(contexts.gate(number=3, before=KEPT, settings=settings), build.NOW)["go"] is True


@pytest.mark.parametrize(
    ("changed", "marked"),
    [({"stopped": STOPPED}, "bounced since 2025-11-20T10:00:00-05:00"), ({"record": LATE}, "expired")],
)
def test_what_is_skipped_for_good_is_written_down_with_its_time_to_live(changed: dict[str, Any], marked: str) -> None:
    said, reason = step(contexts.gate(**changed), build.NOW), marked.partition(" ")[0]
    ledger = json.loads(said["ledger"])
    assert (ledger["outcome"], ledger["reason"], said["alert"]) == ("skipped", reason, None)
    words = build.text_of(json.loads(said["page"]["body"])["properties"]["Stop Reason"])
    assert (said["page"]["path"], words) == ("/v1/pages/page-1", f"{marked} (from E2)")
    last = Record.from_json(changed.get("record") or contexts.gate()["record"]).emails[5]
    assert said["ttl"] == time_to_live(last, build.NOW)


@pytest.mark.parametrize(
    ("resumed", "go"), [("2025-11-20T14:00:00.000Z", True), ("2025-11-01T14:00:00.000Z", False), (None, False)]
)
def test_the_end_of_a_pause_counts(resumed: str | None, go: bool) -> None:
    assert step(contexts.gate(record=LATE, resumed=resumed), build.NOW)["go"] is go


def test_a_flow_of_before_hands_over_neither_stop_nor_pause() -> None:
    context = contexts.gate()
    del context["stopped"], context["resumed"]
    assert step(context, build.NOW)["go"] is True


SKIPPED = {"outcome": "skipped", "at": "2025-11-20T14:00:00.000Z", "reason": "bounced"}
FAILED = {**SKIPPED, "outcome": "failed", "reason": "value_missing"}


def test_skipped_email_gets_an_analytics_page() -> None:
    said = step(contexts.gate(stopped=STOPPED, number=3), build.NOW)
    properties = json.loads(said["analytics"])["properties"]
    assert properties["Status"] == {"select": {"name": "skipped"}}
    assert properties["Email Number"] == {"number": 3}
    assert build.text_of(properties["Error Message"]).startswith("bounced: The contact was stopped on ")
    assert build.text_of(properties["Template ID"]) == "5-Day E3"


@pytest.mark.parametrize(
    ("mails", "completed"),
    [
        ({"2": KEPT, "3": SKIPPED, "4": KEPT, "5": None}, True),
        ({"2": SKIPPED, "3": SKIPPED, "4": SKIPPED, "5": FAILED}, True),
        ({"2": KEPT, "3": FAILED, "4": KEPT}, False),
        ({"2": KEPT, "3": CLAIM, "4": KEPT}, False),
        ({"2": KEPT, "3": KEPT, "4": None}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("before", [KEPT, SKIPPED])
def test_sequence_is_completed_when_all_emails_are_sent_or_skipped(
    mails: dict[str, Any], completed: bool, before: dict[str, Any]
) -> None:
    said = step(contexts.gate(stopped=STOPPED, number=5, mails=mails, before=before), build.NOW)
    properties = json.loads(said["page"]["body"])["properties"] if said["page"] else {}
    assert properties.get("Sequence Completed") == ({"checkbox": True} if completed else None)
    # The one before it has written why already, or this one does.
    assert ("Stop Reason" in properties) is (before is KEPT)


def test_failed_email_at_the_gate_does_not_complete_the_sequence() -> None:
    said = step(contexts.gate(own=OLD_CLAIM, number=5, mails=dict.fromkeys("234", KEPT)), build.NOW)
    assert (said["reason"], said["page"]) == ("send_unknown", None)
    assert json.loads(said["analytics"])["properties"]["Status"] == {"select": {"name": "failed"}}


def test_email_that_goes_on_says_which_others_are_done() -> None:
    mails = {"2": KEPT, "3": SKIPPED, "4": FAILED, "5": KEPT, "6": None}
    assert step(contexts.gate(number=5, before=FAILED, mails=mails), build.NOW + 2 * build.HOUR)["done"] == [2, 3]


def test_only_a_stop_that_does_not_hold_for_good_minds_what_the_page_says() -> None:
    assert step(contexts.gate(stopped=STOPPED), build.NOW)["page"]["unless"] is None
    assert step(contexts.gate(record=LATE), build.NOW)["page"]["unless"] == marks.ON_PAGE
