"""The settings of an installation, as a command reads them, and clients for its Notion and its Kestra.

A command reads the same settings as Kestra: ``SECRET_…`` in base64, ``ENV_…`` in plain text. It also needs Kestra's address
and account:

- ``KESTRA_URL``, by default http://127.0.0.1:8080;
- ``KESTRA_USERNAME`` and ``KESTRA_PASSWORD``, or the secrets ``SECRET_KESTRA_USERNAME`` and ``SECRET_KESTRA_PASSWORD``, if
  Kestra requires an account.

The settings come from the environment of the process, or from a file of lines ``NAME=value``. The file may hold plain names,
as ``deploy/.env`` does: ``NOTION_TOKEN`` then replaces ``SECRET_NOTION_TOKEN`` and is not base64.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment import env_file, setting_names
from christmas_campaign.deployment.env_file import Problem
from christmas_campaign.errors import CommandError
from christmas_campaign.notion.schema import Database

NOTION_URL = "https://api.notion.com"
KESTRA_URL = "http://127.0.0.1:8080"

#: Problems of a line that leave no value to read. With any other problem the value is read as it is.
_UNREADABLE = (Problem.NOT_A_SETTING, Problem.NOT_CLOSED, Problem.AFTER_QUOTES)


class SettingError(CommandError):
    """A setting is missing or malformed. The message names it and its place, never its value."""


class Environment:
    """The settings of one installation. The caller closes the clients that it returns."""

    def __init__(
        self, values: Mapping[str, str], origin: str = "the environment", names_in_file: Collection[str] = ()
    ) -> None:
        """Hold settings by Kestra's names.

        ``origin`` names their source in messages. ``names_in_file`` are the names in the file that they come from.
        """
        self.values = values
        self.origin = origin
        self._names_in_file = names_in_file
        self._plain = setting_names.uses_plain_names(names_in_file)

    @classmethod
    def read(cls, file: Path | None) -> Environment:
        """Return the settings in ``file``, or those in the environment of the process if it is ``None``.

        Raises ``SettingError``.
        """
        if file is None:
            return cls(os.environ)
        try:
            lines = env_file.read(env_file.load(file))
        except env_file.EnvFileError as error:
            raise SettingError(str(error)) from None
        for line in lines:
            if line.problem in _UNREADABLE:
                raise SettingError(f"{file}:{line.number}: {line.problem}")
        values = {line.name: line.value for line in lines}
        return cls(setting_names.with_kestra_names(values), str(file), values)

    def name_in_file(self, name: str) -> str:
        """Return the name of a secret in the source of the settings: ``name`` itself or with the prefix ``SECRET_``."""
        return name if self._plain and f"SECRET_{name}" not in self._names_in_file else f"SECRET_{name}"

    def line(self, name: str, value: str) -> str:
        """Return the line to write into the source of the settings for this secret."""
        return f"{name}={value}" if self._plain else f"SECRET_{name}={setting_names.encode(value)}"

    def secret(self, name: str) -> str:
        """Return a secret in plain text; ``name`` is without the prefix ``SECRET_``.

        Raises ``SettingError``.
        """
        encoded, name_in_file = self.values.get(f"SECRET_{name}", "").strip(), self.name_in_file(name)
        if not encoded:
            raise SettingError(f"{name_in_file} is missing in {self.origin}")
        try:
            plain = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise SettingError(f"{name_in_file} in {self.origin} is not base64, which Kestra requires") from None
        if not plain.strip():
            raise SettingError(f"{name_in_file} is empty in {self.origin}")
        return plain.strip()

    def notion(self) -> Notion:
        """Return a client for the Notion of this installation.

        Raises ``SettingError``.
        """
        return Notion(self.values.get("ENV_NOTION_URL") or NOTION_URL, self.secret("NOTION_TOKEN"))

    def database(self, database: Database) -> str:
        """Return the id of one of the campaign's databases.

        Raises ``SettingError``.
        """
        return self.secret(database.setting)

    def kestra(self) -> Kestra:
        """Return a client for the Kestra of this installation.

        Raises ``SettingError``.
        """
        user, password = self._plain_or_secret("KESTRA_USERNAME"), self._plain_or_secret("KESTRA_PASSWORD")
        return Kestra(self.values.get("KESTRA_URL") or KESTRA_URL, auth=(user, password) if user and password else None)

    def _plain_or_secret(self, name: str) -> str | None:
        """Return a setting from its plain name or from ``SECRET_…``; ``None`` if neither has a value."""
        if self.values.get(name):
            return self.values[name]
        return self.secret(name) if self.values.get(f"SECRET_{name}", "").strip() else None
