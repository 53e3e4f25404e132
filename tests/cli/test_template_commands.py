"""`christmas templates` against a real sandbox: what it says, what it writes, and how it ends."""

from __future__ import annotations

import base64
import json
import os
import pty
import subprocess
import sys
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
from christmas_campaign.local.stack import PROJECT, SANDBOX_SETTINGS, create_databases
from christmas_campaign.notion import page_values, schema
from christmas_campaign.operations import template_sync
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.templates import template_check

TOKEN = "ntn_for_tests"
SECRETS = {"NOTION_TOKEN": TOKEN, "UNSUBSCRIBE_KEY": "a-key-of-the-links-0123456789"}
FOOTER = '{{mail_reason}} {{postal_address}} <a href="{{unsubscribe_url}}">Unsubscribe</a>'
TEXT_FOOTER = "{{mail_reason}} {{postal_address}} {{unsubscribe_url}}"
HTML, TEXT, SUBJECT, STATUS = (
    notion_names.TEMPLATE_HTML,
    notion_names.TEMPLATE_TEXT,
    notion_names.TEMPLATE_SUBJECT,
    notion_names.TEMPLATE_STATUS,
)


class World:
    """A sandbox's Notion with the campaign's databases, the settings for it, and a content folder."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.notion = Notion(sandbox.notion_url, TOKEN)
        ids = create_databases(self.notion)
        self.sources = {name: self.notion.data_source(each) for name, each in ids.items()}
        self.content = folder / "content"
        self.env_file = folder / "environment"
        self.settings = {
            **SANDBOX_SETTINGS,
            "ENV_NOTION_URL": sandbox.notion_url,
            **{f"SECRET_{name}": _base64(value) for name, value in {**ids, **SECRETS}.items()},
        }
        self.write_settings()
        (self.content / "templates").mkdir(parents=True)
        (self.content / "layout.html").write_text(f"<p>[[content]]</p>\n{FOOTER}\n", encoding="utf-8")
        (self.content / "layout.txt").write_text(f"[[content]]\n{TEXT_FOOTER}\n", encoding="utf-8")
        sandbox.reset_log()

    def write_settings(self, **settings: str | None) -> None:
        """Write the settings, with these besides or instead; ``None`` leaves one out."""
        given = {**self.settings, **settings}
        lines = [f"{name}={value}" for name, value in given.items() if value is not None]
        self.env_file.write_text("\n".join(lines), encoding="utf-8")

    def local(self, name: str, *, subject: str = "Hello", body: str = "Body", status: str = "Active") -> None:
        """Write a template into the content folder."""
        folder = self.content / "templates" / name.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        facts = {"name": name, "subject": subject, "preheader": "p", "status": status}
        said = "".join(f"{field} = {json.dumps(value)}\n" for field, value in facts.items())
        (folder / "template.toml").write_text(said, encoding="utf-8")
        for kind in ("html", "txt"):
            (folder / f"body.{kind}").write_text(body, encoding="utf-8")

    def add(self, name: str, *, subject: str = "Hello", html: str = "", text: str = "", status: str = "Active") -> str:
        """Make a template in Notion."""
        values = {notion_names.TEMPLATE_NAME: name, SUBJECT: subject, HTML: html + FOOTER, TEXT: text, STATUS: status}
        return self.make(schema.TEMPLATES, values)

    def make(self, database: schema.Database, values: dict[str, Any]) -> str:
        """Make a page, which does not count as a call."""
        page_id = self.notion.create_page(self.sources[database.setting], database, values)
        self.sandbox.reset_log()
        return page_id

    def add_all(self, **instead: str) -> None:
        """Make a good template for every e-mail."""
        for name in template_check.uses():
            self.add(name, **instead)

    def there(self) -> dict[str, dict[str, page_values.PropertyValue]]:
        """The templates in Notion, by name."""
        pages = self.notion.pages(self.sources[schema.TEMPLATES.setting])
        found = [page_values.plain(page) for page in pages]
        by_name = {str(page[notion_names.TEMPLATE_NAME]): page for page in found}
        assert len(by_name) == len(found)
        return by_name

    def written(self) -> list[tuple[str, set[str]]]:
        """What was written to Notion: the method, and the properties."""
        calls = [call for call in self.sandbox.requests("notion") if not call.path.endswith("/query")]
        return [(call.method, set(call.request["properties"])) for call in calls if call.method != "GET"]

    def run(self, command: str, *words: str) -> Result:
        """Run a command with the settings of this world."""
        return CliRunner().invoke(templates, [command, *words, "--env-file", str(self.env_file)])


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox") / "s.sqlite", notion_token=TOKEN, resend_key="re_for_tests")
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def world(process: Sandbox, tmp_path: Path) -> Iterator[World]:
    process.reset(notion=True)
    found = World(process, tmp_path)
    yield found
    found.notion.__exit__()


class FakeKestra(Kestra):
    """Keeps what it is told; with ``broken`` it is not there."""

    kept: dict[str, Any]
    broken = False

    def kv_put(self, key: str, value: Any, namespace: str = "christmas", *, ttl: str | None = None) -> None:
        assert (namespace, ttl) == ("christmas", None)
        if self.broken:
            raise KestraError("Kestra at x does not answer: no")
        self.kept[key] = value


@pytest.fixture
def kestra(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKestra]:
    fake = FakeKestra("http://127.0.0.1:1")
    fake.kept = {}
    monkeypatch.setattr(Environment, "kestra", lambda _: fake)
    yield fake
    fake.close()


# check


def test_check_says_of_each_email_where_its_values_come_from(world: World) -> None:
    world.add_all(html="{{first_name}} {{money_score|none}} {{weakest_system_1|no}} {{calendly_link}}")
    result = world.run("check")
    assert result.exit_code == 0, result.output
    block = result.stdout.split("\n\n")[1].splitlines()
    assert block[0] == "signup E2  5-Day E2"
    assert {line.strip().split("  ")[0]: line.strip().split("  ")[-1].strip() for line in block[1:]} == {
        "payload": "first_name, mail_reason, postal_address, unsubscribe_url",
        "payload?, template": "money_score, weakest_system_1",
        "campaign": "calendly_link",
    }
    assert "\nonboarding E3  onboarding_phase1_email_3\n" in result.stdout
    assert result.stdout.endswith("\n16 active templates, no faults.\n")


def test_check_names_faults_with_their_mends_and_ends_with_1(world: World) -> None:
    world.add_all()
    world.add("Spring", html="<b>{{x}}")
    world.add("Summer", status="Draft")
    result = world.run("check", "--faults-only")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "Spring (Email Body HTML): line 1: <b> is never closed",
        "    correction: write </b> where it ends",
        "notice: Spring: no sequence uses it",
        "notice: Summer: a page of this name is not active (Draft)",
        "17 active templates, 1 fault.",
    ]


def test_check_says_once_what_is_wrong_with_many(world: World) -> None:
    world.add_all(html="{{calendly_link}}", text=f"{{{{calendly_link}}}}{TEXT_FOOTER}")
    world.write_settings(ENV_CALENDLY_LINK=None)
    result = world.run("check", "--faults-only")
    assert result.exit_code == 1
    assert result.stdout.count("ENV_CALENDLY_LINK is missing") == 1
    assert result.stdout.count("correction:") == 1
    assert "    5-Day E2 (Email Body HTML, Email Body Plain Text), 5-Day E3 (" in result.stdout
    assert "16 active templates, 32 faults." in result.stdout


def test_a_hole_is_shown_where_the_values_come_from(world: World) -> None:
    world.add_all(html="{{nobody_knows}}")
    result = world.run("check", "5-Day E2")
    assert result.exit_code == 1
    assert "  variables?, else NOTHING  nobody_knows\n" in result.stdout


def test_check_reads_more_templates_than_notion_gives_at_once(world: World) -> None:
    world.add_all()
    for number in range(100):
        world.add(f"Other {number}")
    assert world.run("check", "--faults-only").stdout.endswith("116 active templates, no faults.\n")


def test_check_of_some_names_says_nothing_of_the_others(world: World) -> None:
    world.add_all()
    world.add("Spring", html="<b>")
    result = world.run("check", "5-Day E4", "noshow_recovery_email_1")
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if " E" in line and not line.startswith(" ")] == [
        "signup E4  5-Day E4",
        "noshow E1  noshow_recovery_email_1",
    ]
    assert result.stdout.endswith("2 active templates, no faults.\n")


def test_check_of_an_unknown_name_ends_with_2(world: World) -> None:
    world.add("Spring")
    result = world.run("check", "Autumn")
    assert result.exit_code == 2
    assert 'there is no template "Autumn"; there are: 5-Day E2' in result.stderr
    assert "Spring" in result.stderr
    assert result.stdout == ""


def test_a_missing_template_can_be_asked_for_by_its_name(world: World) -> None:
    result = world.run("check", "5-Day E2", "--faults-only")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "5-Day E2 (Template Name): a sequence needs it, and there is none"


def test_the_json_of_check(world: World) -> None:
    world.add_all()
    world.add("Spring", status="Draft")
    world.local("5-Day E2", subject="{{personalized_tip_1|…}} {{money_score}}")
    result = world.run("check", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert set(found) == {"templates", "faults", "notices"}
    assert found["faults"] == []
    assert found["notices"] == [{"template": "Spring", "note": "a page of this name is not active (Draft)"}]
    assert [each["name"] for each in found["templates"]] == list(template_check.uses())

    result = world.run("check", "5-Day E2", "--json", f"--local={world.content}")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    (only,) = found["templates"]
    assert (only["name"], only["uses"]) == ("5-Day E2", [{"sequence": "signup", "number": 2}])
    assert only["placeholders"][0] == {
        "name": "personalized_tip_1",
        "fallback": "…",
        "parts": ["Subject Line"],
        "sources": {
            "signup": [
                {"source": "payload", "certain": False, "computed_from": "weakest_system_1"},
                {"source": "variables", "certain": False, "computed_from": None},
                {"source": "template", "certain": True, "computed_from": None},
                {"source": "defaults", "certain": True, "computed_from": None},
            ]
        },
    }
    assert [set(fault) for fault in found["faults"]] == [{"template", "part", "problem", "mend"}]
    assert found["faults"][0]["part"] == "Subject Line"


def test_a_page_in_the_trash_is_no_template(world: World) -> None:
    world.add_all()
    world.notion.archive_page(world.add("Spring", html="<b>"))
    assert world.run("check", "--faults-only").stdout == "16 active templates, no faults.\n"


def test_the_example_content_is_without_fault(world: World) -> None:
    result = world.run("check", "--local")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.endswith("17 active templates, no faults.\n")
    assert world.sandbox.requests() == []


def test_the_settings_come_from_the_environment_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHRISTMAS_ENV_FILE", str(world.env_file))
    assert CliRunner().invoke(templates, ["check", "--local", "--faults-only"]).exit_code == 0
    monkeypatch.delenv("CHRISTMAS_ENV_FILE")
    for name in SANDBOX_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(templates, ["check", "--local", "--faults-only"])
    assert result.exit_code == 1
    assert "the setting ENV_PUBLIC_URL or SECRET_UNSUBSCRIBE_KEY is missing" in result.stdout


def test_testing_mode_is_one_of_the_settings() -> None:
    read = {**SANDBOX_SETTINGS, "SECRET_TESTING_MODE": _base64("true")}
    settings = template_sync.settings_of(Environment(read))
    assert settings.testing_mode is True
    assert settings.sender_address == SANDBOX_SETTINGS["ENV_SENDER_ADDRESS"]
    assert template_sync.settings_of(Environment({})) == Settings()


def test_what_cannot_be_checked_ends_with_2_and_one_sentence(world: World) -> None:
    world.write_settings(ENV_CALENDLY_LINK="calendly")
    result = world.run("check", "--local")
    assert result.exit_code == 2
    assert result.stderr.startswith("christmas: ENV_CALENDLY_LINK must be a complete URL")
    assert str(world.env_file) in result.stderr
    world.write_settings(SECRET_NOTION_TOKEN=_base64("another"))
    result = world.run("check")
    assert result.exit_code == 2
    assert result.stderr.startswith("christmas: Notion GET /databases/")
    assert len(result.stderr.splitlines()) == 1


def test_a_folder_without_templates_ends_with_2(world: World, tmp_path: Path) -> None:
    result = world.run("check", f"--local={tmp_path}")
    assert result.exit_code == 2
    assert result.stderr.startswith("christmas: ")
    assert "layout.html" in result.stderr
    (world.content / "templates").rmdir()
    result = world.run("check", f"--local={world.content}")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"christmas: the templates in {world.content} cannot be read:")
    (world.content / "layout.html").write_bytes(b"\xff")
    assert world.run("check", f"--local={world.content}").exit_code == 2


# push


def test_without_yes_and_without_a_terminal_push_only_shows(world: World) -> None:
    world.local("5-Day E2", subject="New")
    page = world.add("5-Day E3", subject="Old", html="<p>Body</p>\n", text=f"Body\n{TEXT_FOOTER}\n")
    world.local("5-Day E3", subject="New")
    before = world.notion.page(page)
    world.sandbox.reset_log()
    result = world.run("push", str(world.content))
    assert result.exit_code == 3, result.output
    lines = result.stdout.splitlines()
    assert "+++ here: 5-Day E2: Email Body HTML" in lines
    assert "+<p>Body</p>" in lines
    assert lines[lines.index("--- Notion: 5-Day E3: Subject Line") :][:5] == [
        "--- Notion: 5-Day E3: Subject Line",
        "+++ here: 5-Day E3: Subject Line",
        "@@ -1 +1 @@",
        "-Old",
        "+New",
    ]
    assert lines[-1] == "1 new, 1 changed. Nothing was written: run it again with --yes to put it into Notion."
    assert world.written() == []
    assert list(world.there()) == ["5-Day E3"]
    assert world.notion.page(page)["properties"] == before["properties"]


def test_push_writes_exactly_what_differs_and_the_second_push_nothing(world: World) -> None:
    html = f"<p>Body</p>\n{FOOTER}\n"
    values = {SUBJECT: "Old", HTML: html, TEXT: f"Body\n{TEXT_FOOTER}\n", STATUS: "Draft"}
    world.make(schema.TEMPLATES, {notion_names.TEMPLATE_NAME: "5-Day E3", **values})
    world.add("Only in Notion", status="Draft")
    for name in ("5-Day E2", "5-Day E3"):
        world.local(name)
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-3:-1] == ["created: 5-Day E2", "changed: 5-Day E3"]
    everything = {each.name for each in schema.TEMPLATES.properties}
    assert world.written() == [("POST", everything), ("PATCH", {SUBJECT, STATUS})]
    good = {SUBJECT: "Hello", HTML: html, TEXT: f"Body\n{TEXT_FOOTER}\n", STATUS: "Active"}
    there = world.there()
    assert there["5-Day E2"] == {notion_names.TEMPLATE_NAME: "5-Day E2", **good}
    assert there["5-Day E3"] == {notion_names.TEMPLATE_NAME: "5-Day E3", **good}
    assert there["Only in Notion"][STATUS] == "Draft"

    world.sandbox.reset_log()
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 0
    assert result.stdout == "Nothing differs: 2 of 2 templates in Notion are the same as here.\n"
    assert world.written() == []


def test_the_example_content_goes_up_and_is_checked_there(world: World) -> None:
    assert world.run("push", "--yes").exit_code == 0
    local = {each.name: each.values() for each in content.templates(PROJECT / "content")}
    assert world.there() == local
    assert world.run("push").stdout == "Nothing differs: 17 of 17 templates in Notion are the same as here.\n"
    assert world.run("check", "--faults-only").stdout == "17 active templates, no faults.\n"


def test_a_long_body_with_emoji_goes_up_and_comes_back_unchanged(world: World) -> None:
    body = "".join(f"{number} 🎄 Lệ Ngọc's \\ “salon” & 👩‍🦰\n\n" for number in range(1_100))
    assert len(body) > 30_000
    world.local("5-Day E2", body=body)
    assert world.run("push", str(world.content), "--yes").exit_code == 0
    pages: list[Any] = list(world.notion.pages(world.sources[schema.TEMPLATES.setting]))
    (page,) = pages
    objects = page["properties"][HTML]["rich_text"]
    assert len(objects) > 15
    assert max(len(each["text"]["content"].encode("utf-16-le")) for each in objects) <= 4_000
    assert world.there()["5-Day E2"][HTML] == f"<p>{body.rstrip()}</p>\n{FOOTER}\n"
    assert world.run("push", str(world.content)).stdout.startswith("Nothing differs")


def test_a_line_end_alone_is_a_difference_that_is_shown(world: World) -> None:
    world.local("5-Day E2")
    world.run("push", str(world.content), "--yes")
    (world.content / "layout.txt").write_text(f"[[content]]\n{TEXT_FOOTER}", encoding="utf-8")
    result = world.run("push", str(world.content))
    assert result.stdout.splitlines()[:2] == [
        "--- Notion: 5-Day E2: Email Body Plain Text",
        "+++ here: 5-Day E2: Email Body Plain Text",
    ]
    assert result.stdout.splitlines()[-2:] == [
        "-",
        "0 new, 1 changed. Nothing was written: run it again with --yes to put it into Notion.",
    ]
    world.run("push", str(world.content), "--yes")
    (world.content / "layout.txt").write_text(f"[[content]]\n{TEXT_FOOTER}\n", encoding="utf-8")
    assert world.run("push", str(world.content)).stdout.splitlines()[-2] == "+"


def test_template_without_body_txt_is_pushed_with_an_empty_plain_text(world: World) -> None:
    world.local("5-Day E2")
    (world.content / "templates" / "5-Day-E2" / "body.txt").unlink()
    (world.content / "layout.txt").unlink()
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 0, result.output
    assert world.there()["5-Day E2"][TEXT] in ("", None)
    assert world.there()["5-Day E2"][HTML] == f"<p>Body</p>\n{FOOTER}\n"
    again = world.run("push", str(world.content), "--yes")
    assert again.stdout == "Nothing differs: 1 of 1 templates in Notion are the same as here.\n"


def test_only_the_templates_that_are_named_are_pushed(world: World) -> None:
    for name in ("5-Day E2", "5-Day E3", "5-Day E4"):
        world.local(name)
    world.local("Broken", body="<b>")
    result = world.run("push", str(world.content), "--yes", "--only", "5-Day E2", "--only", "5-Day E4")
    assert result.exit_code == 0
    assert set(world.there()) == {"5-Day E2", "5-Day E4"}
    result = world.run("push", str(world.content), "--yes", "--only", "5-Day E9")
    assert result.exit_code == 2
    assert 'there is no template "5-Day E9" in' in result.stderr
    assert "there are: 5-Day E2, 5-Day E3, 5-Day E4, Broken" in result.stderr


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"body": "{{a.b}}"}, "not a placeholder: {{a.b}}"),
        ({"subject": "{{a|b"}, "not a placeholder: {{a|b"),
        ({"body": "<b>"}, "line 1: <b> of line 1 is still open at </p>"),
        ({"body": "x" * 200_001}, "it is longer than Notion allows"),
    ],
)
def test_a_template_with_a_fault_is_not_pushed_and_nothing_else_either(
    world: World, given: dict[str, str], problem: str
) -> None:
    world.local("5-Day E2")
    world.local("5-Day E3", **given)
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 1
    assert "5-Day E3 (" in result.stdout
    assert problem in result.stdout
    assert result.stdout.endswith("\nNothing was written.\n")
    assert world.sandbox.requests() == []


@pytest.mark.parametrize("layout", ["layout.html", "layout.txt"])
def test_a_template_without_a_link_to_unsubscribe_is_not_pushed(world: World, layout: str) -> None:
    (world.content / layout).write_text("[[content]]", encoding="utf-8")
    world.local("5-Day E2")
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 1
    assert "it has no link to unsubscribe" in result.stdout
    assert world.there() == {}


def test_an_empty_body_is_not_pushed(world: World) -> None:
    (world.content / "layout.html").write_text("[[content]]\n", encoding="utf-8")
    world.local("5-Day E2", body="")
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 1
    assert result.stdout.startswith("5-Day E2 (Email Body HTML): it is empty\n    correction: fill it in\n")


def test_two_pages_of_one_name_are_refused_with_the_mend(world: World) -> None:
    world.add("5-Day E3")
    world.add("5-Day E3", status="Draft")
    world.local("5-Day E2")
    world.local("5-Day E3")
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 2
    assert 'Notion has 2 pages called "5-Day E3"' in result.stderr
    assert "move all but one to the trash" in result.stderr
    assert world.written() == []
    assert world.run("push", str(world.content), "--yes", "--only", "5-Day E2").exit_code == 0


def test_a_page_in_the_trash_does_not_count(world: World) -> None:
    world.notion.archive_page(world.add("5-Day E2"))
    world.local("5-Day E2")
    assert "created: 5-Day E2" in world.run("push", str(world.content), "--yes").stdout


def test_two_folders_with_one_template_are_refused(world: World) -> None:
    world.local("5-Day E2")
    (world.content / "templates" / "5-Day-E2").rename(world.content / "templates" / "another")
    world.local("5-Day E2")
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 2
    assert 'has two templates called "5-Day E2"' in result.stderr


COMMAND = "from christmas_campaign.cli.template_commands import templates; templates()"


@pytest.mark.parametrize(("answer", "code", "last"), [("y", 0, "It counts within"), ("n", 1, "Nothing was written.")])
def test_at_a_terminal_push_asks(world: World, answer: str, code: int, last: str) -> None:
    world.local("5-Day E2")
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-c", COMMAND, "push", str(world.content), "--env-file", str(world.env_file)]
    os.write(ours, f"{answer}\n".encode())
    result = subprocess.run(argv, stdin=theirs, capture_output=True, text=True, timeout=30, check=False)
    os.close(ours)
    os.close(theirs)
    assert "1 new, 0 changed. Put it into Notion? [y/N]" in result.stdout
    assert last in result.stdout.splitlines()[-1]
    assert result.returncode == code, result.stderr
    assert list(world.there()) == (["5-Day E2"] if answer == "y" else [])


# refresh, and when a push counts


def test_refresh_sets_the_entry_that_the_flows_send_along(kestra: FakeKestra) -> None:
    before = datetime.now(UTC)
    moment = template_sync.refresh(kestra)
    assert kestra.kept == {"cache.as_of": moment}
    assert moment.endswith("Z")
    assert 0 <= (times.parse(moment) - before).total_seconds() + 0.001 < 10
    flow = PROJECT / "flows/christmas-send-email.yml"
    assert f"kv('{template_sync.CACHE_KEY}'" in flow.read_text(encoding="utf-8")


def test_refresh_says_what_it_did(world: World, kestra: FakeKestra) -> None:
    result = world.run("refresh")
    assert result.exit_code == 0
    assert result.stdout == f"Templates that were read before {kestra.kept['cache.as_of']} are read again.\n"
    kestra.broken = True
    result = world.run("refresh")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "christmas: Kestra at x does not answer: no\n"


def test_a_push_counts_at_once_where_there_is_a_kestra(world: World, kestra: FakeKestra) -> None:
    world.write_settings(KESTRA_URL="http://127.0.0.1:1")
    world.local("5-Day E2")
    assert world.run("push", str(world.content)).exit_code == 3
    assert kestra.kept == {}
    result = world.run("push", str(world.content), "--yes")
    assert result.stdout.endswith("created: 5-Day E2\nIt counts at once.\n")
    assert list(kestra.kept) == ["cache.as_of"]
    kestra.kept.clear()
    assert world.run("push", str(world.content), "--yes").exit_code == 0
    assert kestra.kept == {}


def test_a_push_counts_later_without_a_kestra(world: World, kestra: FakeKestra) -> None:
    world.local("5-Day E2")
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == ("It counts within five minutes. Set KESTRA_URL, and it counts at once.")
    assert kestra.kept == {}


def test_a_push_counts_later_where_kestra_does_not_answer(world: World) -> None:
    world.write_settings(KESTRA_URL="http://127.0.0.1:1")
    world.local("5-Day E2")
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith(
        "It counts within five minutes, because Kestra cannot be reached: Kestra at http://127.0.0.1:1 does not answer"
    )


def test_what_was_written_before_notion_refused_counts_at_once_too(world: World, kestra: FakeKestra) -> None:
    world.write_settings(KESTRA_URL="http://127.0.0.1:1")
    for name in ("5-Day E2", "5-Day E3"):
        world.local(name)
    world.add("5-Day E3")
    world.sandbox.fault("notion", "status", status=503, method="PATCH")
    result = world.run("push", str(world.content), "--yes")
    assert result.exit_code == 2
    assert result.stdout.endswith("created: 5-Day E2\nIt counts at once.\n")
    assert "HTTP 503" in result.stderr
    assert list(kestra.kept) == ["cache.as_of"]


# preview


def test_preview_shows_the_email_and_where_each_value_came_from(world: World) -> None:
    world.add(
        "noshow_recovery_email_1",
        subject="{{first_name}}, <hello>",
        html="<p>{{business_name}}</p>",
        text="{{event_type}} {{Kickoff}} {{sender_name}} {{nickname|you}}\n{{unsubscribe_url}}\n",
    )
    payload = world.env_file.with_name("payload.json")
    given = json.loads((PROJECT / "examples" / "noshow.json").read_text(encoding="utf-8"))
    given |= {"first_name": "Zoë <3", "business_name": "A & B", "variables": {"Kickoff": "Monday"}}
    given.pop("event_type", None)
    payload.write_text(json.dumps(given), encoding="utf-8")
    token = unsubscribe_link.keys(SECRETS["UNSUBSCRIBE_KEY"]).token(opaque_ids.contact_id(given["email"]))
    link = f"https://campaign.example.com/unsubscribe/{token}"
    html = world.env_file.with_name("out.html")
    words = ["noshow_recovery_email_1", "--sequence", "noshow", "--payload", str(payload), "--html", str(html)]
    result = world.run("preview", *words)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "Subject: Zoë <3, <hello>\n\n"
        "Discovery Call - $2997 Diagnostic Monday Sang Le - BusOS you\n"
        f"{link}\n\nnoshow E1, due "
    )
    values = [line.split() for line in result.stdout.splitlines() if line.startswith("  {{")]
    assert [(line[0], line[-1]) for line in values] == [
        ("{{first_name}}", "(payload)"),
        ("{{business_name}}", "(payload)"),
        ("{{mail_reason}}", "(payload)"),
        ("{{postal_address}}", "(payload)"),
        ("{{unsubscribe_url}}", "(payload)"),
        ("{{event_type}}", "(defaults)"),
        ("{{Kickoff}}", "(variables)"),
        ("{{sender_name}}", "(campaign)"),
        ("{{nickname|you}}", "(template)"),
    ]
    assert html.read_text(encoding="utf-8").startswith("<p>A &amp; B</p>You get this e-mail because ")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_preview_shows_an_email_before_a_call_that_is_past(world: World, number: int) -> None:
    call = "2025-12-02T15:00:00Z"
    payload = world.env_file.with_name("payload.json")
    given = json.loads((PROJECT / "examples" / "precall.json").read_text(encoding="utf-8"))
    payload.write_text(json.dumps({**given, "scheduled_time": call}), encoding="utf-8")
    words = ["--sequence", "precall", "--payload", str(payload), "--local", "--json"]
    result = world.run("preview", f"precall_email_{number}", *words)
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    delay = sequence("precall").email(number).delay
    assert times.parse(shown["scheduled"]) == times.parse(call) + delay
    assert shown["problem"] is None
    assert shown["text"]


def test_preview_knows_what_notion_knows_of_the_contact(world: World) -> None:
    name = "postcall_maybe_email_1"
    given = json.loads((PROJECT / "examples" / "postcall.json").read_text(encoding="utf-8"))
    email = given["email"]
    world.make(schema.CONTACTS, {"email": email, "Phase": "Phase 1 Assessment"})
    page = {"Email": email, "Template Type": "5-Day Sequence", "Campaign": "Christmas 2025", "Assessment Score": 52}
    world.make(schema.SEQUENCE_PAGES, page)
    world.add(name, html="{{Phase}} {{overall_score}}")
    result = world.run("preview", name, "--sequence", "postcall", "--json")
    assert result.exit_code == 0, result.output
    found = {each["name"]: (each["value"], each["source"]) for each in json.loads(result.stdout)["values"]}
    assert found["Phase"] == ("Phase 1 Assessment", "contact")
    assert found["overall_score"] == ("52", "signup")
    # The signup itself asks for no other page than her contact's.
    world.add("5-Day E2", html="{{Phase|none}}")
    world.write_settings(SECRET_NOTION_EMAIL_SEQUENCE_DB_ID=None)
    assert world.run("preview", "5-Day E2", "--sequence", "signup").exit_code == 0


def test_preview_of_an_email_with_a_hole_ends_with_1_and_names_it(world: World) -> None:
    world.local("5-Day E2", subject="{{first_name}}", body="{{nobody_knows}}")
    words = ["5-Day E2", "--sequence", "signup", f"--local={world.content}"]
    result = world.run("preview", *words)
    assert result.exit_code == 1
    assert "Subject" not in result.stdout
    assert "  {{nobody_knows}}     NOTHING\n" in result.stdout
    assert "no value for {{nobody_knows}}" in result.stderr
    html = world.env_file.with_name("out.html")
    result = world.run("preview", *words, "--json", "--html", str(html))
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["subject"], found["html"], found["text"]) == (None, None, None)
    assert '"Email Body HTML": no value for {{nobody_knows}}' in found["problem"]
    assert {"name": "nobody_knows", "fallback": None, "value": None, "source": None} in found["values"]
    assert not html.exists()
    assert world.sandbox.requests() == []


def test_the_json_of_preview(world: World) -> None:
    result = world.run("preview", "5-Day E3", "--sequence", "signup", "--local", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert list(found) == [
        *("template", "active", "sequence", "number", "scheduled", "subject", "html", "text", "problem", "values")
    ]
    assert (found["template"], found["active"], found["sequence"], found["number"]) == ("5-Day E3", True, "signup", 3)
    assert found["problem"] is None
    assert "{{" not in found["subject"] + found["html"] + found["text"]
    assert {"name": "first_name", "fallback": None, "value": "Élise", "source": "payload"} in found["values"]
    assert 71 < (times.parse(found["scheduled"]) - datetime.now(UTC)).total_seconds() / 3_600 < 73


def test_preview_counts_days_from_the_emails_own_date(world: World) -> None:
    words = ["preview", "5-Day E3", "--sequence", "signup", "--local", "--json"]
    world.write_settings(ENV_TIME_SCALE="3600", ENV_RESEND_URL="http://127.0.0.1:1")
    scaled = json.loads(world.run(*words).stdout)
    assert 60 < (times.parse(scaled["scheduled"]) - datetime.now(UTC)).total_seconds() < 73
    world.write_settings(SECRET_TESTING_MODE=_base64("true"))
    testing = json.loads(world.run(*words, "--number", "5").stdout)
    assert testing["number"] == 5
    assert 225 < (times.parse(testing["scheduled"]) - datetime.now(UTC)).total_seconds() < 241


def test_any_template_can_be_seen_as_any_email(world: World) -> None:
    world.add("Spring", subject="{{first_name}}", status="Draft")
    result = world.run("preview", "Spring", "--sequence", "onboarding", "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == 'The template "Spring" is not active: no e-mail is sent from it.\n'
    found = json.loads(result.stdout)
    assert (found["active"], found["number"]) == (False, 1)


def test_preview_takes_the_active_template_as_the_send_does(world: World) -> None:
    world.add("5-Day E2", subject="old", status="Draft")
    world.add("5-Day E2", subject="new")
    result = world.run("preview", "5-Day E2", "--sequence", "signup")
    assert result.stdout.startswith("Subject: new\n")
    world.add("5-Day E2", subject="newer")
    result = world.run("preview", "5-Day E2", "--sequence", "signup")
    assert result.exit_code == 1
    assert 'There are 2 active templates "5-Day E2"' in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Autumn", "--sequence", "signup"], 'there is no template "Autumn"; there are: 5-Day E1, 5-Day E2'),
        (["5-Day E2", "--sequence", "signup", "--number", "1"], "the sequence signup has no e-mail 1"),
    ],
)
def test_what_is_not_there_cannot_be_shown(world: World, words: list[str], said: str) -> None:
    result = world.run("preview", *words, "--local")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"christmas: {said}")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("{", "is not a payload: Expecting"),
        ('{"email": "a@example.com", "first_name": 3, "assessment_score": "x"}', "assessment_score must be a number"),
        ("[]", "is not a payload of signup: body must be a JSON object"),
    ],
)
def test_a_payload_that_is_none_is_refused_with_its_file(world: World, payload: str, said: str) -> None:
    file = world.env_file.with_name("payload.json")
    file.write_text(payload, encoding="utf-8")
    result = world.run("preview", "5-Day E2", "--sequence", "signup", "--payload", str(file), "--local")
    assert result.exit_code == 2
    assert str(file) in result.stderr
    assert said in result.stderr
