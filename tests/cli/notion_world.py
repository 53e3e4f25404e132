"""An installation whose Notion is the sandbox's, and the command ``christmas notion`` that works on it."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from christmas_campaign.cli.notion_commands import notion as group
from christmas_campaign.clients.notion import Notion
from christmas_campaign.json_types import as_object
from christmas_campaign.local.sandbox import LoggedCall, Sandbox
from christmas_campaign.notion.schema import DATABASES, Database

TOKEN = "ntn_for_tests"


class World:
    """An installation's Notion, its settings in a file, and the command ``christmas notion`` that reads them."""

    def __init__(self, sandbox: Sandbox, client: Notion, folder: Path) -> None:
        self.sandbox = sandbox
        self.client = client
        self.file = folder / "environment"
        self.settings = {"ENV_NOTION_URL": sandbox.notion_url}
        self.secret("NOTION_TOKEN", TOKEN)
        self.ids: dict[str, str] = {}

    def secret(self, name: str, value: str) -> None:
        """Put a secret into the settings."""
        self.settings[f"SECRET_{name}"] = base64.b64encode(value.encode()).decode()

    def make(self, database: Database, *, setting: bool = True) -> str:
        """Make a database as ``database`` says, and have the setting hold its id; returns its data source's id."""
        made = self.client.create_database(database, str(uuid.uuid4()))
        self.ids[database.setting] = made
        if setting:
            self.secret(database.setting, made)
        return self.client.data_source(made)

    def make_all(self, *instead: Database) -> None:
        """Make all databases, some of them as they are given here."""
        given = {database.setting: database for database in instead}
        for database in DATABASES:
            self.make(given.get(database.setting, database))

    def source(self, database: Database) -> str:
        """The id of a database's data source."""
        return self.client.data_source(self.ids[database.setting])

    def properties(self, database: Database) -> dict[str, Any]:
        """A database's properties as Notion gives them."""
        return dict(as_object(self.client.describe(self.source(database))["properties"]))

    def add(self, database: Database, values: Mapping[str, Any]) -> str:
        """Make a page from plain values; returns its id."""
        return self.client.create_page(self.source(database), database, values)

    def run(self, *words: str, answer: str | None = None) -> Result:
        """Run ``christmas notion`` with these words; ``answer`` is what is typed. The log of calls is empty before."""
        self.file.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()), encoding="utf-8")
        self.sandbox.reset_log()
        result = CliRunner().invoke(group, [words[0], "--env-file", str(self.file), *words[1:]], input=answer)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        assert TOKEN not in result.output
        return result

    def json(self, *words: str, code: int = 0) -> Any:
        """Run the command with ``--json``; returns what it printed, once it ended with ``code``."""
        result = self.run(*words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def changes(self) -> list[LoggedCall]:
        """The calls since the command began that change something: all but looking, querying and searching."""
        calls = self.sandbox.requests("notion")
        return [call for call in calls if call.method != "GET" and not call.path.endswith(("/query", "/search"))]
