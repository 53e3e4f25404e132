"""What is wrong with a file of settings: every fault at once, each with its line, its name and the mend; never a value."""

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
from christmas_campaign.deployment.setting_names import known
from christmas_campaign.door import settings as door
from christmas_campaign.json_types import JsonObject

#: Secrets that stand in public examples: of Standard Webhooks, of Kestra's own Compose file, and what everybody tries.
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
    """What kind of fault it is."""

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
    """One fault. ``line`` is ``None`` where it is about the whole file, ``name`` where no setting is meant for sure."""

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
        """Return it as ``check --json`` shows it."""
        return {**self._asdict(), "file": str(self.file), "kind": str(self.kind)}


def load(file: Path) -> str:
    """Return the text of a file of settings. Raises ``EnvFileError``."""
    if not file.exists():
        raise env_file.EnvFileError(f"{file} is not there: christmas secrets make makes it")
    return env_file.load(file)


class Checked(NamedTuple):
    """What a file says: its faults, and the plain values by the settings' names (of what is no fault)."""

    faults: tuple[Fault, ...]
    values: Mapping[str, str]


def check(file: Path) -> Checked:
    """Look through a file of settings. Raises ``EnvFileError`` where it cannot be read."""
    lines = env_file.read(load(file))
    faults: list[Fault] = []
    values: dict[str, str] = {}
    if env_file.readable_by_others(file):
        faults.append(Fault(file, None, None, Kind.READABLE, "others may read it", f"chmod 600 {file}"))
    for line in lines:
        setting, value, found = _look(file, line)
        if found is not None:
            faults.append(found)
        elif setting is not None:
            values[setting.name] = value
    faults += _twice(file, lines)
    faults += _missing(file, lines)
    faults += _same(file, lines, values)
    if not faults:
        faults += [*_together(file, values), *_of_the_door(file, lines, values)]
    return Checked(tuple(sorted(faults, key=lambda fault: fault.line or 0)), values)


def is_example(value: str) -> bool:
    """Whether a value is still what an example has there."""
    return FILL_IN in value or TO_BE_MADE in value or value in PUBLISHED or _EXAMPLE_HOST.search(value) is not None


def decoded(value: str) -> str:
    """Return the plain text of a secret as Kestra gets it. Raises ``ValueError``, which never shows it."""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("not base64") from None


def _look(file: Path, line: Line) -> tuple[Setting | None, str, Fault | None]:
    """One line by itself: the setting and its plain value, or what is wrong."""

    def fault(kind: Kind, problem: str, mend: str, name: str | None = line.name) -> tuple[None, str, Fault]:
        return None, "", Fault(file, line.number, name, kind, problem, mend)

    meaning = known(line.name)
    if line.problem is Problem.NOT_A_SETTING or (
        meaning is None and not line.name.startswith(setting_names.OF_COMPOSE)
    ):
        # What stands before an = may be a piece of a secret that was broken over two lines: it is shown if it is like a name.
        meant = setting_names.meant(line.name)
        if line.name and meant is not None:
            return fault(Kind.UNKNOWN, "there is no such setting", f"did you mean {meant}?")
        if line.name:
            return fault(
                Kind.UNKNOWN, "there is no setting of this name", "take the line away; docs/settings.md lists all", None
            )
        return fault(Kind.SYNTAX, *_halves(Problem.NOT_A_SETTING), None)
    if meaning is None:
        return None, "", None
    setting, value = meaning.setting, line.value
    if line.problem is Problem.BLANK:
        return fault(Kind.BLANK, *_halves(line.problem))
    if line.problem is not None:
        return fault(Kind.SYNTAX, *_halves(line.problem))
    if meaning.encoded:
        try:
            value = decoded(value)
        except ValueError:
            return fault(
                Kind.NOT_BASE64, "it is not base64", f"write the plain value under its plain name, {setting.name}"
            )
    if value != value.strip():
        if meaning.encoded:
            mend = (
                f"it was encoded with it (echo does that); write the plain value under its plain name, {setting.name}"
            )
            return fault(Kind.BLANK, "it begins or ends with a blank or a new line", mend)
        return fault(Kind.BLANK, "it begins or ends with a blank", "take it away")
    if not value:
        if setting.required:
            return fault(Kind.MISSING, "it is empty", _how(setting))
        return setting, value, None
    if is_example(value) or value == setting.like:
        return fault(Kind.EXAMPLE, "it is still an example", _how(setting))
    if _has_quotes(setting, value):
        return fault(Kind.QUOTES, "there are quotes in it", "write the value without them")
    wrong = value_checks.text(value) or setting.wrong(value)
    if wrong is not None:
        return fault(Kind.TOO_SHORT if wrong.too_short else Kind.MALFORMED, wrong.problem, wrong.mend)
    return setting, value, None


def _has_quotes(setting: Setting, value: str) -> bool:
    """Whether there are quotes where none belong: in a name they may stand, but not around it; an address may have a '."""
    if setting.wrong is value_checks.text:
        return value[0] in _QUOTES and value[-1] in _QUOTES
    if setting.wrong in (value_checks.address, value_checks.kestra_user, value_checks.link):
        return value[0] in _QUOTES or value[-1] in _QUOTES
    return any(quote in value for quote in _QUOTES)


def _halves(problem: Problem) -> tuple[str, str]:
    what, _, mend = problem.value.rpartition("; ")
    return what, mend


def _how(setting: Setting) -> str:
    if setting.made is not None:
        return "christmas secrets make makes it"
    return "deploy/settings.example.env says where to find it"


def _by_setting(lines: Sequence[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        meaning = known(line.name)
        if meaning is not None:
            found.setdefault(meaning.setting.name, []).append(line)
    return found


def _twice(file: Path, lines: Sequence[Line]) -> Iterator[Fault]:
    for same in _by_setting(lines).values():
        for line in same[1:]:
            problem = f"it stands on line {same[0].number} already" + (
                "" if line.name == same[0].name else f", as {same[0].name}"
            )
            yield Fault(file, line.number, line.name, Kind.TWICE, problem, "keep one of them")


def _missing(file: Path, lines: Sequence[Line]) -> Iterator[Fault]:
    there = _by_setting(lines)
    for setting in SETTINGS:
        if setting.required and setting.name not in there:
            yield Fault(file, None, setting.name, Kind.MISSING, "it is missing", _how(setting))


def _same(file: Path, lines: Sequence[Line], values: Mapping[str, str]) -> Iterator[Fault]:
    """The same secret in two places, or one id for two databases: who has one would have both, or one of them is wrong."""
    there = _by_setting(lines)
    first: dict[str, str] = {}
    for setting in SETTINGS:
        if setting.name not in values or not (setting.secret or setting.wrong is value_checks.notion_id):
            continue
        value = values[setting.name]
        for each in value_checks.signing_secrets(value) if setting.several else [value]:
            key = each.replace("-", "").lower() if setting.wrong is value_checks.notion_id else each
            if not key:
                continue
            if key in first:
                where = "twice in it" if first[key] == setting.name else f"in {first[key]} too"
                mend = "write another into one of them"
                yield Fault(
                    file, there[setting.name][0].number, setting.name, Kind.SAME_SECRET, f"the same is {where}", mend
                )
            first.setdefault(key, setting.name)


def _together(file: Path, values: Mapping[str, str]) -> Iterator[Fault]:
    """What each setting alone does not show: the campaign itself has to take them all."""
    raw = {name.removeprefix("ENV_").lower(): value for name, value in values.items()}
    taken = {name: raw.get(name) for name in ("testing_mode", "time_scale", "resend_url", "notion_rate", "resend_rate")}
    try:
        settings.read(taken)
    except settings.InvalidSetting as error:
        problem, _, mend = str(error).partition(": ")
        yield Fault(file, None, "TIME_SCALE", Kind.MALFORMED, problem, mend)


def _of_the_door(file: Path, lines: Sequence[Line], values: Mapping[str, str]) -> Iterator[Fault]:
    """What the door itself would not start with: it has the last word on what it is given."""
    given = encode_settings.for_door(values)
    there = _by_setting(lines)
    found: set[str] = set()
    while True:
        try:
            door.read(given)
        except door.InvalidSetting as error:
            meaning = known(error.name)
            name = error.name if meaning is None else meaning.setting.name
            if name in found:
                return
            line = there[name][0].number if name in there else None
            yield Fault(file, line, name, Kind.MALFORMED, "the door does not start with it", f"it {error.problem}")
            # It names one at a time.
            found.add(name)
            given.pop(error.name, None)
        else:
            return


def notes(values: Mapping[str, str]) -> list[str]:
    """Return what is no fault and yet good to know, as sentences."""
    found = [
        f"{setting.name} is empty: {setting.without}."
        for setting in SETTINGS
        if setting.secret and not setting.required and setting.without and not values.get(setting.name)
    ]
    if values.get("TESTING_MODE") == "true":
        found.append("TESTING_MODE is true: e-mails go out after minutes, not after days.")
    return found
