"""The contacts of the fault tests, and the state of their sequences when something breaks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from support import address, find_pages, payload, post, until

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema
from christmas_campaign.sequences.registry import sequence
from faults.account import Expected

#: The e-mails of a signup that this system sends.
SIGNUP = (2, 3, 4, 5)


#: An anchor so long ago that the first e-mail is due at once; the others follow it as in the sequence.
OVERDUE = timedelta(hours=150)


def overdue(stack: Stack) -> str:
    """Return a time of the website's e-mail that makes the first e-mail of this system due at once."""
    return (datetime.now(UTC) - OVERDUE / stack.time_scale).isoformat()


def addresses(count: int) -> list[str]:
    """Return this number of addresses that no other test uses."""
    return [address() for _ in range(count)]


def delay(stack: Stack, number: int, name: str = "signup") -> timedelta:
    """Return how long after the anchor an e-mail is due in this stack."""
    return sequence(name).email(number).delay / stack.time_scale


def pages_of_all_but_the_last(stack: Stack, emails: Iterable[str]) -> None:
    """Make a page for each address that says that all but the last e-mail of the signup were sent."""
    now = datetime.now(UTC)
    sent = {f"Email {number} Sent": now - timedelta(hours=9 - number) for number in (1, 2, 3, 4)}
    with stack.notion() as notion, ThreadPoolExecutor(8) as pool:
        source = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
        values = [{"Email": email, "Campaign": facts.NAME, **sent} for email in emails]
        list(pool.map(lambda properties: notion.create_page(source, schema.SEQUENCE_PAGES, properties), values))


def anchored(stack: Stack, due: datetime, number: int = 5) -> dict[str, Any]:
    """Return the field of a signup that makes one of its e-mails due at ``due``."""
    return {"email_1_sent_at": (due - delay(stack, number)).isoformat()}


def sign_up_all(stack: Stack, emails: Sequence[str], **fields: Any) -> None:
    """Sign up all contacts, eight at a time; each call must be answered with 200."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda email: post(stack, payload(email, **fields)), emails))
    assert {code for code, _ in answers} == {200}, answers


def all_enrolled(stack: Stack, count: int, timeout: float = 120) -> None:
    """Wait until this number of enrolments has succeeded in a new stack."""

    def enrolled() -> bool:
        labels = {"outcome": "enrolled"}
        ended = stack.kestra.executions(namespace="christmas", flow_id="enroll", labels=labels, states=["SUCCESS"])
        return len(ended) >= count

    until(enrolled, f"{count} enrolments", timeout)


def about_to_get_the_last(stack: Stack, emails: Sequence[str], *, seconds: float = 4) -> datetime:
    """Sign up contacts who got all but the last e-mail, and wait until they are enrolled; return when that e-mail is due."""
    pages_of_all_but_the_last(stack, emails)
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    sign_up_all(stack, emails, **anchored(stack, due))
    for email in emails:
        wait_until_enrolled(stack, email)
    return due


def wait_until_enrolled(stack: Stack, email: str, timeout: float = 120) -> str:
    """Wait until a contact is enrolled in the signup; return the id of the enrolment."""
    enrolment = Expected(email).enrolment
    until(lambda: stack.kestra.kv_get(f"enrolled.{enrolment}"), f"the enrolment of {email}", timeout)
    return enrolment


def settled(stack: Stack, email: str, number: int) -> None:
    """Wait until the ledger says that an e-mail of a signup was sent, which is when the spacing to the next one begins."""
    key = f"mail.{Expected(email).enrolment}.{number}"
    until(lambda: (stack.kestra.kv_get(key) or {}).get("outcome") == "sent", f"e-mail {number} in the ledger")


def again(stack: Stack, email: str, number: int) -> None:
    """Run a failed e-mail again in a new execution with the same inputs, as ``christmas replay`` does."""
    enrolment = Expected(email).enrolment
    record = stack.kestra.kv_get(f"enrolment.{enrolment}")
    stack.kestra.run(
        "send-email",
        {"enrolment": enrolment, "number": number},
        labels={**record["labels"], "enrolment": enrolment, "number": str(number)},
    )


def burst(stack: Stack, count: int, *, seconds: float) -> tuple[list[str], datetime]:
    """Make the last e-mail of ``count`` contacts due in the same second, ``seconds`` ahead; return the contacts and that time.

    One contact is enrolled by the webhook. The page, the KV entries and the waiting execution of the others are copied from
    that enrolment. These tests are about sending, and each real enrolment takes a second or two.
    """
    emails = addresses(count)
    pages_of_all_but_the_last(stack, emails)
    due = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
    sign_up_all(stack, emails[:1], **anchored(stack, due))
    wait_until_enrolled(stack, emails[0])
    first = Expected(emails[0])
    record = json.dumps(stack.kestra.kv_get(f"enrolment.{first.enrolment}"))

    def enrol(email: str) -> None:
        own = Expected(email).enrolment
        (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
        with stack.notion() as notion:
            notion.update_page(page["id"], schema.SEQUENCE_PAGES, {notion_names.PAGE_TEMPLATE_TYPE: "5-Day Sequence"})
        own_record = json.loads(
            record.replace(emails[0], email).replace(opaque_ids.contact_id(emails[0]), opaque_ids.contact_id(email))
        )
        for key, value in (("enrolment", own_record), ("page", page["id"]), ("enrolled", "by the test")):
            stack.kestra.kv_put(f"{key}.{own}", value, ttl="P30D")
        labels = {**own_record["labels"], "number": "5", "enrolment": own}
        stack.kestra.run("send-email", {"enrolment": own, "number": 5}, labels=labels, scheduled=due)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enrol, emails[1:]))
    assert datetime.now(UTC) < due, "the e-mails were due before all of them were scheduled"
    stack.sandbox.reset_log()
    return emails, due


def sleep_until(moment: datetime) -> None:
    """Sleep until a moment, unless it has passed."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
