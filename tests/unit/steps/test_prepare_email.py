from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.steps import UnusableContext, prepare_email
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Lifts, Source, Stop
from unit import build
from unit.steps import contexts, run

step: run.Step = prepare_email.step

SENT = {"outcome": "sent", "at": "2025-11-20T13:00:00.000Z", "reason": None, "resend_id": "re_1"}
FAILED = {**SENT, "outcome": "failed", "reason": "value_missing", "resend_id": None}
CLAIM = {"outcome": "sending", "at": "2025-11-20T14:50:00.000Z", "claimed_at": "2025-11-20T14:00:00.000Z"}
BOUNCED = rules.as_json([Stop(Reason.BOUNCED, build.NOW, Source.PERSON)])


def test_email_is_a_file_with_its_claim(tmp_path: Path) -> None:
    context = contexts.ALL["prepare_email"]()
    outputs = run.outputs(tmp_path, "prepare_email", context)
    request = json.loads((tmp_path / "request.json").read_text(encoding="utf-8"))
    assert (request["subject"], request["to"]) == ("Zoë: 100%", ["zoe@example.com"])
    assert (outputs["send"], outputs["idempotency_key"]) == (True, "signup-abc-e2")
    assert "files" not in outputs


def test_refusal_has_what_the_records_of_the_email_need() -> None:
    outputs = dict(step(contexts.prepare_email(record=None, enrolment="winback-abc", number=3), build.NOW))
    del outputs["refusal"]
    assert outputs == {
        "send": False,
        "opened": False,
        "stop_key": "stop.unknown",
        "stop_version": "",
        "began": "2025-11-20T15:00:00.000Z",
        "claimed_at": None,
        "subject": "winback, e-mail 3",
        "done": [],
    }
    claimed = step(contexts.prepare_email(paused=True, ledger=json.dumps(CLAIM)), build.NOW)
    assert claimed["claimed_at"] == "2025-11-20T14:00:00.000Z"


def test_stop_reason_counts_from_the_first_email_that_the_stop_skips() -> None:
    refusal = step(contexts.prepare_email(number=3, stopped=BOUNCED), build.NOW)["refusal"]
    assert "(from E2)" in json.dumps(refusal["page"])


def test_claim_and_key_count_from_the_first_claim() -> None:
    first = dict(step(contexts.prepare_email(), build.NOW))
    assert json.loads(first["claim"]) == {
        "outcome": "sending",
        "at": "2025-11-20T15:00:00.000Z",
        "reason": None,
        "resend_id": None,
        "claimed_at": "2025-11-20T15:00:00.000Z",
    }
    # 23 hours later.
    assert first["key_valid_until"] == 1_763_733_600_000
    assert (first["claimed_at"], first["ttl"]) == ("2025-11-20T15:00:00.000Z", "PT3024000S")
    again = dict(step(contexts.prepare_email(ledger=json.dumps(CLAIM)), build.NOW))
    assert (again["claimed_at"], again["key_valid_until"]) == ("2025-11-20T14:00:00.000Z", 1_763_730_000_000)


@pytest.mark.parametrize("ledger", ["null", json.dumps(CLAIM), json.dumps(FAILED, indent=1)])
def test_digest_is_of_the_ledger_text_that_kestra_stores(ledger: str) -> None:
    outputs = step(contexts.prepare_email(ledger=ledger), build.NOW)
    assert outputs["ledger_seen"] == hashlib.sha256(ledger.encode()).hexdigest()


def test_version_of_the_stops_is_their_last_change() -> None:
    lifted = rules.as_json([])
    outputs = step(contexts.prepare_email(stopped={**lifted, "changed": "2025-11-20T14:00:00.000Z"}), build.NOW)
    assert (outputs["send"], outputs["stop_version"]) == (True, "2025-11-20T14:00:00.000Z")
    assert outputs["stop_key"] == f"stop.{build.WHO['contact']}"
    assert step(contexts.prepare_email(), build.NOW)["stop_version"] == ""


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"record": None}, "failed", "enrolment_unknown"),
        ({"page_id": None}, "failed", "enrolment_unknown"),
        ({"ledger": json.dumps(SENT)}, "skipped", "already_sent"),
        ({"stopped": BOUNCED}, "skipped", "bounced"),
        ({"paused": True}, "deferred", "paused"),
        ({"number": 3}, "deferred", "earlier_email_unsettled"),
        ({"number": 3, "mails": {"2": {**SENT, "at": "2025-11-20T14:59:00.000Z"}}}, "deferred", "too_soon"),
    ],
)
def test_gate_refuses_the_email(changes: dict[str, Any], outcome: str, reason: str) -> None:
    """The responses of Notion do not matter."""
    outputs = step(contexts.prepare_email(page=None, template=None, **changes), build.NOW)
    assert (outputs["send"], outputs["opened"]) == (False, False)
    assert (outputs["refusal"]["outcome"], outputs["refusal"]["reason"]) == (outcome, reason)


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"page": None}, "deferred", "notion_unreachable"),
        ({"page": {"headers": {}}}, "deferred", "notion_unreachable"),
        ({"template": None}, "deferred", "notion_unreachable"),
        ({"template": {"until": 0}}, "deferred", "notion_unreachable"),
        ({"page": build.response("", 404)}, "failed", "page_missing"),
        ({"template": build.found()}, "failed", "template_missing"),
        (
            {"page": build.response(build.sequence_page({"Email 2 Sent": "2025-11-20T14:00:00.000Z"}))},
            "skipped",
            "already_sent",
        ),
    ],
)
def test_email_that_is_not_composed_is_refused(changes: dict[str, Any], outcome: str, reason: str) -> None:
    outputs = step(contexts.prepare_email(**changes), build.NOW)
    assert (outputs["send"], outputs["opened"]) == (False, True)
    assert (outputs["refusal"]["outcome"], outputs["refusal"]["reason"]) == (outcome, reason)


def test_placeholders_without_a_value_are_named() -> None:
    template = {"until": 0, **build.found(build.template("{{no_such_value}}"))}
    assert step(contexts.prepare_email(template=template), build.NOW)["missing"] == ["no_such_value"]


@pytest.mark.parametrize(
    ("name", "request_name"), [("page", "the contact's page"), ("template", "the look-up in Email Templates")]
)
def test_refused_request_to_notion_breaks_the_step(name: str, request_name: str) -> None:
    refused = build.response({"code": "unauthorized"}, 401)
    with pytest.raises(UnusableContext, match=f"^{request_name}: Notion answered HTTP 401"):
        step(contexts.prepare_email(**{name: refused}), build.NOW)


def test_other_emails_that_are_done_are_named() -> None:
    mails = {"1": None, "2": FAILED, "3": SENT, "4": {**SENT, "outcome": "skipped"}, "5": FAILED}
    assert step(contexts.prepare_email(mails=mails), build.NOW)["done"] == [3, 4]


@pytest.mark.parametrize(("lifted", "sends"), [(build.NOW - 2 * build.HOUR, False), (build.NOW, True)])
def test_mark_on_the_page_counts_unless_its_stop_was_lifted_later(lifted: datetime, sends: bool) -> None:
    # An hour before the step runs.
    page = build.response(build.sequence_page({"Stop Reason": "unsubscribed since 2025-11-20T09:00:00-05:00"}))
    entry = rules.as_json([], Lifts(lifted=lifted))
    assert step(contexts.prepare_email(page=page, stopped=entry), build.NOW)["send"] is sends
