"""Generate the keys and passwords of a file of settings, and replace them."""

from __future__ import annotations

import base64
import secrets
import string
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.deployment import check_settings, env_file, example_file, setting_names, value_checks
from christmas_campaign.deployment.catalogue import SETTINGS
from christmas_campaign.deployment.env_file import Line
from christmas_campaign.deployment.setting import TO_BE_MADE, SecretKind, Setting
from christmas_campaign.deployment.setting_names import meaning_of
from christmas_campaign.errors import CommandError

_UNSIGNED_CALLS = "once the door has it, calls without a signature are refused"


class SecretsError(CommandError):
    """A secret cannot be generated or replaced. The message names the setting and the correction, never a value."""


class Changed(NamedTuple):
    """A setting with a new value, and the owner's next step (``told``, may be empty)."""

    name: str
    told: str


def new_secret(kind: SecretKind) -> str:
    """Return a new secret of this kind, made of 32 random bytes or as strong."""
    if kind is SecretKind.WHSEC:
        return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    if kind is not SecretKind.PASSWORD:
        return secrets.token_urlsafe(32)
    while True:
        password = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(43))
        if value_checks.kestra_password(password) is None:
            return password


def make(file: Path) -> list[Changed]:
    """Generate the secrets that are missing or still an example; keep all other values.

    A file that does not exist starts as a copy of the example. An optional secret whose line is empty stays empty.

    Raises ``EnvFileError`` and ``SecretsError``.
    """
    exists = file.exists()
    text = env_file.load(file) if exists else example_file.example()
    changed = []
    for setting in SETTINGS:
        if setting.generate is None:
            continue
        line = _line_of(file, text, setting)
        if line is None and setting.example == TO_BE_MADE:
            text = _with_new_line(text, setting, new_secret(setting.generate))
        elif line is not None and _needs_secret(setting, line):
            text = _with_value(text, line, new_secret(setting.generate))
        else:
            continue
        # A first signing secret makes the door refuse calls without a signature. Other secrets need no action at first.
        advice = f"{_UNSIGNED_CALLS}: give it to the sender, or empty it until then" if _is_optional(setting) else ""
        changed.append(Changed(setting.name, advice))
    if changed or not exists or env_file.readable_by_others(file):
        env_file.write(file, text)
    return changed


def rotate(file: Path, name: str, *, finish: bool = False) -> Changed:
    """Replace a secret by a new one. A setting that may have several keeps its old ones after the new one.

    With ``finish`` generate nothing, and remove the old ones.

    Raises ``EnvFileError`` and ``SecretsError``.
    """
    meaning = meaning_of(name)
    if meaning is None:
        # The message does not repeat the name: it may be a secret that was typed in the wrong place.
        closest = setting_names.closest_name(name)
        raise SecretsError(
            "there is no setting of this name"
            + (f": did you mean {closest}?" if closest else "; docs/settings.md lists all")
        )
    setting = meaning.setting
    text = check_settings.load(file)
    line = _line_of(file, text, setting)
    if line is not None and line.problem is not None:
        raise SecretsError(f"{line.name} on line {line.number} of {file} cannot be read: {line.problem}")
    value = "" if line is None else _plain_value(file, line)
    old_secrets = [] if not value or check_settings.is_example(value) else value_checks.split_secrets(value)
    if finish:
        if not setting.several:
            raise SecretsError(f"{setting.name} holds one secret at a time: there is no old one to drop")
        if len(old_secrets) < 2:
            raise SecretsError(f"{setting.name} has no old one to drop: nothing was changed")
        new_value, advice = old_secrets[0], _restart_advice(setting)
    elif setting.generate is None:
        raise SecretsError(_cannot_generate(setting))
    else:
        secret = new_secret(setting.generate)
        new_value = ",".join([secret, *old_secrets]) if setting.several else secret
        advice = setting.after_change
        if old_secrets and setting.several:
            advice += f"; the old one holds until christmas secrets rotate {setting.name} --finish"
        elif _is_optional(setting):
            advice += f"; {_UNSIGNED_CALLS}"
    env_file.write(
        file, _with_new_line(text, setting, new_value) if line is None else _with_value(text, line, new_value)
    )
    return Changed(setting.name, advice)


def _restart_advice(setting: Setting) -> str:
    if setting.kestra is None:
        return "run christmas secrets encode and start the door again (docker compose up -d door)"
    return "run christmas secrets encode and start Kestra and the door again (docker compose up -d)"


def _is_optional(setting: Setting) -> bool:
    """Return whether this is the signing secret of a sender: while it is empty, calls are accepted without a signature."""
    return setting.several and not setting.required


def _cannot_generate(setting: Setting) -> str:
    if not setting.secret:
        return f"{setting.name} is no secret: write another value into the file"
    mend = (
        "write it in front of the old one, with a comma between them" if setting.several else "write it into the file"
    )
    return f"{setting.name} cannot be generated here: get a new one where the old one came from, and {mend}"


def _line_of(file: Path, text: str, setting: Setting) -> Line | None:
    lines = [line for line in env_file.read(text) if (meaning := meaning_of(line.name)) and meaning.setting is setting]
    if len(lines) > 1:
        numbers = " and ".join(str(line.number) for line in lines)
        raise SecretsError(f"{setting.name} stands on lines {numbers} of {file}: keep one of them")
    return lines[0] if lines else None


def _plain_value(file: Path, line: Line) -> str:
    try:
        return _decoded(line)
    except ValueError:
        raise SecretsError(
            f"{line.name} on line {line.number} of {file} is not base64: christmas secrets check says how to correct it"
        ) from None


def _decoded(line: Line) -> str:
    meaning = meaning_of(line.name)
    return check_settings.decode(line.value) if meaning is not None and meaning.encoded else line.value


def _needs_secret(setting: Setting, line: Line) -> bool:
    try:
        value = _decoded(line)
    except ValueError:
        # The value may be the only copy of a secret, so it is not replaced. christmas secrets check reports it.
        return False
    return check_settings.is_example(value) or (setting.required and not value.strip())


def _with_value(text: str, line: Line, value: str) -> str:
    meaning = meaning_of(line.name)
    return env_file.replaced(
        text, line, setting_names.encode(value) if meaning is not None and meaning.encoded else value
    )


def _with_new_line(text: str, setting: Setting, value: str) -> str:
    text_with_end = text if not text or text.endswith("\n") else f"{text}\n"
    return f"{text_with_end}\n{example_file.entry(setting, value)}"
