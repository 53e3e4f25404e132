"""The names of settings: what a name in a file means, and how a plain name and value become those that Kestra knows."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from christmas_campaign.deployment.catalogue import SETTINGS
from christmas_campaign.deployment.setting import Kestra, Setting

#: Beginnings of names that Compose itself reads in ``deploy/.env``.
OF_COMPOSE = ("COMPOSE_", "DOCKER_")

_BY_NAME = {setting.name: setting for setting in SETTINGS}
_BY_KESTRA_NAME = {setting.kestra_name: setting for setting in SETTINGS if setting.kestra_name is not None}


class Known(NamedTuple):
    """What a name means: the setting, and whether its value is base64."""

    setting: Setting
    encoded: bool


def known(name: str) -> Known | None:
    """Return what a name in a file means: a plain one, or one that is as Kestra gets it; ``None`` if it means nothing."""
    if name in _BY_NAME:
        return Known(_BY_NAME[name], False)
    setting = _BY_KESTRA_NAME.get(name)
    return None if setting is None else Known(setting, setting.kestra is Kestra.SECRET)


def encode(plain: str) -> str:
    """Return a secret's value as Kestra wants it."""
    return base64.b64encode(plain.encode()).decode()


def as_kestra_gets_it(values: Mapping[str, str]) -> dict[str, str]:
    """Return settings with what has a plain name also under the name that Kestra knows; what has that one already stays."""
    found = dict(values)
    for name, value in values.items():
        setting = _BY_NAME.get(name)
        kestra_name = None if setting is None else setting.kestra_name
        if setting is not None and kestra_name is not None and not values.get(kestra_name, "").strip():
            found[kestra_name] = encode(value) if setting.kestra is Kestra.SECRET else value
    return found


def plain_names(values: Iterable[str]) -> bool:
    """Whether a file with these names is one in plain words: one name at least is of those that Kestra gets under another.

    A command takes the user and the password for Kestra by their plain names from any file.
    """
    found = (_BY_NAME[name] for name in values if name in _BY_NAME)
    return any(each.kestra_name not in (None, each.name) and not each.compose for each in found)


def meant(name: str) -> str | None:
    """Return the setting's name that was hardly written otherwise by intent, ``None`` if there is none like it."""
    close = get_close_matches(name.upper(), [*_BY_NAME, *_BY_KESTRA_NAME], n=1, cutoff=0.75)
    return close[0] if close else None
