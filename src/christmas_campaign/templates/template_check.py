"""What each template needs, where each value would come from, and what would stop an e-mail: found before it is due."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from christmas_campaign.campaign import notion_names
from christmas_campaign.campaign.settings import LINKS, Settings
from christmas_campaign.email import footer, plain_text, template_text
from christmas_campaign.email.footer import MAIL_REASON, POSTAL_ADDRESS, UNSUBSCRIBE
from christmas_campaign.email.template_text import Placeholder, TemplateError
from christmas_campaign.notion import page_values
from christmas_campaign.notion.page_values import PropertyValue
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.templates import html_check
from christmas_campaign.templates.value_sources import Origin, Origins, same_for_all, words_from

#: The template that no sequence uses because the website itself sends it.
WEBSITES_OWN = "5-Day E1"

#: The most text objects that Notion takes for one property.
MOST_OBJECTS = 100

#: The parts of a template that are filled in.
PARTS = (notion_names.TEMPLATE_SUBJECT, notion_names.TEMPLATE_HTML, notion_names.TEMPLATE_TEXT)

_MEND_UNSUBSCRIBE = {
    notion_names.TEMPLATE_HTML: f'add <a href="{{{{{UNSUBSCRIBE}}}}}">Unsubscribe</a>',
    notion_names.TEMPLATE_TEXT: f"add {{{{{UNSUBSCRIBE}}}}}, or empty the plain text: then it is made from the HTML",
}

_SAYS_NOT = {POSTAL_ADDRESS: "who sends it from where", MAIL_REASON: "why one gets it"}

#: A page of Email Templates as plain values by property name, as ``notion_pages.plain`` gives them.
Page = Mapping[str, PropertyValue]


class Fault(NamedTuple):
    """One thing that stops e-mails or spoils them: in which template, in which of its properties, and the mend."""

    template: str
    part: str
    problem: str
    mend: str


class Notice(NamedTuple):
    """One thing that is worth knowing and stops nothing."""

    template: str
    note: str


class Use(NamedTuple):
    """An e-mail that is made from a template."""

    sequence: str
    number: int


class Need(NamedTuple):
    """One placeholder of a template: the properties in which it stands, and by sequence the sources that can have its value."""

    placeholder: Placeholder
    parts: tuple[str, ...]
    origins: Mapping[str, tuple[Origin, ...]]


class Checked(NamedTuple):
    """One active template: the e-mails made from it, and its placeholders in the order in which they stand there."""

    name: str
    uses: tuple[Use, ...]
    needs: tuple[Need, ...]


class Report(NamedTuple):
    """What was found: the active templates, those of the sequences first, in the order of their e-mails."""

    templates: tuple[Checked, ...]
    faults: tuple[Fault, ...]
    notices: tuple[Notice, ...]

    def only(self, names: Iterable[str]) -> Report:
        """Return what the report says of these templates."""
        wanted = set(names)
        return Report(
            tuple(each for each in self.templates if each.name in wanted),
            tuple(each for each in self.faults if each.template in wanted),
            tuple(each for each in self.notices if each.template in wanted),
        )


def uses() -> dict[str, tuple[Use, ...]]:
    """Return the e-mails that are made from each template, by its name, in the order of the sequences."""
    found: dict[str, tuple[Use, ...]] = {}
    for sequence in SEQUENCES:
        for email in sequence.emails:
            found[email.template] = (*found.get(email.template, ()), Use(sequence.name, email.number))
    return found


def check(pages: Sequence[Page], settings: Settings) -> Report:
    """Look at the template pages (all of them, whatever their status) with the settings with which e-mails are composed."""
    used = uses()
    origins = {sequence.name: Origins(sequence.name, settings) for sequence in SEQUENCES}
    active: dict[str, list[Page]] = {}
    for page in pages:
        if page.get(notion_names.TEMPLATE_STATUS) == notion_names.TEMPLATE_ACTIVE:
            active.setdefault(name_of(page), []).append(page)
    faults: list[Fault] = []
    notices: list[Notice] = []
    checked: list[Checked] = []
    for name in dict.fromkeys([*used, WEBSITES_OWN, *sorted(active)]):
        if name not in active:
            faults += [_missing(name, pages)] if name in used else []
            continue
        if len(active[name]) > 1:
            problem = f'there are {len(active[name])} active templates "{name}"; one may be'
            faults.append(
                Fault(name, notion_names.TEMPLATE_NAME, problem, "set all but one to another status, or delete them")
            )
        if name not in used and name != WEBSITES_OWN:
            notices.append(Notice(name, "no sequence uses it"))
        for page in active[name]:
            found = _checked(page, used.get(name, ()), origins)
            checked.append(found)
            faults += [*own_faults(page), *_faults_of_use(page, found)]
    known = {fault.template for fault in faults if fault.part == notion_names.TEMPLATE_STATUS}
    for page in pages:
        status, name = page.get(notion_names.TEMPLATE_STATUS), name_of(page)
        if status != notion_names.TEMPLATE_ACTIVE and name not in known:
            notices.append(Notice(name, f"a page of this name is not active ({status or 'no status'})"))
    return Report(tuple(checked), tuple(dict.fromkeys(faults)), tuple(dict.fromkeys(notices)))


def name_of(page: Page) -> str:
    """Return the name of a template, empty if it has none."""
    return str(page.get(notion_names.TEMPLATE_NAME) or "")


def text_of(page: Page, part: str) -> str:
    """Return one of the ``PARTS`` of a template, empty if it has none."""
    return str(page.get(part) or "")


def own_faults(page: Page) -> list[Fault]:
    """Return what is wrong with one template in itself, whoever uses it, whatever the settings, wherever it is kept."""
    name = name_of(page)
    faults: list[Fault] = []
    for part in PARTS:
        text = text_of(page, part)
        if part != notion_names.TEMPLATE_TEXT and not text.strip():
            faults.append(Fault(name, part, "it is empty", "fill it in"))
            continue
        faults += [Fault(name, part, problem, "shorten it") for problem in _too_long(text)]
        parsed = template_text.parse(text)
        mend = "write {{name}} or {{name|what to say without it}}; a name is letters, digits, spaces, _ and -"
        faults += [Fault(name, part, f"not a placeholder: {beginning}", mend) for beginning in parsed.malformed]
        unsubscribes = not text.strip() or any(each.name == UNSUBSCRIBE for each in parsed.placeholders)
        if part == notion_names.TEMPLATE_HTML:
            html = html_check.read(text)
            faults += [Fault(name, part, f"line {line}: {problem}", mend) for line, problem, mend in html.faults]
            unsubscribes = any(link.first is not None and link.first.name == UNSUBSCRIBE for link in html.links)
        if part in _MEND_UNSUBSCRIBE and not unsubscribes:
            faults.append(Fault(name, part, "it has no link to unsubscribe", _MEND_UNSUBSCRIBE[part]))
        for each in footer.missing({part: text}).get(part, ()):
            if each in _SAYS_NOT:
                mend = f"add {{{{{each}}}}} to its foot, as content/layout.html has it (`christmas templates push` brings that)"
                faults.append(Fault(name, part, f"it does not say {_SAYS_NOT[each]}: {{{{{each}}}}} is missing", mend))
    return faults


def _too_long(text: str) -> list[str]:
    pieces = page_values.pieces(text)
    most = MOST_OBJECTS * page_values.TEXT_OBJECT
    if len(pieces) > MOST_OBJECTS:
        return [f"it is longer than Notion takes ({most:,} characters; an emoji counts twice)"]
    # One short of full, for an emoji is not cut in half.
    if len(pieces) == MOST_OBJECTS and len(pieces[-1].encode("utf-16-le")) >= 2 * (page_values.TEXT_OBJECT - 1):
        return [f"it is exactly as long as Notion takes ({most:,} characters): the rest was probably cut off"]
    return []


def _missing(name: str, pages: Sequence[Page]) -> Fault:
    """What to do about a template that a sequence needs."""
    statuses = [page.get(notion_names.TEMPLATE_STATUS) for page in pages if name_of(page) == name]
    if statuses:
        problem = f"a sequence needs it, and its status is {statuses[0] or 'empty'}"
        return Fault(name, notion_names.TEMPLATE_STATUS, problem, f"set the status to {notion_names.TEMPLATE_ACTIVE}")
    alike = [name_of(page) for page in pages if _loosely(name_of(page)) == _loosely(name)]
    mend = (
        f'change the name "{alike[0]}" to "{name}"'
        if alike
        else "add a page of this name, or `christmas templates push`"
    )
    return Fault(name, notion_names.TEMPLATE_NAME, "a sequence needs it, and there is none", mend)


def _loosely(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _checked(page: Page, used: tuple[Use, ...], origins: Mapping[str, Origins]) -> Checked:
    parts: dict[Placeholder, list[str]] = {}
    for part in PARTS:
        text, derived = text_of(page, part), False
        if part == notion_names.TEMPLATE_TEXT and not text.strip():
            text, derived = plain_text.from_html(text_of(page, notion_names.TEMPLATE_HTML)), True
        for placeholder in template_text.parse(text).placeholders:
            stands = parts.setdefault(placeholder, [])
            if part not in stands and not (derived and stands):
                stands.append(part)
    sequences = dict.fromkeys(use.sequence for use in used)
    needs = [
        Need(placeholder, tuple(stands), {name: origins[name].of(placeholder) for name in sequences})
        for placeholder, stands in parts.items()
    ]
    return Checked(name_of(page), used, tuple(needs))


def _faults_of_use(page: Page, checked: Checked) -> list[Fault]:
    faults: list[Fault] = []
    html = html_check.read(text_of(page, notion_names.TEMPLATE_HTML))
    for sequence in dict.fromkeys(use.sequence for use in checked.uses):
        origins = {need.placeholder: need.origins[sequence] for need in checked.needs}
        for need in checked.needs:
            if same_for_all(origins[need.placeholder]) is None:
                faults += [_hole(checked.name, part, sequence, need) for part in need.parts]
        if _may_be_blank(text_of(page, notion_names.TEMPLATE_SUBJECT), origins):
            problem = f"it is empty for a contact of {sequence} for whom no placeholder has a value"
            faults.append(Fault(checked.name, notion_names.TEMPLATE_SUBJECT, problem, "write some words of its own"))
        for link in html.links:
            first = [(link.first, True)] if link.first else []
            for placeholder, begins in [*first, *((each, False) for each in link.others)]:
                words = words_from(placeholder, origins[placeholder], begins=begins)
                if words is not None:
                    problem = (
                        f"line {link.line}: the address of a link holds {written(placeholder)}, which may be words"
                    )
                    mend = "use a placeholder that is an address and is called one: its name ends in url, uri or link"
                    if words.source == "template":
                        mend = "write a whole address behind the |"
                    faults.append(Fault(checked.name, notion_names.TEMPLATE_HTML, f"{problem} ({words.source})", mend))
    return faults


def _may_be_blank(subject: str, origins: Mapping[Placeholder, tuple[Origin, ...]]) -> bool:
    def least(placeholder: Placeholder) -> str | None:
        certain = same_for_all(origins[placeholder])
        return certain.sample if certain else None

    try:
        return bool(subject.strip()) and not template_text.fill(subject, least, escape=False).strip()
    except TemplateError:
        # Malformed, or a placeholder of it may have no value: said as a fault of its own, and never sent empty.
        return False


def _hole(template: str, part: str, sequence: str, need: Need) -> Fault:
    name = need.placeholder.name
    if name in LINKS or name in footer.SETTINGS:
        setting = f"ENV_{name.upper()}" if name in LINKS else footer.SETTINGS[name]
        problem = f"{written(need.placeholder)} has no value: the setting {setting} is missing"
        return Fault(template, part, problem, f"give the setting {setting}")
    possible = [origin.source for origin in need.origins[sequence] if origin.sample is not None]
    only = " and the ".join([*possible, "variables of the payload"])
    problem = f"{written(need.placeholder)} may have no value in {sequence}: only the {only} may have one"
    return Fault(template, part, problem, f"write {{{{{name}|what to say without it}}}}")


def written(placeholder: Placeholder) -> str:
    """Return a placeholder as it stands in a template."""
    fallback = "" if placeholder.fallback is None else f"|{placeholder.fallback}"
    return f"{{{{{placeholder.name}{fallback}}}}}"
