"""Where a command finds its settings: a file, the environment of the process, or the stack that runs on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from christmas_campaign import folders
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.local import running_stack

#: A variable with one of these prefixes is a setting of an installation. The command then ignores the local stack.
_PREFIXES = ("KESTRA_", "SECRET_", "ENV_", "DOOR_")


def read_settings(env_file: Path | None) -> Environment:
    """Return the settings in ``env_file``, or else those in the environment of the process.

    If neither names an installation, and the current folder is in the checkout, these are the settings of the stack that
    ``christmas up`` runs there; a line on standard error says so. Raises ``SettingError``.
    """
    if env_file is None and not _has_settings(os.environ) and _is_in_checkout():
        env_file = running_stack.find_environment_file(running_stack.FOLDER)
        if env_file is not None:
            click.echo(f"christmas: using the local stack of `christmas up` ({env_file})", err=True)
    return Environment.read(env_file)


def _has_settings(variables: Mapping[str, str]) -> bool:
    return any(value.strip() for name, value in variables.items() if name.startswith(_PREFIXES))


def _is_in_checkout() -> bool:
    return folders.is_checkout() and Path.cwd().is_relative_to(folders.CHECKOUT.resolve())
