"""What the tests on the real engine share: posting payloads, waiting for what follows, and looking it up."""

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

#: Five days in half a minute, as in the demo: a day is six seconds.
SCALE = 14_400.0
DAY = timedelta(seconds=6)

#: The scaled delays of E2 to E5.
DELAYS = {2: 1 * DAY, 3: 3 * DAY, 4: 4 * DAY, 5: 5 * DAY}

#: An e-mail is on time if it is in the inbox this long after it was due.
ON_TIME = timedelta(seconds=2)


def long(*values: Any) -> Any:
    """A case of a test that `make faults` runs and `make test` does not: another one says the same more quickly."""
    return pytest.param(*values, marks=pytest.mark.long)


#: How long, in seconds, a test waits for what has to come: two engines share two processors when the tests run.
PATIENCE = 120.0


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def address(name: str = "contact") -> str:
    """An address that no other test has."""
    return f"{name}-{uuid.uuid4().hex[:12]}@example.com"


#: What each handler requires besides the address and the name.
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
        # Its e-mails wait longer than the tests run, even where days are seconds.
        "scheduled_time": f"{datetime.now(UTC) + timedelta(days=300):%Y-%m-%dT%H:%M:%SZ}",
    },
}


def payload(email: str, /, name: str = "signup", **fields: Any) -> dict[str, Any]:
    """A good payload of a sequence for an address, with these fields besides or instead."""
    return {"email": email, "first_name": "Ana", **REQUIRED[name], **fields}


def post(stack: Stack, body: Any, name: str = "signup") -> tuple[int, Any]:
    """Post a payload to the webhook of a sequence; returns the status and the JSON answer."""
    response = httpx.post(stack.webhook(sequence(name).handler), json=body, timeout=60)
    return response.status_code, response.json()


def posts(stack: Stack, payloads: Sequence[tuple[str, Any]]) -> list[tuple[int, Any]]:
    """Post payloads, each to the webhook of the sequence beside it, all at once; returns what ``post`` does, in their order."""
    with ThreadPoolExecutor(len(payloads)) as pool:
        return list(pool.map(lambda each: post(stack, each[1], each[0]), payloads))


def add_contact(stack: Stack, email: str, **values: Any) -> str:
    """Put a contact into BusinessX; returns the id of its page."""
    with stack.notion() as notion:
        source = notion.data_source(stack.database(schema.CONTACTS))
        said = {notion_names.CONTACT_EMAIL: email, "first_name": "Ana", **values}
        return notion.create_page(source, schema.CONTACTS, said)


def begin(stack: Stack, name: str, email: str, **fields: Any) -> datetime:
    """Post a good payload of a sequence; returns when it arrived."""
    code, answer = post(stack, payload(email, name, **fields), name)
    assert (code, answer["status"]) == (200, "accepted"), answer
    return times.parse(answer["timestamp"])


def sign_up(stack: Stack, email: str, **fields: Any) -> datetime:
    """Sign a contact up and return when the webhook arrived."""
    return begin(stack, "signup", email, **fields)


def until(seen: Callable[[], T | None], what: str, timeout: float = PATIENCE) -> T:
    """Wait until ``seen`` returns something, and return it."""
    deadline = time.monotonic() + timeout
    while True:
        found = seen()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {timeout:.0f} s for {what}"
        time.sleep(0.1)


def mails(stack: Stack, email: str) -> list[Mail]:
    """The mails that an address has got, in the order of their arrival."""
    return [mail for mail in stack.sandbox.mails() if mail.to == (email,)]


def wait_for_mails(stack: Stack, email: str, count: int, timeout: float = PATIENCE) -> list[Mail]:
    """Wait until an address has got ``count`` mails."""
    return until(lambda: found if len(found := mails(stack, email)) >= count else None, f"{count} mails", timeout)


def numbers(found: list[Mail]) -> list[int]:
    """The numbers of these e-mails within their sequence."""
    return [int(mail.tags["number"]) for mail in found]


def runs(stack: Stack, flow: str, email: str, sequence: str = "signup") -> list[Execution]:
    """All runs of a flow for a contact, the oldest first."""
    labels = {"contact": opaque_ids.contact_id(email), "sequence": sequence}
    found = stack.kestra.executions(namespace="christmas", flow_id=flow, labels=labels)
    return sorted(found, key=lambda run: run.created)


def ended(stack: Stack, email: str, count: int, timeout: float = PATIENCE, sequence: str = "signup") -> list[Execution]:
    """The runs of ``send-email`` for a contact, once there are ``count`` and all have ended."""

    def all_ended() -> list[Execution] | None:
        found = runs(stack, "send-email", email, sequence)
        good = len(found) >= count and all(run.state in ("SUCCESS", "WARNING", "FAILED") for run in found)
        return found if good else None

    return until(all_ended, f"the end of {count} runs", timeout)


def scheduled(stack: Stack, email: str, sequence: str = "signup") -> dict[int, datetime]:
    """When each e-mail of a contact is due, as the engine has it."""
    found = until(lambda: runs(stack, "send-email", email, sequence) or None, "scheduled e-mails")
    return {int(run.inputs["number"]): run.scheduled for run in found if run.scheduled is not None}


def drop_emails(stack: Stack, *, all_but: Collection[int] = ()) -> None:
    """Drop the e-mails that wait, of whatever contact, but those of some numbers: nobody looks at them, and they would keep the
    machine busy. They are deleted: for each waiting run that is killed Kestra lets another out of the lane."""
    for run in stack.kestra.executions(namespace="christmas", flow_id="send-email", states=["CREATED"]):
        if run.inputs["number"] not in all_but:
            # One that has begun or ended meanwhile is out of the way too.
            with suppress(KestraError):
                stack.kestra.delete_execution(run.id)


def enrolled(stack: Stack, email: str, sequence: str = "signup") -> Execution:
    """The run that enrolled a contact, once it has ended well."""

    def the_run() -> Execution | None:
        found = runs(stack, "enroll", email, sequence)
        return next((run for run in found if run.labels.get("outcome") == "enrolled"), None)

    return until(the_run, "the enrolment")


def refresh(stack: Stack) -> None:
    """Have the flows ask Notion again for what they keep for some minutes: templates, and where the databases are."""
    template_sync.refresh(stack.kestra)


def found_in(stack: Stack, database: schema.Database, name: str, value: str) -> Iterator[dict[str, Any]]:
    """The pages of one of the campaign's databases that have this value, as Notion gives them."""
    with stack.notion() as notion:
        source = notion.data_source(stack.database(database))
        yield from notion.pages(source, {"filter": page_values.equals(database, name, value)})


def page_of(stack: Stack, email: str) -> dict[str, Any]:
    """The plain values of a contact's only page in Email Sequence."""
    (page,) = found_in(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    return page_values.plain(page)


def analytics_of(stack: Stack, email: str) -> list[dict[str, Any]]:
    """The plain values of a contact's pages in Email Analytics."""
    return [page_values.plain(page) for page in found_in(stack, schema.ANALYTICS, notion_names.ANALYTICS_EMAIL, email)]


def calls(stack: Stack, service: str, email: str) -> list[Any]:
    """What the sandbox was asked about an address, by service."""
    return [call for call in stack.sandbox.requests() if call.service == service and email in json.dumps(call.request)]
