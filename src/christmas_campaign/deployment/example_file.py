"""The settings for people, from the data: the example that ``deploy/.env`` begins as, the tables of ``docs/settings.md``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from christmas_campaign.deployment import env_file
from christmas_campaign.deployment.catalogue import SETTINGS
from christmas_campaign.deployment.setting import TO_BE_MADE, Kestra, Setting

_INTRODUCTION = """\
All settings of the campaign, in plain text. This is the example: the real ones stand in deploy/.env, which is private.

christmas secrets make copies this file to deploy/.env and makes the keys and passwords that are ours to make.
christmas secrets check says what is still to be filled in, and what is wrong.
christmas secrets encode writes what the containers get, from deploy/.env.

A line is NAME=value, nothing around it. A value with a $, a # or quotes stands in 'single quotes'.
Comments have lines of their own.
"""


def example() -> str:
    """Return the text of ``deploy/settings.example.env``."""
    parts = ["".join(f"{line}\n" for line in _comment(_INTRODUCTION))]
    for group, settings in groupby((each for each in SETTINGS if each.shown), lambda each: each.group):
        parts.append(f"# --- {group} ---\n")
        parts += [entry(each, each.example) for each in settings]
    return "\n".join(parts)


def entry(setting: Setting, value: str) -> str:
    """Return a setting's comment and its line."""
    empty = "Must not be empty." if setting.required else f"May be empty; then {setting.without}."
    made = " christmas secrets make makes it." if setting.example == TO_BE_MADE else ""
    like = f" It looks like {setting.like}." if setting.like else ""
    lines = _comment(f"{setting.words.replace('`', '')}{like} {empty}{made}")
    return "".join(f"{line}\n" for line in [*lines, f"{setting.name}={env_file.quoted(value)}"])


def _comment(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from textwrap.wrap(line, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False) or [
            "#"
        ]


def tables() -> str:
    """Return the generated part of ``docs/settings.md``."""
    parts = []
    for group, settings in groupby(SETTINGS, lambda each: each.group):
        rows = [_row(each) for each in settings]
        parts.append(
            "\n".join(
                [
                    f"### {group}",
                    "",
                    "| setting | what it is | if it is empty | who gets it |",
                    "|---|---|---|---|",
                    *rows,
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def _row(setting: Setting) -> str:
    empty = "must not be" if setting.required else setting.without
    return f"| `{setting.name}` | {setting.words} | {empty} | {_who(setting)} |"


def _who(setting: Setting) -> str:
    found = []
    if setting.kestra_name is not None:
        found.append(f"Kestra: `{setting.kestra_name}`")
    if setting.door:
        found.append(f"the door: `{setting.kestra_name if setting.kestra is Kestra.SECRET else setting.name}`")
    if setting.compose:
        found.append("Compose")
    return "; ".join(found) or "the command"
