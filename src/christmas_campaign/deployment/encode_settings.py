"""The environments of Kestra's container and of the door's, made from the plain values of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from christmas_campaign.deployment import env_file
from christmas_campaign.deployment.catalogue import DOOR_FLAGS, DOOR_TESTING_MODE, SETTINGS
from christmas_campaign.deployment.setting import KestraKind
from christmas_campaign.deployment.setting_names import encode as base64_of

#: Suffixes that make the names of the two files from the name of the file of settings.
KESTRA_FILE, DOOR_FILE = ".kestra", ".door"


def for_kestra(values: Mapping[str, str]) -> dict[str, str]:
    """Return Kestra's environment; ``values`` are plain values by the names of the settings.

    Every secret is defined, an empty one too: a task that reads an undefined secret fails. A setting that is not secret is
    defined only if it has a value, because an empty one would replace the default of the flows.
    """
    environment = {}
    for setting in SETTINGS:
        value = values.get(setting.name, "")
        if setting.kestra is KestraKind.SECRET:
            environment[str(setting.kestra_name)] = base64_of(value)
        elif setting.kestra is KestraKind.ENVIRONMENT and value:
            environment[str(setting.kestra_name)] = value
    return environment


def for_door(values: Mapping[str, str]) -> dict[str, str]:
    """Return the door's environment; ``values`` are plain values by the names of the settings.

    For the secrets that the door must not know it gets flags: whether each of them has a value.
    """
    environment = {}
    for setting in SETTINGS:
        value = values.get(setting.name, "")
        if setting.door and setting.kestra is KestraKind.SECRET:
            environment[str(setting.kestra_name)] = base64_of(value)
        elif setting.door and (value or setting.secret):
            environment[setting.name] = value
    for flag, setting_name in DOOR_FLAGS.items():
        environment[flag] = "true" if values.get(setting_name) else "false"
    environment[DOOR_TESTING_MODE] = values.get("TESTING_MODE") or "false"
    return environment


def write(file: Path, values: Mapping[str, str]) -> dict[Path, int]:
    """Write both files next to the file of settings; return the number of settings in each.

    Raises ``EnvFileError``.
    """
    numbers = {}
    for suffix, environment in ((KESTRA_FILE, for_kestra(values)), (DOOR_FILE, for_door(values))):
        target = file.with_name(file.name + suffix)
        header = f"# Written by christmas secrets encode from {file.name}. Change that file, not this one.\n"
        env_file.write(target, header + env_file.text_of(environment))
        numbers[target] = len(environment)
    return numbers
