"""The door in front of the real engine: a call answered with 200 is enrolled, an unsigned call never reaches Kestra."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cli.operator import christmas_json
from door.process import DoorProcess, base64_of
from standardwebhooks import Webhook
from support import (
    SCALE,
    add_contact,
    address,
    analytics_of,
    ended,
    enrolled,
    find_pages,
    free_port,
    long_case,
    payload,
    post_event,
    runs,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names, times
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.door.routes import KESTRA_PATHS, OLD_PATHS, PUBLIC_PATHS
from christmas_campaign.local.sandbox import Mail
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.sequences.registry import SEQUENCES, sequence

SECRET, OLD_SECRET = "whsec_" + base64_of("a new secret of the website"), "whsec_" + base64_of("the one before it")
RESENDS = "whsec_" + base64_of("the secret of Resend")
NAMES = [one.name for one in SEQUENCES]


def key_of(stack: Stack, name: str) -> str:
    """Return the last part of the address of a sequence's webhook."""
    return stack.webhook(sequence(name).handler).rpartition("/")[2]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose engine has the same address after each start, because the door reads it only once."""
    with Stack(tmp_path_factory.mktemp("behind"), time_scale=SCALE, engine_port=free_port()) as running:
        yield running


@pytest.fixture(scope="module")
def door(behind: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorProcess]:
    keys = {f"SECRET_{one.webhook_key}": base64_of(key_of(behind, one.name)) for one in SEQUENCES}
    keys["SECRET_WEBHOOK_KEY_RESEND"] = base64_of(behind.webhook("resend-handler").rpartition("/")[2])
    signing = {"SIGNING_WEBSITE": f"{SECRET},{OLD_SECRET}", "SIGNING_RESEND": RESENDS}
    with DoorProcess(tmp_path_factory.mktemp("door"), behind.engine, **signing, **keys) as running:
        yield running


def signed(name: str, body: bytes, *, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    """Return the headers of a signup as the website signs it; the other senders have no secret here and do not sign."""
    at = at or datetime.now(UTC)
    if name != "signup":
        return {}
    return {
        "webhook_id": "msg_1",
        "webhook_timestamp": str(int(at.timestamp())),
        "webhook_signature": Webhook(secret).sign("msg_1", at, body.decode()),
    }


@pytest.mark.parametrize("today", [True, False], ids=["todays_address", "kestras_own"])
@pytest.mark.parametrize("name", [NAMES[0], *map(long_case, NAMES[1:])])
def test_accepted_call_is_enrolled(behind: Stack, door: DoorProcess, name: str, today: bool) -> None:
    email = address(name)
    add_contact(behind, email)
    body = json.dumps(payload(email, name)).encode()
    path = PUBLIC_PATHS[name] if today else KESTRA_PATHS[name] + key_of(behind, name)
    response = door.post(path, body, **signed(name, body, secret=SECRET if today else OLD_SECRET))
    answer = response.json()
    assert (response.status_code, answer["status"], answer["execution_id"]) == (200, "accepted", None)
    run = enrolled(behind, email, name)
    assert run.labels["outcome"] == "enrolled"
    assert run.inputs["event"]["received_at"] == answer["timestamp"], "it counts from its arrival at the door"
    until(lambda: not list_entries(door.inbox), "an empty inbox")


def test_a_booking_in_the_old_form_is_enrolled_at_the_old_path_and_at_kestras_own(
    behind: Stack, door: DoorProcess
) -> None:
    email = address("precall")
    add_contact(behind, email)
    attendee = {"email": email, "name": "Ana Silva", "timeZone": "America/Toronto"}
    starts = times.text(datetime.now(UTC) + timedelta(days=300))
    body = {"payload": {"booking": {"uid": "AAA", "startTime": starts, "attendees": [attendee]}}}
    answer = door.post(OLD_PATHS["precall"], body).json()
    assert (answer["status"], answer["email"]) == ("accepted", email)
    enrolled(behind, email, "precall")
    native = httpx.post(behind.webhook(sequence("precall").handler), json=body, timeout=60)
    duplicate = {"status": "skipped", "reason": "duplicate_precall_sequence", "email": email}
    assert (native.status_code, native.json()) == (200, duplicate)
    (page,) = find_pages(behind, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    properties = page_values.plain(page)
    assert (properties["Calendly Event URI"], properties["First Name"]) == ("AAA", "Ana")


def test_call_with_wrong_signature_makes_no_execution(behind: Stack, door: DoorProcess) -> None:
    email = address()
    body = json.dumps(payload(email)).encode()
    now = datetime.now(UTC)
    good = signed("signup", body)
    before = {run.id for run in behind.kestra.executions(namespace="christmas", flow_id="signup-handler")}
    for sent, headers in (
        (body, {}),
        (body.replace(b"Ana", b"Anb"), good),
        (body, signed("signup", body, at=now - timedelta(minutes=6))),
        (body, signed("signup", body, at=now + timedelta(minutes=6))),
        (body, signed("signup", body, secret="whsec_" + base64_of("somebody else's secret"))),
        (body, {name: value for name, value in good.items() if name != "webhook_id"}),
    ):
        assert sent != body or headers != good
        for path in (PUBLIC_PATHS["signup"], KESTRA_PATHS["signup"] + key_of(behind, "signup")):
            assert door.post(path, sent, **headers).status_code == 401
    # The last call is valid, and the only one that reaches Kestra.
    assert door.post(PUBLIC_PATHS["signup"], body, **good).status_code == 200
    enrolled(behind, email)
    after = {run.id for run in behind.kestra.executions(namespace="christmas", flow_id="signup-handler")}
    assert len(after - before) == 1


def reported(mail: Mail, name: str, **data: Any) -> bytes:
    """Return the payload of Resend's webhook about a mail."""
    about = {"email_id": mail.id, "to": list(mail.to), "tags": dict(mail.tags), **data}
    return json.dumps({"type": name, "created_at": times.text(datetime.now(UTC)), "data": about}).encode()


@pytest.mark.long
def test_only_a_report_signed_by_resend_counts(behind: Stack, door: DoorProcess) -> None:
    email = address()
    add_contact(behind, email)
    post_event(behind, "noshow", email)
    mail = wait_for_mails(behind, email, 1)[0]

    def posted(body: bytes, secret: str) -> int:
        at = datetime.now(UTC)
        signature = Webhook(secret).sign("msg_1", at, body.decode())
        return door.post(
            "/webhook/resend", body, svix_id="msg_1", svix_timestamp=str(int(at.timestamp())), svix_signature=signature
        ).status_code

    # Anybody who knows the address can post this. It would stop every sequence for good, with another reason.
    complaint = reported(mail, "email.complained")
    forged = "whsec_" + base64_of("somebody else's secret")
    assert [posted(complaint, forged), posted(complaint, SECRET)] == [401, 401]
    delivered = reported(mail, "email.delivered")
    bounced = reported(mail, "email.bounced", bounce={"message": "unknown", "type": "Permanent", "subType": "General"})
    assert [posted(report, RESENDS) for report in (bounced, delivered, bounced, delivered)] == [200] * 4

    became = {run.inputs["number"]: run for run in ended(behind, email, 3, sequence="noshow")}
    assert (became[3].state, became[3].labels["reason"]) == ("SUCCESS", "bounced")
    (contact,) = christmas_json(behind, "stopped", email)
    assert [(stop["reason"], stop["by"]) for stop in contact["stops"]] == [("bounced", "resend")]
    analytics = until(
        lambda: [page for page in analytics_of(behind, email) if page["Status"] == "bounced"],
        "the page in Email Analytics",
    )
    assert [(page["Resend Email ID"], page["Error Message"]) for page in analytics] == [
        (mail.id, "bounced: Permanent General")
    ]
    ours = {"enrolment": mail.tags["enrolment"]}
    reports = until(
        lambda: (
            executions
            if len(executions := behind.kestra.executions(flow_id="report", labels=ours)) == 4
            and not any(run.live for run in executions)
            else None
        ),
        "the end of four reports",
    )
    assert {run.inputs["report"]["kind"] for run in reports} == {"bounced", "delivered"}


def test_nothing_else_of_kestra_is_reachable(behind: Stack, door: DoorProcess) -> None:
    key = key_of(behind, "signup")
    for path in (
        "/api/v1/main/flows/search",
        "/api/v1/main/executions/search",
        "/api/v1/main/executions/webhook/christmas/enroll/x",
        f"/api/v1/main/executions/webhook/christmas/send-email/{key}",
        f"//api/v1/main/executions/webhook/christmas/signup-handler/{key}",
        f"/api/v1/main/executions/webhook/christmas/signup-handler/{key}/",
        f"/api/v1/main/executions/webhook/christmas/signup-handler;x/{key}",
        f"/api/v1/main/executions/webhook/christmas/%73ignup-handler/{key}",
        "/",
    ):
        response = door.post(path, b"{}")
        assert (response.status_code, response.json()["message"]) == (404, "there is nothing here"), path


def test_health_of_the_door_is_that_of_the_engine(door: DoorProcess) -> None:
    until(lambda: httpx.get(f"{door.url}/health").status_code == 200, "health")
    answer = httpx.get(f"{door.url}/health").json()
    assert answer["status"] == "healthy"
    assert answer["environment"]["testing_mode"] == "false"


@pytest.mark.long
def test_door_stores_accepted_calls_while_kestra_is_down(behind: Stack, door: DoorProcess) -> None:
    emails = [address() for _ in range(6)]
    behind.engine.stop()
    until(lambda: httpx.get(f"{door.url}/health").status_code == 503, "the bad health")
    times_answered = {}
    for place, email in enumerate(emails):
        body = json.dumps(payload(email)).encode()
        answer = door.post(PUBLIC_PATHS["signup"], body, **signed("signup", body)).json()
        assert answer["status"] == "accepted"
        times_answered[email] = times.parse(answer["timestamp"])
        if place == 2:
            door.child.kill()
            door.start()
    again = json.dumps(payload(emails[0])).encode()
    assert door.post(PUBLIC_PATHS["signup"], again, **signed("signup", again)).json()["status"] == "skipped"
    assert [entry.handler for entry in list_entries(door.inbox)] == ["signup"] * 6
    behind.engine.start()
    for email in emails:
        assert times.parse(enrolled(behind, email).inputs["event"]["received_at"]) == times_answered[email]
    until(lambda: not list_entries(door.inbox), "an empty inbox")
    assert [len(runs(behind, "enroll", email)) for email in emails] == [1] * 6
