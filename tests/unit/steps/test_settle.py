from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Reason
from christmas_campaign.steps import compose
from christmas_campaign.steps import settle as settle_step
from unit import build
from unit.steps import contexts, run

step: run.Step = settle_step.step


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "settle", contexts.settle())
    assert (said["outcome"], said["reason"], said["detail"]) == ("sent", None, "")
    assert json.loads(said["ledger"])["resend_id"] == "re_1"
    assert list(json.loads(said["stamp"])["properties"]) == ["Email 2 Sent"]
    assert json.loads(said["labels"]) == {"outcome": "sent", **contexts.WHO}


def test_what_is_written_is_handed_over_ready_made_with_its_time_to_live() -> None:
    said = step(contexts.settle(), build.NOW)
    assert json.loads(said["ledger"]) == {
        "outcome": "sent",
        "at": "2025-11-20T15:00:00.000Z",
        "reason": None,
        "resend_id": "re_1",
        "claimed_at": None,
    }
    assert said["alert"] is None
    assert json.loads(said["stamp"]) == {
        "properties": {"Email 2 Sent": {"date": {"start": "2025-11-20T15:00:00.000Z"}}}
    }
    assert json.loads(said["analytics"])["parent"] == {"type": "data_source_id", "data_source_id": "source-analytics"}
    # The last e-mail is due in five days; thirty more.
    assert said["ttl"] == "PT3024000S"


NOT_SENT = {"send": False, "outcome": "failed", "reason": "value_missing", "detail": "no value for {{x}}: 100%"}
NO_NOTION = {"send": False, "outcome": "deferred", "reason": "notion_unreachable", "detail": ""}
CLAIMED_LONG_AGO = {"send": True, "claimed_at": "2025-11-19T16:00:00.000Z"}


def called(path: str) -> dict[str, Any]:
    """What an address of Resend's answers that it does not have."""
    return {**build.response({"name": "not_found"}, 404), "uri": f"https://api.resend.com{path}"}


@pytest.mark.parametrize(
    ("changed", "labels"),
    [
        ({"composed": NOT_SENT, "answer": None}, {"outcome": "failed", "reason": "value_missing"}),
        ({"answer": None}, {"outcome": "deferred", "reason": "resend_unreachable"}),
        ({"answer": None, "tries": 47}, {"outcome": "deferred", "reason": "resend_unreachable"}),
        ({"answer": None, "tries": 48}, {"outcome": "failed", "reason": "resend_unreachable"}),
        ({"composed": NO_NOTION, "answer": None}, {"outcome": "deferred", "reason": "notion_unreachable"}),
        (
            {"composed": NO_NOTION, "answer": None, "tries": 48, "page": None},
            {"outcome": "failed", "reason": "notion_unreachable"},
        ),
        (
            {"composed": CLAIMED_LONG_AGO, "answer": build.response({"name": "not_found"}, 404)},
            {"outcome": "failed", "reason": "send_unknown"},
        ),
        ({"answer": build.response({"name": "not_found"}, 404)}, {"outcome": "failed", "reason": "refused_by_resend"}),
        ({"answer": called("/emails")}, {"outcome": "failed", "reason": "refused_by_resend"}),
        ({"answer": called("/emails/stopped/bounced")}, {"outcome": "skipped", "reason": "bounced"}),
        ({"answer": called("/emails/too-late")}, {"outcome": "failed", "reason": "refused_by_resend"}),
        (
            {"answer": called("/emails/too-late/stopped/booked"), "composed": CLAIMED_LONG_AGO},
            {"outcome": "skipped", "reason": "booked"},
        ),
        ({"answer": {**called("/emails/stopped/bought"), "code": 401}}, {"outcome": "skipped", "reason": "bought"}),
        ({"answer": build.response({"name": "x"}, 422)}, {"outcome": "failed", "reason": "refused_by_resend"}),
        ({"answer": build.response({"name": "invalid_idempotent_request"}, 409)}, {"outcome": "sent"}),
        ({"answer": {"code": 200, "body": None}}, {"outcome": "sent"}),
        (
            {"answer": build.response({"name": "concurrent_idempotent_requests"}, 409)},
            {"outcome": "deferred", "reason": "send_in_progress"},
        ),
    ],
)
def test_what_became_of_an_email_is_labelled(changed: dict[str, Any], labels: dict[str, str]) -> None:
    assert json.loads(step(contexts.settle(**changed), build.NOW)["labels"]) == {**labels, **contexts.WHO}


def test_no_answer_may_be_left_out() -> None:
    context = contexts.settle()
    del context["answer"], context["page"], context["tries"]
    said = step(context, build.NOW)
    assert (said["reason"], said["tries"]) == ("resend_unreachable", 1)


def test_why_nothing_was_sent_stands_in_the_analytics() -> None:
    said = step(contexts.settle(composed=NOT_SENT, answer=None), build.NOW)
    properties = json.loads(said["analytics"])["properties"]
    assert build.text_of(properties["Error Message"]) == "value_missing: no value for {{x}}: 100%"
    assert "%" not in said["analytics"]
    assert said["stamp"] is None


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        (
            {"answer": build.response({"name": "concurrent_idempotent_requests"}, 409)},
            "send_in_progress",
            "Resend is still busy with this e-mail.",
        ),
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
@pytest.mark.parametrize(
    ("tries", "scale", "date"),
    [
        (0, None, "2025-11-20T15:01:00.000Z"),
        (3, None, "2025-11-20T15:08:00.000Z"),
        (3, "60", "2025-11-20T15:00:08.000Z"),
    ],
)
def test_an_email_that_is_put_off_writes_nothing_down(
    changed: dict[str, Any], reason: str, words: str, tries: int, scale: str | None, date: str
) -> None:
    settings = {**contexts.SETTINGS, "time_scale": scale, "resend_url": "http://127.0.0.1:8000"}
    said = dict(step(contexts.settle(tries=tries, settings=settings, **changed), build.NOW))
    assert json.loads(said.pop("labels")) == {"outcome": "deferred", "reason": reason, **contexts.WHO}
    assert said == {
        "outcome": "deferred",
        "reason": reason,
        "detail": f"{words} It is tried again.",
        "date": date,
        "tries": tries + 1,
        "ttl": "PT3024000S",
        "alert": None,
    }


@pytest.mark.parametrize(
    ("changed", "claimed_at"),
    [
        ({"answer": None, "tries": 48}, contexts.CLAIMED),
        (
            {"composed": CLAIMED_LONG_AGO, "answer": build.response("", 405)},
            CLAIMED_LONG_AGO["claimed_at"],
        ),
        ({"answer": build.response({"name": "validation_error"}, 422)}, None),
        ({"composed": NOT_SENT, "answer": None}, None),
        ({"composed": {**NOT_SENT, "claimed_at": None}, "answer": None}, None),
        # Claimed by a try before this one, which was not made again.
        ({"composed": {**NOT_SENT, "claimed_at": contexts.CLAIMED}, "answer": None}, contexts.CLAIMED),
        (
            {"composed": {**NO_NOTION, "claimed_at": contexts.CLAIMED}, "answer": None, "tries": 48},
            contexts.CLAIMED,
        ),
    ],
)
def test_a_claim_stands_while_resend_may_have_the_email(changed: dict[str, Any], claimed_at: str | None) -> None:
    ledger = json.loads(step(contexts.settle(**changed), build.NOW)["ledger"])
    assert (ledger["outcome"], ledger["claimed_at"]) == ("failed", claimed_at)


def test_the_team_is_told_of_an_email_that_failed() -> None:
    said = step(contexts.settle(composed=NOT_SENT, answer=None), build.NOW)
    assert said["alert"] == {
        "key": "signup-abc.2.value_missing",
        "message": "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): value_missing.\n"
        "no value for {{x}}: 100%\n"
        f"Contact {build.WHO['contact']}: https://www.notion.so/page1.\n"
        f"To do: {WHAT_TO_DO[Reason.VALUE_MISSING]} `christmas failures` lists all.",
    }


def test_the_team_is_told_of_a_provider_that_was_away_for_a_day() -> None:
    said = step(contexts.settle(answer=None, tries=48), build.NOW)
    assert said["alert"] == {
        "key": "signup-abc.2.resend_unreachable",
        "message": "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): resend_unreachable.\n"
        "Resend could not be reached, or was not ready to take the e-mail, for as long as it was tried: 49 times.\n"
        f"Contact {build.WHO['contact']}: https://www.notion.so/page1.\n"
        "To do: Check that Resend works again, and that the key is right; then `christmas replay`."
        " `christmas failures` lists all.",
    }


def test_an_email_that_was_sent_without_a_claim_is_an_error() -> None:
    with pytest.raises(ValueError, match="None is not a valid Outcome"):
        step(contexts.settle(composed={**contexts.settle()["composed"], "claimed_at": None}), build.NOW)


def test_a_page_that_is_gone_gets_no_stamp() -> None:
    page = build.response({"code": "object_not_found"}, 404)
    assert step(contexts.settle(page=page), build.NOW)["stamp"] is None


def test_the_team_is_told_of_an_email_that_resend_is_busy_with_for_a_day() -> None:
    answer = build.response({"name": "concurrent_idempotent_requests"}, 409)
    said = step(contexts.settle(answer=answer, tries=48), build.NOW)
    assert (said["outcome"], json.loads(said["ledger"])["claimed_at"]) == ("failed", contexts.CLAIMED)
    assert said["alert"] == {
        "key": "signup-abc.2.send_in_progress",
        "message": "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): send_in_progress.\n"
        "Resend is still busy with this e-mail, for as long as it was tried: 49 times.\n"
        f"Contact {build.WHO['contact']}: https://www.notion.so/page1.\n"
        "To do: Look for this e-mail in Resend, which has been busy with it for a day; then `christmas replay`."
        " `christmas failures` lists all.",
    }


@pytest.mark.parametrize(
    ("changed", "tries"),
    [
        # Mended and replayed two days later, it would be a second e-mail.
        ({"templates": build.found()}, 1),
        ({"page": build.response({"code": "object_not_found"}, 404)}, 1),
        ({"page": build.response(build.sequence_page(archived=True))}, 1),
        ({"page": None}, 48),
    ],
)
def test_a_claim_stands_when_the_next_try_comes_to_no_email(changed: dict[str, Any], tries: int) -> None:
    own = {"outcome": "sending", "at": "2025-11-20T14:59:58.000Z", "claimed_at": "2025-11-20T14:00:00.000Z"}
    said = compose.step(contexts.compose(own=own, **changed), build.NOW)
    # As the flow hands it on.
    composed = {name: said.get(name) for name in ("send", "claimed_at", "outcome", "reason", "detail")}
    settled = step(contexts.settle(composed=composed, answer=None, tries=tries), build.NOW)
    assert json.loads(settled["ledger"])["claimed_at"] == "2025-11-20T14:00:00.000Z"


def test_a_stop_at_the_last_moment_is_settled_and_said() -> None:
    said = step(contexts.settle(answer=called("/emails/stopped/complained")), build.NOW)
    assert (said["detail"], said["alert"]) == ("The contact was stopped right before it was sent.", None)
    ledger = json.loads(said["ledger"])
    assert (ledger["outcome"], ledger["reason"], ledger["claimed_at"]) == ("skipped", "complained", contexts.CLAIMED)
    words = build.text_of(json.loads(said["analytics"])["properties"]["Error Message"])
    assert words == "complained: The contact was stopped right before it was sent."
    # No date: it was not sent.
    stamp = json.loads(said["stamp"])["properties"]
    assert list(stamp) == ["Stop Reason"]
    assert build.text_of(stamp["Stop Reason"]) == "complained since 2025-11-20T10:00:00-05:00 (from E2)"


def test_withdrawn_sequence_keeps_the_labels_of_its_runs() -> None:
    record: dict[str, Any] = build.record().as_json()
    record["event"]["sequence"] = "winback"
    composed = {"send": False, "claimed_at": None, "outcome": "skipped", "reason": "email_withdrawn", "detail": ""}
    outputs = step(contexts.settle(record=record, composed=composed, answer=None), build.NOW)
    who = {**contexts.WHO, "sequence": "winback"}
    assert json.loads(outputs["labels"]) == {"outcome": "skipped", "reason": "email_withdrawn", **who}
