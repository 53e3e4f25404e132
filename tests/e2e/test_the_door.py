"""The door in front of the real engine: a call answered with 200 is enrolled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from door.process import DoorProcess, signature_headers
from support import add_contact, address, enrolled, find_pages, payload, until

from christmas_campaign.campaign import notion_names, times
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.door.routes import KESTRA_PATHS, OLD_PATHS, PUBLIC_PATHS
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.sequences.registry import sequence
from e2e.conftest import WEBSITE_SECRETS


@pytest.mark.parametrize(
    ("native", "secret"), [(False, WEBSITE_SECRETS[0]), (True, WEBSITE_SECRETS[1])], ids=["public", "native"]
)
def test_accepted_call_is_enrolled(stack: Stack, door: DoorProcess, native: bool, secret: str) -> None:
    email = address()
    body = json.dumps(payload(email)).encode()
    key = stack.webhook(sequence("signup").handler).rpartition("/")[2]
    signature = signature_headers("signup", body, secret)
    response = door.post(KESTRA_PATHS["signup"] + key if native else PUBLIC_PATHS["signup"], body, **signature)
    answer = response.json()
    assert (response.status_code, answer["status"], answer["execution_id"]) == (200, "accepted", None)
    run = enrolled(stack, email)
    assert run.inputs["event"]["received_at"] == answer["timestamp"], "it counts from its arrival at the door"
    until(lambda: not list_entries(door.inbox), "an empty inbox")


def test_booking_in_the_old_form_is_enrolled_at_the_old_path_and_at_kestras_own(
    stack: Stack, door: DoorProcess
) -> None:
    email = address("precall")
    add_contact(stack, email)
    attendee = {"email": email, "name": "Ana Silva", "timeZone": "America/Toronto"}
    starts = times.text(datetime.now(UTC) + timedelta(days=300))
    body = {"payload": {"booking": {"uid": "AAA", "startTime": starts, "attendees": [attendee]}}}
    answer = door.post(OLD_PATHS["precall"], body).json()
    assert (answer["status"], answer["email"]) == ("accepted", email)
    enrolled(stack, email, "precall")
    native = httpx.post(stack.webhook(sequence("precall").handler), json=body, timeout=60)
    duplicate = {"status": "skipped", "reason": "duplicate_precall_sequence", "email": email}
    assert (native.status_code, native.json()) == (200, duplicate)
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    properties = page_values.plain(page)
    assert (properties["Calendly Event URI"], properties["First Name"]) == ("AAA", "Ana")
