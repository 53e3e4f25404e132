"""The example content: every template that a sequence names is there, and can be filled in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign import compose, intake, notion_pages, plain_text, templates
from christmas_campaign import notion_schema as schema
from christmas_campaign.cli import content
from christmas_campaign.cli.stack import PROJECT, SANDBOX_SETTINGS
from christmas_campaign.enrolment import Record
from christmas_campaign.sequences import sequence
from christmas_campaign.settings import read

NOW = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
TEMPLATES = {template.name: template for template in content.templates(PROJECT / "content")}
SIGNUP = ["5-Day E1", *(email.template for email in sequence("signup").emails)]


def as_page(template: content.Template) -> dict[str, Any]:
    """A template as Notion gives it back."""
    written = notion_pages.properties(schema.TEMPLATES, template.values())
    for name, item in written.items():
        item["type"] = schema.TEMPLATES.property(name).type
        for part in item.get("title", item.get("rich_text", [])):
            part["plain_text"] = part["text"]["content"]
    return {"id": "t", "properties": written}


def composed(payload: dict[str, Any], number: int) -> dict[str, Any]:
    record = Record(intake.read(payload, "signup", NOW), {}, {number: NOW}, {})
    settings = read({name.removeprefix("ENV_").lower(): value for name, value in SANDBOX_SETTINGS.items()})
    name = sequence("signup").email(number).template
    return compose.compose(
        record,
        number,
        enrolment="signup-x",
        page={"id": "p", "properties": {}},
        found=[as_page(TEMPLATES[name])],
        signup=None,
        settings=settings,
    )


def test_every_template_of_the_signup_sequence_is_there() -> None:
    assert sorted(TEMPLATES) == sorted(SIGNUP)


@pytest.mark.parametrize("number", [2, 3, 4, 5])
@pytest.mark.parametrize("whole", [True, False], ids=["whole payload", "least payload"])
def test_every_placeholder_has_a_value(number: int, whole: bool) -> None:
    payload = json.loads((PROJECT / "examples" / "signup.json").read_text(encoding="utf-8"))
    if not whole:
        payload = {name: payload[name] for name in ("email", "first_name", "assessment_score")}
    answer = composed(payload, number)
    assert answer["send"], answer
    for part in ("subject", "html", "text"):
        assert "{{" not in answer["request"][part]
        assert "[[" not in answer["request"][part]


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


@pytest.mark.parametrize("name", SIGNUP)
def test_a_template_has_an_unsubscribe_link_a_language_and_nothing_that_runs(name: str) -> None:
    template = TEMPLATES[name]
    links = _Links()
    links.feed(template.html)
    assert "{{unsubscribe_url}}" in links.found
    assert links.language == "en"
    assert "{{unsubscribe_url}}" in template.text
    assert "{{calendly_link}}" in template.text
    assert {each.name for each in templates.placeholders(template.text)} <= {
        each.name for each in templates.placeholders(template.html)
    }
    assert len(notion_pages.rich_text(template.html)) <= 100
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


def test_the_example_signup_is_taken_on_and_its_contact_is_known() -> None:
    payload = json.loads((PROJECT / "examples" / "signup.json").read_text(encoding="utf-8"))
    event = intake.read(payload, "signup", NOW)
    assert content.contacts(PROJECT / "examples" / "contacts.json")[0].email == event.email
