"""The names of settings: which setting a name in a file means, and how Kestra names and encodes it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from christmas_campaign.deployment.catalogue import SETTINGS
from christmas_campaign.deployment.setting import KestraKind, Setting

#: Prefixes of names in ``deploy/.env`` that Compose itself reads.
COMPOSE_PREFIXES = ("COMPOSE_", "DOCKER_")

_BY_NAME = {setting.name: setting for setting in SETTINGS}
_BY_KESTRA_NAME = {setting.kestra_name: setting for setting in SETTINGS if setting.kestra_name is not None}


class NameMeaning(NamedTuple):
    """The setting that a name stands for, and whether its value is base64 under this name."""

    setting: Setting
    encoded: bool


def meaning_of(name: str) -> NameMeaning | None:
    """Return the meaning of a plain name or of Kestra's name of a setting; ``None`` if there is no such setting."""
    if name in _BY_NAME:
        return NameMeaning(_BY_NAME[name], False)
    setting = _BY_KESTRA_NAME.get(name)
    return None if setting is None else NameMeaning(setting, setting.kestra is KestraKind.SECRET)


def encode(plain: str) -> str:
    """Return the value of a secret as base64, which Kestra requires."""
    return base64.b64encode(plain.encode()).decode()


def with_kestra_names(values: Mapping[str, str]) -> dict[str, str]:
    """Return the settings and, for each plain name, the same setting under Kestra's name.

    A value that already stands under Kestra's name is not replaced.
    """
    settings = dict(values)
    for name, value in values.items():
        setting = _BY_NAME.get(name)
        kestra_name = None if setting is None else setting.kestra_name
        if setting is not None and kestra_name is not None and not values.get(kestra_name, "").strip():
            settings[kestra_name] = encode(value) if setting.kestra is KestraKind.SECRET else value
    return settings


def uses_plain_names(names: Iterable[str]) -> bool:
    """Return whether a file with these names holds plain values: at least one of them has another name in Kestra.

    The user and the password for Kestra do not count: a command reads them by their plain names from any file.
    """
    settings = (_BY_NAME[name] for name in names if name in _BY_NAME)
    return any(setting.kestra_name not in (None, setting.name) and not setting.compose for setting in settings)


def closest_name(name: str) -> str | None:
    """Return the name of a setting that is spelled almost like ``name``, ``None`` if there is none."""
    matches = get_close_matches(name.upper(), [*_BY_NAME, *_BY_KESTRA_NAME], n=1, cutoff=0.75)
    return matches[0] if matches else None
