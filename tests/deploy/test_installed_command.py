"""The installed `christmas` command: every command that docs/production.md names, run in an empty folder.

Kestra is the embedded engine with basic auth; the sandbox replaces Notion and Resend. Engine and door start with the files
that `christmas secrets encode` wrote.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from door.process import signature_headers
from support import free_port, payload, until

from christmas_campaign.campaign import notion_names
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment import env_file
from christmas_campaign.door.routes import PUBLIC_PATHS
from christmas_campaign.local.child_process import Child
from christmas_campaign.local.engine import Engine
from christmas_campaign.local.sandbox import Sandbox
from christmas_campaign.local.stack import create_databases
from christmas_campaign.notion import schema
from deploy.conftest import PROJECT, run_install

PAGE = PROJECT / "docs" / "production.md"

NOTION_TOKEN = "ntn_" + "3kT7wQ9zLmVx2bRn5cYp" * 2 + "8hJd4s"
RESEND_KEY = "re_8hJd4s_Lm5VxbRncYpzQwT7k"
ADDRESS, LATER_ADDRESS = "ana@example.com", "bea@example.com"


class Command(NamedTuple):
    """A command as typed, a part of its output, its exit code, a step before it, and more environment variables."""

    words: str
    prints: str
    code: int = 0
    before: Callable[[Server], object] | None = None
    environment: dict[str, str] = {}  # noqa: RUF012 - never changed


class Server:
    """The server of production.md: an installed command, the folder with the settings, and what Compose would start."""

    def __init__(self, venv: Path, folder: Path, children: ExitStack) -> None:
        self.folder = folder
        self.settings_file = folder / ".env"
        self._venv = venv
        self._children = children
        self._kestra_port = free_port()
        self.sandbox = Sandbox(folder / "sandbox.sqlite", notion_token=NOTION_TOKEN, resend_key=RESEND_KEY)
        self.sandbox.start()
        children.callback(self.sandbox.stop)
        self._door_url = ""

    def christmas(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command as the page says: in the folder with the settings, with CHRISTMAS_ENV_FILE."""
        env = {"PATH": f"{self._venv / 'bin'}:/usr/bin:/bin", "HOME": str(self.folder), **environment}
        env.setdefault("CHRISTMAS_ENV_FILE", str(self.settings_file))
        return subprocess.run(
            ["christmas", *words], env=env, cwd=self.folder, capture_output=True, text=True, timeout=170, check=False
        )

    def settings(self, suffix: str = "") -> dict[str, str]:
        """Return the settings, or the environment of a container."""
        file = Path(f"{self.settings_file}{suffix}")
        return {line.name: line.value for line in env_file.read(file.read_text(encoding="utf-8"))}

    def fill_in(self) -> None:
        """Fill in the settings that the owner has to, with the sandbox as Notion and Resend."""
        with Notion(self.sandbox.notion_url, NOTION_TOKEN) as notion:
            databases = create_databases(notion)
        values = {
            **databases,
            "NOTION_TOKEN": NOTION_TOKEN,
            "NOTION_URL": self.sandbox.notion_url,
            "RESEND_API_KEY": RESEND_KEY,
            "RESEND_URL": self.sandbox.resend_url,
            "KESTRA_URL": f"http://127.0.0.1:{self._kestra_port}",
            "KESTRA_USERNAME": "owner@mail.sangle.ca",
            "TESTING_MODE": "false",
            "SENDER_ADDRESS": "value@mail.sangle.ca",
            "DOMAIN": "campaign.sangle.ca",
            "PUBLIC_URL": "https://campaign.sangle.ca",
            "POSTAL_ADDRESS": "1 Main Street, Toronto ON M5V 0A1, Canada",
            "CALENDLY_LINK": "https://calendly.com/sangle/diagnostic",
            "PDF_DOWNLOAD_LINK": "https://www.sangle.ca/guide.pdf",
            "UNSUBSCRIBE_ADDRESS": "",
            "DISCORD_WEBHOOK_URL": "",
        }
        text = self.settings_file.read_text(encoding="utf-8")
        for name, value in values.items():
            text = re.sub(rf"^{name}=.*\n", "", text, flags=re.MULTILINE) + f"{name}={env_file.quoted(value)}\n"
        self.settings_file.write_text(text, encoding="utf-8")

    def start_containers(self) -> None:
        """Start Kestra and the door with the files of `secrets encode`."""
        kestra, door = self.settings(".kestra"), self.settings(".door")
        own = self.settings()
        engine = Engine(
            self.folder / "engine",
            port=self._kestra_port,
            auth=(own["KESTRA_USERNAME"], own["KESTRA_PASSWORD"]),
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **kestra},
        )
        engine.start()
        self._children.callback(engine.stop)
        assert httpx.get(f"{engine.url}/api/v1/main/flows/christmas", timeout=30).status_code == 401
        compose = {
            "PATH": os.environ["PATH"],
            "DOOR_LISTEN": "127.0.0.1:0",
            "DOOR_KESTRA_URL": engine.url,
            "DOOR_KESTRA_HEALTH_URL": f"{engine.url}/health",
            "DOOR_INBOX": str(self.folder / "inbox.sqlite"),
        }
        argv = [sys.executable, "-m", "christmas_campaign.door", "--child"]
        process = Child("the door", argv, env={**door, **compose}, log=self.folder / "door.log")
        self._door_url = str(process.start(60)["url"])
        self._children.callback(process.stop)

    def post(self, name: str, body: dict[str, Any], *, signed: bool = False) -> None:
        """Post an event to the door."""
        content, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        if signed:
            headers |= signature_headers("signup", content, self.settings()["SIGNING_WEBSITE"])
        answer = httpx.post(self._door_url + PUBLIC_PATHS[name], content=content, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text

    def write_wrong_password(self) -> None:
        """Write a copy of the settings with another password of Kestra."""
        lines = self.settings_file.read_text(encoding="utf-8").splitlines()
        text = "\n".join(line for line in lines if not line.startswith("KESTRA_PASSWORD="))
        (self.folder / "wrong.env").write_text(f"{text}\nKESTRA_PASSWORD=Wrong-Pass-19\n", encoding="utf-8")

    def sign_up_while_paused(self) -> None:
        """Sign up a contact whose E2 is overdue, and wait until the pause holds it."""
        long_ago = (datetime.now(UTC) - timedelta(days=2)).isoformat()
        self.post("signup", payload(ADDRESS, email_1_sent_at=long_ago), signed=True)
        until(lambda: "1 is due and waiting" in self.christmas("pause").stdout, "the e-mail to be held")
        assert self.mails(ADDRESS) == []

    def fail_a_noshow(self) -> None:
        """Wait for the e-mail that `resume` sends, then post an event of a contact who is not in BusinessX."""
        until(lambda: len(self.mails(ADDRESS)) == 1, "the mail")
        self.post("noshow", payload(LATER_ADDRESS, "noshow"))
        until(lambda: "contact_not_found" in self.christmas("failures").stdout, "the failure")

    def add_contact(self) -> None:
        """Put the missing contact into BusinessX."""
        with Notion(self.sandbox.notion_url, NOTION_TOKEN) as notion:
            source = notion.data_source(self.settings()["NOTION_BUSINESSX_DB_ID"])
            notion.create_page(
                source, schema.CONTACTS, {notion_names.CONTACT_EMAIL: LATER_ADDRESS, "first_name": "Bea"}
            )

    def wait_for_no_failure(self) -> None:
        """Wait until the replay has enrolled the contact."""
        until(lambda: self.christmas("failures").returncode == 0, "the end of the failure")

    def mails(self, address: str) -> list[str]:
        """Return the subjects of the e-mails to an address."""
        return [mail.subject for mail in self.sandbox.mails() if mail.to == (address,)]


#: Every command of production.md, in an order in which an owner could run them.
COMMANDS = (
    Command("--version", "christmas, version "),
    Command("secrets make", ".env was created from the example."),
    Command("secrets check", "NOTION_TOKEN", code=1),
    Command("secrets check", "All settings are valid.", before=Server.fill_in),
    Command("secrets encode", ".env.door: "),
    Command("notion check", "All 5 databases have what the campaign needs."),
    Command("notion setup", "There is nothing to do."),
    Command("templates check", "there is none", code=1),
    Command("templates check --local", "no faults"),
    Command("templates push --yes", "created: 5-Day E2"),
    Command("templates push", "Nothing differs"),
    Command("templates check", "no faults"),
    Command("templates preview '5-Day E2' --sequence signup --local", "1 Main Street, Toronto"),
    Command("templates preview noshow_recovery_email_1 --sequence noshow", "1 Main Street, Toronto"),
    Command("smoke", "SMOKE=yes", code=2),
    Command("smoke", "an e-mail to delivered@resend.dev was accepted", environment={"SMOKE": "yes"}),
    Command("flows deploy", "new: enroll", before=Server.start_containers),
    Command("flows deploy", " are unchanged."),
    Command("templates refresh", "are read again"),
    # Compose runs it in the door's container, with the door's environment.
    Command("inbox", "No call waits.", environment={"CHRISTMAS_ENV_FILE": "", "DOOR_INBOX": "inbox.sqlite"}),
    Command("pause", "All e-mails are paused from now on"),
    Command("pause", "1 is due and waiting", before=Server.sign_up_while_paused),
    Command("repair", "Nothing needs repair."),
    Command(
        "failures",
        "refused the user or the password",
        code=2,
        before=Server.write_wrong_password,
        environment={"CHRISTMAS_ENV_FILE": "wrong.env"},
    ),
    Command("resume", "1 is overdue and is sent now."),
    Command("failures", "contact_not_found", code=1, before=Server.fail_a_noshow),
    Command("replay --all --yes", "", before=Server.add_contact),
    Command("failures", "", before=Server.wait_for_no_failure),
    Command("repair --apply", "Nothing needs repair."),
    Command(f"stop {LATER_ADDRESS} --yes", "stopped"),
    Command("stopped", "stopped_by_person"),
    Command("stopped --json", '"reason": "stopped_by_person"'),
    Command(f"go-on {LATER_ADDRESS} --yes", ""),
    Command(f"notion release {LATER_ADDRESS}", "", code=1),
    Command(f"unsubscribe-link {ADDRESS}", "https://campaign.sangle.ca/"),
    Command(f"forget {ADDRESS} --inbox inbox.sqlite", "run it again with --yes", code=3),
    Command(f"forget {ADDRESS} --inbox inbox.sqlite --yes", " is forgotten: all data is erased"),
    Command(f"stopped {ADDRESS}", "unsubscribed"),
    Command(f"forget {ADDRESS} --inbox inbox.sqlite", "there is no data"),
    Command("secrets rotate SIGNING_WEBSITE", "SIGNING_WEBSITE: there is a new secret."),
    Command("secrets rotate SIGNING_WEBSITE --finish", "SIGNING_WEBSITE: the old secrets are dropped."),
)


def documented() -> set[str]:
    """Return every command in the code of the page."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```.*?^ *```$", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`[^`]+`", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL))
    commands = re.findall(r"(?<![\w/.-])christmas((?: (?:--)?[a-z][a-z-]*)+)", "\n".join([*blocks, *inline]))
    return {words.strip() for words in commands}


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the command from this checkout into an empty folder, with the line of the page."""
    folder = tmp_path_factory.mktemp("opt")
    venv = folder / "christmas-command"
    (line,) = re.findall(r"^ *sudo (sh deploy/install\.sh .+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    run_install(*shlex.split(line.replace("/opt/christmas-command", str(venv))), cwd=PROJECT)
    return venv


@pytest.fixture
def server(venv: Path, tmp_path: Path) -> Iterator[Server]:
    with ExitStack() as children:
        yield Server(venv, tmp_path, children)


def test_list_covers_every_command_of_the_page() -> None:
    named = documented()
    assert {"secrets make", "stopped --json", "inbox", "repair"} <= named
    tested = [f"{command.words} " for command in COMMANDS]
    assert [words for words in named if not any(command.startswith(f"{words} ") for command in tested)] == []


@pytest.mark.timeout(480)
def test_every_command_of_the_page_works_in_an_installation(server: Server) -> None:
    for command in COMMANDS:
        if command.before is not None:
            command.before(server)
        done = server.christmas(*shlex.split(command.words), **command.environment)
        log = f"christmas {command.words}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in log, log
        assert done.returncode == command.code, log
        assert command.prints in done.stdout + done.stderr, log
    assert server.mails("delivered@resend.dev") != []
    assert len(server.mails(ADDRESS)) == 1
    # The installation leaves the sources clean.
    assert not (PROJECT / "build").exists()
    assert not list((PROJECT / "src").glob("*.egg-info"))


def test_commands_that_need_a_checkout_are_not_listed_and_say_so(server: Server) -> None:
    listed = server.christmas("--help").stdout + server.christmas("flows", "--help").stdout
    names = re.findall(r"^  ([a-z-]+)  ", listed, re.MULTILINE)
    assert {"pause", "flows", "deploy"} <= set(names)
    assert not {"demo", "up", "check"} & set(names)
    for command in ("demo", "up", "flows check"):
        done = server.christmas(*command.split())
        (sentence,) = done.stderr.splitlines()
        assert (done.returncode, f"`christmas {command}` needs a checkout of the project" in sentence) == (2, True)


def test_own_content_is_taken_from_the_folder_that_the_setting_names(server: Server, tmp_path: Path) -> None:
    done = server.christmas("templates", "check", "--local", CHRISTMAS_CONTENT=str(tmp_path), CHRISTMAS_ENV_FILE="")
    assert done.returncode == 2
    assert f"CHRISTMAS_CONTENT: {tmp_path} has no folder content" in done.stderr
    (tmp_path / "content").symlink_to(PROJECT / "content")
    done = server.christmas("templates", "check", "--local", CHRISTMAS_CONTENT=str(tmp_path), CHRISTMAS_ENV_FILE="")
    assert "5-Day E2" in done.stdout, done.stderr


def test_settings_file_has_to_be_named_in_an_installation(server: Server) -> None:
    done = server.christmas("secrets", "check", CHRISTMAS_ENV_FILE="")
    assert (done.returncode, "--env-file" in done.stderr, "CHRISTMAS_ENV_FILE" in done.stderr) == (2, True, True)
