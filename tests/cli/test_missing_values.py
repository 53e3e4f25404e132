"""An e-mail that failed because a placeholder had no value is sent by ``christmas replay`` once there is a value."""

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
    calls,
    enrolled,
    find_pages,
    mails,
    numbers,
    payload,
    post,
    post_event,
    runs,
    sign_up,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.errors import CommandError
from christmas_campaign.local.sandbox import Mail
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema
from christmas_campaign.operations import reread_values
from christmas_campaign.operations.failures import Failure
from christmas_campaign.sequences.registry import sequence
from cli.operator import christmas, christmas_json

FOOTER = "<p>{{mail_reason}} {{postal_address}} {{unsubscribe_url}}</p>"

#: The first e-mails are due at once. No e-mail expires within 150 seconds.
SCALE = 4_000.0

#: A value that would break a flow or a shell that pastes text.
AWKWARD = 'May 5, "5%" {{ 1 + 1 }} {% raw %} $HOME\'s'


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose post-call and no-show templates need values that their events do not bring."""
    with Stack(tmp_path_factory.mktemp("values"), time_scale=SCALE) as running:
        set_body(running, sequence("postcall").email(1).template, "Score {{assessment_score}}, {{last_name}}.")
        set_body(running, sequence("noshow").email(1).template, "On {{Kickoff_Call_Date}}: {{Phase2 Investment}}.")
        yield running


def set_body(stack: Stack, template: str, body: str) -> None:
    """Set the body of a template in Notion."""
    (page,) = find_pages(stack, schema.TEMPLATES, notion_names.TEMPLATE_NAME, template)
    texts = {notion_names.TEMPLATE_HTML: f"<p>{body}</p>{FOOTER}", notion_names.TEMPLATE_TEXT: body + FOOTER}
    with stack.notion() as notion:
        notion.update_page(page["id"], schema.TEMPLATES, texts)


def failed_email(
    stack: Stack, name: str, other_than: str = "", email: str = "", **fields: Any
) -> tuple[str, Execution]:
    """Enrol a new contact; return their address and the execution of their first e-mail, which fails for a missing value.

    With ``email`` no contact is enrolled; the execution is a later one than ``other_than``.
    """
    if not email:
        email = address()
        add_contact(stack, email)
        post_event(stack, name, email, **fields)

    def failed() -> Execution | None:
        failures = [run for run in runs(stack, "send-email", email, name) if run.state == "FAILED"]
        return failures[-1] if failures and failures[-1].id != other_than else None

    run = until(failed, "the failure")
    assert run.labels["reason"] == "value_missing"
    return email, run


def replay(stack: Stack, *words: str) -> None:
    result = christmas(stack, "replay", *words, "--yes")
    assert result.exit_code == 0, result.output


def record(stack: Stack, run: Execution) -> dict[str, Any]:
    """Return the record of an e-mail's enrolment."""
    entry: dict[str, Any] = stack.kestra.kv_get(f"enrolment.{run.inputs['enrolment']}")
    return entry


def advice(stack: Stack, run: Execution) -> str:
    """Return what ``christmas failures`` advises for an execution."""
    failures = {failure["execution"]: failure for failure in christmas_json(stack, "failures", code=1)}
    return str(failures[run.id]["what_to_do"])


def wait_for_email(stack: Stack, email: str, number: int) -> Mail:
    """Wait for one e-mail of the contact's sequence. A later e-mail may arrive before one that is replayed."""
    return until(
        lambda: next((mail for mail in mails(stack, email) if numbers([mail]) == [number]), None), f"e-mail {number}"
    )


def pages(stack: Stack, email: str, template_type: str) -> int:
    """Return how many pages of a sequence a contact has in Email Sequence."""
    matches = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    return sum(template_type in json.dumps(page) for page in matches)


def test_replay_reads_the_contact_and_the_signup_again(stack: Stack) -> None:
    email, first = failed_email(stack, "postcall")
    replay(stack, first.id)
    _, run = failed_email(stack, "postcall", email=email, other_than=first.id)
    assert mails(stack, email) == []

    sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) + timedelta(days=30)).isoformat())
    enrolled(stack, email)
    (contact,) = find_pages(stack, schema.CONTACTS, notion_names.CONTACT_EMAIL, email)
    with stack.notion() as notion:
        notion.update_page(contact["id"], schema.CONTACTS, {"last_name": "Lệ"})
    before = record(stack, run)
    replay(stack, run.id)

    (mail,) = wait_for_mails(stack, email, 1)
    assert "Score 52, Lệ." in mail.html
    after = record(stack, run)
    assert after["signup"]["assessment_score"] == 52
    assert {**after, "signup": {}, "contact": {}} == {**before, "signup": {}, "contact": {}}
    assert pages(stack, email, "Post-Call Follow-Up") == 1
    until(lambda: stack.kestra.kv_get(f"mail.{run.inputs['enrolment']}.1")["outcome"] == "sent", "the ledger")
    assert len(calls(stack, "resend", email)) == 1


def test_value_of_a_replay_is_sent_and_recorded_for_later_emails(stack: Stack) -> None:
    email, run = failed_email(stack, "noshow", variables={"Kickoff_Call_Date": "May 4"})
    assert f"`christmas replay {run.id} --variable {shlex.quote('Phase2 Investment=…')}`" in advice(stack, run)
    assert "Kickoff_Call_Date" not in advice(stack, run)
    variables = ("--variable", f"Kickoff_Call_Date={AWKWARD}", "--variable", " Phase2 Investment =a=b")

    dry = christmas(stack, "replay", run.id, *variables)
    assert (dry.exit_code, AWKWARD in dry.stdout) == (3, False)
    assert "with a value for Kickoff_Call_Date, Phase2 Investment" in dry.stdout
    assert record(stack, run)["event"]["variables"] == {"Kickoff_Call_Date": "May 4"}

    replay(stack, run.id, *variables)
    assert f"On {AWKWARD}: a=b." in wait_for_email(stack, email, 1).text
    assert record(stack, run)["event"]["variables"] == {"Kickoff_Call_Date": AWKWARD, "Phase2 Investment": "a=b"}
    for execution in stack.kestra.executions(namespace="christmas", labels={"contact": run.labels["contact"]}):
        texts = [*execution.labels.values(), *(line.message for line in stack.kestra.logs(execution.id))]
        assert not any("$HOME" in text or "a=b" in text for text in texts), execution.flow


def test_same_event_with_more_variables_adds_them_to_its_enrolment(stack: Stack) -> None:
    email, run = failed_email(stack, "noshow", variables={"Kickoff_Call_Date": "May 4", "Other": "as it was"})

    def post_again(**variables: str) -> None:
        fields = {"variables": variables} if variables else {}
        response = post(stack, payload(email, "noshow", **fields), "noshow")
        assert response == (200, {"status": "skipped", "reason": "duplicate_noshow_sequence", "email": email})

    def wait_for_variables(**variables: str) -> None:
        until(lambda: record(stack, run)["event"]["variables"] == variables, "the variables")

    def lookups() -> int:
        return len([call for call in calls(stack, "notion", email) if call.path.endswith("/query")])

    more = {"Kickoff_Call_Date": "May 5", "Phase2 Investment": "12,000"}
    post_again(**more)
    wait_for_variables(**more, Other="as it was")
    until(lambda: not [run for run in runs(stack, "enroll", email, "noshow") if run.live], "the end of the execution")
    queries = lookups()
    assert "christmas replay" in advice(stack, run), "it stays failed until the owner replays it"
    # After a crash Kestra may repeat a task long after its execution ended: newer variables stay.
    first = next(run for run in runs(stack, "enroll", email, "noshow") if run.labels.get("outcome") == "skipped")
    post_again(Other="newer")
    wait_for_variables(**more, Other="newer")
    again = stack.kestra.replay(first.id, next(task.id for task in first.tasks if task.task == "record"))
    until(lambda: stack.kestra.execution(again).state == "SUCCESS", "the repeated task")
    wait_for_variables(**more, Other="newer")
    # Without variables the same event starts nothing.
    post_again()
    assert lookups() == queries
    assert 1 not in numbers(mails(stack, email))

    replay(stack, run.id)
    assert "On May 5: 12,000." in wait_for_email(stack, email, 1).text
    outcomes = [run.labels.get("outcome") for run in runs(stack, "enroll", email, "noshow")]
    assert outcomes.count("enrolled") == pages(stack, email, "No-Show Recovery") == 1


@pytest.mark.parametrize(
    ("variables", "correction"),
    [
        (["Kickoff_Call_Date"], "write name=value"),
        (["Kickoff_Call_Date= "], "write name=value"),
        (["a.b=1"], "must have names of letters, digits, spaces, _ and - only"),
        (["a=1", " a=2"], "is given twice"),
    ],
)
def test_malformed_variable_is_refused_with_the_correction(variables: list[str], correction: str) -> None:
    with pytest.raises(CommandError, match=correction):
        reread_values.parse(variables)


def test_variables_are_refused_for_emails_of_two_contacts() -> None:
    one = Failure(datetime.now(UTC), "x", "send-email", "noshow", "noshow-a", 1, None, "value_missing", "", "")
    with pytest.raises(CommandError, match="one contact"):
        reread_values.check([one, one._replace(enrolment="noshow-b")], {"a": "1"})


def test_repeated_booking_adds_its_variables_and_stops_nothing_again(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    post_event(stack, "precall", email)
    run = enrolled(stack, email, "precall")
    code, answer = post(stack, payload(email, "precall", variables={"Room": "12"}), "precall")
    assert (code, answer["status"], answer["reason"]) == (200, "skipped", "duplicate_precall_sequence")
    until(lambda: record(stack, run)["event"]["variables"] == {"Room": "12"}, "the variables")
    assert len(runs(stack, "booking", email, "precall")) == 1


def test_replay_without_notion_keeps_the_values_and_sends_nothing(stack: Stack) -> None:
    email, run = failed_email(stack, "postcall")
    stack.sandbox.fault("notion", "status", method="POST", status=503, times=30)
    try:
        variables = ("--variable", "assessment_score=61", "--variable", "last_name=Lê")
        result = christmas(stack, "replay", run.id, "--yes", *variables)
    finally:
        stack.sandbox.clear_faults()
    assert result.exit_code == 1
    assert f"{run.id}: left out, the contact could not be read again, because Notion does not answer" in result.stdout
    replay(stack, run.id)
    assert "Score 61, Lê." in wait_for_mails(stack, email, 1)[0].text
