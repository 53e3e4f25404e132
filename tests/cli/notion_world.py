"""An installation whose Notion is the sandbox, and the command ``christmas notion`` run on it."""

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
from christmas_campaign.notion.schema import CONTACTS, DATABASES, Database, Property

TOKEN = "ntn_for_tests"

#: A database without any property of the campaign, under the setting of the contacts.
UNRELATED = Database(CONTACTS.setting, "Groceries", (Property("Name", "title"), Property("Bought", "checkbox")))


def replace(database: Database, name: str, *others: Property) -> Database:
    """Return a database with other properties, or none, in place of one."""
    properties: list[Property] = []
    for declared in database.properties:
        properties += others if declared.name == name else (declared,)
    return database._replace(properties=tuple(properties))


class World:
    """An installation's Notion, its file of settings, and the command ``christmas notion`` that reads them."""

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

    def create(self, database: Database) -> None:
        """Create a database and put its id into the settings."""
        database_id = self.client.create_database(database, str(uuid.uuid4()))
        self.ids[database.setting] = database_id
        self.secret(database.setting, database_id)

    def create_all(self, *variants: Database, without: Database | None = None) -> None:
        """Create all databases except ``without``; ``variants`` take the place of those with the same setting."""
        by_setting = {database.setting: database for database in variants}
        for database in DATABASES:
            if database is not without:
                self.create(by_setting.get(database.setting, database))

    def source(self, database: Database) -> str:
        """Return the id of a database's data source."""
        return self.client.data_source(self.ids[database.setting])

    def properties(self, database: Database) -> dict[str, Any]:
        """Return a database's properties as Notion describes them."""
        return dict(as_object(self.client.describe(self.source(database))["properties"]))

    def add(self, database: Database, values: Mapping[str, Any]) -> str:
        """Create a page from plain values; return its id."""
        return self.client.create_page(self.source(database), database, values)

    def run(self, *words: str, answer: str | None = None) -> Result:
        """Run ``christmas notion`` with an empty log of calls; ``answer`` is typed at its prompt."""
        self.file.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()), encoding="utf-8")
        self.sandbox.reset_log()
        result = CliRunner().invoke(group, [words[0], "--env-file", str(self.file), *words[1:]], input=answer)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        assert TOKEN not in result.output
        return result

    def json(self, *words: str, code: int = 0) -> Any:
        """Run the command with ``--json`` and expect exit code ``code``; return the parsed output."""
        result = self.run(*words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def changes(self) -> list[LoggedCall]:
        """Return the calls since the command began that change something: no reads, queries or searches."""
        calls = self.sandbox.requests("notion")
        return [call for call in calls if call.method != "GET" and not call.path.endswith(("/query", "/search"))]
