"""``christmas templates``: check, push, refresh and preview, with the sandbox as Notion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from christmas_campaign.campaign import notion_names, times, unsubscribe_link
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.cli.template_commands import templates
from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.events import opaque_ids
from christmas_campaign.local import content
from christmas_campaign.local.sandbox import Sandbox
from christmas_campaign.local.stack import PROJECT, SANDBOX_SETTINGS
from christmas_campaign.notion import page_values, schema
from christmas_campaign.operations import template_sync
from christmas_campaign.templates import template_check
from cli.notion_world import TOKEN, World

UNSUBSCRIBE_KEY = "a-key-of-the-links-0123456789"
FOOTER = '{{mail_reason}} {{postal_address}} <a href="{{unsubscribe_url}}">Unsubscribe</a>'
TEXT_FOOTER = "{{mail_reason}} {{postal_address}} {{unsubscribe_url}}"
NAME, SUBJECT, HTML, TEXT, STATUS = (
    notion_names.TEMPLATE_NAME,
    notion_names.TEMPLATE_SUBJECT,
    notion_names.TEMPLATE_HTML,
    notion_names.TEMPLATE_TEXT,
    notion_names.TEMPLATE_STATUS,
)


class TemplateWorld(World):
    """An installation with all databases and settings, and a content folder."""

    def __init__(self, sandbox: Sandbox, client: Notion, folder: Path) -> None:
        super().__init__(sandbox, client, folder)
        self.content = folder / "content"
        self.settings = {**SANDBOX_SETTINGS, **self.settings}
        self.secret("UNSUBSCRIBE_KEY", UNSUBSCRIBE_KEY)
        self.create_all()
        (self.content / "templates").mkdir(parents=True)
        (self.content / "layout.html").write_text(f"<p>[[content]]</p>\n{FOOTER}\n", encoding="utf-8")
        (self.content / "layout.txt").write_text(f"[[content]]\n{TEXT_FOOTER}\n", encoding="utf-8")

    def write_local(self, name: str, *, subject: str = "Hello", body: str = "Body", status: str = "Active") -> Path:
        """Write a template into the content folder; return its folder."""
        folder = self.content / "templates" / name.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        fields = {"name": name, "subject": subject, "preheader": "p", "status": status}
        lines = "".join(f"{field} = {json.dumps(text)}\n" for field, text in fields.items())
        (folder / "template.toml").write_text(lines, encoding="utf-8")
        for kind in ("html", "txt"):
            (folder / f"body.{kind}").write_text(body, encoding="utf-8")
        return folder

    def add_template(
        self, name: str, *, subject: str = "Hello", html: str = "", text: str = "", status: str = "Active"
    ) -> str:
        """Create a template in Notion; return the id of its page."""
        return self.add(
            schema.TEMPLATES, {NAME: name, SUBJECT: subject, HTML: html + FOOTER, TEXT: text, STATUS: status}
        )

    def add_all(self, **texts: str) -> None:
        """Create a template without a fault for every e-mail."""
        for name in template_check.uses():
            self.add_template(name, **texts)

    def in_notion(self) -> dict[str, dict[str, page_values.PropertyValue]]:
        """Return the plain values of the templates in Notion, by name."""
        pages = [page_values.plain(page) for page in self.client.pages(self.source(schema.TEMPLATES))]
        by_name = {str(page[NAME]): page for page in pages}
        assert len(by_name) == len(pages)
        return by_name

    def run(self, *words: str, answer: str | None = None) -> Result:
        """Run ``christmas templates`` with an empty log of calls."""
        self.file.write_text("".join(f"{name}={text}\n" for name, text in self.settings.items()), encoding="utf-8")
        self.sandbox.reset_log()
        return CliRunner().invoke(templates, [*words, "--env-file", str(self.file)], input=answer)

    def push(self, *words: str) -> Result:
        """Push the content folder."""
        return self.run("push", str(self.content), *words)


@pytest.fixture
def world(notion_process: Sandbox, tmp_path: Path) -> Iterator[TemplateWorld]:
    notion_process.reset(notion=True)
    with Notion(notion_process.notion_url, TOKEN) as client:
        yield TemplateWorld(notion_process, client, tmp_path)


class FakeKestra(Kestra):
    """Stores KV entries; ``broken`` makes it fail."""

    entries: dict[str, Any]
    broken = False

    def kv_put(self, key: str, value: Any, namespace: str = "christmas", *, ttl: str | None = None) -> None:
        assert (namespace, ttl) == ("christmas", None)
        if self.broken:
            raise KestraError("Kestra at x does not answer: no")
        self.entries[key] = value


@pytest.fixture
def kestra(world: TemplateWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKestra]:
    """A Kestra that the settings name."""
    world.settings["KESTRA_URL"] = "http://127.0.0.1:1"
    with FakeKestra("http://127.0.0.1:1") as fake:
        fake.entries = {}
        monkeypatch.setattr(Environment, "kestra", lambda _: fake)
        yield fake


# check


def test_check_lists_the_sources_of_every_value(world: TemplateWorld) -> None:
    world.add_all(html="{{first_name}} {{money_score|none}} {{weakest_system_1|no}} {{calendly_link}}")
    for number in range(100):
        world.add_template(f"Other {number}")
    world.client.archive_page(world.add_template("Spring", html="<b>"))
    result = world.run("check")
    assert result.exit_code == 0, result.output
    title, *lines = result.stdout.split("\n\n")[1].splitlines()
    assert title == "signup E2  5-Day E2"
    assert [(line.strip().split("  ")[0], line.strip().split("  ")[-1].strip()) for line in lines] == [
        ("payload", "first_name, mail_reason, postal_address, unsubscribe_url"),
        ("payload?, template", "money_score, weakest_system_1"),
        ("campaign", "calendly_link"),
    ]
    assert result.stdout.endswith("\n116 active templates, no faults.\n")


def test_check_reports_each_fault_once_with_its_correction(world: TemplateWorld) -> None:
    world.add_all(html="{{calendly_link}}", text=f"{{{{calendly_link}}}}{TEXT_FOOTER}")
    del world.settings["ENV_CALENDLY_LINK"]
    world.add_template("Spring", html="<b>{{x}}")
    world.add_template("Summer", status="Draft")
    result = world.run("check", "--faults-only")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "Spring (Email Body HTML): line 1: <b> is never closed" in lines
    assert len([line for line in lines if "correction:" in line]) == 2
    assert result.stdout.count("ENV_CALENDLY_LINK is missing") == 1
    assert "    5-Day E2 (Email Body HTML, Email Body Plain Text), 5-Day E3 (" in result.stdout
    assert lines[-3:] == [
        "notice: Spring: no sequence uses it",
        "notice: Summer: a page of this name is not active (Draft)",
        "17 active templates, 33 faults.",
    ]


def test_json_of_check_has_templates_faults_and_notices(world: TemplateWorld) -> None:
    world.add_all()
    world.add_template("Spring", status="Draft")
    report = world.json("check")
    assert [template["name"] for template in report["templates"]] == list(template_check.uses())
    assert report["faults"] == []
    assert report["notices"] == [{"template": "Spring", "note": "a page of this name is not active (Draft)"}]

    world.write_local("5-Day E2", subject="{{nobody_knows}}")
    report = world.json("check", "5-Day E2", f"--local={world.content}", code=1)
    (template,) = report["templates"]
    assert (template["name"], template["uses"]) == ("5-Day E2", [{"sequence": "signup", "number": 2}])
    assert set(report["faults"][0]) == {"template", "part", "problem", "mend"}


def test_example_content_is_pushed_and_has_no_fault(world: TemplateWorld) -> None:
    assert world.run("check", "--local").stdout.endswith("17 active templates, no faults.\n")
    assert world.sandbox.requests() == []
    assert world.run("push", "--yes").exit_code == 0
    assert world.in_notion() == {
        template.name: template.values() for template in content.templates(PROJECT / "content")
    }
    assert world.run("push").stdout == "Nothing differs: 17 of 17 templates in Notion are the same as here.\n"
    assert world.run("check", "--faults-only").stdout == "17 active templates, no faults.\n"


def test_settings_of_templates_include_the_testing_mode() -> None:
    settings = template_sync.settings_of(Environment({**SANDBOX_SETTINGS, "SECRET_TESTING_MODE": "dHJ1ZQ=="}))
    assert (settings.testing_mode, settings.sender_address) == (True, SANDBOX_SETTINGS["ENV_SENDER_ADDRESS"])
    assert template_sync.settings_of(Environment({})) == Settings()


def test_check_that_cannot_run_ends_with_2(world: TemplateWorld, tmp_path: Path) -> None:
    def error(*words: str) -> str:
        result = world.run("check", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("christmas: ")
        assert len(result.stderr.splitlines()) == 1
        return result.stderr

    assert "layout.html: No such file" in error(f"--local={tmp_path}")
    world.secret("NOTION_TOKEN", "another")
    assert "HTTP 401" in error()
    world.settings["ENV_CALENDLY_LINK"] = "calendly"
    message = error("--local")
    assert "ENV_CALENDLY_LINK must be a complete URL" in message
    assert str(world.file) in message


# push


def test_push_without_yes_shows_the_differences(world: TemplateWorld) -> None:
    world.write_local("5-Day E2", subject="New")
    world.add_template("5-Day E3", subject="Old", html="<p>Body</p>\n", text=f"Body\n{TEXT_FOOTER}\n")
    world.write_local("5-Day E3", subject="New")
    result = world.push()
    assert result.exit_code == 3, result.output
    assert (
        "--- Notion: 5-Day E3: Subject Line\n+++ here: 5-Day E3: Subject Line\n@@ -1 +1 @@\n-Old\n+New\n"
        in result.stdout
    )
    assert "1 new, 1 changed. Nothing was written" in result.stdout.splitlines()[-1]
    assert world.changes() == []


def test_push_writes_the_differences_only(world: TemplateWorld) -> None:
    texts = {HTML: f"<p>Body</p>\n{FOOTER}\n", TEXT: f"Body\n{TEXT_FOOTER}\n"}
    world.add(schema.TEMPLATES, {NAME: "5-Day E3", SUBJECT: "Old", STATUS: "Draft", **texts})
    world.add_template("Only in Notion", status="Draft")
    world.client.archive_page(world.add_template("5-Day E2"))
    for name in ("5-Day E2", "5-Day E3"):
        world.write_local(name)
    result = world.push("--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-3:-1] == ["created: 5-Day E2", "changed: 5-Day E3"]
    everything = {declared.name for declared in schema.TEMPLATES.properties}
    assert [(call.method, set(call.request["properties"])) for call in world.changes()] == [
        ("POST", everything),
        ("PATCH", {SUBJECT, STATUS}),
    ]
    templates_there = world.in_notion()
    for name in ("5-Day E2", "5-Day E3"):
        assert templates_there[name] == {NAME: name, SUBJECT: "Hello", STATUS: "Active", **texts}
    assert templates_there["Only in Notion"][STATUS] == "Draft"
    assert world.push("--yes").stdout == "Nothing differs: 2 of 2 templates in Notion are the same as here.\n"
    assert world.changes() == []


def test_template_without_body_txt_has_an_empty_plain_text(world: TemplateWorld) -> None:
    (world.write_local("5-Day E2") / "body.txt").unlink()
    (world.content / "layout.txt").unlink()
    assert world.push("--yes").exit_code == 0
    assert not world.in_notion()["5-Day E2"][TEXT]
    assert world.in_notion()["5-Day E2"][HTML] == f"<p>Body</p>\n{FOOTER}\n"
    assert world.push("--yes").stdout.startswith("Nothing differs")


def test_push_only_writes_the_named_templates(world: TemplateWorld) -> None:
    for name in ("5-Day E2", "5-Day E3", "5-Day E4"):
        world.write_local(name)
    world.write_local("Broken", body="<b>")
    assert world.push("--yes", "--only", "5-Day E2", "--only", "5-Day E4").exit_code == 0
    assert set(world.in_notion()) == {"5-Day E2", "5-Day E4"}
    result = world.push("--yes", "--only", "5-Day E9")
    assert result.exit_code == 2
    assert 'there is no template "5-Day E9" in' in result.stderr
    assert "there are: 5-Day E2, 5-Day E3, 5-Day E4, Broken" in result.stderr


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ({"body": "{{a.b}}"}, "not a placeholder: {{a.b}}"),
        ({"body": "{{frist_name}}"}, "correction: did you mean first_name?"),
        ({"subject": "{{money_score|}}"}, "it is empty for a contact of signup"),
        ({"status": "Draft"}, "a sequence needs it, and its status is Draft"),
    ],
)
def test_push_refuses_every_fault_that_the_check_reports(
    world: TemplateWorld, template: dict[str, str], problem: str
) -> None:
    world.write_local("5-Day E2")
    world.write_local("5-Day E3", **template)
    result = world.push("--yes")
    assert result.exit_code == 1
    assert problem in result.stdout
    assert result.stdout.endswith("\nNothing was written.\n")
    assert world.sandbox.requests() == []


def test_two_templates_of_one_name_in_notion_are_refused(world: TemplateWorld) -> None:
    for status in ("Active", "Draft"):
        world.add_template("5-Day E3", status=status)
    world.write_local("5-Day E3")
    result = world.push("--yes")
    assert (result.exit_code, 'Notion has 2 pages called "5-Day E3"' in result.stderr) == (2, True)
    assert world.changes() == []


# refresh, and when a push takes effect


def test_refresh_writes_the_entry_that_the_flows_read(world: TemplateWorld, kestra: FakeKestra) -> None:
    result = world.run("refresh")
    (moment,) = kestra.entries.values()
    assert (result.exit_code, result.stdout) == (0, f"Templates that were read before {moment} are read again.\n")
    assert abs(times.parse(moment) - datetime.now(UTC)).total_seconds() < 10
    flow = (PROJECT / "flows/christmas-send-email.yml").read_text(encoding="utf-8")
    assert f"kv('{template_sync.CACHE_KEY}'" in flow
    assert list(kestra.entries) == [template_sync.CACHE_KEY]
    kestra.broken = True
    result = world.run("refresh")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "christmas: Kestra at x does not answer: no\n"


def test_push_takes_effect_at_once_with_kestra(world: TemplateWorld, kestra: FakeKestra) -> None:
    world.write_local("5-Day E2")
    assert world.push("--yes").stdout.endswith("created: 5-Day E2\nIt counts at once.\n")
    assert list(kestra.entries) == [template_sync.CACHE_KEY]
    kestra.entries.clear()
    # Notion refuses the second of two templates.
    world.write_local("5-Day E3")
    world.write_local("5-Day E2", subject="Changed")
    world.write_local("5-Day E1")
    world.sandbox.fault("notion", "status", status=503, method="PATCH")
    result = world.push("--yes")
    assert (result.exit_code, "HTTP 503" in result.stderr) == (2, True)
    assert result.stdout.endswith("created: 5-Day E1\nIt counts at once.\n")
    assert list(kestra.entries) == [template_sync.CACHE_KEY]


@pytest.mark.parametrize(("url", "reason"), [("", "Set KESTRA_URL"), ("http://127.0.0.1:1", "does not answer")])
def test_push_without_kestra_takes_effect_later(world: TemplateWorld, url: str, reason: str) -> None:
    world.settings |= {"KESTRA_URL": url} if url else {}
    world.write_local("5-Day E2")
    result = world.push("--yes")
    assert result.exit_code == 0
    last = result.stdout.splitlines()[-1]
    assert last.startswith("It counts within five minutes")
    assert reason in last


# preview


def example(name: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((PROJECT / "examples" / f"{name}.json").read_text(encoding="utf-8"))
    return payload


def test_preview_shows_the_email_and_the_source_of_each_value(world: TemplateWorld) -> None:
    world.add_template(
        "noshow_recovery_email_1",
        subject="{{first_name}}, <hello>",
        html="<p>{{business_name}}</p>",
        text="{{event_type}} {{Kickoff}} {{sender_name}} {{nickname|you}}\n{{unsubscribe_url}}\n",
    )
    payload = example("noshow") | {"first_name": "Zoë <3", "business_name": "A & B", "variables": {"Kickoff": "Monday"}}
    payload.pop("event_type", None)
    file, html = world.content / "payload.json", world.content / "out.html"
    file.write_text(json.dumps(payload), encoding="utf-8")
    words = ["noshow_recovery_email_1", "--sequence", "noshow", "--payload", str(file), "--html", str(html)]
    result = world.run("preview", *words)
    assert result.exit_code == 0, result.output
    token = unsubscribe_link.keys(UNSUBSCRIBE_KEY).token(opaque_ids.contact_id(payload["email"]))
    assert result.stdout.startswith(
        "Subject: Zoë <3, <hello>\n\n"
        "Discovery Call - $2997 Diagnostic Monday Sang Le - BusOS you\n"
        f"https://campaign.example.com/unsubscribe/{token}\n\nnoshow E1, due "
    )
    values = [line.split() for line in result.stdout.splitlines() if line.startswith("  {{")]
    sources = {words[0]: words[-1] for words in values}
    assert sources["{{first_name}}"] == sources["{{unsubscribe_url}}"] == "(payload)"
    assert sources["{{event_type}}"] == "(defaults)"
    assert sources["{{Kickoff}}"] == "(variables)"
    assert sources["{{sender_name}}"] == "(campaign)"
    assert sources["{{nickname|you}}"] == "(template)"
    assert html.read_text(encoding="utf-8").startswith("<p>A &amp; B</p>You get this e-mail because ")


def test_preview_reads_the_contact_and_the_signup(world: TemplateWorld) -> None:
    email = example("postcall")["email"]
    world.add(schema.CONTACTS, {"email": email, "Phase": "Phase 1 Assessment"})
    signup = {"Email": email, "Template Type": "5-Day Sequence", "Campaign": "Christmas 2025", "Assessment Score": 52}
    world.add(schema.SEQUENCE_PAGES, signup)
    world.add_template("postcall_maybe_email_1", html="{{Phase}} {{overall_score}}")
    preview = world.json("preview", "postcall_maybe_email_1", "--sequence", "postcall")
    values = {entry["name"]: (entry["value"], entry["source"]) for entry in preview["values"]}
    assert values["Phase"] == ("Phase 1 Assessment", "contact")
    assert values["overall_score"] == ("52", "signup")


def test_preview_names_a_placeholder_without_a_value(world: TemplateWorld) -> None:
    world.write_local("5-Day E2", subject="{{first_name}}", body="{{nobody_knows}}")
    html = world.content / "out.html"
    words = ["5-Day E2", "--sequence", "signup", f"--local={world.content}", "--html", str(html)]
    result = world.run("preview", *words)
    assert result.exit_code == 1
    assert "Subject" not in result.stdout
    assert "  {{nobody_knows}}     NOTHING\n" in result.stdout
    assert "no value for {{nobody_knows}}" in result.stderr
    preview = world.json("preview", *words, code=1)
    assert (preview["subject"], preview["html"], preview["text"]) == (None, None, None)
    assert '"Email Body HTML": no value for {{nobody_knows}}' in preview["problem"]
    assert {"name": "nobody_knows", "fallback": None, "value": None, "source": None} in preview["values"]
    assert not html.exists()
    assert world.sandbox.requests() == []


def test_preview_has_the_moment_in_the_campaigns_time(world: TemplateWorld) -> None:
    world.settings |= {"ENV_TIME_SCALE": "3600", "ENV_RESEND_URL": "http://127.0.0.1:1"}
    preview = world.json("preview", "5-Day E3", "--sequence", "signup", "--local")
    assert (preview["template"], preview["active"], preview["number"], preview["problem"]) == (
        "5-Day E3",
        True,
        3,
        None,
    )
    assert 57 < (times.parse(preview["scheduled"]) - datetime.now(UTC)).total_seconds() < 73


def test_preview_prefers_the_active_template(world: TemplateWorld) -> None:
    world.add_template("Spring", subject="{{first_name}}", status="Draft")
    result = world.run("preview", "Spring", "--sequence", "onboarding", "--json")
    assert result.stderr == 'The template "Spring" is not active: no e-mail is sent from it.\n'
    preview = json.loads(result.stdout)
    assert (preview["active"], preview["number"]) == (False, 1)
    world.add_template("Spring", subject="new")
    assert world.run("preview", "Spring", "--sequence", "signup").stdout.startswith("Subject: new\n")
    world.add_template("Spring", subject="newer")
    result = world.run("preview", "Spring", "--sequence", "signup")
    assert (result.exit_code, 'There are 2 active templates "Spring"' in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "payload", "error"),
    [
        (["Autumn"], None, 'there is no template "Autumn"; there are: 5-Day E1, 5-Day E2'),
        (["5-Day E2", "--number", "1"], None, "the sequence signup has no e-mail 1"),
        (["5-Day E2"], "[]", "payload.json is not a payload of signup: body must be a JSON object"),
    ],
)
def test_preview_without_template_email_or_payload_ends_with_2(
    world: TemplateWorld, words: list[str], payload: str | None, error: str
) -> None:
    file = world.content / "payload.json"
    file.write_text(payload or "", encoding="utf-8")
    options = ["--payload", str(file)] if payload else []
    result = world.run("preview", *words, "--sequence", "signup", "--local", *options)
    assert (result.exit_code, error in result.stderr) == (2, True), result.output
