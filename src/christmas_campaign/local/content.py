"""The example content: templates and contacts as files, and how they are put into Notion."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.campaign import notion_names
from christmas_campaign.errors import CommandError


class ContentError(CommandError):
    """A content file cannot be used; the message names the file and the mend."""


class Template(NamedTuple):
    """One template as Notion holds it: its placeholders are still in it."""

    name: str
    status: str
    subject: str
    html: str
    text: str

    def values(self) -> dict[str, str]:
        """Return the values of its page in Email Templates, by property name."""
        return {
            notion_names.TEMPLATE_NAME: self.name,
            notion_names.TEMPLATE_SUBJECT: self.subject,
            notion_names.TEMPLATE_HTML: self.html,
            notion_names.TEMPLATE_TEXT: self.text,
            notion_names.TEMPLATE_STATUS: self.status,
        }


def templates(content: Path) -> Iterator[Template]:
    """Read every template below the folder ``content``, each put into the shared layout, in the order of their names.

    A template without ``body.txt`` has an empty plain text: it is made from the HTML when the e-mail is sent.
    Raises ``ContentError``.
    """
    html_layout = _text(content / "layout.html")
    for folder in sorted((content / "templates").iterdir()):
        if not folder.is_dir():
            continue
        about = folder / "template.toml"
        try:
            facts = tomllib.loads(_text(about))
        except tomllib.TOMLDecodeError as error:
            raise ContentError(f"{about}: {error}") from None
        for field in ("name", "subject", "preheader", "status"):
            if not isinstance(facts.get(field), str) or not facts[field].strip():
                raise ContentError(f'{about}: the field "{field}" is missing; it must be text')
        html = _in_layout(html_layout, facts, folder / "body.html")
        plain = folder / "body.txt"
        text = _in_layout(_text(content / "layout.txt"), facts, plain) if plain.exists() else ""
        yield Template(facts["name"], facts["status"], facts["subject"], html, text)


def _in_layout(layout: str, facts: Mapping[str, str], body: Path) -> str:
    parts = {
        "[[subject]]": facts["subject"],
        "[[preheader]]": facts["preheader"],
        "[[content]]": _text(body).rstrip("\n"),
    }
    for marker, part in parts.items():
        layout = layout.replace(marker, part)
    return layout


class Contact(NamedTuple):
    """One example contact."""

    first_name: str
    last_name: str
    email: str

    def values(self) -> dict[str, str]:
        """Return the values of the page in BusinessX, by property name."""
        return {"first_name": self.first_name, "last_name": self.last_name, notion_names.CONTACT_EMAIL: self.email}


def contacts(path: Path) -> list[Contact]:
    """Read the example contacts from a JSON file; raises ``ContentError``."""
    try:
        return [Contact(each["first_name"], each["last_name"], each["email"]) for each in json.loads(_text(path))]
    except (ValueError, KeyError, TypeError) as error:
        raise ContentError(f"{path}: not a list of contacts with first_name, last_name and email ({error})") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContentError(f"{path}: {error.strerror}") from None
