"""The templates in Notion and those in the content folder: read, compared, put into Notion, and made to count at once."""

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
from christmas_campaign.templates.template_check import Page

#: The KV entry that the flows send along when they ask Notion for what hardly ever changes: a new value has them ask anew.
CACHE_KEY = "cache.as_of"


class TemplateSyncError(CommandError):
    """The templates cannot be put into Notion; the message says what to mend."""


class Kept(NamedTuple):
    """A page of Email Templates: its id, and its plain values by property name."""

    id: str
    values: Page


class Change(NamedTuple):
    """What is to be done in Notion about one template: the page (``None``: a new one), what its properties that differ say
    there, and what they shall say."""

    name: str
    page_id: str | None
    before: Mapping[str, str]
    after: Mapping[str, str]

    def diff(self) -> list[str]:
        """Return the change as a unified diff, property by property, without line ends."""
        lines: list[str] = []
        for part, after in self.after.items():
            was = f"Notion: {self.name}: {part}" if self.page_id else "nothing"
            lines += difflib.unified_diff(
                # Unlike splitlines, this shows that a line's end is missing; no text at all is no line.
                self.before[part].split("\n") if self.before[part] else [],
                after.split("\n") if after else [],
                was,
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
        return [each.values() for each in content.templates(folder)]
    except (OSError, UnicodeDecodeError) as error:
        raise content.ContentError(f"the templates in {folder} cannot be read: {error}") from None


def in_notion(notion: Notion, data_source: str) -> list[Kept]:
    """Read all pages of Email Templates, whatever their status; those in the trash are none. Raises ``NotionError``."""
    return [Kept(str(page["id"]), page_values.plain(page)) for page in notion.pages(data_source)]


def chosen(templates: Sequence[Page], names: Iterable[str], folder: Path) -> list[Page]:
    """Return the local templates of these names, or all if there are none. Raises ``TemplateSyncError``."""
    counts = Counter(template_check.name_of(each) for each in templates)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise TemplateSyncError(f'{folder} has two templates called "{twice[0]}": give one of them another name')
    wanted = list(names)
    for name in wanted:
        if name not in counts:
            raise TemplateSyncError(
                f'there is no template "{name}" in {folder}; there are: {", ".join(sorted(counts))}'
            )
    return [each for each in templates if not wanted or template_check.name_of(each) in wanted]


def changes(templates: Iterable[Page], kept: Sequence[Kept]) -> list[Change]:
    """Return what has to be done so that Notion's pages say what the local templates say, and nothing about any other page.

    Raises ``TemplateSyncError`` when Notion has two pages of one template's name.
    """
    found: list[Change] = []
    for template in templates:
        name = template_check.name_of(template)
        pages = [page for page in kept if template_check.name_of(page.values) == name]
        if len(pages) > 1:
            raise TemplateSyncError(
                f'Notion has {len(pages)} pages called "{name}" in Email Templates, and nobody can tell which is meant: '
                "put all but one into the trash, or give them other names"
            )
        page_id, there = (pages[0].id, pages[0].values) if pages else (None, {})
        before = {part: template_check.text_of(there, part) for part in template}
        after = {part: template_check.text_of(template, part) for part in template}
        differ = [part for part in template if page_id is None or before[part] != after[part]]
        if differ:
            change = Change(
                name, page_id, {each: before[each] for each in differ}, {each: after[each] for each in differ}
            )
            found.append(change)
    return found


def put(notion: Notion, data_source: str, change: Change) -> None:
    """Do it: make the page, or set those of its properties that differ. Raises ``NotionError``."""
    if change.page_id is None:
        notion.create_page(data_source, schema.TEMPLATES, change.after)
    else:
        notion.update_page(change.page_id, schema.TEMPLATES, change.after)


def refresh(kestra: Kestra) -> str:
    """Have the flows ask Notion anew from now on; returns the moment that is kept for it. Raises ``KestraError``."""
    moment = times.text(datetime.now(UTC))
    kestra.kv_put(CACHE_KEY, moment)
    return moment


def make_count(environment: Environment) -> str:
    """Have what was written to Notion count at once if the settings name a Kestra; returns a sentence on when it counts."""
    if not environment.values.get("KESTRA_URL"):
        return "It counts within five minutes: no KESTRA_URL is given by which Kestra could be told."
    try:
        with environment.kestra() as kestra:
            refresh(kestra)
    except KestraError as error:
        return f"It counts within five minutes, for Kestra could not be told: {error}."
    return "It counts at once."
