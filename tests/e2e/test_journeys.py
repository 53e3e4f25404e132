"""The four sequences from the webhook to the last e-mail on the real engine: every request in order, with its body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import (
    SCALE,
    add_contact,
    ended,
    enrolled,
    find_pages,
    numbers,
    post_event,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.sandbox import Mail
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.notion import schema
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from e2e import golden, transcript
from e2e.golden import Texts

#: Values that are often escaped wrongly.
NASTY = {"first_name": 'Zoë "Lệ" O\'Neil \\1 {{first_name}}', "business_name": "Bảo Sang Beauty Salon ✂️ & <Sons>"}

#: The sequences whose dates do not depend on a time in the payload, which an expected e-mail could not contain.
NAMES = [one.name for one in SEQUENCES if not one.only_what_fits]


class Journey(NamedTuple):
    """The journey of one contact through a sequence."""

    email: str
    arrived: datetime
    ended: datetime
    contact: str
    mails: list[Mail]


def payload(name: str) -> dict[str, Any]:
    """Return the example payload of a sequence, with names that are often escaped wrongly."""
    fields = json.loads((PROJECT / "examples" / f"{name}.json").read_text(encoding="utf-8"))
    if name == "signup":
        more = {"assessment_score": "52", "weakest_system_1": "GPS System", "weakest_system_2": "Money System"}
        fields |= {**more, "orange_systems": 1, "strongest_system": "CABIN"}
    return {**fields, **NASTY, "email": f"{name}.nasty@example.com"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, so that the log of calls has these journeys and nothing else.

    It is a little slower than the others: on a busy machine, an e-mail that is not recorded when the next one is due makes one
    call more.
    """
    with Stack(tmp_path_factory.mktemp("journeys"), time_scale=SCALE * 3 / 4) as running:
        yield running


@pytest.fixture(scope="module")
def journeys(stack: Stack) -> dict[str, Journey]:
    """Play all sequences, begun one after the other, to their end."""
    begun = {}
    stack.sandbox.reset_log()
    for name in NAMES:
        fields = payload(name)
        contact = add_contact(stack, fields["email"], **{"Diagnostic Call Date": "2025-11-18T10:00:00.000-05:00"})
        begun[name] = (fields["email"], post_event(stack, name, **fields), contact)
        enrolled(stack, fields["email"], name)
    journeys = {}
    for name, (email, arrived, contact) in begun.items():
        mails = wait_for_mails(stack, email, len(sequence(name).emails))
        ended(stack, email, len(mails), sequence=name)
        journeys[name] = Journey(email, arrived, datetime.now(UTC), contact, mails)
    return journeys


def same(expected: Path, text: str, request: pytest.FixtureRequest) -> None:
    """Compare with an expected file, or rewrite it if the environment asks for that."""
    if request.config.getoption("--update-expected"):
        expected.write_text(f"{text}\n", encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8").removesuffix("\n"), expected.name


@pytest.mark.parametrize("name", NAMES)
def test_every_email_arrives_in_order_and_character_by_character(
    stack: Stack, journeys: dict[str, Journey], name: str, request: pytest.FixtureRequest
) -> None:
    journey = journeys[name]
    assert numbers(journey.mails) == [email.number for email in sequence(name).emails]
    fields = payload(name)
    enrolment = opaque_ids.enrolment_id(sequence(name), journey.email, fields)
    # Each stack has its own key.
    token = stack.unsubscribe_keys.token(opaque_ids.contact_id(journey.email))
    for mail in journey.mails:
        number = int(mail.tags["number"])
        texts = Texts(*(text.replace(token, "<token>") for text in (mail.subject, mail.html, mail.text)))
        file = golden.EXPECTED / f"{name}-e{number}.txt"
        if request.config.getoption("--update-expected"):
            golden.write(file, texts)
        assert texts == golden.expected(file), file.name
        assert mail.sender == "Sang Le - BusOS <value@mail.example.com>"
        link = f"https://campaign.example.com/unsubscribe/{token}"
        assert mail.headers == {
            "List-Unsubscribe": f"<{link}>, <mailto:unsubscribe@mail.example.com?subject=Unsubscribe>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        assert mail.idempotency_key == opaque_ids.idempotency_key(enrolment, number)


@pytest.mark.parametrize("name", NAMES)
def test_exactly_these_requests_were_made_in_this_order(
    stack: Stack, journeys: dict[str, Journey], name: str, request: pytest.FixtureRequest
) -> None:
    journey = journeys[name]
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, journey.email)
    names = {journey.contact: "<contact>", page["id"]: "<page>"}
    with stack.notion() as notion:
        for database in schema.DATABASES:
            names[notion.data_source(stack.database(database))] = f"<source of {database.title}>"
            names[stack.database(database)] = f"<database {database.title}>"
    names[stack.unsubscribe_keys.token(opaque_ids.contact_id(journey.email))] = "<token>"
    names |= {mail.id: f"<mail {mail.tags['number']}>" for mail in journey.mails}
    tokens = [journey.email, journey.contact, page["id"], *(email.template for email in sequence(name).emails)]
    own = [
        call
        for call in stack.sandbox.requests()
        if call.received_at <= journey.ended
        and transcript.concerns(call, tokens)
        # A request of the test itself, which creates the contact before the webhook.
        and call.received_at >= journey.arrived
    ]
    same(golden.EXPECTED / f"{name}.yml", transcript.of(own, names, journey.arrived, journey.ended), request)
