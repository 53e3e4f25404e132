"""Texts that are generated from the list of settings: the example of ``deploy/.env`` and the tables of ``docs/settings.md``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from christmas_campaign.deployment import env_file
from christmas_campaign.deployment.catalogue import SETTINGS
from christmas_campaign.deployment.setting import TO_BE_MADE, KestraKind, Setting

_INTRODUCTION = """\
An example of all settings of the campaign, in plain text. The real settings are in deploy/.env, which is private.

christmas secrets make copies this file to deploy/.env and generates the keys and passwords that it can.
christmas secrets check lists the settings that are missing or wrong.
christmas secrets encode writes the environments of the containers, from deploy/.env.

Write each setting as NAME=value, without blanks around the =. Put a value with a $, a # or quotes into 'single quotes'.
Put each comment on a line of its own.
"""


def example() -> str:
    """Return the text of ``deploy/settings.example.env``."""
    parts = ["".join(f"{line}\n" for line in _comment(_INTRODUCTION))]
    in_example = (setting for setting in SETTINGS if setting.in_example)
    for group, settings in groupby(in_example, lambda setting: setting.group):
        parts.append(f"# --- {group} ---\n")
        parts += [entry(setting, setting.example) for setting in settings]
    return "\n".join(parts)


def entry(setting: Setting, value: str) -> str:
    """Return the comment of a setting and its line with this value."""
    if_empty = "Must not be empty." if setting.required else f"May be empty; then {setting.if_empty}."
    generated = " christmas secrets make generates it." if setting.example == TO_BE_MADE else ""
    looks_like = f" It looks like {setting.looks_like}." if setting.looks_like else ""
    lines = _comment(f"{setting.description.replace('`', '')}{looks_like} {if_empty}{generated}")
    return "".join(f"{line}\n" for line in [*lines, f"{setting.name}={env_file.quoted(value)}"])


def _comment(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from textwrap.wrap(line, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False) or [
            "#"
        ]


def tables() -> str:
    """Return the generated part of ``docs/settings.md``."""
    parts = []
    for group, settings in groupby(SETTINGS, lambda setting: setting.group):
        rows = [_row(setting) for setting in settings]
        parts.append(
            "\n".join(
                [
                    f"### {group}",
                    "",
                    "| setting | meaning | if it is empty | who gets it |",
                    "|---|---|---|---|",
                    *rows,
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def _row(setting: Setting) -> str:
    if_empty = "must not be" if setting.required else setting.if_empty
    return f"| `{setting.name}` | {setting.description} | {if_empty} | {_readers(setting)} |"


def _readers(setting: Setting) -> str:
    readers = []
    if setting.kestra_name is not None:
        readers.append(f"Kestra: `{setting.kestra_name}`")
    if setting.door:
        readers.append(f"the door: `{setting.kestra_name if setting.kestra is KestraKind.SECRET else setting.name}`")
    if setting.compose:
        readers.append("Compose")
    return "; ".join(readers) or "the command"
