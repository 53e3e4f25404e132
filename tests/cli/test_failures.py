"""`christmas failures` and `christmas replay` on the real engine: what failed is named, and run again into one e-mail."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from door.process import DoorProcess, stack_keys
from support import (
    add_contact,
    address,
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
from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Reason
from christmas_campaign.cli import prompts
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.operations import failures as the_failures
from christmas_campaign.operations import replay
from cli.operator import christmas, christmas_json


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own: what failed elsewhere would be listed too."""
    with Stack(tmp_path_factory.mktemp("failures"), time_scale=1) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_left(stack: Stack) -> Iterator[None]:
    stack.sandbox.clear_faults()
    yield
    stack.sandbox.clear_faults()
    # Each test leaves the list empty for the next one.
    left = christmas(stack, "failures")
    assert (left.exit_code, left.stdout) == (0, "Nothing failed.\n")


def told(stack: Stack, words: str) -> bool:
    """Whether the team was told something that begins so, once."""
    return [str(each["content"]).startswith(words) for each in stack.sandbox.alerts()].count(True) == 1


def link_of(stack: Stack, email: str) -> str:
    """The address of the only page of a contact in Email Sequence, for a person."""
    (page,) = found_in(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    return f"https://www.notion.so/{page['id'].replace('-', '')}"


def refused_email(stack: Stack) -> tuple[str, str, Execution]:
    """A contact whose overdue E2 is refused by Resend; returns the address, the enrolment's id and the run."""
    email = address()
    refusal = {"statusCode": 422, "name": "validation_error", "message": "no"}
    stack.sandbox.fault("resend", "status", status=422, times=1, body=refusal)
    sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) - timedelta(days=2)).isoformat())
    enrolment = enrolled(stack, email).labels["enrolment"]

    def failed() -> Execution | None:
        return next((run for run in runs(stack, "send-email", email) if run.state == "FAILED"), None)

    return email, enrolment, until(failed, "the failure")


def test_an_email_that_failed_is_named_with_all_that_a_person_needs_and_run_again(stack: Stack) -> None:
    email, enrolment, run = refused_email(stack)
    (found,) = christmas_json(stack, "failures", code=1)
    assert found["what_to_do"] == WHAT_TO_DO[Reason.REFUSED_BY_RESEND]
    assert {name: value for name, value in found.items() if name not in ("at", "what_to_do")} == {
        "execution": run.id,
        "flow": "send-email",
        "sequence": "signup",
        "enrolment": enrolment,
        "number": 2,
        "address": email,
        "reason": "refused_by_resend",
        "detail": "Resend refused the e-mail: HTTP 422 validation_error.",
        "page": link_of(stack, email),
        "template": "5-Day E2",
    }
    shown = christmas(stack, "failures")
    assert shown.exit_code == 1
    when = r"\d+ \w+ 20\d\d, \d\d:\d\d America/Toronto"
    about = rf"signup, e-mail 2 of 5 \(template 5-Day E2\); {link_of(stack, email)}"
    assert re.search(rf"^{when}  signup E2  {email}\n  {about}$", shown.stdout, re.MULTILINE)
    alert = "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): refused_by_resend.\n"
    until(lambda: told(stack, alert), "the alert")
    (said,) = [text for each in stack.sandbox.alerts() if (text := str(each["content"])).startswith(alert)]
    assert f"\nContact {opaque_ids.contact_id(email)}: {link_of(stack, email)}.\n" in said
    assert email not in said
    assert f"  execution {run.id}\n1 failure waits for a person.\n" in shown.stdout

    dry = christmas(stack, "replay", "--all")
    assert dry.exit_code == 3
    assert f"{run.id}  signup E2  {email}: to run again\nNothing was changed" in dry.stdout
    assert mails(stack, email) == []

    wet = christmas(stack, "replay", run.id, "--yes")
    assert wet.exit_code == 0, wet.output
    assert numbers(wait_for_mails(stack, email, 1)) == [2]
    again = until(
        lambda: [each for each in runs(stack, "send-email", email) if each.labels.get("outcome") == "sent"], "it"
    )
    assert f"{run.id}: started as {again[0].id}\n" in wet.stdout
    assert again[0].labels.get("reason") is None
    assert again[0].labels["number"] == "2"


def test_what_is_not_among_them_is_refused(stack: Stack) -> None:
    result = christmas(stack, "replay", "nothing", "--yes")
    assert result.exit_code == 2
    assert result.stderr.startswith("christmas: nothing is not the ID of a failure")
    assert christmas(stack, "replay").exit_code == 2
    assert christmas(stack, "replay", "--reason", "template_missing").stdout == "There is nothing to run again.\n"


@pytest.mark.long
def test_only_those_of_a_reason_and_the_newest_try_counts(stack: Stack) -> None:
    email, enrolment, first = refused_email(stack)
    assert "There is nothing" in christmas(stack, "replay", "--reason", "template_missing", "--yes").stdout
    refusal = {"statusCode": 422, "name": "validation_error", "message": "no"}
    stack.sandbox.fault("resend", "status", status=422, times=1, body=refusal)
    assert christmas(stack, "replay", "--reason", "refused_by_resend", "--yes").exit_code == 0
    until(lambda: len([each for each in runs(stack, "send-email", email) if each.state == "FAILED"]) == 2, "two")
    (found,) = christmas_json(stack, "failures", code=1)
    assert found["execution"] != first.id
    stack.kestra.kv_put(f"mail.{enrolment}.2", {"outcome": "sent", "at": "2025-11-20T15:00:00.000Z"})


def test_what_the_ledger_says_is_sent_is_left_out_with_that_word(stack: Stack) -> None:
    email, enrolment, _ = refused_email(stack)
    found = the_failures.failures(stack.kestra)
    stack.kestra.kv_put(f"mail.{enrolment}.2", {"outcome": "sent", "at": "2025-11-20T15:00:00.000Z"})
    (done,) = replay.replay(stack.kestra, found, not_sent=True)
    assert (done.execution, done.why_not) == (None, "it was sent at 2025-11-20T15:00:00.000Z")
    assert len([run for run in runs(stack, "send-email", email) if run.inputs["number"] == 2]) == 1


def test_what_may_have_been_sent_is_left_out_until_a_person_has_looked(stack: Stack) -> None:
    email, enrolment, run = refused_email(stack)
    unknown = {"outcome": "failed", "at": "2025-11-20T15:00:00.000Z", "reason": "send_unknown"}
    stack.kestra.kv_put(f"mail.{enrolment}.2", unknown)
    result = christmas(stack, "replay", "--all", "--yes")
    assert result.exit_code == 1
    assert f"{run.id}  signup E2  {email}: left out, it is unknown whether it was sent" in result.stdout
    assert stack.kestra.kv_get(f"mail.{enrolment}.2") == unknown
    assert christmas(stack, "replay", "--all", "--not-sent", "--yes").exit_code == 0
    assert numbers(wait_for_mails(stack, email, 1)) == [2]
    until(lambda: (stack.kestra.kv_get(f"mail.{enrolment}.2") or {}).get("outcome") == "sent", "the ledger")


@pytest.mark.long
def test_it_asks_on_a_terminal(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    email, enrolment, run = refused_email(stack)
    monkeypatch.setattr(prompts, "terminal", lambda: True)
    assert "Run them again? [y/N]" in christmas(stack, "replay", run.id, answer="n\n").stdout
    assert mails(stack, email) == []
    assert christmas(stack, "replay", run.id, answer="y\n").exit_code == 0
    wait_for_mails(stack, email, 1)
    until(lambda: (stack.kestra.kv_get(f"mail.{enrolment}.2") or {}).get("outcome") == "sent", "the ledger")


def test_somebody_who_is_not_in_businessx_is_listed_and_enrolled_when_she_is(stack: Stack) -> None:
    email = address()
    post(stack, payload(email, "noshow"), "noshow")
    run = until(lambda: [each for each in runs(stack, "enroll", email, "noshow") if not each.live], "the end")[0]
    (found,) = christmas_json(stack, "failures", code=1)
    assert (found["flow"], found["reason"], found["address"]) == ("enroll", "contact_not_found", email)
    assert found["detail"].startswith("There is no contact with this address in BusinessX")
    add_contact(stack, email)
    result = christmas(stack, "replay", run.id, "--yes")
    assert f"{run.id}  noshow enrolment  {email}: to run again" in result.stdout
    enrolled(stack, email, "noshow")


def test_a_handler_that_broke_is_called_again_as_it_was(stack: Stack, tmp_path: Path) -> None:
    """Mended by a new revision, which the replay takes."""
    file = "christmas-signup-handler.yml"
    good = (PROJECT / "flows" / file).read_text(encoding="utf-8")
    broken = tmp_path / file
    broken.write_text(good.replace("christmas_campaign.steps intake", "christmas_campaign.steps nothing"))
    stack.kestra.import_flows([broken])
    email = address()
    answer = httpx.post(stack.webhook("signup-handler"), json=payload(email), timeout=60)
    assert answer.status_code == 500
    until(lambda: told(stack, "**Failed**: The flow signup-handler could not take a call.\n"), "the alert")
    shutil.copy(PROJECT / "flows" / file, broken)
    stack.kestra.import_flows([broken])
    (found,) = christmas_json(stack, "failures", code=1)
    assert (found["flow"], found["sequence"], found["address"]) == ("signup-handler", "signup", email)
    assert (found["enrolment"], found["number"], found["reason"]) == (None, None, "step_failed")
    sign_up(stack, address())
    assert christmas(stack, "failures").exit_code == 1, "another call makes nothing good"
    assert christmas(stack, "replay", "--all", "--yes").exit_code == 0
    enrolled(stack, email)
    until(lambda: christmas(stack, "failures").exit_code == 0, "the end of the handler")


def test_broken_handler_run_is_made_good_by_the_doors_retry(stack: Stack, tmp_path: Path) -> None:
    file = "christmas-signup-handler.yml"
    good = (PROJECT / "flows" / file).read_text(encoding="utf-8")
    broken = tmp_path / file
    broken.write_text(good.replace("christmas_campaign.steps intake", "christmas_campaign.steps nothing"))
    stack.kestra.import_flows([broken])
    through_the_door, other = address(), address()
    with DoorProcess(tmp_path, stack.engine, **stack_keys(stack)) as door:
        call = httpx.post(f"{door.url}/webhook/christmas-signup", json=payload(through_the_door), timeout=60)
        assert call.status_code == 200
        assert httpx.post(stack.webhook("signup-handler"), json=payload(other), timeout=60).status_code == 500
        until(lambda: len(christmas_json(stack, "failures", code=1)) == 2, "a failed run of each call")
        shutil.copy(PROJECT / "flows" / file, broken)
        stack.kestra.import_flows([broken])
        enrolled(stack, through_the_door)
    (found,) = christmas_json(stack, "failures", code=1)
    assert found["address"] == other, "the door's retry makes its own call good, and no other"
    assert christmas(stack, "replay", "--all", "--yes").exit_code == 0
    enrolled(stack, other)
    until(lambda: christmas(stack, "failures").exit_code == 0, "an empty list")


@pytest.mark.parametrize(
    ("step", "subject"),
    [("settle_email", "signup, e-mail 2 of 5 (template 5-Day E2)"), ("prepare_email", "signup, e-mail 2")],
)
def test_alert_of_a_step_that_broke_names_the_email_and_links_the_page(
    stack: Stack, tmp_path: Path, step: str, subject: str
) -> None:
    file = "christmas-send-email.yml"
    good = (PROJECT / "flows" / file).read_text(encoding="utf-8")
    broken = tmp_path / file
    broken.write_text(good.replace(f"christmas_campaign.steps {step}", "christmas_campaign.steps nothing"))
    stack.kestra.import_flows([broken])
    email = address()
    sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) - timedelta(days=2)).isoformat())
    enrolled(stack, email)
    contact = f"Contact {opaque_ids.contact_id(email)}: {link_of(stack, email)}."
    until(lambda: told(stack, f"**Failed**: {subject}: step_failed.\n{contact}\nTo do: "), "the alert")
    shutil.copy(PROJECT / "flows" / file, broken)
    stack.kestra.import_flows([broken])
    assert christmas(stack, "replay", "--all", "--yes").exit_code == 0
    assert numbers(wait_for_mails(stack, email, 1)) == [2]
    until(lambda: christmas(stack, "failures").exit_code == 0, "the end of the replay")


@pytest.mark.long
def test_a_run_that_was_ended_by_hand_is_listed_until_it_is_run_again(stack: Stack) -> None:
    email = address()
    sign_up(stack, email)
    enrolled(stack, email)
    run = next(each for each in runs(stack, "send-email", email) if each.inputs["number"] == 3)
    stack.kestra.kill(run.id)
    until(lambda: stack.kestra.execution(run.id).state == "KILLED", "its end")
    (found,) = christmas_json(stack, "failures", code=1)
    assert (found["execution"], found["reason"], found["number"], found["address"]) == (run.id, "killed", 3, email)
    assert christmas(stack, "repair", "--apply").exit_code == 0
    assert christmas(stack, "failures").exit_code == 0, "it waits again"


def test_a_flow_of_ours_that_failed_is_listed_until_it_went_well(stack: Stack) -> None:
    def repair() -> Execution:
        run_id = stack.kestra.run("repair")
        return until(lambda: None if (run := stack.kestra.execution(run_id)).live else run, "the repair")

    stack.kestra.kv_put("enrolment.a-wrong-one", {"event": "nothing"})
    assert repair().state == "FAILED"
    (found,) = christmas_json(stack, "failures", code=1)
    assert (found["flow"], found["sequence"], found["address"]) == ("repair", None, None)
    assert found["detail"].startswith("Not everything could be looked at or mended")
    stack.kestra.kv_delete("enrolment.a-wrong-one")
    assert repair().state == "SUCCESS"


def test_a_stop_that_failed_is_listed_until_that_contact_is_stopped(stack: Stack) -> None:
    def stopped(contact: str, reason: str) -> str:
        inputs = {"contact": contact, "reason": reason, "by": "resend"}
        run_id = stack.kestra.run("stop", inputs, labels={"contact": contact})
        return until(lambda: None if (run := stack.kestra.execution(run_id)).live else run, "the stop").state

    one, another = "0" * 24, "1" * 24
    assert stopped(one, "no reason") == "FAILED"
    assert stopped(another, "complained") == "SUCCESS"
    (found,) = christmas_json(stack, "failures", code=1)
    assert found["flow"] == "stop"
    until(
        lambda: told(stack, f"**Failed**: Stopping the contact {one}, or letting the contact go on (no reason):"),
        "the alert",
    )
    assert stopped(one, "complained") == "SUCCESS"
    assert christmas(stack, "failures").exit_code == 0


def test_what_notion_refused_of_a_booking_is_named_and_done_again(stack: Stack) -> None:
    email = address()
    page = add_contact(stack, email)
    refusal = {"object": "error", "status": 403, "code": "restricted_resource", "message": "no"}
    stack.sandbox.fault("notion", "status", status=403, times=1, method="PATCH", path="/v1/pages/.*", body=refusal)
    post(stack, payload(email, "precall"), "precall")
    enrolled(stack, email, "precall")
    until(lambda: [run.state for run in runs(stack, "booking", email, "precall")] == ["FAILED"], "the refusal")
    (found,) = christmas_json(stack, "failures", code=1)
    said = {name: found[name] for name in ("flow", "sequence", "number", "address", "reason", "detail")}
    assert said == {
        "flow": "booking",
        "sequence": "precall",
        "number": None,
        "address": email,
        "reason": "step_failed",
        "detail": "Notion refused what was to be written into BusinessX: HTTP 403.",
    }

    assert christmas(stack, "replay", found["execution"], "--yes").exit_code == 0
    until(lambda: runs(stack, "booking", email, "precall")[-1].state == "SUCCESS", "the second try")
    with stack.notion() as notion:
        assert page_values.plain(notion.page(page))["Booking Status"] == "Booked"
    # The booking does not wait for the enrolment that it starts.
    until(
        lambda: (
            [run.labels.get("outcome") for run in runs(stack, "enroll", email, "precall")] == ["enrolled", "skipped"]
        ),
        "the second enrolment",
    )
