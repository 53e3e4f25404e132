"""Check a file of settings. All faults are returned at once, each with its line, its name and its correction, never a value."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.campaign import settings
from christmas_campaign.deployment import encode_settings, env_file, setting_names, value_checks
from christmas_campaign.deployment.catalogue import SETTINGS
from christmas_campaign.deployment.env_file import Line, Problem
from christmas_campaign.deployment.setting import FILL_IN, TO_BE_MADE, Setting
from christmas_campaign.deployment.setting_names import meaning_of
from christmas_campaign.door import settings as door
from christmas_campaign.json_types import JsonObject

#: Secrets from public examples (Standard Webhooks, Kestra's own Compose file) and passwords that everybody guesses.
PUBLISHED = frozenset(
    {
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "k3str4",
        "Admin1234",
        "Admin1234!",
        "Kestra123",
        "Password123",
        "Passw0rd",
    }
)

_EXAMPLE_HOST = re.compile(r"(?<![\w-])(example\.(com|org|net)|[\w-]+\.example)(?![\w.-])", re.IGNORECASE)
_QUOTES = "\"'`“”‘’„«»"


class Kind(StrEnum):
    """The kinds of fault, as ``check --json`` shows them."""

    MISSING = "missing"
    EXAMPLE = "example"
    MALFORMED = "malformed"
    TOO_SHORT = "too_short"
    NOT_BASE64 = "not_base64"
    BLANK = "blank"
    QUOTES = "quotes"
    SYNTAX = "syntax"
    TWICE = "twice"
    SAME_SECRET = "same_secret"  # noqa: S105
    UNKNOWN = "unknown"
    READABLE = "readable"


class Fault(NamedTuple):
    """A fault of a file of settings; ``mend`` is the correction.

    ``line`` is ``None`` for a fault of the whole file, ``name`` is ``None`` if it is uncertain which setting is meant.
    """

    file: Path
    line: int | None
    name: str | None
    kind: Kind
    problem: str
    mend: str

    def __str__(self) -> str:
        where = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {'' if self.name is None else f'{self.name}: '}{self.problem}; {self.mend}"

    def as_json(self) -> JsonObject:
        """Return the JSON of ``check --json``."""
        return {**self._asdict(), "file": str(self.file), "kind": str(self.kind)}


def load(file: Path) -> str:
    """Return the text of a file of settings.

    Raises ``EnvFileError``.
    """
    if not file.exists():
        raise env_file.EnvFileError(f"{file} does not exist: christmas secrets make creates it")
    return env_file.load(file)


class Checked(NamedTuple):
    """The faults of a file, and the plain values of the settings without a fault, by their names."""

    faults: tuple[Fault, ...]
    values: Mapping[str, str]


def check(file: Path) -> Checked:
    """Check a file of settings.

    Raises ``EnvFileError`` if it cannot be read.
    """
    lines = env_file.read(load(file))
    faults: list[Fault] = []
    values: dict[str, str] = {}
    if env_file.readable_by_others(file):
        faults.append(Fault(file, None, None, Kind.READABLE, "others may read it", f"chmod 600 {file}"))
    for line in lines:
        setting, value, fault = _check_line(file, line)
        if fault is not None:
            faults.append(fault)
        elif setting is not None:
            values[setting.name] = value
    faults += _repeated(file, lines)
    faults += _missing(file, lines)
    faults += _same_secret(file, lines, values)
    if not faults:
        faults += [*_campaign_faults(file, values), *_door_faults(file, lines, values)]
    return Checked(tuple(sorted(faults, key=lambda fault: fault.line or 0)), values)


def is_example(value: str) -> bool:
    """Return whether a value comes from an example and has not been replaced."""
    return FILL_IN in value or TO_BE_MADE in value or value in PUBLISHED or _EXAMPLE_HOST.search(value) is not None


def decode(value: str) -> str:
    """Return the plain text of a secret in base64.

    Raises ``ValueError``, whose message does not contain the secret.
    """
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("not base64") from None


def _check_line(file: Path, line: Line) -> tuple[Setting | None, str, Fault | None]:
    """Check one line by itself: return its setting and plain value, or its fault. A line for Compose itself has neither."""

    def fault(kind: Kind, problem: str, mend: str, name: str | None = line.name) -> tuple[None, str, Fault]:
        return None, "", Fault(file, line.number, name, kind, problem, mend)

    meaning = meaning_of(line.name)
    if line.problem is Problem.NOT_A_SETTING or (
        meaning is None and not line.name.startswith(setting_names.COMPOSE_PREFIXES)
    ):
        # The text before an = may be part of a secret that was split over two lines. It is shown only if it is almost a name.
        closest = setting_names.closest_name(line.name)
        if line.name and closest is not None:
            return fault(Kind.UNKNOWN, "there is no such setting", f"did you mean {closest}?")
        if line.name:
            return fault(
                Kind.UNKNOWN, "there is no setting of this name", "remove the line; docs/settings.md lists all", None
            )
        return fault(Kind.SYNTAX, *_problem_and_mend(Problem.NOT_A_SETTING), None)
    if meaning is None:
        return None, "", None
    setting, value = meaning.setting, line.value
    if line.problem is Problem.BLANK:
        return fault(Kind.BLANK, *_problem_and_mend(line.problem))
    if line.problem is not None:
        return fault(Kind.SYNTAX, *_problem_and_mend(line.problem))
    if meaning.encoded:
        try:
            value = decode(value)
        except ValueError:
            return fault(
                Kind.NOT_BASE64, "it is not base64", f"write the plain value under its plain name, {setting.name}"
            )
    if value != value.strip():
        if meaning.encoded:
            mend = f"echo adds a new line before base64 encodes it; write the plain value under its plain name, {setting.name}"
            return fault(Kind.BLANK, "it begins or ends with a blank or a new line", mend)
        return fault(Kind.BLANK, "it begins or ends with a blank", "remove it")
    if not value:
        if setting.required:
            return fault(Kind.MISSING, "it is empty", _source_of(setting))
        return setting, value, None
    if is_example(value) or value == setting.looks_like:
        return fault(Kind.EXAMPLE, "it is still an example", _source_of(setting))
    if _has_quotes(setting, value):
        return fault(Kind.QUOTES, "there are quotes in it", "write the value without them")
    value_fault = value_checks.text(value) or setting.find_fault(value)
    if value_fault is not None:
        kind = Kind.TOO_SHORT if value_fault.too_short else Kind.MALFORMED
        return fault(kind, value_fault.problem, value_fault.mend)
    return setting, value, None


#: Settings that are no secrets, but without which calls and contracts may be taken for something else.
_WORTH_A_NOTE = ("SALES_CALL_TYPES", "OWN_DOMAINS")


def _has_quotes(setting: Setting, value: str) -> bool:
    """Return whether a value has quotes in a wrong place.

    A text may have quotes inside, but not around it; an address or a link may have an apostrophe inside.
    """
    if setting.find_fault is value_checks.text:
        return value[0] in _QUOTES and value[-1] in _QUOTES
    if setting.find_fault in (value_checks.address, value_checks.kestra_user, value_checks.link):
        return value[0] in _QUOTES or value[-1] in _QUOTES
    return any(quote in value for quote in _QUOTES)


def _problem_and_mend(problem: Problem) -> tuple[str, str]:
    description, _, mend = problem.value.rpartition("; ")
    return description, mend


def _source_of(setting: Setting) -> str:
    if setting.generate is not None:
        return "christmas secrets make generates it"
    return "deploy/settings.example.env says where to find it"


def _lines_by_setting(lines: Sequence[Line]) -> dict[str, list[Line]]:
    lines_by_setting: dict[str, list[Line]] = {}
    for line in lines:
        meaning = meaning_of(line.name)
        if meaning is not None:
            lines_by_setting.setdefault(meaning.setting.name, []).append(line)
    return lines_by_setting


def _repeated(file: Path, lines: Sequence[Line]) -> Iterator[Fault]:
    for first, *others in _lines_by_setting(lines).values():
        for line in others:
            problem = f"it is on line {first.number} already" + (
                "" if line.name == first.name else f", as {first.name}"
            )
            yield Fault(file, line.number, line.name, Kind.TWICE, problem, "keep one of them")


def _missing(file: Path, lines: Sequence[Line]) -> Iterator[Fault]:
    present = _lines_by_setting(lines)
    for setting in SETTINGS:
        if setting.required and setting.name not in present:
            yield Fault(file, None, setting.name, Kind.MISSING, "it is missing", _source_of(setting))


def _same_secret(file: Path, lines: Sequence[Line], values: Mapping[str, str]) -> Iterator[Fault]:
    """Find a secret or the id of a database that occurs in two places.

    Somebody with one of two equal secrets would have both. Two databases never have the same id.
    """
    lines_by_setting = _lines_by_setting(lines)
    first_setting: dict[str, str] = {}
    for setting in SETTINGS:
        is_id = setting.find_fault is value_checks.notion_id
        if setting.name not in values or not (setting.secret or is_id):
            continue
        value = values[setting.name]
        for secret in value_checks.split_secrets(value) if setting.several else [value]:
            key = secret.replace("-", "").lower() if is_id else secret
            if not key:
                continue
            if key in first_setting:
                where = "twice in it" if first_setting[key] == setting.name else f"in {first_setting[key]} too"
                line = lines_by_setting[setting.name][0].number
                mend = "write another into one of them"
                yield Fault(file, line, setting.name, Kind.SAME_SECRET, f"the same value is {where}", mend)
            first_setting.setdefault(key, setting.name)


def _campaign_faults(file: Path, values: Mapping[str, str]) -> Iterator[Fault]:
    """Find settings that are valid alone but that the campaign refuses together."""
    raw = {name.removeprefix("ENV_").lower(): value for name, value in values.items()}
    names = ("testing_mode", "time_scale", "resend_url", "notion_rate", "resend_rate")
    try:
        settings.read({name: raw.get(name) for name in names})
    except settings.InvalidSetting as error:
        problem, _, mend = str(error).partition(": ")
        yield Fault(file, None, "TIME_SCALE", Kind.MALFORMED, problem, mend)


def _door_faults(file: Path, lines: Sequence[Line], values: Mapping[str, str]) -> Iterator[Fault]:
    """Find the settings with which the door would not start, by its own checks."""
    environment = encode_settings.for_door(values)
    lines_by_setting = _lines_by_setting(lines)
    refused: set[str] = set()
    while True:
        try:
            door.read(environment)
        except door.InvalidSetting as error:
            meaning = meaning_of(error.name)
            name = error.name if meaning is None else meaning.setting.name
            if name in refused:
                return
            line = lines_by_setting[name][0].number if name in lines_by_setting else None
            yield Fault(file, line, name, Kind.MALFORMED, "the door does not start with it", f"it {error.problem}")
            # The door names one setting at a time. Remove it to see the next one.
            refused.add(name)
            environment.pop(error.name, None)
        else:
            return


def notes(values: Mapping[str, str]) -> list[str]:
    """Return sentences about settings that are valid but that the owner should know about."""
    sentences = [
        f"{setting.name} is empty: {setting.if_empty}."
        for setting in SETTINGS
        if (setting.secret or setting.name in _WORTH_A_NOTE)
        and not setting.required
        and setting.if_empty
        and not values.get(setting.name)
    ]
    if values.get("TESTING_MODE") == "true":
        sentences.append("TESTING_MODE is true: e-mails are due after minutes, not after days.")
    return sentences
