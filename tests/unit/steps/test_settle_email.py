from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Reason
from christmas_campaign.steps import UnusableContext, prepare_email, settle_email
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Source, Stop
from unit import build
from unit.steps import contexts, run

step: run.Step = settle_email.step

BOUNCED = rules.as_json([Stop(Reason.BOUNCED, build.NOW, Source.PERSON)])
SENT = {"outcome": "sent", "at": "2025-11-20T13:00:00.000Z", "reason": None, "resend_id": "re_1"}
#: A record whose e-mails were all due eight days ago.
LATE = build.record(emails=dict.fromkeys((2, 3, 4, 5), build.NOW - 192 * build.HOUR)).as_json()

#: Resend's response for the URL that the flow calls to hold an e-mail back.
HELD_BACK = {**build.response({"name": "not_found"}, 404), "uri": "https://api.resend.com/emails/held-back"}
CLAIMED_A_DAY_AGO = {**contexts.PREPARED, "claimed_at": "2025-11-19T16:00:00.000Z"}


def outputs_of_refusal(**changes: Any) -> dict[str, Any]:
    """Return the outputs of ``prepare_email`` for an e-mail that is not sent, without the null ones (as Kestra does)."""
    outputs = prepare_email.step(contexts.prepare_email(**changes), build.NOW)
    handed_over: dict[str, Any] = json.loads(json.dumps(outputs))
    return contexts.as_kestra_hands_over(handed_over)


def follow_up(outputs: Any) -> Any:
    """Return the parsed output ``follow_up``; ``{}`` if the flow has nothing to follow up."""
    assert outputs["needs_follow_up"] == (outputs["follow_up"] != "{}")
    return json.loads(outputs["follow_up"])


def test_sent_email_is_recorded(tmp_path: Path) -> None:
    outputs = run.outputs(tmp_path, "settle_email", contexts.settle_email())
    assert (outputs["outcome"], outputs["reason"], outputs["follow_up"]) == ("sent", None, "{}")
    assert json.loads(outputs["ledger"])["resend_id"] == "re_1"
    assert list(json.loads(outputs["stamp"])["properties"]) == ["Email 2 Sent"]
    assert json.loads(outputs["analytics"])["parent"]["data_source_id"] == "source-analytics"
    assert json.loads(outputs["labels"]) == {"outcome": "sent", **contexts.WHO}
    assert outputs["detail"] == ""


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"answer": None}, "deferred", "resend_unreachable"),
        ({"answer": None, "tries": 48}, "failed", "resend_unreachable"),
        ({"answer": build.response({"name": "x"}, 422)}, "failed", "refused_by_resend"),
        ({"answer": HELD_BACK}, "deferred", "stops_changed"),
        ({"answer": HELD_BACK, "stopped": BOUNCED}, "skipped", "bounced"),
        ({"answer": HELD_BACK, "prepared": CLAIMED_A_DAY_AGO}, "failed", "send_unknown"),
        # The flow called another URL to hold the e-mail back, so Resend did not refuse it.
        ({"answer": {**HELD_BACK, "code": 401}, "prepared": CLAIMED_A_DAY_AGO}, "failed", "send_unknown"),
        ({"answer": {**HELD_BACK, "code": 401}}, "deferred", "stops_changed"),
        # The e-mail was sent before the stop.
        ({"stopped": BOUNCED}, "sent", None),
    ],
)
def test_answer_of_resend_decides(changes: dict[str, Any], outcome: str, reason: str | None) -> None:
    outputs = step(contexts.settle_email(**changes), build.NOW)
    assert (outputs["outcome"], outputs["reason"]) == (outcome, reason)


def test_claim_stays_while_resend_may_have_the_email() -> None:
    outputs = step(contexts.settle_email(answer=HELD_BACK, stopped=BOUNCED), build.NOW)
    assert json.loads(outputs["ledger"])["claimed_at"] == contexts.CLAIMED


def test_deferred_email_is_rescheduled() -> None:
    outputs = step(contexts.settle_email(answer=None, tries=3), build.NOW)
    assert (outputs["ledger"], outputs["stamp"], outputs["analytics"]) == ("", "", "")
    assert follow_up(outputs) == {"paused": False, "date": "2025-11-20T15:08:00.000Z", "tries": 4}


@pytest.mark.parametrize(
    ("prepared", "expected"),
    [
        ({"number": 3}, {"paused": False, "date": "2025-11-20T16:00:00.000Z", "tries": 7}),
        ({"paused": True}, {"paused": True, "date": "2025-11-20T15:00:00.000Z", "tries": 7}),
        # Only a request to a provider counts as a try.
        ({"template": None}, {"paused": False, "date": "2025-11-20T15:30:00.000Z", "tries": 8}),
    ],
)
def test_temporary_refusal_is_rescheduled(prepared: dict[str, Any], expected: dict[str, Any]) -> None:
    outputs = step(contexts.settle_email(prepared=outputs_of_refusal(**prepared), tries=7, answer=None), build.NOW)
    assert follow_up(outputs) == expected
    assert outputs["ledger"] == ""


def test_lane_does_not_rest_after_a_pause() -> None:
    assert step(contexts.settle_email(), build.NOW)["rest"] == "PT3.000S"
    assert step(contexts.settle_email(prepared=outputs_of_refusal(paused=True), answer=None), build.NOW)["rest"] == ""


def test_stopped_contact_is_skipped_with_a_note_on_the_page() -> None:
    outputs = step(contexts.settle_email(prepared=outputs_of_refusal(stopped=BOUNCED), answer=None), build.NOW)
    assert (outputs["outcome"], outputs["reason"], outputs["follow_up"]) == ("skipped", "bounced", "{}")
    assert json.loads(outputs["ledger"])["reason"] == "bounced"
    note = build.text_of(json.loads(outputs["stamp"])["properties"]["Stop Reason"])
    assert note == "bounced since 2025-11-20T10:00:00-05:00 (from E2)"
    properties = json.loads(outputs["analytics"])["properties"]
    assert properties["Status"] == {"select": {"name": "skipped"}}


@pytest.mark.parametrize(
    ("page", "has_note"),
    [
        (build.response(build.sequence_page()), True),
        # After a restore an unsubscribe may be on the page and missing in the KV store.
        (build.response(build.sequence_page({"Stop Reason": "unsubscribed since 2025-11-19T10:00:00-05:00"})), False),
        (None, False),
    ],
)
def test_note_does_not_replace_a_permanent_stop(page: Any, has_note: bool) -> None:
    outputs = step(
        contexts.settle_email(prepared=outputs_of_refusal(record=LATE), record=LATE, page=page, answer=None), build.NOW
    )
    assert (outputs["outcome"], outputs["reason"]) == ("skipped", "expired")
    assert bool(outputs["stamp"]) is has_note


def test_last_email_completes_the_sequence() -> None:
    prepared = {**contexts.PREPARED, "done": [2, 3, 4]}
    stamp = json.loads(step(contexts.settle_email(number=5, prepared=prepared), build.NOW)["stamp"])
    assert stamp["properties"]["Sequence Completed"] == {"checkbox": True}
    mails = {str(number): SENT for number in (2, 3, 4)}
    skipped = outputs_of_refusal(number=5, stopped=BOUNCED, mails=mails)
    stamp = json.loads(step(contexts.settle_email(number=5, prepared=skipped, answer=None), build.NOW)["stamp"])
    assert stamp["properties"]["Sequence Completed"] == {"checkbox": True}


def test_email_that_was_sent_before_records_nothing() -> None:
    outputs = step(contexts.settle_email(prepared=outputs_of_refusal(ledger=json.dumps(SENT)), answer=None), build.NOW)
    assert (outputs["outcome"], outputs["reason"]) == ("skipped", "already_sent")
    assert (outputs["ledger"], outputs["stamp"], outputs["analytics"], outputs["follow_up"]) == ("", "", "", "{}")


def test_failed_email_alerts_the_team() -> None:
    template = {"until": 0, **build.found(build.template("{{no_such_value}}"))}
    outputs = step(contexts.settle_email(prepared=outputs_of_refusal(template=template), answer=None), build.NOW)
    decision = follow_up(outputs)
    assert (decision["failed"], decision["alert"]["key"]) == (True, "signup-abc.2.value_missing")
    assert f"Contact {build.WHO['contact']}: https://www.notion.so/page1." in decision["alert"]["message"]
    assert decision["detail"] == outputs["detail"] == outputs["log"] != ""
    assert WHAT_TO_DO[Reason.VALUE_MISSING] in decision["alert"]["message"]
    assert json.loads(outputs["ledger"])["outcome"] == "failed"


def test_unknown_enrolment_alerts_the_team_and_records_nothing() -> None:
    outputs = step(contexts.settle_email(record=None, prepared=outputs_of_refusal(record=None), answer=None), build.NOW)
    assert follow_up(outputs)["alert"]["key"] == "signup-abc.2.enrolment_unknown"
    assert (outputs["ledger"], outputs["analytics"], outputs["ttl"]) == ("", "", "")
    assert json.loads(outputs["labels"]) == {"outcome": "failed", "reason": "enrolment_unknown"}


def test_record_deleted_during_the_send_breaks_the_step() -> None:
    with pytest.raises(
        UnusableContext, match=r"^the enrolment was deleted from the KV store while its e-mail was sent$"
    ):
        step(contexts.settle_email(record=None), build.NOW)


def test_clock_set_back_does_not_extend_the_rest() -> None:
    assert step(contexts.settle_email(), build.NOW - timedelta(hours=1))["rest"] == "PT4.000S"


@pytest.mark.parametrize("name", ["page", "answer"])
def test_response_without_a_code_is_no_response(name: str) -> None:
    context = contexts.settle_email(answer=None, page=None)
    assert step({**context, name: {"headers": {}}}, build.NOW) == step(context, build.NOW)


def test_answer_without_a_body_is_a_sent_email() -> None:
    outputs = step(contexts.settle_email(answer={"code": 200, "body": None}), build.NOW)
    assert (outputs["outcome"], json.loads(outputs["ledger"])["resend_id"]) == ("sent", None)
    # The last e-mail is due in five days; its ledger entry lives 30 days longer.
    assert outputs["ttl"] == "PT3024000S"


def test_refusal_of_the_gate_keeps_its_words_and_times() -> None:
    waits = step(contexts.settle_email(prepared=outputs_of_refusal(number=3), answer=None), build.NOW)
    assert waits["detail"] == waits["log"] == "E-mail 2 is not settled yet."
    claim = {"outcome": "sending", "at": "2025-11-19T16:00:00.000Z", "claimed_at": "2025-11-19T16:00:00.000Z"}
    unknown = step(contexts.settle_email(prepared=outputs_of_refusal(ledger=json.dumps(claim)), answer=None), build.NOW)
    assert (unknown["outcome"], unknown["reason"], unknown["ttl"]) == ("failed", "send_unknown", "PT3024000S")
    assert json.loads(unknown["labels"]) == {"outcome": "failed", "reason": "send_unknown", **contexts.WHO}
    assert json.loads(unknown["ledger"])["at"] == "2025-11-20T15:00:00.000Z"
    sent_date = json.loads(unknown["analytics"])["properties"]["Sent Date"]
    assert sent_date == {"date": {"start": "2025-11-20T15:00:00.000Z"}}
