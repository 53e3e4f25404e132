"""``christmas failures`` lists each failure with its details; ``christmas replay`` runs it again, on the real engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from door.process import DoorProcess, stack_keys
from support import (
    address,
    enrolled,
    find_pages,
    mails,
    numbers,
    payload,
    runs,
    sign_up,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names
from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Reason
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.notion import schema
from christmas_campaign.operations import failures as list_failures
from christmas_campaign.operations import replay
from cli.operator import christmas, christmas_json

REFUSAL = {"statusCode": 422, "name": "validation_error", "message": "no"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A separate stack: the command lists the failures of all contacts."""
    with Stack(tmp_path_factory.mktemp("failures"), time_scale=1) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_failures(stack: Stack) -> Iterator[None]:
    """Each test leaves an empty list for the next one."""
    stack.sandbox.clear_faults()
    yield
    stack.sandbox.clear_faults()
    result = christmas(stack, "failures")
    assert (result.exit_code, result.stdout) == (0, "Nothing failed.\n")


def alert(stack: Stack, start: str) -> str:
    """Wait for the only alert that starts with this text; return it."""

    def alerts() -> list[str]:
        return [text for alert in stack.sandbox.alerts() if (text := str(alert["content"])).startswith(start)]

    until(alerts, "the alert")
    (text,) = alerts()
    return text


def only_failure(stack: Stack) -> dict[str, Any]:
    (failure,) = christmas_json(stack, "failures", code=1)
    return dict(failure)


def wait_until_empty(stack: Stack) -> None:
    until(lambda: christmas(stack, "failures").exit_code == 0, "an empty list of failures")


def replay_all(stack: Stack) -> None:
    assert christmas(stack, "replay", "--all", "--yes").exit_code == 0


def link_of(stack: Stack, email: str) -> str:
    """Return the address of a contact's only page in Email Sequence."""
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    return f"https://www.notion.so/{page['id'].replace('-', '')}"


def refused_email(stack: Stack) -> tuple[str, str, Execution]:
    """Have Resend refuse a contact's overdue E2; return their address, the ledger's key and the failed execution."""
    email = address()
    stack.sandbox.fault("resend", "status", status=422, times=1, body=REFUSAL)
    sign_up_overdue(stack, email)
    ledger = f"mail.{enrolled(stack, email).labels['enrolment']}.2"

    def failed() -> Execution | None:
        return next((run for run in runs(stack, "send-email", email) if run.state == "FAILED"), None)

    return email, ledger, until(failed, "the failure")


def sign_up_overdue(stack: Stack, email: str) -> None:
    """Sign up a contact whose E2 is due."""
    sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) - timedelta(days=2)).isoformat())


def wait_until_sent(stack: Stack, email: str, ledger: str) -> None:
    assert numbers(wait_for_mails(stack, email, 1)) == [2]
    until(lambda: (stack.kestra.kv_get(ledger) or {}).get("outcome") == "sent", "the ledger")


@contextmanager
def broken_flow(stack: Stack, file: str, step: str, tmp_path: Path) -> Iterator[None]:
    """Deploy a revision of a flow in which one step does not exist; afterwards deploy the right one."""
    source = (PROJECT / "flows" / file).read_text(encoding="utf-8")
    copy = tmp_path / file
    copy.write_text(source.replace(f"christmas_campaign.steps {step}", "christmas_campaign.steps nothing"))
    stack.kestra.import_flows([copy])
    try:
        yield
    finally:
        copy.write_text(source)
        stack.kestra.import_flows([copy])


def run_to_end(stack: Stack, flow: str, *words: Any, **options: Any) -> str:
    """Run a flow; return its last state."""
    run_id = stack.kestra.run(flow, *words, **options)
    return until(lambda: None if (run := stack.kestra.execution(run_id)).live else run, flow).state


def test_refused_email_is_listed_with_all_details_and_sent_again(stack: Stack) -> None:
    email, ledger, run = refused_email(stack)
    link = link_of(stack, email)
    failure = only_failure(stack)
    assert failure.pop("at")
    assert failure == {
        "execution": run.id,
        "flow": "send-email",
        "sequence": "signup",
        "enrolment": ledger.split(".")[1],
        "number": 2,
        "address": email,
        "reason": "refused_by_resend",
        "detail": "Resend refused the e-mail: HTTP 422 validation_error.",
        "page": link,
        "template": "5-Day E2",
        "what_to_do": WHAT_TO_DO[Reason.REFUSED_BY_RESEND],
    }
    listed = christmas(stack, "failures")
    assert listed.exit_code == 1
    about = "signup, e-mail 2 of 5 (template 5-Day E2)"
    assert re.search(rf"^\d+ \w+ 20\d\d, \d\d:\d\d America/Toronto  signup E2  {email}\n", listed.stdout, re.MULTILINE)
    for part in (f"  {about}; {link}\n", f"  execution {run.id}\n1 failure waits for a person.\n"):
        assert part in listed.stdout
    text = alert(stack, f"**Failed**: {about}: refused_by_resend.\n")
    assert f"\nContact {opaque_ids.contact_id(email)}: {link}.\n" in text
    assert email not in text

    dry = christmas(stack, "replay", "--all")
    assert f"{run.id}  signup E2  {email}: to run again\nNothing was changed" in dry.stdout
    assert "There is nothing" in christmas(stack, "replay", "--reason", "template_missing", "--yes").stdout
    assert mails(stack, email) == []
    replayed = christmas(stack, "replay", run.id, "--yes")
    wait_until_sent(stack, email, ledger)
    again = until(
        lambda: next((run for run in runs(stack, "send-email", email) if run.labels.get("outcome") == "sent"), None),
        "it",
    )
    assert f"{run.id}: started as {again.id}\n" in replayed.stdout
    assert (again.labels.get("reason"), again.labels["number"]) == (None, "2")


def test_replay_of_an_unknown_failure_ends_with_2(stack: Stack) -> None:
    result = christmas(stack, "replay", "nothing", "--yes")
    assert (result.exit_code, "nothing is not the ID of a failure" in result.stderr) == (2, True)
    assert christmas(stack, "replay").exit_code == 2


def test_email_that_may_have_been_sent_is_replayed_only_with_not_sent(stack: Stack) -> None:
    email, ledger, run = refused_email(stack)
    unknown = {"outcome": "failed", "at": "2025-11-20T15:00:00.000Z", "reason": "send_unknown"}
    stack.kestra.kv_put(ledger, unknown)
    failures = list_failures.failures(stack.kestra)
    result = christmas(stack, "replay", "--all", "--yes")
    assert result.exit_code == 1
    assert f"{run.id}  signup E2  {email}: left out, it is unknown whether it was sent" in result.stdout
    assert stack.kestra.kv_get(ledger) == unknown
    assert christmas(stack, "replay", "--all", "--not-sent", "--yes").exit_code == 0
    wait_until_sent(stack, email, ledger)
    # With a list from before, an e-mail that the ledger has as sent is not sent again.
    (replayed,) = replay.replay(stack.kestra, failures, not_sent=True)
    assert replayed.execution is None
    assert (replayed.why_not or "").startswith("it was sent at ")
    assert numbers(mails(stack, email)) == [2]


def test_failed_handler_call_is_completed_by_the_door_or_by_a_replay(stack: Stack, tmp_path: Path) -> None:
    """The door retries its own call. A call that came to Kestra directly waits for ``christmas replay``."""
    by_door, direct = address(), address()
    with DoorProcess(tmp_path, stack.engine, **stack_keys(stack)) as door:
        with broken_flow(stack, "christmas-signup-handler.yml", "intake", tmp_path):
            url = f"{door.url}/webhook/christmas-signup"
            assert httpx.post(url, json=payload(by_door), timeout=60).status_code == 200
            assert httpx.post(stack.webhook("signup-handler"), json=payload(direct), timeout=60).status_code == 500
            until(lambda: len(christmas_json(stack, "failures", code=1)) == 2, "a failure of each call")
        enrolled(stack, by_door)
    failure = only_failure(stack)
    assert (failure["flow"], failure["sequence"], failure["address"]) == ("signup-handler", "signup", direct)
    assert (failure["enrolment"], failure["number"], failure["reason"]) == (None, None, "step_failed")
    sign_up(stack, address())
    assert only_failure(stack) == failure, "another contact's call completes nothing"
    replay_all(stack)
    enrolled(stack, direct)
    wait_until_empty(stack)


def test_alert_of_a_failed_step_names_the_email_and_links_the_page(stack: Stack, tmp_path: Path) -> None:
    email = address()
    with broken_flow(stack, "christmas-send-email.yml", "prepare_email", tmp_path):
        sign_up_overdue(stack, email)
        enrolled(stack, email)
        contact = f"Contact {opaque_ids.contact_id(email)}: {link_of(stack, email)}."
        alert(stack, f"**Failed**: signup, e-mail 2: step_failed.\n{contact}\nTo do: ")
    replay_all(stack)
    assert numbers(wait_for_mails(stack, email, 1)) == [2]
    wait_until_empty(stack)


def test_failed_repair_is_listed_until_one_succeeds(stack: Stack) -> None:
    stack.kestra.kv_put("enrolment.malformed", {"event": "nothing"})
    assert run_to_end(stack, "repair") == "FAILED"
    failure = only_failure(stack)
    assert (failure["flow"], failure["sequence"], failure["address"]) == ("repair", None, None)
    assert failure["detail"].startswith("Not everything could be checked or repaired")
    stack.kestra.kv_delete("enrolment.malformed")
    assert run_to_end(stack, "repair") == "SUCCESS"


def test_failed_stop_is_listed_until_that_contact_has_one(stack: Stack) -> None:
    def stop(contact: str, reason: str) -> str:
        inputs = {"contact": contact, "reason": reason, "by": "resend"}
        return run_to_end(stack, "stop", inputs, labels={"contact": contact})

    contact, other = "0" * 24, "1" * 24
    assert stop(contact, "no reason") == "FAILED"
    assert stop(other, "complained") == "SUCCESS"
    assert only_failure(stack)["flow"] == "stop"
    assert contact in alert(stack, "**Failed**: Stopping the contact ")
    assert stop(contact, "complained") == "SUCCESS"
