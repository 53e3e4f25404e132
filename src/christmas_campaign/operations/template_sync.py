"""Reads and compares the templates in Notion and in a content folder, and updates those in Notion."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.campaign import times
from christmas_campaign.campaign.settings import InvalidSetting, Settings, read
from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.errors import CommandError
from christmas_campaign.local import content
from christmas_campaign.notion import page_values, schema
from christmas_campaign.templates import template_check
from christmas_campaign.templates.template_check import Fault, Page

#: A KV entry that is part of the flows' cached requests to Notion. A new value makes the flows request everything again.
CACHE_KEY = "cache.as_of"


class TemplateSyncError(CommandError):
    """The templates cannot be put into Notion; the message says what to correct."""


class TemplatePage(NamedTuple):
    """A page of Email Templates: its id, and its plain values by property name."""

    id: str
    values: Page


class Change(NamedTuple):
    """A change of one template in Notion: the page (``None``: a new one), and the texts of its properties that differ.

    ``before`` are the texts in Notion, ``after`` those of the content folder.
    """

    name: str
    page_id: str | None
    before: Mapping[str, str]
    after: Mapping[str, str]

    def diff(self) -> list[str]:
        """Return the change as a unified diff, property by property, without line ends."""
        lines: list[str] = []
        for part, after in self.after.items():
            old_name = f"Notion: {self.name}: {part}" if self.page_id else "nothing"
            lines += difflib.unified_diff(
                # Unlike splitlines, split shows a missing line end at the end of the text. An empty text has no lines.
                self.before[part].split("\n") if self.before[part] else [],
                after.split("\n") if after else [],
                old_name,
                f"here: {self.name}: {part}",
                lineterm="",
            )
        return lines


def settings_of(environment: Environment) -> Settings:
    """Return the settings with which the engine composes e-mails. Raises ``SettingError``."""
    raw = {name.removeprefix("ENV_").lower(): value for name, value in environment.values.items() if name[:4] == "ENV_"}
    if environment.values.get("SECRET_TESTING_MODE", "").strip():
        raw["testing_mode"] = environment.secret("TESTING_MODE")
    if environment.values.get("SECRET_UNSUBSCRIBE_KEY", "").strip():
        raw["unsubscribe_key"] = environment.secret("UNSUBSCRIBE_KEY")
    try:
        return read(raw)
    except InvalidSetting as error:
        raise SettingError(f"{error} (in {environment.origin})") from None


def in_folder(folder: Path) -> list[Page]:
    """Read the templates below a content folder, as plain values. Raises ``CommandError``."""
    try:
        return [template.values() for template in content.templates(folder)]
    except (OSError, UnicodeDecodeError) as error:
        raise content.ContentError(f"the templates in {folder} cannot be read: {error}") from None


def in_notion(notion: Notion, data_source: str) -> list[TemplatePage]:
    """Read all pages of Email Templates, of every status, without those in the trash. Raises ``NotionError``."""
    return [TemplatePage(str(page["id"]), page_values.plain(page)) for page in notion.pages(data_source)]


def choose(templates: Sequence[Page], names: Iterable[str], folder: Path) -> list[Page]:
    """Return the local templates with these names, or all without names. Raises ``TemplateSyncError``."""
    counts = Counter(template_check.name_of(template) for template in templates)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise TemplateSyncError(f'{folder} has two templates called "{twice[0]}": give one of them another name')
    chosen_names = list(names)
    for name in chosen_names:
        if name not in counts:
            raise TemplateSyncError(
                f'there is no template "{name}" in {folder}; there are: {", ".join(sorted(counts))}'
            )
    return [template for template in templates if not chosen_names or template_check.name_of(template) in chosen_names]


def faults(templates: Sequence[Page], settings: Settings) -> list[Fault]:
    """Return the faults of local templates: those that ``templates check`` reports about the same templates in Notion.

    Other templates, which the folder may lack, do not count.
    """
    names = [template_check.name_of(template) for template in templates]
    of_use = template_check.check(templates, settings).only(names).faults
    # The check leaves out templates that are not active.
    own = [fault for template in templates for fault in template_check.own_faults(template)]
    return list(dict.fromkeys([*own, *of_use]))


def changes(templates: Iterable[Page], notion_pages: Sequence[TemplatePage]) -> list[Change]:
    """Return the changes that make Notion's pages equal to the local templates. Other pages stay as they are.

    Raises ``TemplateSyncError`` if Notion has two pages with the name of one template.
    """
    needed: list[Change] = []
    for template in templates:
        name = template_check.name_of(template)
        pages = [page for page in notion_pages if template_check.name_of(page.values) == name]
        if len(pages) > 1:
            raise TemplateSyncError(
                f'Notion has {len(pages)} pages called "{name}" in Email Templates: '
                "move all but one to the trash, or rename them"
            )
        page_id, notion_values = (pages[0].id, pages[0].values) if pages else (None, {})
        before = {part: template_check.text_of(notion_values, part) for part in template}
        after = {part: template_check.text_of(template, part) for part in template}
        differ = [part for part in template if page_id is None or before[part] != after[part]]
        if differ:
            change = Change(
                name, page_id, {part: before[part] for part in differ}, {part: after[part] for part in differ}
            )
            needed.append(change)
    return needed


def put(notion: Notion, data_source: str, change: Change) -> None:
    """Apply a change: make the page, or set the properties that differ. Raises ``NotionError``."""
    if change.page_id is None:
        notion.create_page(data_source, schema.TEMPLATES, change.after)
    else:
        notion.update_page(change.page_id, schema.TEMPLATES, change.after)


def refresh(kestra: Kestra) -> str:
    """Make the flows request templates from Notion again from now on; return the time stored for it. Raises ``KestraError``."""
    moment = times.text(datetime.now(UTC))
    kestra.kv_put(CACHE_KEY, moment)
    return moment


def make_effective(environment: Environment) -> str:
    """Make the changes in Notion effective at once if the settings name a Kestra; return a sentence on when they are."""
    if not environment.values.get("KESTRA_URL"):
        return "It counts within five minutes. Set KESTRA_URL, and it counts at once."
    try:
        with environment.kestra() as kestra:
            refresh(kestra)
    except KestraError as error:
        return f"It counts within five minutes, because Kestra cannot be reached: {error}."
    return "It counts at once."
