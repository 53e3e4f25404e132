"""Where a command finds the Notion and the Kestra of an installation: the same settings that the engine itself is given.

``SECRET_…`` holds base64, as Kestra wants it, ``ENV_…`` plain text. Besides them a command needs Kestra's own address:
``KESTRA_URL`` (http://127.0.0.1:8080 unless given), and ``KESTRA_USERNAME`` and ``KESTRA_PASSWORD`` where it asks for them, or
as secrets ``SECRET_KESTRA_USERNAME`` and ``SECRET_KESTRA_PASSWORD``.
They come from the process's environment, or from a file of lines ``NAME=value``.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from pathlib import Path

from christmas_campaign.cli.errors import CommandError
from christmas_campaign.cli.kestra import Kestra
from christmas_campaign.cli.notion import Notion
from christmas_campaign.notion_schema import Database

NOTION_URL = "https://api.notion.com"
KESTRA_URL = "http://127.0.0.1:8080"

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


class SettingError(CommandError):
    """A setting is missing or malformed; the message names it and the mend, never its value."""


class Environment:
    """The settings of one installation. Close the clients that it opens after use."""

    def __init__(self, values: Mapping[str, str], origin: str = "the environment") -> None:
        """Take the settings by name; ``origin`` says to people where they come from."""
        self.values = values
        self.origin = origin

    @classmethod
    def read(cls, file: Path | None) -> Environment:
        """Return the settings in ``file``, or those of the process's environment. Raises ``SettingError``."""
        if file is None:
            return cls(os.environ)
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{file}: {error}") from None
        values = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise SettingError(f"{file}:{number}: not a setting; write NAME=value")
            value = match[2].strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            values[match[1]] = value
        return cls(values, str(file))

    def secret(self, name: str) -> str:
        """Return the secret that Kestra knows by this name, in plain text. Raises ``SettingError``."""
        given = self.values.get(f"SECRET_{name}", "").strip()
        if not given:
            raise SettingError(f"SECRET_{name} is missing in {self.origin}")
        try:
            plain = base64.b64decode(given, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise SettingError(f"SECRET_{name} in {self.origin} is not base64, as Kestra wants it") from None
        if not plain.strip():
            raise SettingError(f"SECRET_{name} is empty in {self.origin}")
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
