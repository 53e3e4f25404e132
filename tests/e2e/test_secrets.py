"""No secret occurs in stored data, logs, outputs or the arguments of processes."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from door.process import DoorProcess, signature_headers
from faults import commands
from support import SCALE, add_contact, address, ended, enrolled, payload, until, wait_for_mails

from christmas_campaign.deployment import env_file
from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.door.routes import KESTRA_PATHS, PUBLIC_PATHS
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.sequences.registry import SEQUENCES
from e2e.leaks import Arguments, Search, dump


def in_the_settings(stack: Stack) -> dict[str, str]:
    """Return the secrets in the settings of a stack, in plain text, by name."""
    lines = env_file.read(env_file.load(stack.environment_file))
    settings = {line.name.removeprefix("SECRET_"): line.value for line in lines if line.name.startswith("SECRET_")}
    secret_values = {
        name: base64.b64decode(value).decode()
        for name, value in settings.items()
        if name != "TESTING_MODE" and not name.endswith("_DB_ID")
    }
    # Only the last part of the address is secret.
    return {**secret_values, "DISCORD_WEBHOOK_URL": secret_values["DISCORD_WEBHOOK_URL"].rpartition("/")[2]}


@pytest.mark.long
@pytest.mark.timeout(300)
def test_no_secret_is_in_anything_that_the_system_writes(tmp_path: Path) -> None:
    signing = {handler.name: secrets.token_urlsafe(24) for handler in HANDLERS if handler.signing}
    website = base64.b64encode(signing["signup"].encode()).decode()
    planted = f"planted-{secrets.token_hex(12)}"
    # One contact for each sequence, because a purchase or booking ends other sequences of a contact.
    contacts = {sequence.name: address(sequence.name) for sequence in SEQUENCES}
    contact = contacts["signup"]
    # A day takes six seconds: the e-mails before this call are due soon after all contacts are enrolled.
    call = datetime.now(UTC) + timedelta(days=12)
    more: dict[str, dict[str, Any]] = {
        "signup": {"red_systems": 2},
        "precall": {"scheduled_time": f"{call:%Y-%m-%dT%H:%M:%SZ}"},
    }
    outputs = []

    with Arguments() as arguments, Stack(tmp_path / "stack", time_scale=SCALE) as stack:
        secret_values = in_the_settings(stack)
        keys = {f"SECRET_{name}": base64.b64encode(secret_values[name].encode()).decode() for name in webhook_keys()}
        senders = {handler.signing: signing[handler.name] for handler in HANDLERS if handler.signing}
        senders["SIGNING_WEBSITE"] = f"whsec_{website}"
        with DoorProcess(tmp_path / "door", stack.engine, **keys, **senders) as door:
            for sequence in SEQUENCES:
                add_contact(stack, contacts[sequence.name])
            # Each of these calls fails and writes an error, which might contain a secret.
            stack.sandbox.fault("discord", "status", status=500, times=1)
            stack.sandbox.fault("discord", "drop_before", times=1)
            stack.sandbox.fault("notion", "status", status=503, times=1)
            stack.sandbox.fault("resend", "drop_before", times=1)
            stack.sandbox.fault("resend", "status", status=422, times=1, body={"name": "validation_error"})
            for sequence in SEQUENCES:
                body = json.dumps(
                    payload(contacts[sequence.name], sequence.name, **more.get(sequence.name, {}))
                ).encode()
                path = KESTRA_PATHS[sequence.name] + secret_values[sequence.webhook_key]
                headers = signature_headers(sequence.name, body, signing[sequence.name])
                assert door.post(path, body).status_code == 401
                assert door.post(path, body + b" ", **headers).status_code == 401
                assert door.post(path + "x", body, **headers).status_code == 404
                wrong = signature_headers(sequence.name, b"[]", signing[sequence.name])
                assert door.post(path, b"[]", **wrong).status_code == 422
                good = path if sequence.name in ("signup", "noshow") else PUBLIC_PATHS[sequence.name]
                assert door.post(good, body, **headers).json()["status"] == "accepted"
            for sequence in SEQUENCES:
                enrolled(stack, contacts[sequence.name], sequence.name)
            until(lambda: any("**Failed**" in str(alert["content"]) for alert in stack.sandbox.alerts()), "the alert")
            for sequence in SEQUENCES:
                wait_for_mails(stack, contacts[sequence.name], 1)

            link = f"{door.url}/unsubscribe/{stack.unsubscribe_keys.token(opaque_ids.contact_id(address('leaves')))}"
            assert httpx.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
            assert httpx.post(f"{link}x", data={"List-Unsubscribe": "One-Click"}).status_code == 404
            until(lambda: stack.kestra.executions(namespace="christmas", flow_id="stop"), "the stop")

            code, failures = commands.run(stack, "failures")
            assert code == 1, failures
            for words in (
                ("replay", "--all", "--yes"),
                ("repair", "--apply"),
                ("notion", "check"),
                ("notion", "contact", contact),
                ("templates", "check"),
                ("inbox", "--file", str(door.inbox)),
            ):
                code, output = commands.run(stack, *words)
                assert code == 0, output
                outputs.append(output)
            run = stack.kestra.run("repair", {"apply": True})
            until(lambda: not stack.kestra.execution(run).live, "the repair")
            for sequence in SEQUENCES:
                ended(stack, contacts[sequence.name], len(sequence.emails), sequence=sequence.name)

            # Planted values prove that the search works: in the database, the log, a stored file and its name, and arguments.
            stack.kestra.run("tell", {"key": planted, "message": f"in a sentence: {encoded(f'<{planted}>')}"})
            until(lambda: stack.kestra.kv_get(f"alerted.{planted}"), "what was planted")
            subprocess.run([sys.executable, "-c", "import time; time.sleep(1)", planted], check=True)

            stack.engine.stop()
            body = json.dumps(payload(address("late"))).encode()
            assert (
                door.post(
                    PUBLIC_PATHS["signup"], body, **signature_headers("signup", body, signing["signup"])
                ).status_code
                == 200
            )
            door.logged("not taken")
            (waiting,) = list_entries(door.inbox)
        engine = stack.data / "engine"

    sql = dump(engine, tmp_path / "everything.sql")
    search = Search(
        {**secret_values, **{f"SIGNING_{name}": value for name, value in signing.items()}, "whsec": website}
    )
    searched = [engine, tmp_path / "door", *stack.data.glob("*.log")]
    assert search.files([*searched, sql]) == set()
    assert search.within(b"\n".join(arguments.seen)) == set()
    assert search.within("\n".join([failures, *outputs]).encode()) == set()

    control = Search({"planted": planted, "contact": contact, "waiting": waiting.id})
    places = {(name, file.removeprefix(str(tmp_path))) for name, file in control.files([*searched, sql])}
    assert {
        ("planted", "/everything.sql"),
        ("contact", "/everything.sql"),
        ("planted", f"/stack/engine/storage/main/christmas/_kv/alerted.{planted}.ion"),
        ("waiting", "/door/door.log"),
    } <= places
    assert any(name == "waiting" and "/inbox.sqlite" in file for name, file in places)
    assert control.within(b"\n".join(arguments.seen)) >= {"planted", "contact"}
    assert "contact" in control.within("\n".join([failures, *outputs]).encode())


def webhook_keys() -> list[str]:
    """Return the names of the secrets that the door shares with Kestra."""
    return [*(handler.webhook_key for handler in HANDLERS), "UNSUBSCRIBE_KEY"]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
