"""The step ``gate``: its outputs. ``tests/unit/email/test_gate.py`` tests the decision itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.enrolment.record import time_to_live
from christmas_campaign.events import opaque_ids
from christmas_campaign.steps import gate as gate_step
from christmas_campaign.steps import template_query
from christmas_campaign.stops import marks, rules
from christmas_campaign.stops.rules import Source, Stop
from unit import build
from unit.steps import contexts

SENT = {"outcome": "sent", "at": "2025-11-20T14:30:00.000Z", "reason": None, "resend_id": "re_1"}
SKIPPED = {"outcome": "skipped", "at": "2025-11-20T14:00:00.000Z", "reason": "bounced"}
FAILED = {**SKIPPED, "outcome": "failed", "reason": "value_missing"}

#: Another execution claimed the e-mail half an hour ago, or a day ago. It may still send it, or it may have crashed.
CLAIM = {"outcome": "sending", "at": "2025-11-20T14:59:00.000Z", "claimed_at": "2025-11-20T14:30:00.000Z"}
OLD_CLAIM = {**CLAIM, "claimed_at": "2025-11-19T16:00:00.000Z"}

BOUNCED = rules.as_json([Stop(Reason.BOUNCED, build.NOW, Source.PERSON)])
#: Settings without a distance between two e-mails.
QUICK = {**contexts.SETTINGS, "testing_mode": "true"}

#: A record whose e-mails were all due eight days ago.
LATE = build.record(emails=dict.fromkeys((2, 3, 4, 5), build.NOW - 192 * build.HOUR))


def run_gate(**changes: Any) -> dict[str, Any]:
    """Return the outputs of the step at ``build.NOW`` in a changed context."""
    return dict(gate_step.step(contexts.gate(**changes), build.NOW))


def page_properties(outputs: dict[str, Any]) -> dict[str, Any]:
    """Return the properties that the flow updates on the contact's page."""
    properties: dict[str, Any] = json.loads(outputs["page"]["body"])["properties"] if outputs["page"] else {}
    return properties


def test_open_gate_returns_what_the_flow_needs() -> None:
    outputs = run_gate()
    assert json.loads(outputs.pop("template_query")) == template_query.query("5-Day E2")
    assert outputs == {
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
    ("changes", "key"),
    [
        ({}, "template.2ba081d927625621760aad4a"),
        ({"number": 3, "before": SENT, "settings": QUICK}, "template.cf83d281996baddd0e54fea3"),
        ({"as_of": "2025-11-20T14:00:00Z"}, "template.fdee4ec24cb1d063617708cc"),
    ],
)
def test_template_key_depends_on_the_template_and_the_start_of_the_copies(changes: dict[str, Any], key: str) -> None:
    assert run_gate(**changes)["template_key"] == key


def test_last_suppression_check_knows_the_booking() -> None:
    record = build.record("precall", booked_at="2025-11-20T14:00:00Z")
    booking = opaque_ids.booking_id("zoe@example.com", "https://api.calendly.com/scheduled_events/AAA")
    assert run_gate(record=record.as_json(), number=1)["stop"] == {
        "key": "stop.7ece2a81c666152c41fce3d8",
        "sequence": "precall",
        "received": 1_763_647_200_000,
        "booking": booking,
    }


@pytest.mark.parametrize(
    ("changes", "labels", "date"),
    [
        ({"record": None}, {"outcome": "failed", "reason": "enrolment_unknown"}, None),
        ({"page_id": None}, {"outcome": "failed", "reason": "enrolment_unknown"}, None),
        ({"own": SENT}, {"outcome": "skipped", "reason": "already_sent"}, None),
        (
            {"number": 3},
            {"outcome": "deferred", "reason": "earlier_email_unsettled"},
            "2025-11-20T16:00:00.000Z",
        ),
        ({"number": 3, "before": SENT}, {"outcome": "deferred", "reason": "too_soon"}, "2025-11-20T15:30:00.000Z"),
        ({"own": OLD_CLAIM}, {"outcome": "failed", "reason": "send_unknown"}, None),
        ({"paused": True}, {"outcome": "deferred", "reason": "paused"}, "2025-11-20T15:00:00.000Z"),
        ({"stopped": BOUNCED}, {"outcome": "skipped", "reason": "bounced"}, None),
        ({"record": LATE.as_json()}, {"outcome": "skipped", "reason": "expired"}, None),
    ],
)
def test_refused_email_is_labelled_and_is_not_counted_as_a_try(
    changes: dict[str, Any], labels: dict[str, str], date: str | None
) -> None:
    outputs = run_gate(tries=48, **changes)
    # Without the enrolment the contact is unknown.
    contact_labels = {} if "record" in changes and changes["record"] is None else contexts.WHO
    assert json.loads(outputs["labels"]) == {**labels, **contact_labels}
    assert (outputs["go"], outputs["tries"], outputs.get("date")) == (False, 48, date)
    assert (outputs["alert"] is not None) is (labels["outcome"] == "failed")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"own": CLAIM}, True),
        ({"number": 3, "before": SENT, "settings": QUICK}, True),
        ({"record": LATE.as_json(), "resumed": "2025-11-20T14:00:00.000Z"}, True),
        ({"record": LATE.as_json(), "resumed": "2025-11-01T14:00:00.000Z"}, False),
    ],
)
def test_gate_considers_claim_settings_and_last_resume(changes: dict[str, Any], expected: bool) -> None:
    assert run_gate(**changes)["go"] is expected


def test_context_of_an_older_flow_opens_the_gate() -> None:
    context = contexts.gate()
    for name in ("tries", "own", "before", "as_of", "stopped", "paused", "resumed"):
        del context[name]
    assert gate_step.step(context, build.NOW) == run_gate()


def test_context_without_an_enrolment_alerts_the_team() -> None:
    context = {"enrolment": "signup-abc", "number": 2, "settings": contexts.SETTINGS}
    outputs = gate_step.step(context, build.NOW)
    assert (outputs["reason"], outputs["tries"]) == ("enrolment_unknown", 0)
    # Without the record the enrolment and the page still identify the contact.
    alert = run_gate(record=None)["alert"]
    assert alert["key"] == "signup-abc.2.enrolment_unknown"
    assert "Contact of the enrolment signup-abc: https://www.notion.so/page1." in alert["message"]


def test_failed_email_is_recorded_and_alerts_the_team() -> None:
    sent = dict.fromkeys("234", SENT)
    outputs = run_gate(own=OLD_CLAIM, number=5, mails=sent, before=SENT)
    assert json.loads(outputs["ledger"]) == {
        "outcome": "failed",
        "at": "2025-11-20T15:00:00.000Z",
        "reason": "send_unknown",
        "resend_id": None,
        "claimed_at": "2025-11-19T16:00:00.000Z",
    }
    assert outputs["ttl"] == time_to_live(build.record().emails[5], build.NOW)
    assert json.loads(outputs["analytics"])["properties"]["Status"] == {"select": {"name": "failed"}}
    # A failed e-mail does not complete the sequence.
    assert outputs["page"] is None
    assert outputs["alert"] == {
        "key": "signup-abc.5.send_unknown",
        "message": "**Failed**: signup, e-mail 5 of 5 (template 5-Day E5): send_unknown.\n"
        "The request to Resend began on 19 November 2025, 11:00 America/Toronto, and its result is unknown."
        " The idempotency key may have expired, so another try could send the e-mail twice.\n"
        "Contact 7ece2a81c666152c41fce3d8: https://www.notion.so/page1.\n"
        "To do: Look for this e-mail in Resend. If it is there, set its date on the contact's page: an e-mail with a date is"
        " not sent again. Then, either way, `christmas replay --not-sent`. `christmas failures` lists all.",
    }


@pytest.mark.parametrize(
    ("changes", "note", "unless", "last_due"),
    [
        (
            {"stopped": BOUNCED},
            "bounced since 2025-11-20T10:00:00-05:00 (from E2)",
            None,
            build.record().emails[5],
        ),
        # This note must not replace a stop that is permanent.
        ({"record": LATE.as_json()}, "expired (from E2)", marks.ON_PAGE, LATE.emails[5]),
    ],
)
def test_skipped_email_is_recorded_and_noted_on_the_page(
    changes: dict[str, Any], note: str, unless: str | None, last_due: Any
) -> None:
    outputs = run_gate(**changes)
    ledger_entry = json.loads(outputs["ledger"])
    assert (ledger_entry["outcome"], ledger_entry["reason"]) == ("skipped", note.split(" ")[0])
    assert outputs["ttl"] == time_to_live(last_due, build.NOW)
    assert (outputs["page"]["path"], outputs["page"]["unless"]) == ("/v1/pages/page-1", unless)
    assert build.text_of(page_properties(outputs)["Stop Reason"]) == note
    analytics = json.loads(outputs["analytics"])["properties"]
    assert analytics["Status"] == {"select": {"name": "skipped"}}
    assert build.text_of(analytics["Template ID"]) == "5-Day E2"


@pytest.mark.parametrize(
    ("mails", "completed"),
    [
        ({"2": SENT, "3": SKIPPED, "4": SENT, "5": None}, True),
        ({"2": SENT, "3": FAILED, "4": SENT, "5": FAILED}, False),
    ],
)
def test_skipped_last_email_completes_the_sequence_if_all_others_are_done(
    mails: dict[str, Any], completed: bool
) -> None:
    properties = page_properties(run_gate(stopped=BOUNCED, number=5, before=SKIPPED, mails=mails))
    # The e-mail before this one was skipped too, so the page has the reason already.
    assert properties == ({"Sequence Completed": {"checkbox": True}} if completed else {})


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"mails": {"2": SENT, "3": None, "4": None, "5": None}}, 3),
        # The first revisions do not pass the ledger on.
        ({}, 5),
    ],
)
def test_note_on_the_page_names_the_first_skipped_email_that_is_known(changes: dict[str, Any], first: int) -> None:
    properties = page_properties(run_gate(stopped=BOUNCED, number=5, before=None, **changes))
    assert build.text_of(properties["Stop Reason"]).endswith(f"(from E{first})")


def test_open_gate_lists_the_other_emails_that_are_done() -> None:
    mails = {"2": SENT, "3": SKIPPED, "4": FAILED, "5": SENT, "6": None}
    outputs = gate_step.step(contexts.gate(number=5, before=FAILED, mails=mails), build.NOW + 2 * build.HOUR)
    assert outputs["done"] == [2, 3]


@pytest.mark.parametrize(("page_id", "reason"), [("page-1", "email_withdrawn"), (None, "enrolment_unknown")])
def test_withdrawn_sequence_keeps_its_labels_and_lifetime(page_id: str | None, reason: str) -> None:
    record: dict[str, Any] = build.record().as_json()
    record["event"]["sequence"] = "winback"
    outputs = run_gate(record=record, page_id=page_id)
    labels = {"outcome": outputs["outcome"], "reason": reason, **contexts.WHO, "sequence": "winback"}
    assert json.loads(outputs["labels"]) == labels
    if page_id:
        assert json.loads(outputs["ledger"])["reason"] == reason
        assert outputs["ttl"] == time_to_live(build.record().emails[5], build.NOW)
