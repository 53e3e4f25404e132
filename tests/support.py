"""Helpers of the tests on the real engine: post payloads, wait for their effects, and look up pages, runs and e-mails."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import pytest

from christmas_campaign.campaign import notion_names, times
from christmas_campaign.clients.kestra import Execution, KestraError
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.sandbox import Mail
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.operations import template_sync
from christmas_campaign.sequences.registry import sequence

T = TypeVar("T")

#: The scale of time, as in the demo: five days take half a minute, a day takes six seconds.
SCALE = 14_400.0
DAY = timedelta(seconds=6)

#: The scaled delays of E2 to E5.
DELAYS = {2: 1 * DAY, 3: 3 * DAY, 4: 4 * DAY, 5: 5 * DAY}

#: An e-mail is on time if it arrives at most this long after it was due.
ON_TIME = timedelta(seconds=2)


def long_case(*values: Any) -> Any:
    """Mark a case that `make faults` runs and `make test` does not, because another case shows the same more quickly."""
    return pytest.param(*values, marks=pytest.mark.long)


#: How many seconds a test waits for an expected event. It is long because two engines share two processors in a test run.
PATIENCE = 120.0


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def address(name: str = "contact") -> str:
    """Return an e-mail address that no other test uses."""
    return f"{name}-{uuid.uuid4().hex[:12]}@example.com"


#: The required fields of each sequence's payload, besides e-mail address and name.
REQUIRED: dict[str, dict[str, Any]] = {
    "signup": {"assessment_score": 52},
    "noshow": {
        "business_name": "Salon Ana",
        "calendly_event_uri": "https://api.calendly.com/scheduled_events/AAA",
        "scheduled_time": "2025-11-20T14:00:00Z",
    },
    "postcall": {"business_name": "Salon Ana", "call_date": "2025-11-20T14:00:00Z"},
    "onboarding": {
        "business_name": "Salon Ana",
        "payment_confirmed": True,
        "payment_amount": 2997,
        "payment_date": "2025-11-20T14:00:00Z",
    },
    "precall": {
        "booking_uri": "https://api.calendly.com/scheduled_events/AAA",
        # The e-mails are due after the tests have ended, also with scaled time.
        "scheduled_time": f"{datetime.now(UTC) + timedelta(days=300):%Y-%m-%dT%H:%M:%SZ}",
    },
}


def payload(email: str, /, name: str = "signup", **fields: Any) -> dict[str, Any]:
    """Return a valid payload of a sequence for an e-mail address; ``fields`` add to it or replace parts of it."""
    return {"email": email, "first_name": "Ana", **REQUIRED[name], **fields}


def post(stack: Stack, body: Any, name: str = "signup") -> tuple[int, Any]:
    """Post a payload to the webhook of a sequence; return the status and the JSON answer."""
    response = httpx.post(stack.webhook(sequence(name).handler), json=body, timeout=60)
    return response.status_code, response.json()


def post_all(stack: Stack, payloads: Sequence[tuple[str, Any]]) -> list[tuple[int, Any]]:
    """Post all pairs of sequence and payload at the same time; return the results of ``post`` in the same order."""
    with ThreadPoolExecutor(len(payloads)) as pool:
        return list(pool.map(lambda pair: post(stack, pair[1], pair[0]), payloads))


def add_contact(stack: Stack, email: str, **values: Any) -> str:
    """Create a contact's page in BusinessX; return its id."""
    with stack.notion() as notion:
        source = notion.data_source(stack.database(schema.CONTACTS))
        properties = {notion_names.CONTACT_EMAIL: email, "first_name": "Ana", **values}
        return notion.create_page(source, schema.CONTACTS, properties)


def post_event(stack: Stack, name: str, email: str, **fields: Any) -> datetime:
    """Post a valid payload of a sequence; return when the webhook received it."""
    code, answer = post(stack, payload(email, name, **fields), name)
    assert (code, answer["status"]) == (200, "accepted"), answer
    return times.parse(answer["timestamp"])


def sign_up(stack: Stack, email: str, **fields: Any) -> datetime:
    """Sign a contact up; return when the webhook received the payload."""
    return post_event(stack, "signup", email, **fields)


def until(check: Callable[[], T | None], what: str, timeout: float = PATIENCE) -> T:
    """Call ``check`` until it returns a true value, and return that; fail after ``timeout`` seconds. ``what`` is awaited."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {timeout:.0f} s for {what}"
        time.sleep(0.1)


def mails(stack: Stack, email: str) -> list[Mail]:
    """Return the e-mails to an address in the order of their arrival."""
    return [mail for mail in stack.sandbox.mails() if mail.to == (email,)]


def wait_for_mails(stack: Stack, email: str, count: int, timeout: float = PATIENCE) -> list[Mail]:
    """Wait until an address has received ``count`` e-mails, and return them."""
    return until(lambda: arrived if len(arrived := mails(stack, email)) >= count else None, f"{count} mails", timeout)


def numbers(emails: list[Mail]) -> list[int]:
    """Return the numbers of these e-mails within their sequence."""
    return [int(mail.tags["number"]) for mail in emails]


def runs(stack: Stack, flow: str, email: str, sequence: str = "signup") -> list[Execution]:
    """Return all runs of a flow for a contact, oldest first."""
    labels = {"contact": opaque_ids.contact_id(email), "sequence": sequence}
    executions = stack.kestra.executions(namespace="christmas", flow_id=flow, labels=labels)
    return sorted(executions, key=lambda run: run.created)


def ended(stack: Stack, email: str, count: int, timeout: float = PATIENCE, sequence: str = "signup") -> list[Execution]:
    """Wait until a contact has ``count`` runs of ``send-email`` and all have ended; return them."""

    def all_ended() -> list[Execution] | None:
        emails = runs(stack, "send-email", email, sequence)
        have_ended = all(run.state in ("SUCCESS", "WARNING", "FAILED") for run in emails)
        return emails if len(emails) >= count and have_ended else None

    return until(all_ended, f"the end of {count} runs", timeout)


def scheduled(stack: Stack, email: str, sequence: str = "signup") -> dict[int, datetime]:
    """Return when each e-mail of a contact is due, by its number, as the engine has scheduled it."""
    emails = until(lambda: runs(stack, "send-email", email, sequence) or None, "scheduled e-mails")
    return {int(run.inputs["number"]): run.scheduled for run in emails if run.scheduled is not None}


def delete_waiting_emails(stack: Stack, *, all_but: Collection[int] = ()) -> None:
    """Delete the waiting e-mails of all contacts, except those with the numbers ``all_but``.

    They are deleted, not killed: for each waiting run that is killed, Kestra starts another one of the lane.
    """
    for run in stack.kestra.executions(namespace="christmas", flow_id="send-email", states=["CREATED"]):
        if run.inputs["number"] not in all_but:
            # A run that has started or ended in the meantime no longer waits.
            with suppress(KestraError):
                stack.kestra.delete_execution(run.id)


def enrolled(stack: Stack, email: str, sequence: str = "signup") -> Execution:
    """Wait until a contact is enrolled, and return the run that enrolled them."""

    def enrolling_run() -> Execution | None:
        enrolments = runs(stack, "enroll", email, sequence)
        return next((run for run in enrolments if run.labels.get("outcome") == "enrolled"), None)

    return until(enrolling_run, "the enrolment")


def refresh(stack: Stack) -> None:
    """Clear the flows' caches of the templates and of the ids of the databases, so that they read Notion again."""
    template_sync.refresh(stack.kestra)


def find_pages(stack: Stack, database: schema.Database, name: str, value: str) -> Iterator[dict[str, Any]]:
    """Yield the pages of a database whose property ``name`` has this value, as Notion returns them."""
    with stack.notion() as notion:
        source = notion.data_source(stack.database(database))
        yield from notion.pages(source, {"filter": page_values.equals(database, name, value)})


def page_of(stack: Stack, email: str) -> dict[str, Any]:
    """Return the plain values of a contact's only page in Email Sequence."""
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    return page_values.plain(page)


def analytics_of(stack: Stack, email: str) -> list[dict[str, Any]]:
    """Return the plain values of a contact's pages in Email Analytics."""
    return [
        page_values.plain(page) for page in find_pages(stack, schema.ANALYTICS, notion_names.ANALYTICS_EMAIL, email)
    ]


def calls(stack: Stack, service: str, email: str) -> list[Any]:
    """Return the logged calls to a service whose body contains an e-mail address."""
    return [call for call in stack.sandbox.requests() if call.service == service and email in json.dumps(call.request)]
