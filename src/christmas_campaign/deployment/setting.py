"""What is said of one setting: how it is called, what it becomes, how it is checked, whether it can be made here."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from christmas_campaign.deployment.value_checks import Wrong

#: What the example has where a value must be put, and what stands where ``christmas secrets make`` puts one.
FILL_IN, TO_BE_MADE = "REPLACE_ME", "MADE_BY_christmas_secrets_make"


class Kestra(Enum):
    """How Kestra gets a setting: read with ``secret('…')``, or with ``envs.…``."""

    SECRET = "SECRET_"  # noqa: S105
    ENVIRONMENT = "ENV_"


class Made(Enum):
    """What ``christmas secrets`` can make: a key of a web address, a secret of Standard Webhooks, a text, a password."""

    KEY = "key"
    WHSEC = "whsec"
    TEXT = "text"
    PASSWORD = "password"  # noqa: S105


class Setting(NamedTuple):
    """One setting.

    ``group`` is the heading in the example, ``words`` say what it is and where it is found, ``example`` stands in the example
    (for what must be given it is a placeholder that ``check`` refuses), ``like`` is what a value looks like where that does not
    show it, ``wrong`` checks a value. ``required`` is what may not
    be empty; ``without`` says what happens when it is. ``kestra`` is how Kestra gets it, ``door`` whether the door does,
    ``compose`` whether a Compose file names it. ``secret`` is what nobody may see, ``made`` what can be made here, ``several``
    whether it takes more than one, the newest first. ``told`` is what is to be done once it has another value. ``shown`` is
    false for what the example leaves out.
    """

    name: str
    group: str
    words: str
    wrong: Callable[[str], Wrong | None]
    example: str = ""
    like: str = ""
    required: bool = False
    without: str = ""
    kestra: Kestra | None = None
    door: bool = False
    compose: bool = False
    secret: bool = False
    made: Made | None = None
    several: bool = False
    told: str = ""
    shown: bool = True

    @property
    def kestra_name(self) -> str | None:
        """The name under which Kestra gets it, if it does."""
        if self.kestra is None:
            return None
        return self.name if self.name.startswith(self.kestra.value) else f"{self.kestra.value}{self.name}"
