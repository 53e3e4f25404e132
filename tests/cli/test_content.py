"""The example content: the templates and payloads that ship with the project fit the sequences.

``test_template_commands`` checks the same templates with ``templates check``; this file composes the e-mails.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign import facts
from christmas_campaign.campaign.settings import read
from christmas_campaign.email import compose, plain_text, template_text
from christmas_campaign.enrolment.record import Record
from christmas_campaign.events import intake
from christmas_campaign.local import content
from christmas_campaign.local.stack import PROJECT, SANDBOX_SETTINGS
from christmas_campaign.notion import page_values, schema
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from christmas_campaign.templates import html_verdict

NOW = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
TEMPLATES = {template.name: template for template in content.templates(PROJECT / "content")}
# The website sends the first e-mail of a signup itself.
NAMES = ["5-Day E1", *(email.template for sequence in SEQUENCES for email in sequence.emails)]
EMAILS = [(sequence.name, email.number) for sequence in SEQUENCES for email in sequence.emails]
#: Variables that only some events bring.
VARIABLES = {"MonthlyRevenue", "Phase2_Investment", "Kickoff_Call_Date"}
#: Fields that are read from the calendars' and DocuSign's own messages. No payload of an example has them.
FROM_SENDERS = {"time_zone", "no_show_status", "other_signers", "moved_from", "guests"}
INTERNAL = {"call_notes", "call_outcome", "follow_up_priority"}


def example(name: str) -> Any:
    return json.loads((PROJECT / "examples" / f"{name}.json").read_text(encoding="utf-8"))


def placeholders(*texts: str) -> set[str]:
    return {placeholder.name for text in texts for placeholder in template_text.parse(text).placeholders}


def as_page(template: content.Template) -> dict[str, Any]:
    """Return a template as Notion's API returns its page."""
    properties: Any = page_values.properties(schema.TEMPLATES, template.values())
    for name, described in properties.items():
        described["type"] = schema.TEMPLATES.property(name).type
        for part in described.get("title", described.get("rich_text", [])):
            part["plain_text"] = part["text"]["content"]
    return {"id": "t", "properties": properties}


def composed(name: str, number: int, template: content.Template, *, complete: bool = True) -> Any:
    """Return the request for Resend. A complete contact has the example payload and signup; others only required fields."""
    payload, signup = example(name), example("signup") if complete and name != "signup" else {}
    if not complete:
        payload = {field.name: payload[field.name] for field in sequence(name).fields if field.required}
    plain_settings = {name.removeprefix("ENV_").lower(): value for name, value in SANDBOX_SETTINGS.items()}
    decision = compose.compose(
        Record(intake.read(payload, name, NOW), {}, {number: NOW}, {}, signup),
        number,
        enrolment=f"{name}-x",
        page={"id": "p", "properties": {}},
        active=compose.active_templates([as_page(template)]),
        judge=html_verdict.judge,
        settings=read({**plain_settings, "unsubscribe_key": "a-key-of-the-links-0123456789"}),
    )
    assert isinstance(decision, compose.Composed), decision
    return decision.request


class Links(HTMLParser):
    """Collects the links of an e-mail and refuses elements that load or run something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.language: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        assert tag not in ("script", "img", "link", "iframe", "object")
        if tag == "a":
            self.addresses.append(attributes.get("href") or "")
        elif tag == "html":
            self.language = attributes.get("lang")
        elif tag == "table":
            # Screen readers must not read out a table for layout.
            assert attributes.get("role") == "presentation" or attributes.get("aria-label")


@pytest.mark.parametrize(("name", "number"), EMAILS)
def test_every_placeholder_has_a_value_and_every_link_an_address(name: str, number: int) -> None:
    template = TEMPLATES[sequence(name).email(number).template]
    for complete in (True, False):
        request = composed(name, number, template, complete=complete)
        assert not re.search(r"\{\{|\[\[", request["subject"] + request["html"] + request["text"])
        addresses = Links(request["html"]).addresses
        assert addresses
        for address in addresses:
            assert re.fullmatch(r"(https://|mailto:)\S+", address)
            assert address in request["text"]


@pytest.mark.parametrize(("name", "number"), EMAILS)
def test_email_to_a_contact_of_whom_little_is_told_states_no_default_as_a_fact(name: str, number: int) -> None:
    template = TEMPLATES[sequence(name).email(number).template]
    request = composed(name, number, template, complete=False)
    # A default of one word, such as a status, is for the system alone.
    defaults = {str(field.default) for field in sequence(name).fields if " " in str(field.default)}
    defaults = defaults - set(facts.UNNAMED.values()) | {"GPS", "FUEL", "CABIN", "$0", " Zone", "red: 0"}
    for part in ("subject", "html", "text"):
        assert [default for default in defaults if default in request[part]] == []


@pytest.mark.parametrize(("name", "number"), EMAILS)
def test_no_fallback_hides_a_misspelt_placeholder(name: str, number: int) -> None:
    template = TEMPLATES[sequence(name).email(number).template]
    texts = {part: getattr(template, part) for part in ("subject", "html", "text")}
    for variable in VARIABLES - set(example(name).get("variables", {})):
        texts = {part: re.sub(rf"\{{\{{{variable}\|[^{{}}]*\}}\}}", "", text) for part, text in texts.items()}
    without_fallbacks = {part: re.sub(r"\|[^{}]*\}\}", "}}", text) for part, text in texts.items()}
    assert composed(name, number, template._replace(**without_fallbacks))


@pytest.mark.parametrize("name", NAMES)
def test_template_is_active_accessible_and_shows_nothing_internal(name: str) -> None:
    template = TEMPLATES[name]
    links = Links(template.html)
    assert (template.status, links.language) == ("Active", "en")
    assert "{{unsubscribe_url}}" in links.addresses
    assert {"unsubscribe_url", "calendly_link"} <= placeholders(template.text)
    assert placeholders(template.text) == placeholders(template.html)
    assert "first_name" in placeholders(plain_text.from_html(template.html))
    assert not placeholders(template.subject, template.html) & INTERNAL
    assert len(page_values.rich_text(template.html)) <= 100


@pytest.mark.parametrize("name", [sequence.name for sequence in SEQUENCES])
def test_example_payload_is_accepted_and_its_contact_exists(name: str) -> None:
    payload = example(name)
    email = intake.read(payload, name, NOW).email
    assert email in {contact.email for contact in content.contacts(PROJECT / "examples" / "contacts.json")}
    (contact,) = [contact for contact in example("contacts") if contact["email"] == email]
    assert [payload[field] for field in ("first_name", "business_name")] == [
        contact[field] for field in ("first_name", "business_name")
    ]
    fields = {field.name for field in sequence(name).fields} - FROM_SENDERS
    assert name == "signup" or fields == set(payload) - {"variables"}


def test_errors_name_the_file_and_the_field(tmp_path: Path) -> None:
    with pytest.raises(content.ContentError, match=r"layout.html: No such file"):
        list(content.templates(tmp_path))
    folder = tmp_path / "templates" / "x"
    folder.mkdir(parents=True)
    for name in ("layout.html", "layout.txt", "templates/x/body.html", "templates/x/body.txt"):
        (tmp_path / name).write_text("[[content]]", encoding="utf-8")
    (folder / "template.toml").write_text('name = "x"\nsubject = "s"\nstatus = "Active"\n', encoding="utf-8")
    with pytest.raises(content.ContentError, match=r'template.toml: the field "preheader" is missing'):
        list(content.templates(tmp_path))
    (tmp_path / "contacts.json").write_text('[{"email": "a@example.com"}]', encoding="utf-8")
    with pytest.raises(content.ContentError, match=r"contacts.json: must be a list of contacts"):
        content.contacts(tmp_path / "contacts.json")
