"""Making the keys and passwords that are ours to make, and replacing them."""

from __future__ import annotations

import base64
import secrets
import string
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.deployment import check_settings, env_file, example_file, setting_names, value_checks
from christmas_campaign.deployment.catalogue import SETTINGS
from christmas_campaign.deployment.env_file import Line
from christmas_campaign.deployment.setting import TO_BE_MADE, Made, Setting
from christmas_campaign.deployment.setting_names import known
from christmas_campaign.errors import CommandError

_REFUSED = "once the door has it, calls without a signature are refused"


class SecretsError(CommandError):
    """A secret cannot be made or replaced; the message names the setting and the mend, never a value."""


class Changed(NamedTuple):
    """A setting that has another value now, and what is to be done because of it."""

    name: str
    told: str


def fresh(made: Made) -> str:
    """Return a new secret of this kind: of 32 random bytes, or as strong."""
    if made is Made.WHSEC:
        return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    if made is not Made.PASSWORD:
        return secrets.token_urlsafe(32)
    while True:
        password = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(43))
        if value_checks.kestra_password(password) is None:
            return password


def make(file: Path) -> list[Changed]:
    """Make what is missing or still an example; a file that is not there begins as the example. What is there stays.

    What is written down as empty, and may be, stays empty. Raises ``EnvFileError`` and ``SecretsError``.
    """
    there = file.exists()
    text = env_file.load(file) if there else example_file.example()
    changed = []
    for setting in SETTINGS:
        if setting.made is None:
            continue
        line = _line(file, text, setting)
        if line is None and setting.example == TO_BE_MADE:
            text = _added(text, setting, fresh(setting.made))
        elif line is not None and _to_be_made(setting, line):
            text = _replaced(text, line, fresh(setting.made))
        else:
            continue
        # A first key or password needs no telling; a first signing secret changes who is let in.
        told = f"{_REFUSED}: give it to whoever signs, or empty it until then" if _signs(setting) else ""
        changed.append(Changed(setting.name, told))
    if changed or not there or env_file.readable_by_others(file):
        env_file.write(file, text)
    return changed


def rotate(file: Path, name: str, *, finish: bool = False) -> Changed:
    """Put a new secret in the place of an old one; where several may hold, in front of it, until ``finish`` drops the old ones.

    Raises ``EnvFileError`` and ``SecretsError``.
    """
    meaning = known(name)
    if meaning is None:
        # What was typed may be a value in the wrong place: it is not said again.
        meant = setting_names.meant(name)
        raise SecretsError(
            "there is no setting of this name"
            + (f": did you mean {meant}?" if meant else "; docs/settings.md lists all")
        )
    setting = meaning.setting
    text = check_settings.load(file)
    line = _line(file, text, setting)
    if line is not None and line.problem is not None:
        raise SecretsError(f"{line.name} on line {line.number} of {file} cannot be read for sure: {line.problem}")
    value = "" if line is None else _plain(file, line)
    olds = [] if not value or check_settings.is_example(value) else value_checks.signing_secrets(value)
    if finish:
        if not setting.several:
            raise SecretsError(f"{setting.name} is one at a time: there is no old one to drop")
        if len(olds) < 2:
            raise SecretsError(f"{setting.name} has no old one to drop: nothing was changed")
        which = "the door" if setting.kestra is None else "Kestra and the door"
        new, told = (
            olds[0],
            f"run christmas secrets encode and start {which} again (docker compose up -d{' door' * (setting.kestra is None)})",
        )
    elif setting.made is None:
        raise SecretsError(_not_ours(setting))
    else:
        new = ",".join([fresh(setting.made), *olds]) if setting.several else fresh(setting.made)
        told = setting.told
        if olds and setting.several:
            told += f"; the old one holds until christmas secrets rotate {setting.name} --finish"
        elif _signs(setting):
            told += f"; {_REFUSED}"
    env_file.write(file, _added(text, setting, new) if line is None else _replaced(text, line, new))
    return Changed(setting.name, told)


def _signs(setting: Setting) -> bool:
    """Whether somebody else signs calls with it, who is let in without as long as it is empty."""
    return setting.several and not setting.required


def _not_ours(setting: Setting) -> str:
    if not setting.secret:
        return f"{setting.name} is no secret: write another value into the file"
    mend = (
        "write it in front of the old one, with a comma between them" if setting.several else "write it into the file"
    )
    return f"{setting.name} is not made here: have a new one made where the old one came from, and {mend}"


def _line(file: Path, text: str, setting: Setting) -> Line | None:
    found = [line for line in env_file.read(text) if (meaning := known(line.name)) and meaning.setting is setting]
    if len(found) > 1:
        numbers = " and ".join(str(line.number) for line in found)
        raise SecretsError(f"{setting.name} stands on lines {numbers} of {file}: keep one of them")
    return found[0] if found else None


def _plain(file: Path, line: Line) -> str:
    try:
        return _decoded(line)
    except ValueError:
        raise SecretsError(
            f"{line.name} on line {line.number} of {file} is not base64: christmas secrets check"
        ) from None


def _decoded(line: Line) -> str:
    meaning = known(line.name)
    return check_settings.decoded(line.value) if meaning is not None and meaning.encoded else line.value


def _to_be_made(setting: Setting, line: Line) -> bool:
    try:
        value = _decoded(line)
    except ValueError:
        # Whatever it is, it may be the only copy of it: check names it.
        return False
    return check_settings.is_example(value) or (setting.required and not value.strip())


def _replaced(text: str, line: Line, value: str) -> str:
    meaning = known(line.name)
    return env_file.replaced(
        text, line, setting_names.encode(value) if meaning is not None and meaning.encoded else value
    )


def _added(text: str, setting: Setting, value: str) -> str:
    ended = text if not text or text.endswith("\n") else f"{text}\n"
    return f"{ended}\n{example_file.entry(setting, value)}"
