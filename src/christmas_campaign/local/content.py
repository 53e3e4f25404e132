"""Reads the example content, templates and contacts, from files, as values for Notion pages."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.campaign import notion_names
from christmas_campaign.errors import CommandError


class ContentError(CommandError):
    """A content file is invalid. The message names the file, the field and the correction."""


class Template(NamedTuple):
    """A template as in Notion, with placeholders."""

    name: str
    status: str
    subject: str
    html: str
    text: str

    def values(self) -> dict[str, str]:
        """Return the property values of its page in the database Email Templates, by property name."""
        return {
            notion_names.TEMPLATE_NAME: self.name,
            notion_names.TEMPLATE_SUBJECT: self.subject,
            notion_names.TEMPLATE_HTML: self.html,
            notion_names.TEMPLATE_TEXT: self.text,
            notion_names.TEMPLATE_STATUS: self.status,
        }


def templates(content: Path) -> Iterator[Template]:
    """Yield all templates in the folder ``content``, inserted into the shared layout, sorted by folder name.

    Without a ``body.txt`` the plain text is empty: it is derived from the HTML when the e-mail is sent.
    Raises ``ContentError``.
    """
    html_layout = _text(content / "layout.html")
    for folder in sorted((content / "templates").iterdir()):
        if not folder.is_dir():
            continue
        description = folder / "template.toml"
        try:
            fields = tomllib.loads(_text(description))
        except tomllib.TOMLDecodeError as error:
            raise ContentError(f"{description}: {error}") from None
        for field in ("name", "subject", "preheader", "status"):
            if not isinstance(fields.get(field), str) or not fields[field].strip():
                raise ContentError(f'{description}: the field "{field}" is missing; it must be text')
        html = _in_layout(html_layout, fields, folder / "body.html")
        plain = folder / "body.txt"
        text = _in_layout(_text(content / "layout.txt"), fields, plain) if plain.exists() else ""
        yield Template(fields["name"], fields["status"], fields["subject"], html, text)


def _in_layout(layout: str, fields: Mapping[str, str], body: Path) -> str:
    text_by_marker = {
        "[[subject]]": fields["subject"],
        "[[preheader]]": fields["preheader"],
        "[[content]]": _text(body).rstrip("\n"),
    }
    for marker, text in text_by_marker.items():
        layout = layout.replace(marker, text)
    return layout


class Contact(NamedTuple):
    """An example contact."""

    first_name: str
    last_name: str
    email: str

    def values(self) -> dict[str, str]:
        """Return the property values of their page in the database BusinessX, by property name."""
        return {"first_name": self.first_name, "last_name": self.last_name, notion_names.CONTACT_EMAIL: self.email}


def contacts(path: Path) -> list[Contact]:
    """Read the example contacts from a JSON file. Raises ``ContentError``."""
    try:
        return [
            Contact(fields["first_name"], fields["last_name"], fields["email"]) for fields in json.loads(_text(path))
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ContentError(
            f"{path}: must be a list of contacts with first_name, last_name and email ({error})"
        ) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContentError(f"{path}: {error.strerror}") from None
