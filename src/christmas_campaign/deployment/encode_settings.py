"""Writing what Compose hands to the containers: the settings as Kestra wants them, and those of the door."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from christmas_campaign.deployment import env_file
from christmas_campaign.deployment.catalogue import DOOR_TELLS, DOOR_TESTING_MODE, SETTINGS
from christmas_campaign.deployment.setting import Kestra
from christmas_campaign.deployment.setting_names import encode as base64_of

#: What is added to the name of the file of settings.
KESTRA_FILE, DOOR_FILE = ".kestra", ".door"


def for_kestra(values: Mapping[str, str]) -> dict[str, str]:
    """Return Kestra's environment from plain values by the settings' names.

    Every secret is there, empty if it is not given: one that is not defined fails its task. What is no secret is only there if
    it is given: empty it would replace what the flows take instead.
    """
    found = {}
    for setting in SETTINGS:
        value = values.get(setting.name, "")
        if setting.kestra is Kestra.SECRET:
            found[str(setting.kestra_name)] = base64_of(value)
        elif setting.kestra is Kestra.ENVIRONMENT and value:
            found[str(setting.kestra_name)] = value
    return found


def for_door(values: Mapping[str, str]) -> dict[str, str]:
    """Return the door's environment from plain values by the settings' names.

    Of what the door must not know it is told whether it is given.
    """
    found = {}
    for setting in SETTINGS:
        value = values.get(setting.name, "")
        if setting.door and setting.kestra is Kestra.SECRET:
            found[str(setting.kestra_name)] = base64_of(value)
        elif setting.door and (value or setting.secret):
            found[setting.name] = value
    for name, of in DOOR_TELLS.items():
        found[name] = "true" if values.get(of) else "false"
    found[DOOR_TESTING_MODE] = values.get("TESTING_MODE") or "false"
    return found


def write(file: Path, values: Mapping[str, str]) -> dict[Path, int]:
    """Write both files beside the file of settings; returns how many settings each has. Raises ``EnvFileError``."""
    written = {}
    for suffix, environment in ((KESTRA_FILE, for_kestra(values)), (DOOR_FILE, for_door(values))):
        target = file.with_name(file.name + suffix)
        header = f"# Written by christmas secrets encode from {file.name}, which is the file to change.\n"
        env_file.write(target, header + env_file.text_of(environment))
        written[target] = len(environment)
    return written
