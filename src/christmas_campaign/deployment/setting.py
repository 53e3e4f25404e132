"""The type of a setting: its name and purpose, its readers, the check of its value, and whether it can be generated."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from christmas_campaign.deployment.value_checks import ValueFault

#: Values in the example file: one for the owner to replace, one for ``christmas secrets make`` to replace.
FILL_IN, TO_BE_MADE = "REPLACE_ME", "MADE_BY_christmas_secrets_make"


class KestraKind(Enum):
    """How a flow reads a setting: with ``secret('…')`` or with ``envs.…``. The value is the prefix of the variable."""

    SECRET = "SECRET_"  # noqa: S105
    ENVIRONMENT = "ENV_"


class SecretKind(Enum):
    """The kinds of secret that ``christmas secrets`` generates.

    A key for a web address, a signing secret of Standard Webhooks, a text without a fixed form, a password.
    """

    KEY = "key"
    WHSEC = "whsec"
    TEXT = "text"
    PASSWORD = "password"  # noqa: S105


class Setting(NamedTuple):
    """One setting of an installation.

    - ``group`` is its heading in the example file, and ``description`` explains it and says where the owner finds it.
    - ``find_fault`` returns the fault of a value, or ``None``.
    - ``example`` is its value in the example file: a placeholder that ``check`` refuses, or a value that works.
    - ``looks_like`` is a made-up value, where the example does not show the form.
    - ``required`` settings must not be empty. For the others ``if_empty`` says what happens without a value.
    - ``kestra`` is how Kestra gets it, ``door`` whether the door gets it, ``compose`` whether a Compose file names it.
    - ``secret`` values are never shown. ``generate`` is the kind of secret that the command can generate for it.
    - ``several`` settings may hold more than one value, separated by commas, the newest first.
    - ``after_change`` is the owner's next step after the value has changed.
    - ``in_example`` is false for a setting that the example file leaves out.
    """

    name: str
    group: str
    description: str
    find_fault: Callable[[str], ValueFault | None]
    example: str = ""
    looks_like: str = ""
    required: bool = False
    if_empty: str = ""
    kestra: KestraKind | None = None
    door: bool = False
    compose: bool = False
    secret: bool = False
    generate: SecretKind | None = None
    several: bool = False
    after_change: str = ""
    in_example: bool = True

    @property
    def kestra_name(self) -> str | None:
        """The name of the environment variable in Kestra's container, ``None`` if Kestra does not get the setting."""
        if self.kestra is None:
            return None
        return self.name if self.name.startswith(self.kestra.value) else f"{self.kestra.value}{self.name}"
