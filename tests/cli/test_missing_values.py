"""An e-mail that failed for want of a value is sent by `christmas replay` once there is one, on the real engine."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support import (
    add_contact,
    address,
    begin,
    calls,
    enrolled,
    found_in,
    mails,
    numbers,
    payload,
    post,
    runs,
    sign_up,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.local.sandbox import Mail
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema
from christmas_campaign.sequences.registry import sequence
from cli.operator import christmas, christmas_json

FOOTER = "<p>{{mail_reason}} {{postal_address}} {{unsubscribe_url}}</p>"

#: The first e-mails are due at once, the third one of a no-show after 43 seconds; nothing expires for 150 seconds.
SCALE = 4_000.0

#: A value that would break a flow that pastes text, or a shell.
AWKWARD = 'May 5, "5%" {{ 1 + 1 }} {% raw %} $HOME\'s'


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose post-call and no-show templates need values that their events do not bring."""
    with Stack(tmp_path_factory.mktemp("values"), time_scale=SCALE) as running:
        set_body(running, sequence("postcall").email(1).template, "Score {{assessment_score}}, {{last_name}}.")
        set_body(running, sequence("noshow").email(1).template, "On {{Kickoff_Call_Date}}: {{Phase2 Investment}}.")
        set_body(running, sequence("noshow").email(3).template, "Again {{Kickoff_Call_Date}}.")
        yield running


def set_body(stack: Stack, template: str, body: str) -> None:
    """Set the body of a template in Notion."""
    (page,) = found_in(stack, schema.TEMPLATES, notion_names.TEMPLATE_NAME, template)
    texts = {notion_names.TEMPLATE_HTML: f"<p>{body}</p>{FOOTER}", notion_names.TEMPLATE_TEXT: body + FOOTER}
    with stack.notion() as notion:
        notion.update_page(page["id"], schema.TEMPLATES, texts)


def failed_email(stack: Stack, email: str, name: str) -> Execution:
    """The run of a contact's first e-mail, once it has failed for want of a value."""

    def failed() -> Execution | None:
        found = [each for each in runs(stack, "send-email", email, name) if each.state == "FAILED"]
        return max(found, key=lambda each: each.created) if found else None

    run = until(failed, "the failure")
    assert run.labels["reason"] == "value_missing"
    return run


def replayed(stack: Stack, *words: str) -> str:
    """Replay without a question; returns what the command printed, once all of it was started."""
    result = christmas(stack, "replay", *words, "--yes")
    assert result.exit_code == 0, result.output
    return result.stdout


def record(stack: Stack, run: Execution) -> dict[str, Any]:
    """What is kept of the enrolment of an e-mail."""
    kept: dict[str, Any] = stack.kestra.kv_get(f"enrolment.{run.inputs['enrolment']}")
    return kept


def advice(stack: Stack, run: Execution) -> str:
    """What `christmas failures` says is to be done about a run."""
    (found,) = [each for each in christmas_json(stack, "failures", code=1) if each["execution"] == run.id]
    return str(found["what_to_do"])


def wait_for_email(stack: Stack, email: str, number: int) -> Mail:
    """Wait for one e-mail of the contact's sequence. A later e-mail may arrive before one that is replayed."""
    return until(
        lambda: next((mail for mail in mails(stack, email) if numbers([mail]) == [number]), None), f"e-mail {number}"
    )


def pages(stack: Stack, email: str, template_type: str) -> int:
    """How many pages of a sequence a contact has in Email Sequence."""
    return sum(
        template_type in json.dumps(page)
        for page in found_in(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    )


def test_a_replay_finds_the_signup_and_the_property_that_came_after_the_failure(stack: Stack) -> None:
    email = address()
    contact = add_contact(stack, email)
    begin(stack, "postcall", email)
    run = failed_email(stack, email, "postcall")
    # Without anything new the replay fails again, for the same reason.
    replayed(stack, run.id)
    until(lambda: len(runs(stack, "send-email", email, "postcall")) > 3, "the second try")
    run = until(
        lambda: newer if (newer := failed_email(stack, email, "postcall")).id != run.id else None, "its failure"
    )
    assert mails(stack, email) == []

    sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) + timedelta(days=30)).isoformat())
    enrolled(stack, email)
    with stack.notion() as notion:
        notion.update_page(contact, schema.CONTACTS, {"last_name": "Lệ"})
    before = stack.kestra.kv_get(f"enrolment.{run.inputs['enrolment']}")
    replayed(stack, run.id)

    (mail,) = wait_for_mails(stack, email, 1)
    assert "Score 52, Lệ." in mail.html
    kept = record(stack, run)
    assert kept["signup"]["assessment_score"] == 52
    assert {**kept, "signup": {}, "contact": {}} == {**before, "signup": {}, "contact": {}}
    assert pages(stack, email, "Post-Call Follow-Up") == 1
    ledger = f"mail.{run.inputs['enrolment']}.1"
    until(lambda: stack.kestra.kv_get(ledger)["outcome"] == "sent", "the ledger")
    assert len(calls(stack, "resend", email)) == 1


def test_a_value_given_with_a_replay_is_in_this_email_and_in_the_later_ones(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    begin(stack, "noshow", email, variables={"Kickoff_Call_Date": "May 4"})
    run = failed_email(stack, email, "noshow")
    assert f"`christmas replay {run.id} --variable {shlex.quote('Phase2 Investment=…')}`" in advice(stack, run)
    assert "Kickoff_Call_Date" not in advice(stack, run)
    given = ("--variable", f"Kickoff_Call_Date={AWKWARD}", "--variable", " Phase2 Investment =a=b")

    dry = christmas(stack, "replay", run.id, *given)
    assert dry.exit_code == 3
    assert "with a value for Kickoff_Call_Date, Phase2 Investment" in dry.stdout
    assert AWKWARD not in dry.stdout
    assert record(stack, run)["event"]["variables"] == {"Kickoff_Call_Date": "May 4"}

    replayed(stack, run.id, *given)
    assert f"On {AWKWARD}: a=b." in wait_for_email(stack, email, 1).text
    assert record(stack, run)["event"]["variables"] == {"Kickoff_Call_Date": AWKWARD, "Phase2 Investment": "a=b"}

    assert f"Again {AWKWARD}." in wait_for_email(stack, email, 3).text
    for each in stack.kestra.executions(namespace="christmas", labels={"contact": run.labels["contact"]}):
        said = [*each.labels.values(), *(line.message for line in stack.kestra.logs(each.id))]
        assert not any("$HOME" in text or "a=b" in text for text in said), each.flow


def test_the_same_event_with_more_variables_adds_them_to_the_one_enrolment(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    begin(stack, "noshow", email, variables={"Kickoff_Call_Date": "May 4", "Other": "as it was"})
    run = failed_email(stack, email, "noshow")
    more = {"Kickoff_Call_Date": "May 5", "Phase2 Investment": "12,000"}
    code, answer = post(stack, payload(email, "noshow", variables=more), "noshow")
    assert (code, answer) == (
        200,
        {"status": "skipped", "reason": "duplicate_noshow_sequence", "email": email},
    )
    until(lambda: record(stack, run)["event"]["variables"] == {**more, "Other": "as it was"}, "the variables")
    until(lambda: not [each for each in runs(stack, "enroll", email, "noshow") if each.live], "the end of the run")
    asked = len(calls(stack, "notion", email))
    # It stays failed until a person runs it again.
    assert "christmas replay" in advice(stack, run)
    assert 1 not in numbers(mails(stack, email))
    # After a crash Kestra may do a task again long after its run was over: what was added meanwhile stays.
    first = next(each for each in runs(stack, "enroll", email, "noshow") if each.labels.get("outcome") == "skipped")
    post(stack, payload(email, "noshow", variables={"Other": "newer"}), "noshow")
    until(lambda: record(stack, run)["event"]["variables"]["Other"] == "newer", "the newer variable")
    again = stack.kestra.replay(first.id, next(each.id for each in first.tasks if each.task == "record"))
    until(lambda: stack.kestra.execution(again).state == "SUCCESS", "the task that is done again")
    assert record(stack, run)["event"]["variables"] == {**more, "Other": "newer"}
    # The same without variables: nothing is started.
    post(stack, payload(email, "noshow"), "noshow")
    assert len(calls(stack, "notion", email)) == asked

    replayed(stack, run.id)
    assert "On May 5: 12,000." in wait_for_email(stack, email, 1).text
    outcomes = [each.labels.get("outcome") for each in runs(stack, "enroll", email, "noshow")]
    assert outcomes.count("enrolled") == 1
    assert pages(stack, email, "No-Show Recovery") == 1


def test_a_variable_that_cannot_be_given_is_refused_with_the_correction(stack: Stack) -> None:
    emails = [address(), address()]
    for email in emails:
        add_contact(stack, email)
        begin(stack, "noshow", email)
    one, other = (failed_email(stack, email, "noshow") for email in emails)
    for words, correction in {
        ("Kickoff_Call_Date",): "write name=value",
        ("Kickoff_Call_Date= ",): "write name=value",
        ("=May 5",): "write name=value",
        ("a.b=1",): "must have names of letters, digits, spaces, _ and - only",
        ("a=1", " a=2"): "is given twice",
    }.items():
        result = christmas(stack, "replay", one.id, "--yes", *(f"--variable={word}" for word in words))
        assert (result.exit_code, correction in result.stderr) == (2, True), result.output
    result = christmas(stack, "replay", one.id, other.id, "--yes", "--variable", "a=1")
    assert (result.exit_code, "one contact" in result.stderr) == (2, True), result.output
    assert record(stack, one)["event"]["variables"] == {}
    assert len(runs(stack, "enroll", emails[0], "noshow")) == 1


def test_a_booking_that_comes_again_adds_its_variables_and_ends_nothing_again(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    begin(stack, "precall", email)
    run = enrolled(stack, email, "precall")
    code, answer = post(stack, payload(email, "precall", variables={"Room": "12"}), "precall")
    assert (code, answer["status"], answer["reason"]) == (200, "skipped", "duplicate_precall_sequence")
    until(lambda: record(stack, run)["event"]["variables"] == {"Room": "12"}, "the variables")
    assert len(runs(stack, "booking", email, "precall")) == 1


def test_without_notion_the_replay_is_left_out_and_says_why(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    begin(stack, "postcall", email)
    run = failed_email(stack, email, "postcall")
    stack.sandbox.fault("notion", "status", method="POST", status=503, times=30)
    try:
        given = ("--variable", "assessment_score=61", "--variable", "last_name=Lê")
        result = christmas(stack, "replay", run.id, "--yes", *given)
    finally:
        stack.sandbox.clear_faults()
    assert result.exit_code == 1
    assert f"{run.id}: left out, the contact could not be read again, because Notion does not answer" in result.stdout
    # What was given is kept all the same.
    replayed(stack, run.id)
    assert "Score 61, Lê." in wait_for_mails(stack, email, 1)[0].text
