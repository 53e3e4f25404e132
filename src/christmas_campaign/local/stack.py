"""The stack: the sandbox, the engine and perhaps the door on this machine, with databases, content and flows."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from christmas_campaign import folders
from christmas_campaign.campaign import unsubscribe_link
from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment import env_file
from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.local import content, running_stack
from christmas_campaign.local.child_process import Child, ChildError
from christmas_campaign.local.engine import Engine
from christmas_campaign.local.sandbox import Sandbox
from christmas_campaign.notion import schema
from christmas_campaign.operations import find_databases

#: The root of the checkout.
PROJECT = folders.CHECKOUT

#: The name of the secret with the webhook key, by the flow id of the handler.
WEBHOOKS = {handler.flow: handler.webhook_key for handler in HANDLERS}

#: The door of a stack gets no settings of another door from the environment of this process.
_DOOR_PREFIXES = ("DOOR_", "SIGNING_", "SECRET_")

#: Example settings of the sandbox campaign. The addresses are not real, and nothing is sent to them.
SANDBOX_SETTINGS = {
    "ENV_SENDER_ADDRESS": "value@mail.example.com",
    "ENV_UNSUBSCRIBE_ADDRESS": "unsubscribe@mail.example.com",
    "ENV_PUBLIC_URL": "https://campaign.example.com",
    "ENV_POSTAL_ADDRESS": "1 Example Street, Toronto ON M5V 0A1, Canada",
    "ENV_CALENDLY_LINK": "https://calendly.example.com/busos/diagnostic",
    "ENV_PDF_DOWNLOAD_LINK": "https://www.example.com/busos-guide.pdf",
}

Say = Callable[[str], None]


class Identity(NamedTuple):
    """The values of a stack that stay the same between two starts: generated keys and tokens, and the ids of the databases."""

    notion_token: str
    resend_key: str
    webhook_keys: dict[str, str]
    unsubscribe_key: str
    databases: dict[str, str]


def create_databases(notion: Notion) -> dict[str, str]:
    """Create the campaign's databases. Return their ids by the name of the setting."""
    # As Notion, the sandbox requires a parent page, but it accepts any id.
    parent = str(uuid.uuid4())
    return {database.setting: notion.create_database(database, parent) for database in schema.DATABASES}


class Stack:
    """The sandbox and the engine with everything that the campaign needs, in the folder ``data``.

    - ``time_scale``: divides every delay. ``testing_mode``: delays count in minutes.
    - ``engine_port``, ``sandbox_port``: 0 chooses a free port.
    - ``door_port``: the port of a door, to which the unsubscribe links of the e-mails point. ``None``: there is no door.
    - ``memory``, ``lasting``, ``share``, ``auth``: as for ``Engine``.
    - ``settings``: ``ENV_…`` variables that are added to the engine's environment or replace those there.
    - ``discord``: whether the campaign has a Discord webhook for alerts.
    - ``flows``: the folder of the flows.
    """

    def __init__(
        self,
        data: Path,
        *,
        time_scale: float = 1,
        testing_mode: bool = False,
        engine_port: int = 0,
        sandbox_port: int = 0,
        door_port: int | None = None,
        memory: str = "512m",
        lasting: bool = False,
        share: bool = False,
        auth: tuple[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        discord: bool = True,
        flows: Path = folders.FLOWS,
    ) -> None:
        self.data = data
        self.time_scale = time_scale
        self._testing_mode = testing_mode
        self._engine_port = engine_port
        self.door_url = None if door_port is None else f"http://127.0.0.1:{door_port}"
        self._memory = memory
        self._lasting = lasting
        self._share = share
        self._auth = auth
        self._settings = dict(settings or {})
        self._discord = discord
        self._discord_url = ""
        self._flows = flows
        self._state = data / "stack.json"
        self._is_new = not self._state.exists()
        self._identity = self._generate_identity() if self._is_new else self._load_identity()
        self.sandbox = Sandbox(
            data / "sandbox.sqlite",
            port=sandbox_port,
            notion_token=self._identity.notion_token,
            resend_key=self._identity.resend_key,
        )
        self._engine: Engine | None = None
        self._door: Child | None = None
        self._kestra: Kestra | None = None

    @property
    def engine(self) -> Engine:
        """The engine. Raises ``RuntimeError`` if the stack has not been started."""
        if self._engine is None:
            raise RuntimeError("the stack has not been started")
        return self._engine

    @property
    def kestra(self) -> Kestra:
        """A client for the running engine, whose address changes with each start."""
        if self._kestra is None or self._kestra.url != self.engine.url:
            self._close_client()
            self._kestra = Kestra(self.engine.url, auth=self._auth)
        return self._kestra

    @property
    def resend_key(self) -> str:
        """The API key of the sandbox's Resend."""
        return self._identity.resend_key

    @property
    def unsubscribe_keys(self) -> unsubscribe_link.Keys:
        """The keys of the unsubscribe links."""
        return unsubscribe_link.keys(self._identity.unsubscribe_key)

    def notion(self) -> Notion:
        """Return a client for the sandbox's Notion. The caller closes it."""
        return Notion(self.sandbox.notion_url, self._identity.notion_token)

    def database(self, database: schema.Database) -> str:
        """Return the id of one of the campaign's databases."""
        return self._identity.databases[database.setting]

    def webhook(self, flow: str) -> str:
        """Return the URL of the webhook of the handler with the flow id ``flow``."""
        return self.kestra.webhook_url(flow, self._identity.webhook_keys[WEBHOOKS[flow]])

    def start(self, say: Say = lambda _: None) -> None:
        """Start everything, and call ``say`` with a line for each step. On any error, stop everything again."""
        try:
            with _report_step(say, "the sandbox (Notion, Resend, Discord)"):
                self.sandbox.start()
                self._discord_url = self.sandbox.discord_webhook() if self._discord else ""
            if self._is_new:
                with _report_step(say, "databases, templates and contacts in Notion"):
                    self._fill()
            with _report_step(say, "Kestra 1.3.31"):
                self._engine = Engine(
                    self.data / "engine",
                    port=self._engine_port,
                    memory=self._memory,
                    lasting=self._lasting,
                    share=self._share,
                    auth=self._auth,
                    env=self._environment(),
                )
                self._engine.start()
            with _report_step(say, "the flows"):
                self.kestra.import_flows(sorted(self._flows.glob("*.yml")))
                with self.notion() as notion:
                    find_databases.store(self.kestra, notion, self._identity.databases)
            if self.door_url is not None:
                with _report_step(say, "the door"):
                    self._start_door(self.door_url)
            self._write_environment()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the door, then the engine, then the sandbox, and delete the file with their settings."""
        self._close_client()
        if self._door is not None:
            self._door.stop()
        if self._engine is not None:
            self._engine.stop()
        self.sandbox.stop()
        self.environment_file.unlink(missing_ok=True)

    def _start_door(self, url: str) -> None:
        base = {name: value for name, value in os.environ.items() if not name.startswith(_DOOR_PREFIXES)}
        env = {
            **base,
            **self._engine_settings(),
            "DOOR_LISTEN": url.removeprefix("http://"),
            "DOOR_KESTRA_URL": self.engine.url,
            "DOOR_KESTRA_HEALTH_URL": f"{self.engine.url}/health",
            "DOOR_INBOX": str(self._door_inbox),
        }
        argv = [sys.executable, "-m", "christmas_campaign.door", "--child"]
        self._door = Child("the door", argv, env=env, log=self.data / "door.log")
        self._door.start(30)

    def _close_client(self) -> None:
        if self._kestra is not None:
            self._kestra.close()
            self._kestra = None

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _generate_identity(self) -> Identity:
        return Identity(
            notion_token=f"sandbox_{secrets.token_urlsafe(24)}",
            resend_key=f"re_sandbox_{secrets.token_urlsafe(24)}",
            webhook_keys={name: secrets.token_urlsafe(24) for name in WEBHOOKS.values()},
            unsubscribe_key=secrets.token_urlsafe(32),
            databases={},
        )

    def _load_identity(self) -> Identity:
        identity = Identity(**{"unsubscribe_key": "", **json.loads(self._state.read_text(encoding="utf-8"))})
        required = {*WEBHOOKS.values(), *(database.setting for database in schema.DATABASES)}
        missing = required - {*identity.webhook_keys, *identity.databases}
        if not identity.unsubscribe_key:
            missing.add("UNSUBSCRIBE_KEY")
        if missing:
            raise ChildError(
                f"{self.data} is from an earlier version, without {', '.join(sorted(missing))}: delete it and start again"
            )
        return identity

    def _fill(self) -> None:
        with self.notion() as notion:
            self._identity = self._identity._replace(databases=create_databases(notion))
            templates = notion.data_source(self.database(schema.TEMPLATES))
            for template in content.templates(folders.content()):
                notion.create_page(templates, schema.TEMPLATES, template.values())
            contacts = notion.data_source(self.database(schema.CONTACTS))
            for contact in content.contacts(folders.examples() / "contacts.json"):
                notion.create_page(contacts, schema.CONTACTS, contact.values())
        # The state file is written last: if this is interrupted, the next start fills Notion again.
        self._state.touch(mode=0o600)
        self._state.write_text(json.dumps(self._identity._asdict(), indent=2), encoding="utf-8")
        self._is_new = False

    @property
    def _door_inbox(self) -> Path:
        return self.data.absolute() / "inbox.sqlite"

    @property
    def environment_file(self) -> Path:
        """The file with the settings of the running stack, for ``--env-file`` or a shell. Only its owner can read it."""
        return running_stack.environment_file(self.data)

    def _write_environment(self) -> None:
        settings = {
            **self._engine_settings(),
            "KESTRA_URL": self.kestra.url,
            **({"KESTRA_USERNAME": self._auth[0]} if self._auth else {}),
            **({"DOOR_INBOX": str(self._door_inbox)} if self.door_url is not None else {}),
        }
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()]
        env_file.write(self.environment_file, "".join(lines))

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._engine_settings()}

    def _engine_settings(self) -> dict[str, str]:
        secret = {
            "NOTION_TOKEN": self._identity.notion_token,
            "RESEND_API_KEY": self._identity.resend_key,
            "TESTING_MODE": "true" if self._testing_mode else "false",
            "DISCORD_WEBHOOK_URL": self._discord_url,
            "UNSUBSCRIBE_KEY": self._identity.unsubscribe_key,
            **self._identity.webhook_keys,
            **self._identity.databases,
            **({"KESTRA_PASSWORD": self._auth[1]} if self._auth else {}),
        }
        return {
            **SANDBOX_SETTINGS,
            "ENV_NOTION_URL": self.sandbox.notion_url,
            "ENV_RESEND_URL": self.sandbox.resend_url,
            "ENV_TIME_SCALE": f"{self.time_scale:g}",
            **({"ENV_KESTRA_USERNAME": self._auth[0]} if self._auth else {}),
            **({"ENV_PUBLIC_URL": self.door_url, "ENV_DOOR_URL": self.door_url} if self.door_url is not None else {}),
            **self._settings,
            **{f"SECRET_{name}": base64.b64encode(value.encode()).decode() for name, value in secret.items()},
        }


@contextmanager
def _report_step(say: Say, description: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    say(f"  {time.monotonic() - started:5.1f} s  {description}")
