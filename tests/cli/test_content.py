"""The example content: every template that a sequence names is there, and can be filled in."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign.settings import read
from christmas_campaign.email import compose, plain_text, template_text
from christmas_campaign.enrolment.record import Record
from christmas_campaign.events import intake
from christmas_campaign.local import content
from christmas_campaign.local.stack import PROJECT, SANDBOX_SETTINGS
from christmas_campaign.notion import page_values, schema
from christmas_campaign.sequences.model import SEQUENCES, sequence
from christmas_campaign.sequences.payloads import FIELDS

NOW = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
TEMPLATES = {template.name: template for template in content.templates(PROJECT / "content")}
# The website sends the first e-mail of a signup itself.
EXPECTED = ["5-Day E1", *(email.template for each in SEQUENCES for email in each.emails)]
EMAILS = [(each.name, email.number) for each in SEQUENCES for email in each.emails]
# What the payload itself brings for templates, and what an earlier signup said.
VARIABLES = {"MonthlyRevenue", "Phase2_Investment", "Kickoff_Call_Date"}
SIGNUP_VALUES = {
    "assessment_score",
    "weakest_system_1",
    "weakest_system_2",
    "strongest_system",
    "revenue_leak_total",
    "TotalRevenueLeak_K",
    "AnnualRevenueLeak",
}


def example(name: str) -> Any:
    return json.loads((PROJECT / "examples" / f"{name}.json").read_text(encoding="utf-8"))


def names(*texts: str) -> set[str]:
    return {placeholder.name for text in texts for placeholder in template_text.parse(text).placeholders}


def as_page(template: content.Template) -> dict[str, Any]:
    """A template as Notion gives it back."""
    written: dict[str, Any] = page_values.properties(schema.TEMPLATES, template.values())
    for name, item in written.items():
        item["type"] = schema.TEMPLATES.property(name).type
        for part in item.get("title", item.get("rich_text", [])):
            part["plain_text"] = part["text"]["content"]
    return {"id": "t", "properties": written}


def composed(sequence_name: str, number: int, template: content.Template, *, whole: bool = True) -> dict[str, Any]:
    """The e-mail made from the example payload after the example signup; not ``whole``: from the least payload, and no more."""
    payload = example(sequence_name)
    signup = example("signup") if whole and sequence_name != "signup" else {}
    if not whole:
        payload = {field.name: payload[field.name] for field in FIELDS[sequence_name] if field.required}
    record = Record(intake.read(payload, sequence_name, NOW), {}, {number: NOW}, {}, signup)
    given = {name.removeprefix("ENV_").lower(): value for name, value in SANDBOX_SETTINGS.items()}
    settings = read({**given, "unsubscribe_key": "a-key-of-the-links-0123456789"})
    return compose.compose(
        record,
        number,
        enrolment=f"{sequence_name}-x",
        page={"id": "p", "properties": {}},
        active=compose.active_templates([as_page(template)]),
        settings=settings,
    )


def test_every_template_of_every_sequence_is_there_and_active() -> None:
    assert sorted(TEMPLATES) == sorted(EXPECTED)
    assert len(list(content.templates(PROJECT / "content"))) == 17, "no name twice"
    assert {template.status for template in TEMPLATES.values()} == {"Active"}


@pytest.mark.parametrize(("sequence_name", "number"), EMAILS)
@pytest.mark.parametrize("whole", [True, False], ids=["whole payload", "least payload"])
def test_every_placeholder_has_a_value_and_every_link_an_address(sequence_name: str, number: int, whole: bool) -> None:
    template = TEMPLATES[sequence(sequence_name).email(number).template]
    answer = composed(sequence_name, number, template, whole=whole)
    assert answer["send"], answer
    for part in ("subject", "html", "text"):
        assert "{{" not in answer["request"][part]
        assert "[[" not in answer["request"][part]
    links = _Links()
    links.feed(answer["request"]["html"])
    assert links.found
    for address in links.found:
        assert re.fullmatch(r"(https://|mailto:)\S+", address)
        assert address in answer["request"]["text"]


@pytest.mark.parametrize(("sequence_name", "number"), EMAILS)
def test_with_everything_given_no_template_needs_what_it_says_without_a_value(sequence_name: str, number: int) -> None:
    # A misspelt placeholder would be hidden by its own "|…" for ever.
    template = TEMPLATES[sequence(sequence_name).email(number).template]
    bare = template._replace(
        **{part: re.sub(r"\|[^{}]*\}\}", "}}", getattr(template, part)) for part in ("subject", "html", "text")}
    )
    # Nobody sends all variables with each event.
    for part in ("html", "text"):
        for name in VARIABLES - set(example(sequence_name).get("variables", {})):
            bare = bare._replace(**{part: getattr(bare, part).replace(f"{{{{{name}}}}}", "")})
    answer = composed(sequence_name, number, bare)
    assert answer["send"], answer


@pytest.mark.parametrize("sequence_name", ["noshow", "postcall", "onboarding"])
def test_the_templates_of_a_sequence_draw_on_every_source_it_has(sequence_name: str) -> None:
    used = names(*(TEMPLATES[email.template].html for email in sequence(sequence_name).emails))
    assert used & SIGNUP_VALUES
    if sequence_name != "noshow":
        assert used & VARIABLES & set(example(sequence_name)["variables"])


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_internal_is_in_no_template(name: str) -> None:
    template = TEMPLATES[name]
    internal = {"call_notes", "call_outcome", "follow_up_priority"}
    assert not names(template.subject, template.html, template.text) & internal


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.language: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.found.append(given.get("href") or "")
        if tag == "html":
            self.language = given.get("lang")
        assert tag not in ("script", "img", "link", "iframe", "object")
        if tag == "table":
            assert given.get("role") == "presentation" or given.get("aria-label"), "a table for layout says so"


@pytest.mark.parametrize("name", EXPECTED)
def test_a_template_has_an_unsubscribe_link_a_language_and_nothing_that_runs(name: str) -> None:
    template = TEMPLATES[name]
    links = _Links()
    links.feed(template.html)
    assert "{{unsubscribe_url}}" in links.found
    assert links.language == "en"
    assert "{{unsubscribe_url}}" in template.text
    assert "{{calendly_link}}" in template.text
    assert names(template.text) == names(template.html)
    assert len(page_values.rich_text(template.html)) <= 100
    assert "{{first_name}}" in plain_text.from_html(template.html)


def test_a_missing_field_of_a_template_is_named_with_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "x"
    folder.mkdir(parents=True)
    for name in ("layout.html", "layout.txt", "templates/x/body.html", "templates/x/body.txt"):
        (tmp_path / name).write_text("[[content]]", encoding="utf-8")
    (folder / "template.toml").write_text('name = "x"\nsubject = "s"\nstatus = "Active"\n', encoding="utf-8")
    with pytest.raises(content.ContentError, match=r'template.toml: the field "preheader" is missing; it must be text'):
        list(content.templates(tmp_path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(content.ContentError, match=r"layout.html: No such file"):
        list(content.templates(tmp_path))


def test_contacts_that_are_none_are_refused_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "contacts.json").write_text('[{"email": "a@example.com"}]', encoding="utf-8")
    with pytest.raises(content.ContentError, match=r"contacts.json: not a list of contacts"):
        content.contacts(tmp_path / "contacts.json")


@pytest.mark.parametrize("sequence_name", [each.name for each in SEQUENCES])
def test_an_example_is_taken_on_and_its_contact_is_known(sequence_name: str) -> None:
    payload = example(sequence_name)
    event = intake.read(payload, sequence_name, NOW)
    known = {contact["email"]: contact for contact in example("contacts")}
    assert event.email in {contact.email for contact in content.contacts(PROJECT / "examples" / "contacts.json")}
    for name in ("first_name", "business_name"):
        assert payload[name] == known[event.email][name]
    if sequence_name != "signup":
        assert {field.name for field in FIELDS[sequence_name]} == set(payload) - {"variables"}
