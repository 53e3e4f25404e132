"""A contact is forgotten: all that is kept of her is exported, then erased everywhere but for the hash that suppresses."""

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
    begin,
    enrolled,
    mails,
    numbers,
    payload,
    post,
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
    """Where a door that is not at work has its inbox."""
    return tmp_path / "inbox.sqlite"


def wait_behind_the_door(inbox: Path, *emails: str) -> None:
    """Have a call of each of these wait in the inbox."""
    held = Inbox(inbox, max_calls=10)
    body = [json.dumps(payload(each, "signup")).encode() for each in emails]
    held.store([Call(f"call-{number}", "signup", each, datetime.now(UTC), None) for number, each in enumerate(body)])
    held.close()


def forget(stack: Stack, inbox: Path, email: str, *words: str) -> Result:
    """Run the command as a person would, on this inbox."""
    return christmas(stack, "forget", email, "--inbox", str(inbox), *words)


def pages(stack: Stack) -> Iterator[dict[str, Any]]:
    """All pages of contacts in Notion that are not in the trash."""
    with stack.notion() as notion:
        for database in PLACES:
            found = notion.pages(notion.data_source(stack.database(database)))
            yield from (page for page in found if not page_values.archived(page))


def traces(stack: Stack, inbox: Path, email: str, since: datetime) -> set[str]:
    """The places in which an address stands, however it is spelled. Runs that began before this test have nothing of it in
    their logs."""
    kestra = stack.kestra

    def has(value: Any) -> bool:
        return email in json.dumps(value).lower()

    found = {f"run of {run['flowId']}" for run in kestra.executions_json() if has(run)}
    young = [run.id for run in kestra.executions(namespace="christmas") if run.created >= since]
    found |= {f"log of {run}" for run in young if has([line.message for line in kestra.logs(run)])}
    found |= {f"entry {key}" for key in kestra.kv_list() if has(kestra.kv_get(key))}
    found |= {"page" for page in pages(stack) if has(page)}
    found |= {f"call {each.id}" for each in read_calls(inbox) if has(each.body)}
    search = Search({"small": email, "capitals": email.upper()})
    storage = stack.data / "engine" / "storage"
    return found | {file for _, file in search.files([storage, inbox])}


def test_nothing_is_left_of_her_but_the_hash_that_suppresses(stack: Stack, inbox: Path, tmp_path: Path) -> None:
    stack.sandbox.clear_faults()
    since = datetime.now(UTC)
    email, other = address(), address()
    contact = opaque_ids.contact_id(email)
    for each in (email, other):
        add_contact(stack, each)
        begin(stack, "noshow", each)
    # Somebody has typed it once more.
    add_contact(stack, email.upper())
    # Some of the e-mails wait for minutes, those of the other sequence for seconds.
    sign_up(stack, email, email_1_sent_at=(since + 60 * DAY).isoformat())
    refused = payload(email.upper(), "signup")
    del refused["first_name"]
    refused["assessment_score"] = "many"
    assert post(stack, refused)[0] == 422
    enrolled(stack, email)
    wait_for_mails(stack, email, 1)
    wait_behind_the_door(inbox, email.title(), other)

    # As a task leaves it that has a file among its outputs.
    enrolling = runs(stack, "enroll", email)[0]
    left = stack.data / "engine" / "storage" / "main" / "christmas" / "enroll" / "executions" / enrolling.id / "a.json"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text(email, encoding="utf-8")

    export = tmp_path / "export.json"
    looked = forget(stack, inbox, email, "--export", str(export))
    assert (looked.exit_code, export.exists()) == (3, False), looked.output
    assert "2 pages in BusinessX" in looked.stdout
    assert email not in looked.output.lower()
    assert "run it again with --yes to do it" in looked.stdout
    assert stack.kestra.kv_get(f"stop.{contact}") is None
    places = traces(stack, inbox, email, since)
    assert {"run of enroll", "run of signup-handler", "page", "call call-0"} <= places
    assert str(left) in places
    assert any("/_kv/" in each for each in places)

    done = forget(stack, inbox, email, "--export", str(export), "--yes")
    assert (done.exit_code, email in done.output) == (0, False), done.output
    sent = numbers(mails(stack, email))
    assert traces(stack, inbox, email, since) == set()
    assert [each.id for each in read_calls(inbox)] == ["call-1"]

    # What was there is in the file, which is private.
    assert stat.S_IMODE(export.stat().st_mode) == 0o600
    kept = json.loads(export.read_text(encoding="utf-8"))
    assert {run["flowId"] for run in kept["runs"]} >= {
        "enroll",
        "send-email",
        "signup-handler",
        "noshow-recovery-handler",
    }
    assert {key.partition(".")[0] for key in kept["entries"]} >= {"enrolment", "page", "enrolled", "mail"}
    assert (len(kept["pages"]["BusinessX"]), len(kept["pages"]["Email Sequence"])) == (2, 2)
    assert [each["body"]["email"] for each in kept["calls"]] == [email.title()]
    assert any(refused == run["trigger"]["variables"].get("body") for run in kept["runs"] if run.get("trigger"))
    assert any(run["log"] for run in kept["runs"])
    # Nothing of hers is left by another name either, and no log or file of a run that is gone.
    ids = {run["id"] for run in kept["runs"]}
    enrolments = {key.partition(".")[2] for key in kept["entries"] if key.startswith("enrolment.")}
    assert len(enrolments) == 2
    assert [run_id for run_id in ids if stack.kestra.logs(run_id)] == []
    assert [key for key in stack.kestra.kv_list() if contact in key or key in kept["entries"]] == [f"stop.{contact}"]
    assert [run.id for run in stack.kestra.executions(labels={"contact": contact})] == []
    assert [str(each) for each in (stack.data / "engine" / "storage").rglob("*") if each.name in ids] == []

    again = forget(stack, inbox, email, "--yes")
    assert again.exit_code == 0
    assert again.stdout.startswith(f"Contact {contact}: there is no data.\n")
    assert list(Path().glob(f"contact-{contact}*")) == []
    # Nor is anything of her for a person or for the repair to do.
    for command in ("failures", "repair"):
        listed = christmas(stack, command, "--json").stdout
        assert [each for each in (email, contact, *ids, *enrolments) if each in listed] == []
    # It is kept that she gets no more.
    (stop,) = christmas_json(stack, "stopped", email)
    assert [(each["reason"], each["by"]) for each in stop["stops"]] == [("unsubscribed", "person")]
    assert email not in json.dumps(stack.kestra.kv_get(f"stop.{contact}"))
    sign_up(stack, email)
    (run,) = until(lambda: runs(stack, "enroll", email), "the enrolment")
    out = until(lambda: found if (found := stack.kestra.execution(run.id)).ended else None, "its end")
    assert (out.labels["outcome"], out.labels["reason"]) == ("skipped", "unsubscribed")

    # Whoever stood beside her gets all of hers, and she nothing more.
    assert numbers(wait_for_mails(stack, other, 3)) == [1, 2, 3]
    assert numbers(mails(stack, email)) == sent
