"""Stop Kestra and kill the door: every signup that the door has answered with 200 is enrolled."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from door.process import DoorProcess, base64_of, stack_keys
from standardwebhooks import Webhook
from support import SCALE, find_pages, free_port, payload, until

from christmas_campaign.campaign import notion_names
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.door.routes import PUBLIC_PATHS
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import schema
from faults.account import Expected, settle_the_account
from faults.people import SIGNUP, addresses, anchored, overdue, pages_of_all_but_the_last

#: Signups a second, the seconds that Kestra is away, and the seconds of signups before and after that.
A_SECOND, AWAY, AROUND = 1, 60, 5

#: One in this number of contacts has no page and gets all e-mails. The others get one, which is less work.
ALL_EMAILS = 12

#: The door is killed again after it has handed on this number of calls.
HANDED_ON = 5

#: Seconds that the door may take to hand on the waiting calls, on a busy machine.
PATIENCE = 600

SECRET = base64_of("what the website signs with")


class Caller:
    """The website: posts signed signups, and remembers the status of each answer, 0 without an answer."""

    def __init__(self, door: DoorProcess) -> None:
        self._door = door
        self.answers: dict[str, int] = {}

    def post(self, email: str, **fields: Any) -> None:
        body = json.dumps(payload(email, **fields)).encode()
        now = datetime.now(UTC)
        headers = {
            "webhook_id": email,
            "webhook_timestamp": str(int(now.timestamp())),
            "webhook_signature": Webhook(f"whsec_{SECRET}").sign(email, now, body.decode()),
        }
        try:
            self.answers[email] = self._door.post(PUBLIC_PATHS["signup"], body, **headers).status_code
        except httpx.HTTPError:
            self.answers[email] = 0


def kill_and_start(door: DoorProcess) -> None:
    """Kill the door as a power cut would, and start it again with the same inbox."""
    door.child.kill()
    time.sleep(1)
    door.start()


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_29_kestra_is_away_for_a_minute_of_signups_and_the_door_is_killed(tmp_path: Path) -> None:
    """Every contact whose signup was answered with 200 is enrolled once: one page, each e-mail once.

    The door is killed while Kestra is away, and again while it hands on what it has kept.
    """
    with Stack(tmp_path, time_scale=SCALE, engine_port=free_port()) as stack:
        keys = stack_keys(stack)
        listen = f"127.0.0.1:{free_port()}"
        emails = addresses((AWAY + 2 * AROUND) * A_SECOND)
        everything = set(emails[::ALL_EMAILS])
        pages_of_all_but_the_last(stack, [email for email in emails if email not in everything])
        fields = {
            email: {"email_1_sent_at": overdue(stack)} if email in everything else anchored(stack, datetime.now(UTC))
            for email in emails
        }
        with (
            DoorProcess(tmp_path, stack.engine, DOOR_LISTEN=listen, SIGNING_WEBSITE=f"whsec_{SECRET}", **keys) as door,
            ThreadPoolExecutor(32) as pool,
        ):
            caller = Caller(door)
            begun = time.monotonic()
            done = []
            for place, email in enumerate(emails):
                time.sleep(max(0.0, begun + place / A_SECOND - time.monotonic()))
                done.append(pool.submit(caller.post, email, **fields[email]))
                if place == AROUND * A_SECOND:
                    done.append(pool.submit(stack.engine.stop))
                if place == len(emails) // 2:
                    done.append(pool.submit(kill_and_start, door))
                if place == (AROUND + AWAY) * A_SECOND:
                    done.append(pool.submit(stack.engine.start))
            for future in done:
                future.result()
            waiting = len(list_entries(door.inbox))
            until(lambda: len(list_entries(door.inbox)) <= waiting - HANDED_ON, "the first calls handed on", PATIENCE)
            kill_and_start(door)
            until(lambda: not list_entries(door.inbox), "an empty inbox", PATIENCE)
        taken = [email for email in emails if caller.answers[email] == 200]
        print(f"{len(taken)} of {len(emails)} answered with 200; {waiting} waited when Kestra was back")
        assert set(caller.answers.values()) <= {200, 0}
        assert len(taken) >= len(emails) * 0.8, "the door was away for longer than a start takes"
        assert waiting > A_SECOND * AWAY / 2, "Kestra accepted the signups at once, so it was not away"
        until(
            lambda: all(stack.kestra.kv_get(f"enrolled.{Expected(email).enrolment}") for email in taken),
            "the enrolments",
            PATIENCE,
        )
        # The door may have stored others before it was killed, without an answer.
        enrolled = {email for email in emails if stack.kestra.kv_get(f"enrolled.{Expected(email).enrolment}")}
        settle_the_account(
            stack,
            [
                Expected(
                    email,
                    (SIGNUP if email in everything else (5,)) if email in enrolled else (),
                    known=email in enrolled,
                )
                for email in emails
            ],
            timeout=PATIENCE,
        )
        for email in taken:
            assert len(list(find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email))) == 1
