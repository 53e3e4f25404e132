"""Forget a contact: their data is exported, then erased everywhere except the hash that suppresses them."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cli.operator import christmas, christmas_json
from click.testing import Result
from support import (
    DAY,
    add_contact,
    address,
    enrolled,
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

from christmas_campaign.door.inbox.erasure import read_calls
from christmas_campaign.door.inbox.store import Call, Inbox
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values
from christmas_campaign.operations.erase_search import PLACES
from e2e.leaks import Search


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """The inbox of a door that is not running."""
    return tmp_path / "inbox.sqlite"


def wait_behind_the_door(inbox: Path, *emails: str) -> None:
    """Put a waiting call of each of these contacts into the inbox."""
    opened = Inbox(inbox, max_calls=10)
    body = [json.dumps(payload(email, "signup")).encode() for email in emails]
    opened.store(
        [Call(f"call-{number}", "signup", content, datetime.now(UTC), None) for number, content in enumerate(body)]
    )
    opened.close()


def forget(stack: Stack, inbox: Path, email: str, *words: str) -> Result:
    """Run the command on this inbox, as the owner does."""
    return christmas(stack, "forget", email, "--inbox", str(inbox), *words)


def pages(stack: Stack) -> Iterator[dict[str, Any]]:
    """Yield all pages of contacts in Notion that are not in the trash."""
    with stack.notion() as notion:
        for database in PLACES:
            query_result = notion.pages(notion.data_source(stack.database(database)))
            yield from (page for page in query_result if not page_values.archived(page))


def traces(stack: Stack, inbox: Path, email: str, since: datetime) -> set[str]:
    """The places in which an address stands, however it is spelled. Runs that began before this test have nothing of it in
    their logs."""
    kestra = stack.kestra

    def has(value: Any) -> bool:
        return email in json.dumps(value).lower()

    places = {f"run of {run['flowId']}" for run in kestra.executions_json() if has(run)}
    young = [run.id for run in kestra.executions(namespace="christmas") if run.created >= since]
    places |= {f"log of {run}" for run in young if has([line.message for line in kestra.logs(run)])}
    places |= {f"entry {key}" for key in kestra.kv_list() if has(kestra.kv_get(key))}
    places |= {"page" for page in pages(stack) if has(page)}
    places |= {f"call {call.id}" for call in read_calls(inbox) if has(call.body)}
    search = Search({"small": email, "capitals": email.upper()})
    storage = stack.data / "engine" / "storage"
    return places | {file for _, file in search.files([storage, inbox])}


def test_only_the_suppressing_hash_of_a_forgotten_contact_remains(stack: Stack, inbox: Path, tmp_path: Path) -> None:
    stack.sandbox.clear_faults()
    since = datetime.now(UTC)
    email, other = address(), address()
    contact = opaque_ids.contact_id(email)
    for contact_email in (email, other):
        add_contact(stack, contact_email)
        post_event(stack, "noshow", contact_email)
    # A second page in a spelling that only a refused call has used.
    unusual = "".join(letter.upper() if place % 2 else letter for place, letter in enumerate(email))
    add_contact(stack, unusual)
    # Some e-mails wait for minutes, those of the other sequence for seconds.
    sign_up(stack, email, email_1_sent_at=(since + 60 * DAY).isoformat())
    refused = payload(unusual, "signup")
    del refused["first_name"]
    refused["assessment_score"] = "many"
    assert post(stack, refused)[0] == 422
    enrolled(stack, email)
    wait_for_mails(stack, email, 1)
    wait_behind_the_door(inbox, email.title(), other)

    # A file like one that a task with an output file leaves behind.
    enrolling = runs(stack, "enroll", email)[0]
    orphan = (
        stack.data / "engine" / "storage" / "main" / "christmas" / "enroll" / "executions" / enrolling.id / "a.json"
    )
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_text(email, encoding="utf-8")

    export = tmp_path / "export.json"
    dry_run = forget(stack, inbox, email, "--export", str(export))
    assert (dry_run.exit_code, export.exists()) == (3, False), dry_run.output
    assert "2 pages in BusinessX" in dry_run.stdout
    assert email not in dry_run.output.lower()
    assert "run it again with --yes to do it" in dry_run.stdout
    assert stack.kestra.kv_get(f"stop.{contact}") is None
    places = traces(stack, inbox, email, since)
    assert {"run of enroll", "run of signup-handler", "page", "call call-0"} <= places
    assert str(orphan) in places
    assert any("/_kv/" in place for place in places)

    done = forget(stack, inbox, email, "--export", str(export), "--yes")
    assert (done.exit_code, email in done.output) == (0, False), done.output
    sent = numbers(mails(stack, email))
    assert traces(stack, inbox, email, since) == set()
    assert [call.id for call in read_calls(inbox)] == ["call-1"]

    # The export has all the data, and only its owner can read the file.
    assert stat.S_IMODE(export.stat().st_mode) == 0o600
    exported = json.loads(export.read_text(encoding="utf-8"))
    assert {run["flowId"] for run in exported["runs"]} >= {
        "enroll",
        "send-email",
        "signup-handler",
        "noshow-recovery-handler",
    }
    assert {key.partition(".")[0] for key in exported["entries"]} >= {"enrolment", "page", "enrolled", "mail"}
    assert (len(exported["pages"]["BusinessX"]), len(exported["pages"]["Email Sequence"])) == (2, 2)
    assert [call["body"]["email"] for call in exported["calls"]] == [email.title()]
    assert any(refused == run["trigger"]["variables"].get("body") for run in exported["runs"] if run.get("trigger"))
    assert any(run["log"] for run in exported["runs"])
    # Nothing remains under an opaque id either, and no log or file of a deleted execution.
    ids = {run["id"] for run in exported["runs"]}
    enrolments = {key.partition(".")[2] for key in exported["entries"] if key.startswith("enrolment.")}
    assert len(enrolments) == 2
    assert [run_id for run_id in ids if stack.kestra.logs(run_id)] == []
    assert [key for key in stack.kestra.kv_list() if contact in key or key in exported["entries"]] == [
        f"stop.{contact}"
    ]
    assert [run.id for run in stack.kestra.executions(labels={"contact": contact})] == []
    assert [str(path) for path in (stack.data / "engine" / "storage").rglob("*") if path.name in ids] == []

    again = forget(stack, inbox, email, "--yes")
    assert again.exit_code == 0
    assert again.stdout.startswith(f"Contact {contact}: there is no data.\n")
    assert list(Path().glob(f"contact-{contact}*")) == []
    # Nothing about the contact waits for the owner or for the repair.
    for command in ("failures", "repair"):
        listed = christmas(stack, command, "--json").stdout
        assert [value for value in (email, contact, *ids, *enrolments) if value in listed] == []
    # The contact stays unsubscribed.
    (stop,) = christmas_json(stack, "stopped", email)
    assert [(stored["reason"], stored["by"]) for stored in stop["stops"]] == [("unsubscribed", "person")]
    assert email not in json.dumps(stack.kestra.kv_get(f"stop.{contact}"))
    sign_up(stack, email)
    (run,) = until(lambda: runs(stack, "enroll", email), "the enrolment")
    out = until(lambda: execution if (execution := stack.kestra.execution(run.id)).ended else None, "its end")
    assert (out.labels["outcome"], out.labels["reason"]) == ("skipped", "unsubscribed")

    # The other contact gets every e-mail, and the forgotten one gets none.
    assert numbers(wait_for_mails(stack, other, 3)) == [1, 2, 3]
    assert numbers(mails(stack, email)) == sent
