"""The step ``settle``: its outputs. ``tests/unit/email/test_result.py`` tests the decision itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.steps import compose
from christmas_campaign.steps import settle as settle_step
from unit import build
from unit.steps import contexts

#: Outputs of ``compose``.
NOT_SENT = {"send": False, "outcome": "failed", "reason": "value_missing", "detail": "no value for {{x}}: 100%"}
NO_NOTION = {"send": False, "outcome": "deferred", "reason": "notion_unreachable", "detail": ""}
CLAIMED_A_DAY_AGO = {"send": True, "claimed_at": "2025-11-19T16:00:00.000Z"}

BUSY = build.response({"name": "concurrent_idempotent_requests"}, 409)


def run_settle(**changes: Any) -> dict[str, Any]:
    """Return the outputs of the step at ``build.NOW`` in a changed context."""
    return dict(settle_step.step(contexts.settle(**changes), build.NOW))


def not_found(path: str) -> dict[str, Any]:
    """Return Resend's response for a path that it does not have. The flow calls one to hold an e-mail back."""
    return {**build.response({"name": "not_found"}, 404), "uri": f"https://api.resend.com{path}"}


def test_sent_email_is_recorded() -> None:
    outputs = run_settle()
    assert json.loads(outputs.pop("ledger")) == {
        "outcome": "sent",
        "at": "2025-11-20T15:00:00.000Z",
        "reason": None,
        "resend_id": "re_1",
        "claimed_at": None,
    }
    assert json.loads(outputs.pop("stamp")) == {
        "properties": {"Email 2 Sent": {"date": {"start": "2025-11-20T15:00:00.000Z"}}}
    }
    analytics = json.loads(outputs.pop("analytics"))
    assert analytics["parent"] == {"type": "data_source_id", "data_source_id": "source-analytics"}
    assert json.loads(outputs.pop("labels")) == {"outcome": "sent", **contexts.WHO}
    # The last e-mail is due in five days; its ledger entry lives 30 days longer.
    assert outputs == {"outcome": "sent", "reason": None, "detail": "", "ttl": "PT3024000S", "alert": None}


def test_last_email_completes_the_sequence_if_the_others_are_done() -> None:
    properties = json.loads(run_settle(number=5, done=[2, 3, 4])["stamp"])["properties"]
    assert properties["Sequence Completed"] == {"checkbox": True}
    assert "Sequence Completed" not in json.loads(run_settle(number=5)["stamp"])["properties"]


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"composed": NOT_SENT, "answer": None}, "failed", "value_missing"),
        ({"answer": None, "tries": 47}, "deferred", "resend_unreachable"),
        ({"answer": None, "tries": 48}, "failed", "resend_unreachable"),
        ({"composed": NO_NOTION, "answer": None, "tries": 48, "page": None}, "failed", "notion_unreachable"),
        ({"composed": CLAIMED_A_DAY_AGO, "answer": not_found("")}, "failed", "send_unknown"),
        ({"answer": build.response({"name": "not_found"}, 404)}, "failed", "refused_by_resend"),
        ({"answer": not_found("/emails")}, "failed", "refused_by_resend"),
        ({"answer": not_found("/emails/too-late")}, "failed", "refused_by_resend"),
        ({"answer": not_found("/emails/stopped/bounced")}, "skipped", "bounced"),
        (
            {"answer": not_found("/emails/too-late/stopped/booked"), "composed": CLAIMED_A_DAY_AGO},
            "skipped",
            "booked",
        ),
        ({"answer": {**not_found("/emails/stopped/bought"), "code": 401}}, "skipped", "bought"),
        ({"answer": {"code": 200, "body": None}}, "sent", None),
        ({"answer": BUSY}, "deferred", "send_in_progress"),
    ],
)
def test_result_of_the_request_decides_the_outcome(changes: dict[str, Any], outcome: str, reason: str | None) -> None:
    outputs = run_settle(**changes)
    assert (outputs["outcome"], outputs["reason"]) == (outcome, reason)
    reason_label = {"reason": reason} if reason else {}
    assert json.loads(outputs["labels"]) == {"outcome": outcome, **reason_label, **contexts.WHO}


def test_context_without_answers_reschedules_the_email() -> None:
    context = contexts.settle()
    del context["answer"], context["page"], context["tries"]
    outputs = settle_step.step(context, build.NOW)
    assert (outputs["reason"], outputs["tries"]) == ("resend_unreachable", 1)


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"answer": BUSY}, "send_in_progress", "Resend is still busy with this e-mail."),
        (
            {"answer": None},
            "resend_unreachable",
            "Resend could not be reached, or was not ready to take the e-mail.",
        ),
        (
            {"composed": NO_NOTION, "answer": None, "page": None},
            "notion_unreachable",
            "Notion could not be reached, or was not ready to answer.",
        ),
    ],
)
def test_rescheduled_email_records_nothing(changes: dict[str, Any], reason: str, detail: str) -> None:
    settings = {**contexts.SETTINGS, "time_scale": "60", "resend_url": "http://127.0.0.1:8000"}
    outputs = run_settle(tries=3, settings=settings, **changes)
    assert json.loads(outputs.pop("labels")) == {"outcome": "deferred", "reason": reason, **contexts.WHO}
    assert outputs == {
        "outcome": "deferred",
        "reason": reason,
        "detail": f"{detail} It is tried again.",
        # Eight minutes, 60 times as fast.
        "date": "2025-11-20T15:00:08.000Z",
        "tries": 4,
        "ttl": "PT3024000S",
        "alert": None,
    }


@pytest.mark.parametrize(
    ("changes", "claimed_at"),
    [
        ({"answer": None, "tries": 48}, contexts.CLAIMED),
        ({"answer": BUSY, "tries": 48}, contexts.CLAIMED),
        ({"composed": CLAIMED_A_DAY_AGO, "answer": build.response("", 405)}, CLAIMED_A_DAY_AGO["claimed_at"]),
        ({"answer": build.response({"name": "validation_error"}, 422)}, None),
        ({"composed": NOT_SENT, "answer": None}, None),
        ({"composed": {**NOT_SENT, "claimed_at": None}, "answer": None}, None),
        # An earlier try claimed the e-mail.
        ({"composed": {**NOT_SENT, "claimed_at": contexts.CLAIMED}, "answer": None}, contexts.CLAIMED),
        (
            {"composed": {**NO_NOTION, "claimed_at": contexts.CLAIMED}, "answer": None, "tries": 48},
            contexts.CLAIMED,
        ),
    ],
)
def test_failed_email_keeps_its_claim_while_resend_may_have_it(changes: dict[str, Any], claimed_at: str | None) -> None:
    ledger_entry = json.loads(run_settle(**changes)["ledger"])
    assert (ledger_entry["outcome"], ledger_entry["claimed_at"]) == ("failed", claimed_at)


def test_failed_email_alerts_the_team_and_is_not_stamped() -> None:
    outputs = run_settle(composed=NOT_SENT, answer=None)
    # Kestra would render `{%` in an output as a template.
    assert "%" not in outputs["analytics"]
    properties = json.loads(outputs["analytics"])["properties"]
    assert build.text_of(properties["Error Message"]) == "value_missing: no value for {{x}}: 100%"
    assert outputs["stamp"] is None
    assert outputs["alert"]["key"] == "signup-abc.2.value_missing"
    assert f"Contact {build.WHO['contact']}: https://www.notion.so/page1." in outputs["alert"]["message"]


def test_sent_email_without_a_claim_breaks_the_step() -> None:
    with pytest.raises(ValueError, match="None is not a valid Outcome"):
        run_settle(composed={**contexts.settle()["composed"], "claimed_at": None})


def test_deleted_page_is_not_stamped() -> None:
    assert run_settle(page=build.response({"code": "object_not_found"}, 404))["stamp"] is None


@pytest.mark.parametrize(
    ("changes", "tries"),
    [
        # Without the claim, a replay two days later could send the e-mail twice.
        ({"templates": build.found()}, 1),
        ({"page": build.response(build.sequence_page(archived=True))}, 1),
        ({"page": None}, 48),
    ],
)
def test_claim_of_an_earlier_try_stays_when_this_try_composes_no_email(changes: dict[str, Any], tries: int) -> None:
    own = {"outcome": "sending", "at": "2025-11-20T14:59:58.000Z", "claimed_at": "2025-11-20T14:00:00.000Z"}
    outputs = compose.step(contexts.compose(own=own, **changes), build.NOW)
    # The flow hands over these outputs.
    composed = {name: outputs.get(name) for name in ("send", "claimed_at", "outcome", "reason", "detail")}
    ledger_entry = json.loads(run_settle(composed=composed, answer=None, tries=tries)["ledger"])
    assert ledger_entry["claimed_at"] == "2025-11-20T14:00:00.000Z"


def test_withdrawn_sequence_keeps_its_labels() -> None:
    record: dict[str, Any] = build.record().as_json()
    record["event"]["sequence"] = "winback"
    composed = {"send": False, "claimed_at": None, "outcome": "skipped", "reason": "email_withdrawn", "detail": ""}
    labels = {"outcome": "skipped", "reason": "email_withdrawn", **contexts.WHO, "sequence": "winback"}
    assert json.loads(run_settle(record=record, composed=composed, answer=None)["labels"]) == labels
