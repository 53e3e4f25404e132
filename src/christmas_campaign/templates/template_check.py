"""Check templates before an e-mail is due: their placeholders, the sources of the values, and faults that stop an e-mail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from christmas_campaign.campaign import notion_names
from christmas_campaign.campaign.settings import LINKS, Settings
from christmas_campaign.email import footer, plain_text, sections, template_text
from christmas_campaign.email.footer import MAIL_REASON, POSTAL_ADDRESS, UNSUBSCRIBE
from christmas_campaign.email.placeholder_values import base_name
from christmas_campaign.email.template_text import Malformed, Placeholder, TemplateError
from christmas_campaign.notion import page_values
from christmas_campaign.notion.page_values import PropertyValue
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.templates import foreign_syntax, html_check, html_verdict
from christmas_campaign.templates.html_check import Link
from christmas_campaign.templates.value_sources import TELLING, Origin, Origins, same_for_all, words_from

#: The template that no sequence uses, because the website itself sends this e-mail.
WEBSITES_OWN = "5-Day E1"

#: The most text objects that Notion takes for one property.
MOST_OBJECTS = 100

#: Gmail shows only the first 102 KB of an e-mail. The footer is at the end.
GMAIL_SHOWS = 100_000

#: The properties of a template that have placeholders.
PARTS = (notion_names.TEMPLATE_SUBJECT, notion_names.TEMPLATE_HTML, notion_names.TEMPLATE_TEXT)

_MEND_UNSUBSCRIBE = {
    notion_names.TEMPLATE_HTML: f'add <a href="{{{{{UNSUBSCRIBE}}}}}">Unsubscribe</a>',
    notion_names.TEMPLATE_TEXT: f"add {{{{{UNSUBSCRIBE}}}}}, or empty the plain text: then it is made from the HTML",
}

_MEND_SECTION = "write {{#name}}…{{/name}} or {{^name}}…{{/name}}, the inner one of two wholly within the outer one"

_FOOTER_PURPOSE = {POSTAL_ADDRESS: "the sender's postal address", MAIL_REASON: "the reason why the contact gets it"}

#: A page of Email Templates as plain values by property name, from ``page_values.plain``.
Page = Mapping[str, PropertyValue]


class Fault(NamedTuple):
    """A problem that stops an e-mail or spoils it: the template, the property, and how to correct it (``mend``)."""

    template: str
    part: str
    problem: str
    mend: str


class Notice(NamedTuple):
    """A remark about a template that stops no e-mail."""

    template: str
    note: str


class Use(NamedTuple):
    """An e-mail that is made from a template."""

    sequence: str
    number: int


class Need(NamedTuple):
    """A placeholder of a template: the properties that contain it, and the possible sources of its value by sequence.

    ``guarded`` is whether it is only in passages that are left out without its value.
    """

    placeholder: Placeholder
    parts: tuple[str, ...]
    origins: Mapping[str, tuple[Origin, ...]]
    guarded: bool = False


class Checked(NamedTuple):
    """An active template: the e-mails that use it, and its placeholders in order."""

    name: str
    uses: tuple[Use, ...]
    needs: tuple[Need, ...]


class Report(NamedTuple):
    """The result of the check. The active templates come in the order of the sequences' e-mails, then those without a use."""

    templates: tuple[Checked, ...]
    faults: tuple[Fault, ...]
    notices: tuple[Notice, ...]

    def only(self, names: Iterable[str]) -> Report:
        """Return the part of the report about these templates."""
        selected = set(names)
        return Report(
            tuple(template for template in self.templates if template.name in selected),
            tuple(fault for fault in self.faults if fault.template in selected),
            tuple(notice for notice in self.notices if notice.template in selected),
        )


def uses() -> dict[str, tuple[Use, ...]]:
    """Return the e-mails that use each template, by the template's name, in the order of the sequences."""
    by_template: dict[str, tuple[Use, ...]] = {}
    for sequence in SEQUENCES:
        for email in sequence.emails:
            by_template[email.template] = (*by_template.get(email.template, ()), Use(sequence.name, email.number))
    return by_template


def check(pages: Sequence[Page], settings: Settings) -> Report:
    """Check all template pages, of any status. ``settings`` are those that e-mails are composed with."""
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
            problem = f'there are {len(active[name])} active templates "{name}"; only one is allowed'
            faults.append(
                Fault(name, notion_names.TEMPLATE_NAME, problem, "set all but one to another status, or delete them")
            )
        if name not in used and name != WEBSITES_OWN:
            notices.append(Notice(name, "no sequence uses it"))
        for page in active[name]:
            size = len(text_of(page, notion_names.TEMPLATE_HTML).encode())
            if size > GMAIL_SHOWS:
                notices.append(
                    Notice(
                        name, f"its HTML has {size // 1000} KB; Gmail cuts off what is above 102 KB, the footer first"
                    )
                )
            template = _checked(page, used.get(name, ()), origins)
            checked.append(template)
            faults += [*own_faults(page), *_faults_of_use(page, template, origins)]
            notices += _misspelt(template, origins)
            of_sections = _unknown_sections(page, template, origins)
            faults += [finding for finding in of_sections if isinstance(finding, Fault)]
            notices += [finding for finding in of_sections if isinstance(finding, Notice)]
    inactive_with_fault = {fault.template for fault in faults if fault.part == notion_names.TEMPLATE_STATUS}
    for page in pages:
        status, name = page.get(notion_names.TEMPLATE_STATUS), name_of(page)
        if status != notion_names.TEMPLATE_ACTIVE and name not in inactive_with_fault:
            notices.append(Notice(name, f"a page of this name is not active ({status or 'no status'})"))
    return Report(tuple(checked), tuple(dict.fromkeys(faults)), tuple(dict.fromkeys(notices)))


def name_of(page: Page) -> str:
    """Return the name of a template, empty if it has none."""
    return str(page.get(notion_names.TEMPLATE_NAME) or "")


def text_of(page: Page, part: str) -> str:
    """Return one of the ``PARTS`` of a template, empty if it has none."""
    return str(page.get(part) or "")


def own_faults(page: Page) -> list[Fault]:
    """Return the faults of one template that depend neither on the e-mails that use it nor on the settings."""
    name = name_of(page)
    faults: list[Fault] = []
    for part in PARTS:
        text = text_of(page, part)
        if part != notion_names.TEMPLATE_TEXT and not text.strip():
            faults.append(Fault(name, part, "it is empty", "fill it in"))
            continue
        faults += [Fault(name, part, problem, "shorten it") for problem in _too_long(text)]
        parsed = template_text.parse(text)
        faults += [Fault(name, part, problem, _MEND_SECTION) for problem in parsed.unbalanced]
        for malformed in template_text.pieces(text):
            if isinstance(malformed, Malformed):
                problem, mend = foreign_syntax.explain(malformed)
                faults.append(Fault(name, part, problem, mend))
        unsubscribes = not text.strip() or any(placeholder.name == UNSUBSCRIBE for placeholder in parsed.placeholders)
        verdict = html_verdict.judge(text if part == notion_names.TEMPLATE_HTML else "")
        if part == notion_names.TEMPLATE_HTML:
            html_faults = [fault for variant in sections.variants(text) for fault in html_check.read(variant).faults]
            faults += [
                Fault(name, part, f"line {line}: {problem}", mend) for line, problem, mend in dict.fromkeys(html_faults)
            ]
            faults += [Fault(name, part, problem, mend) for problem, mend in verdict.faults]
            unsubscribes = UNSUBSCRIBE not in verdict.lacks and any(
                link.first is not None and link.first.name == UNSUBSCRIBE for link in _links(text)
            )
        elif not parsed.malformed and not parsed.unbalanced:
            left_over = template_text.left_over(text)
            if left_over is not None:
                mend = foreign_syntax.correction(left_over)
                faults.append(Fault(name, part, f"a reader sees braces: {left_over}", mend))
        if part in _MEND_UNSUBSCRIBE and not unsubscribes:
            faults.append(Fault(name, part, "it has no link to unsubscribe", _MEND_UNSUBSCRIBE[part]))
        for missing in footer.missing({part: text}, verdict).get(part, ()):
            if missing in _FOOTER_PURPOSE:
                problem = f"it does not give {_FOOTER_PURPOSE[missing]}: {{{{{missing}}}}} is missing"
                mend = (
                    f"add {{{{{missing}}}}} to the footer, as in content/layout.html, or run `christmas templates push`"
                )
                faults.append(Fault(name, part, problem, mend))
    return faults


def _too_long(text: str) -> list[str]:
    pieces = page_values.pieces(text)
    limit = MOST_OBJECTS * page_values.TEXT_OBJECT
    if len(pieces) > MOST_OBJECTS:
        return [f"it is longer than Notion allows ({limit:,} characters; an emoji counts as two)"]
    # One character less also counts as full, because an emoji of two is never cut in half.
    if len(pieces) == MOST_OBJECTS and len(pieces[-1].encode("utf-16-le")) >= 2 * (page_values.TEXT_OBJECT - 1):
        return [f"it has exactly the length that Notion allows ({limit:,} characters), so its end is probably cut off"]
    return []


def _missing(name: str, pages: Sequence[Page]) -> Fault:
    """Return the fault for a template that a sequence needs and that is not active."""
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
    unguarded: set[Placeholder] = set()
    for part in PARTS:
        text, derived = text_of(page, part), False
        if part == notion_names.TEMPLATE_TEXT and not text.strip():
            text, derived = plain_text.from_html(text_of(page, notion_names.TEMPLATE_HTML)), True
        for placeholder, told in sections.guarded(text):
            if base_name(placeholder.name) not in map(base_name, told):
                unguarded.add(placeholder)
            containing = parts.setdefault(placeholder, [])
            if part not in containing and not (derived and containing):
                containing.append(part)
    sequences = dict.fromkeys(use.sequence for use in used)
    needs = [
        Need(
            placeholder,
            tuple(containing),
            {name: origins[name].of(placeholder) for name in sequences},
            placeholder not in unguarded,
        )
        for placeholder, containing in parts.items()
    ]
    return Checked(name_of(page), used, tuple(needs))


def _misspelt(checked: Checked, origins: Mapping[str, Origins]) -> list[Notice]:
    """Return a notice for each placeholder whose fallback hides that its name is probably misspelt."""
    notices: list[Notice] = []
    for need in checked.needs:
        if need.placeholder.fallback is None:
            continue
        for sequence in need.origins:
            similar = origins[sequence].similar(need.placeholder.name)
            if similar is not None:
                written = source_text(need.placeholder)
                note = f"{written} has only the variables of the payload as a source: did you mean {{{{{similar}}}}}?"
                notices.append(Notice(checked.name, note))
    return notices


def _unknown_sections(page: Page, checked: Checked, origins: Mapping[str, Origins]) -> list[Fault | Notice]:
    """Return what is wrong with the names of sections that no source but the payload's variables can tell."""
    findings: list[Fault | Notice] = []
    for part in PARTS:
        for name in sections.section_names(text_of(page, part)):
            for sequence in dict.fromkeys(use.sequence for use in checked.uses):
                if any(origin.source in TELLING for origin in origins[sequence].of(Placeholder(name, None))):
                    continue
                problem = (
                    f"{{{{#{name}}}}} is about a value that in {sequence} only the variables of the payload may have"
                )
                similar = origins[sequence].similar(name)
                if similar is None:
                    findings.append(Notice(checked.name, problem))
                else:
                    findings.append(Fault(checked.name, part, problem, f"did you mean {similar}?"))
    return findings


def _faults_of_use(page: Page, checked: Checked, all_origins: Mapping[str, Origins]) -> list[Fault]:
    faults: list[Fault] = []
    links = _links(text_of(page, notion_names.TEMPLATE_HTML))
    for sequence in dict.fromkeys(use.sequence for use in checked.uses):
        origins = {need.placeholder: need.origins[sequence] for need in checked.needs}
        for need in checked.needs:
            if same_for_all(origins[need.placeholder]) is None and not need.guarded:
                similar = all_origins[sequence].similar(need.placeholder.name)
                faults += [_missing_value(checked.name, part, sequence, need, similar) for part in need.parts]
        if _may_be_blank(text_of(page, notion_names.TEMPLATE_SUBJECT), origins):
            problem = f"it is empty for a contact of {sequence} for whom no placeholder has a value"
            faults.append(
                Fault(checked.name, notion_names.TEMPLATE_SUBJECT, problem, "add text besides the placeholders")
            )
        for link in links:
            first = [(link.first, True)] if link.first else []
            for placeholder, begins in [*first, *((other, False) for other in link.others)]:
                words = words_from(placeholder, origins[placeholder], begins=begins)
                if words is not None:
                    problem = f"line {link.line}: a link's address has {source_text(placeholder)}, which may be words"
                    mend = "use a placeholder whose value is an address and whose name ends in url, uri or link"
                    if words.source == "template":
                        mend = "write a whole address after the |"
                    faults.append(Fault(checked.name, notion_names.TEMPLATE_HTML, f"{problem} ({words.source})", mend))
    return faults


def _links(html: str) -> tuple[Link, ...]:
    """Return the links of all passages."""
    return html_check.read(sections.everything(html)).links


def _may_be_blank(subject: str, origins: Mapping[Placeholder, tuple[Origin, ...]]) -> bool:
    def least(placeholder: Placeholder) -> str | None:
        certain = same_for_all(origins[placeholder])
        return certain.sample if certain else None

    try:
        return bool(subject.strip()) and not all(
            template_text.fill(variant, least, escape=False).strip() for variant in sections.variants(subject)
        )
    except TemplateError:
        # A malformed placeholder, or one without a certain value, has a separate fault and stops the e-mail.
        return False


def _missing_value(template: str, part: str, sequence: str, need: Need, similar: str | None) -> Fault:
    name = need.placeholder.name
    if name in LINKS or name in footer.SETTINGS:
        setting = f"ENV_{name.upper()}" if name in LINKS else footer.SETTINGS[name]
        problem = f"{source_text(need.placeholder)} has no value: the setting {setting} is missing"
        return Fault(template, part, problem, f"set {setting}")
    possible = [origin.source for origin in need.origins[sequence] if origin.sample is not None]
    only = " and the ".join([*possible, "variables of the payload"])
    problem = f"{source_text(need.placeholder)} may have no value in {sequence}: only the {only} may have one"
    mend = f"write {{{{{name}|what to say without it}}}}"
    if similar is not None:
        mend = f"did you mean {similar}? Otherwise {mend}"
    return Fault(template, part, problem, mend)


def source_text(placeholder: Placeholder) -> str:
    """Return a placeholder in the form in which a template contains it."""
    fallback = "" if placeholder.fallback is None else f"|{placeholder.fallback}"
    return f"{{{{{placeholder.name}{fallback}}}}}"
