"""Where a command finds the Notion and the Kestra of an installation: the same settings that the engine itself is given.

``SECRET_…`` holds base64, as Kestra wants it, ``ENV_…`` plain text. Besides them a command needs Kestra's own address:
``KESTRA_URL`` (http://127.0.0.1:8080 unless given), and ``KESTRA_USERNAME`` and ``KESTRA_PASSWORD`` where it asks for them, or
as secrets ``SECRET_KESTRA_USERNAME`` and ``SECRET_KESTRA_PASSWORD``.
They come from the process's environment, or from a file of lines ``NAME=value``. The file may be the one in plain words,
``deploy/.env``: there ``NOTION_TOKEN`` is what ``SECRET_NOTION_TOKEN`` is otherwise, without base64.
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

#: Lines with these are read by nobody; other problems leave a value that can be taken as it stands.
_UNREADABLE = (Problem.NOT_A_SETTING, Problem.NOT_CLOSED, Problem.AFTER_QUOTES)


class SettingError(CommandError):
    """A setting is missing or malformed; the message names it and the mend, never its value."""


class Environment:
    """The settings of one installation. Close the clients that it opens after use."""

    def __init__(
        self, values: Mapping[str, str], origin: str = "the environment", written: Collection[str] = ()
    ) -> None:
        """Take the settings by the names that Kestra knows.

        ``origin`` says to people where they come from, ``written`` are the names that stand there.
        """
        self.values = values
        self.origin = origin
        self._written = written
        self._plain = setting_names.plain_names(written)

    @classmethod
    def read(cls, file: Path | None) -> Environment:
        """Return the settings in ``file``, or those of the process's environment. Raises ``SettingError``."""
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
        return cls(setting_names.as_kestra_gets_it(values), str(file), values)

    def spelled(self, name: str) -> str:
        """Return what a secret is called where the settings come from."""
        return name if self._plain and f"SECRET_{name}" not in self._written else f"SECRET_{name}"

    def line(self, name: str, value: str) -> str:
        """Return the line that holds a secret where the settings come from."""
        return f"{name}={value}" if self._plain else f"SECRET_{name}={setting_names.encode(value)}"

    def secret(self, name: str) -> str:
        """Return the secret that Kestra knows by this name, in plain text. Raises ``SettingError``."""
        given, spelled = self.values.get(f"SECRET_{name}", "").strip(), self.spelled(name)
        if not given:
            raise SettingError(f"{spelled} is missing in {self.origin}")
        try:
            plain = base64.b64decode(given, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise SettingError(f"{spelled} in {self.origin} is not base64, as Kestra wants it") from None
        if not plain.strip():
            raise SettingError(f"{spelled} is empty in {self.origin}")
        return plain.strip()

    def notion(self) -> Notion:
        """Return a client for the installation's Notion. Raises ``SettingError``."""
        return Notion(self.values.get("ENV_NOTION_URL") or NOTION_URL, self.secret("NOTION_TOKEN"))

    def database(self, database: Database) -> str:
        """Return the id of one of the campaign's databases. Raises ``SettingError``."""
        return self.secret(database.setting)

    def kestra(self) -> Kestra:
        """Return a client for the installation's Kestra. Raises ``SettingError``."""
        user, password = self._either("KESTRA_USERNAME"), self._either("KESTRA_PASSWORD")
        return Kestra(self.values.get("KESTRA_URL") or KESTRA_URL, auth=(user, password) if user and password else None)

    def _either(self, name: str) -> str | None:
        """A setting as it stands or as a secret; ``None`` when it is neither."""
        if self.values.get(name):
            return self.values[name]
        return self.secret(name) if self.values.get(f"SECRET_{name}", "").strip() else None
