"""A contact unsubscribes by their link: waiting e-mails are skipped, and the contact can take it back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from cli.operator import christmas
from door.process import DoorProcess
from support import (
    add_contact,
    address,
    ended,
    enrolled,
    mails,
    numbers,
    post_event,
    runs,
    sign_up,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import times, unsubscribe_link
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from e2e.stopping import stops_of

BACK = {"Go-On": "Yes"}


def call(stack: Stack, token: object, wish: str, at: datetime | None = None) -> tuple[int, Any]:
    """Call the handler's own webhook, as the door does; return the status and the answer."""
    headers = {"X-Received-At": times.text(at)} if at else {}
    payload = {"token": token, "wish": wish}
    answer = httpx.post(stack.webhook("unsubscribe-handler"), json=payload, headers=headers, timeout=60)
    return answer.status_code, answer.json()


def test_one_click_post_of_a_mail_provider_skips_waiting_emails(stack: Stack, door: DoorProcess) -> None:
    email = address()
    contact = opaque_ids.contact_id(email)
    add_contact(stack, email)
    post_event(stack, "noshow", email)
    (mail,) = wait_for_mails(stack, email, 1)
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    match = re.match(
        r"<https://campaign\.example\.com(/unsubscribe/[^>]+)>, <mailto:", mail.headers["List-Unsubscribe"]
    )
    assert match is not None
    link = match[1]
    # The same link is in the e-mail.
    for text in (mail.html, mail.text):
        assert f"https://campaign.example.com{link}" in text
    assert "@" not in link

    # A scanner of the mail provider opens it.
    assert httpx.get(door.url + link).status_code == 200
    answer = httpx.post(door.url + link, files={"List-Unsubscribe": (None, "One-Click")})
    assert (answer.status_code, "You are unsubscribed" in answer.text) == (200, True)
    until(lambda: stops_of(stack, email), "the stop")
    assert stops_of(stack, email) == [("unsubscribed", "contact")]

    found_runs = ended(stack, email, 3, sequence="noshow")
    became = [(run.inputs["number"], run.state, run.labels.get("reason")) for run in found_runs]
    assert sorted(became) == [(1, "SUCCESS", None), *((number, "SUCCESS", "unsubscribed") for number in (2, 3))]
    assert numbers(mails(stack, email)) == [1]

    # Another sequence does not begin either.
    sign_up(stack, email)
    kept_out = until(lambda: runs(stack, "enroll", email), "the enrolment")[0]
    out = until(lambda: run if (run := stack.kestra.execution(kept_out.id)).ended else None, "its end")
    assert (out.state, out.labels["outcome"], out.labels["reason"]) == ("SUCCESS", "skipped", "unsubscribed")

    # The contact takes it back.
    assert httpx.post(door.url + link, data=BACK).status_code == 200
    until(lambda: not stops_of(stack, email), "the way back")
    assert "back" in stack.kestra.kv_get(f"stop.{contact}")
    post_event(stack, "postcall", email)
    enrolled(stack, email, "postcall")
    until(lambda: not list_entries(door.inbox), "an empty inbox")
    assert link.rpartition("/")[2] not in door.log


def test_latest_wish_counts_in_any_order_of_arrival(stack: Stack) -> None:
    email = address()
    token = stack.unsubscribe_keys.token(opaque_ids.contact_id(email))
    first = datetime.now(UTC) - timedelta(minutes=5)
    second = first + timedelta(minutes=1)
    # The call arrives twice, once after it was taken back.
    for wish, at in (("unsubscribe", first), ("unsubscribe", first), ("go_on", second), ("unsubscribe", first)):
        code, answer = call(stack, token, wish, at)
        assert (code, answer) == (200, {"status": "accepted"})
    done = stack.kestra.executions(
        namespace="christmas", flow_id="stop", labels={"contact": opaque_ids.contact_id(email)}
    )
    assert len(done) == 4
    until(lambda: all(stack.kestra.execution(run.id).ended for run in done), "all of them")
    assert stops_of(stack, email) == []
    assert call(stack, token, "unsubscribe")[0] == 200
    until(lambda: stops_of(stack, email) == [("unsubscribed", "contact")], "the stop")


def test_call_without_a_valid_token_stops_nobody(stack: Stack) -> None:
    email, other = address(), address()
    mine = stack.unsubscribe_keys.token(opaque_ids.contact_id(other))
    foreign = unsubscribe_link.keys("x" * 24).token(opaque_ids.contact_id(email))
    contact = opaque_ids.contact_id(email)
    for token in (foreign, mine[:-1], contact + mine[24:], email, contact, "", None, {"contact": contact}):
        assert call(stack, token, "unsubscribe") == (422, {"status": "rejected"})
    for person in (email, other):
        labels = {"contact": opaque_ids.contact_id(person)}
        assert stack.kestra.executions(namespace="christmas", flow_id="stop", labels=labels) == []
        assert stops_of(stack, person) == []


def test_contact_takes_back_only_their_own_unsubscribe_and_the_owner_all_but_a_complaint(stack: Stack) -> None:
    email = address()
    token = stack.unsubscribe_keys.token(opaque_ids.contact_id(email))
    for reason in ("complained", "bounced"):
        assert christmas(stack, "stop", email, "--reason", reason, "--yes").exit_code == 0
    assert call(stack, token, "unsubscribe")[0] == 200
    until(lambda: len(stops_of(stack, email)) == 3, "the stop")
    assert call(stack, token, "go_on")[0] == 200
    until(lambda: len(stops_of(stack, email)) == 2, "the way back")
    assert stops_of(stack, email) == [("complained", "person"), ("bounced", "person")]

    dry = christmas(stack, "go-on", email, "--also-for-good")
    assert "by law, a contact who asked for no more e-mails must not get any" in dry.stderr
    assert "Nothing was changed" in dry.stdout
    wet = christmas(stack, "go-on", email, "--also-for-good", "--yes")
    assert (wet.exit_code, "A complaint is not lifted." in wet.stderr) == (1, True)
    assert stops_of(stack, email) == [("complained", "person")]
