"""Kill the engine with SIGKILL at the worst moments of an enrolment and of a send, and start it again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import SCALE, add_contact, address, find_pages, mails, page_of, payload, post, runs, until

from christmas_campaign.campaign import notion_names
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema
from faults.account import Expected, live_executions, settle_the_account
from faults.breaking import delayed_call, kill_and_start
from faults.people import SIGNUP, about_to_get_the_last, anchored, overdue, wait_until_enrolled


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose engine is killed repeatedly."""
    with Stack(tmp_path_factory.mktemp("doomed"), time_scale=SCALE) as running:
        yield running


@pytest.fixture
def own(doomed: Stack) -> Stack:
    """That stack with a running engine, an empty inbox and no faults."""
    if not doomed.engine.running:
        doomed.engine.start()
    for execution in live_executions(doomed):
        doomed.kestra.kill(execution.id)
    until(lambda: not live_executions(doomed), "the end of the executions of an earlier test")
    doomed.sandbox.reset()
    return doomed


def pages_of(stack: Stack, email: str) -> int:
    """Return how many pages a contact has in Email Sequence."""
    return len(list(find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)))


@pytest.mark.long
def test_05_kestra_is_killed_between_the_record_of_an_enrolment_and_the_page(own: Stack) -> None:
    """The enrolment continues from there: one page, each e-mail once."""
    email = address()
    enrolment = Expected(email).enrolment
    add_contact(own, email)
    # The contact's update comes right after the claim and before the page.
    with delayed_call(own, "notion", when="before", method="PATCH") as wait:
        assert post(own, payload(email, email_1_sent_at=overdue(own)))[0] == 200
        wait()
    assert own.kestra.kv_get(f"enrolment.{enrolment}") is not None
    assert pages_of(own, email) == 0
    kill_and_start(own)
    settle_the_account(own, [Expected(email, SIGNUP)])
    assert pages_of(own, email) == 1


@pytest.mark.long
def test_06_kestra_is_killed_when_the_page_is_created_and_notion_has_not_answered(own: Stack) -> None:
    """The page is not created a second time, and each e-mail arrives once."""
    email = address()
    with delayed_call(own, "notion", when="after", method="POST", path="/v1/pages$") as wait:
        assert post(own, payload(email, email_1_sent_at=overdue(own)))[0] == 200
        wait()
        # At once, before the engine stores the id of the page.
        own.engine.kill()
    assert pages_of(own, email) == 1
    assert _file_of_the_page(own, email) is None
    own.engine.start()
    settle_the_account(own, [Expected(email, SIGNUP)])
    assert pages_of(own, email) == 1


@pytest.mark.long
@pytest.mark.timeout(600)
def test_07_kestra_is_killed_halfway_through_the_scheduling_of_the_emails(own: Stack) -> None:
    """The remaining e-mails are scheduled, no e-mail is scheduled twice, and each arrives once."""
    people: list[str] = []
    wait = 0.1
    for _ in range(8):
        people.append(address())
        # The first is due in some seconds, so that all are scheduled before it runs.
        anchor = anchored(own, datetime.now(UTC) + timedelta(seconds=30), number=2)
        assert post(own, payload(people[-1], **anchor))[0] == 200
        _wait_for_the_file_of_the_page(own, people[-1])
        time.sleep(wait)
        killed = datetime.now(UTC)
        kill_and_start(own)
        wait_until_enrolled(own, people[-1])
        created = [run.created for run in runs(own, "send-email", people[-1])]
        if min(created) < killed < max(created):
            break
        # The kill came too early or too late: try again later or earlier.
        wait = wait * 1.6 if min(created) > killed else wait * 0.6
    else:
        pytest.fail("the engine was never killed in the middle of the scheduling")
    settle_the_account(own, [Expected(email, SIGNUP) for email in people], timeout=200)
    assert [pages_of(own, email) for email in people] == [1] * len(people)


def _file_of_the_page(stack: Stack, email: str) -> Path | None:
    """Return the file in which the engine stores the id of a contact's page, ``None`` if there is none."""
    return next((stack.data / "engine" / "storage").rglob(f"page.{Expected(email).enrolment}*"), None)


def _wait_for_the_file_of_the_page(stack: Stack, email: str) -> None:
    """Wait for the last file that the engine writes before the scheduling: a request to the engine would take too long."""
    until(lambda: _file_of_the_page(stack, email), "the page's id on the engine's disk")


def test_08_kestra_is_killed_between_resends_answer_and_the_ledger(own: Stack) -> None:
    """Kestra calls Resend again under the same key: one e-mail, in the ledger and on the page."""
    email = address()
    about_to_get_the_last(own, [email])
    with delayed_call(own, "resend", when="after", method="POST") as wait:
        wait()
        until(lambda: mails(own, email), "the e-mail")
    assert (own.kestra.kv_get(f"mail.{Expected(email).enrolment}.5") or {}).get("outcome") != "sent"
    kill_and_start(own)
    settle_the_account(own, [Expected(email)])
    assert page_of(own, email)["Email 5 Sent"] is not None


@pytest.mark.long
def test_08_kestra_is_killed_between_the_ledger_and_the_stamp(own: Stack) -> None:
    """The stamp is written after the restart; the e-mail is not sent again."""
    email = address()
    about_to_get_the_last(own, [email])
    with delayed_call(own, "notion", when="before", method="PATCH") as wait:
        wait()
    assert own.kestra.kv_get(f"mail.{Expected(email).enrolment}.5")["outcome"] == "sent"
    kill_and_start(own)
    settle_the_account(own, [Expected(email)])
    assert page_of(own, email)["Email 5 Sent"] is not None
    assert len([call for call in own.sandbox.requests("resend") if call.method == "POST"]) == 1


@pytest.mark.long
@pytest.mark.timeout(300)
def test_08_kestra_is_killed_during_a_send_while_other_contacts_wait(tmp_path: Path) -> None:
    """The contacts in the queue get their e-mails once."""
    with Stack(tmp_path, time_scale=SCALE) as stack:
        emails = [address() for _ in range(5)]
        about_to_get_the_last(stack, emails, seconds=8)
        with delayed_call(stack, "resend", when="after", method="POST") as wait:
            wait()
        kill_and_start(stack)
        settle_the_account(stack, [Expected(email) for email in emails], timeout=150)
