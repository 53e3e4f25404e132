from __future__ import annotations

import pytest

from christmas_campaign.campaign import facts
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import footer, placeholder_values
from christmas_campaign.email.template_text import Placeholder
from christmas_campaign.notion import schema
from christmas_campaign.sequences import field_types, registry
from christmas_campaign.sequences.model import Field
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.templates import template_check, value_sources
from christmas_campaign.templates.template_check import Fault, Notice, Page, Use
from christmas_campaign.templates.value_sources import Origin, Origins
from unit import build

SETTINGS = build.SETTINGS._replace(
    links={"calendly_link": "https://calendly.com/x", "pdf_download_link": "https://example.org/x.pdf"}
)
LINK = '<a href="{{unsubscribe_url}}">Unsubscribe</a>'
SENDER = "{{mail_reason}}{{postal_address}}"
HTML_FOOTER = f"{SENDER}{LINK}"
TEXT_FOOTER = f"{SENDER}{{{{unsubscribe_url}}}}"
SUBJECT, HTML, TEXT = template_check.PARTS
NO_SHOW = "noshow_recovery_email_1"


def template(
    name: str = "5-Day E2",
    *,
    subject: str | None = "Hello",
    html: str | None = "",
    text: str | None = None,
    status: str | None = "Active",
    html_footer: str = HTML_FOOTER,
) -> Page:
    """A page of Email Templates as plain values. It has no faults unless the arguments add some."""
    body = None if html is None else html + html_footer
    return {"Template Name": name, SUBJECT: subject, HTML: body, TEXT: text, "Status": status}


#: A template without faults for each e-mail of all sequences.
ALL = {name: template(name) for name in template_check.uses()}


def check(*pages: Page, settings: Settings = SETTINGS) -> template_check.Report:
    """Check these pages together with the templates of ``ALL`` that have other names."""
    names = {template_check.name_of(page) for page in pages}
    return template_check.check([*(page for name, page in ALL.items() if name not in names), *pages], settings)


def problems(*pages: Page, settings: Settings = SETTINGS) -> list[tuple[str, str]]:
    """The properties and problems of the faults, all of which must be of the template ``5-Day E2``."""
    faults = check(*pages, settings=settings).faults
    assert {fault.template for fault in faults} <= {"5-Day E2"}
    return [(fault.part, fault.problem) for fault in faults]


def origins(
    name: str, sequence: str = "signup", fallback: str | None = None, settings: Settings = SETTINGS
) -> list[tuple[str, bool]]:
    """The possible sources of a placeholder, each with whether it is certain."""
    return [(origin.source, origin.certain) for origin in Origins(sequence, settings).of(Placeholder(name, fallback))]


# The sources of values.


@pytest.mark.parametrize(
    ("name", "sequence", "fallback", "expected"),
    [
        ("first_name", "noshow", "x", ["payload", "variables?", "signup?", "contact?", "template", "defaults"]),
        ("business_name", "signup", "your salon", ["payload?", "variables?", "template", "defaults"]),
        ("nobody knows", "signup", "", ["variables?", "template"]),
        # Computed values are as certain as their fields.
        ("readiness_zone", "signup", None, ["payload", "variables?"]),
        ("TotalRevenueLeak_K", "signup", None, ["payload?", "variables?", "defaults"]),
        ("start_date_text", "onboarding", None, ["payload?", "variables?"]),
        # The signup is a source for the other sequences alone.
        ("assessment_score", "signup", None, ["payload", "variables?"]),
        ("assessment_score", "noshow", None, ["variables?", "signup?"]),
        ("personalized_tip_1", "onboarding", None, ["variables?", "signup?", "defaults"]),
        *((name, "noshow", None, ["payload", "variables?"]) for name in ("days_to_deadline", *footer.PLACEHOLDERS)),
        *((name, "signup", None, ["variables?", "campaign"]) for name in (*facts.CONSTANTS, *SETTINGS.links)),
    ],
)
def test_sources_of_a_placeholder(name: str, sequence: str, fallback: str | None, expected: list[str]) -> None:
    assert [source if certain else f"{source}?" for source, certain in origins(name, sequence, fallback)] == expected


@pytest.mark.parametrize("sequence", build.NAMES)
def test_required_field_is_certain_and_a_property_of_the_contact_is_possible(sequence: str) -> None:
    for field in registry.sequence(sequence).fields:
        assert origins(field.name, sequence)[0] == ("payload", field.required)
    for property_ in schema.CONTACTS.properties:
        assert ("contact", False) in origins(property_.name, sequence)


def test_missing_setting_gives_no_value() -> None:
    for name, settings in (
        ("calendly_link", SETTINGS._replace(links={})),
        ("unsubscribe_url", SETTINGS._replace(public_url=None)),
        ("postal_address", SETTINGS._replace(postal_address=None)),
    ):
        assert origins(name, settings=settings) == [("variables", False)]


@pytest.mark.parametrize("sequence", build.NAMES)
def test_certain_source_is_the_one_that_a_smallest_payload_uses(sequence: str) -> None:
    sources = placeholder_values.sources(
        build.event(sequence), scheduled=build.NOW, signup={}, contact={}, settings=SETTINGS
    )
    fields = {field.name for field in registry.sequence(sequence).fields}
    for name in fields | {name for source in sources for name in source.values}:
        certain = value_sources.same_for_all(Origins(sequence, SETTINGS).of(Placeholder(name, None)))
        match = placeholder_values.find(Placeholder(name, None), sources)
        assert (match[1] if match else None) == (certain.source if certain else None), name


def test_search_ends_at_the_first_certain_source() -> None:
    certain = Origins("signup", SETTINGS).of(Placeholder("first_name", "x"))
    assert [origin.source for origin in value_sources.searched(certain)] == ["payload"]
    uncertain = Origins("signup", SETTINGS).of(Placeholder("money_score", None))
    assert value_sources.searched(uncertain) == uncertain


@pytest.mark.parametrize(
    ("name", "sequence", "field"),
    [
        ("AnnualRevenueLeak", "signup", "revenue_leak_total"),
        ("personalized_tip_2", "signup", "weakest_system_2"),
        ("start_date_text", "onboarding", "start_date"),
        ("weakest_system_1", "signup", None),
        ("readiness_zone", "signup", None),
    ],
)
def test_computed_value_names_its_optional_field(name: str, sequence: str, field: str | None) -> None:
    assert Origins(sequence, SETTINGS).of(Placeholder(name, None))[0].needs == field


def test_samples_have_the_kind_of_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    more = (schema.Property("Portal Link", "rich_text"), schema.Property("start_date_text", "rich_text"))
    contacts = schema.CONTACTS._replace(properties=schema.CONTACTS.properties + more)
    monkeypatch.setattr(schema, "CONTACTS", contacts)
    onboarding = Origins("onboarding", SETTINGS)
    assert onboarding.of(Placeholder("Portal Link", None)) == (
        Origin("variables", False, None),
        Origin("contact", False, "https://example.com/x"),
    )
    assert onboarding.of(Placeholder("start_date_text", None)) == (
        Origin("payload", False, "Thursday, November 20, 2025", "start_date"),
        Origin("variables", False, None),
        Origin("contact", False, "some words"),
    )
    # Of a value computed from the signup, only values computed from the payload name their field.
    assert Origins("noshow", SETTINGS).of(Placeholder("AnnualRevenueLeak", None))[1] == Origin("signup", False, "12")


def test_field_without_a_sample_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Field("colour", field_types.one_of("red", "green"))
    signup = registry.sequence("signup")
    monkeypatch.setattr(value_sources, "sequence", lambda _: signup._replace(fields=(*signup.fields, field)))
    message = r"^no sample value fits the field colour: give it a default, or add a sample of its kind here$"
    with pytest.raises(ValueError, match=message):
        Origins("signup", SETTINGS)


# The report.


def test_templates_come_in_the_order_of_the_emails() -> None:
    report = check()
    assert [(checked.name, checked.uses) for checked in report.templates] == [
        (email.template, (Use(sequence.name, email.number),)) for sequence in SEQUENCES for email in sequence.emails
    ]
    assert (report.faults, report.notices) == ((), ())


def test_template_lists_every_email_that_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    signup, noshow, *_ = SEQUENCES
    pair = tuple(email._replace(template="Same") for email in signup.emails[:2])
    single = (noshow.emails[0]._replace(template="Same"),)
    monkeypatch.setattr(template_check, "SEQUENCES", (signup._replace(emails=pair), noshow._replace(emails=single)))
    assert template_check.uses() == {"Same": (Use("signup", 2), Use("signup", 3), Use("noshow", 1))}


def test_placeholders_list_the_properties_that_contain_them() -> None:
    page = template(
        subject="{{first_name}}", html="{{ first_name }}{{first_name|you}}", text=f"{{{{x|}}}}{TEXT_FOOTER}"
    )
    (checked,) = check(page).only(["5-Day E2"]).templates
    assert [(need.placeholder, need.parts) for need in checked.needs] == [
        (Placeholder("first_name", None), (SUBJECT, HTML)),
        (Placeholder("first_name", "you"), (HTML,)),
        *((Placeholder(name, None), (HTML, TEXT)) for name in ("mail_reason", "postal_address", "unsubscribe_url")),
        (Placeholder("x", ""), (TEXT,)),
    ]
    assert list(checked.needs[0].origins) == ["signup"]


def test_plain_text_made_from_the_html_is_checked_too() -> None:
    page = template(html="<p>{{a|}} &#123;&#123;money_score}}</p>")
    # The placeholder `a`, the three of the footer, and `money_score`, whose braces are only visible in the plain text.
    needs = check(page).only(["5-Day E2"]).templates[0].needs
    assert [need.parts for need in needs] == [(HTML,), (HTML,), (HTML,), (HTML,), (TEXT,)]
    assert problems(page) == [
        (HTML, "a reader sees braces: {{money_score}}"),
        (
            TEXT,
            "{{money_score}} may have no value in signup: only the payload and the variables of the payload may have one",
        ),
    ]


def test_report_can_be_limited_to_some_templates() -> None:
    report = check(template(subject=""), template("5-Day E3", html="<b>"), template("Other"), template("More"))
    part = report.only(["5-Day E3", "Other"])
    assert [checked.name for checked in part.templates] == ["5-Day E3", "Other"]
    assert [fault.template for fault in part.faults] == ["5-Day E3"]
    assert part.notices == (Notice("Other", "no sequence uses it"),)


# Missing values.


@pytest.mark.parametrize(
    ("name", "html", "only"),
    [
        ("5-Day E2", "{{MonthlyRevenue}}", "in signup: only the variables of the payload"),
        (NO_SHOW, "{{Segment}}{{assessment_score|x}}", "in noshow: only the contact and the variables of the payload"),
        ("postcall_maybe_email_1", "{{gps_score}}", "in postcall: only the signup and the variables of the payload"),
    ],
)
def test_value_that_may_be_missing_is_a_fault_with_its_possible_sources(name: str, html: str, only: str) -> None:
    (fault,) = check(template(name, html=html)).faults
    placeholder = html[: html.index("}}") + 2]
    assert fault.problem == f"{placeholder} may have no value {only} may have one"
    assert fault.mend == f"write {placeholder[:-2]}|what to say without it}}}}"


def test_fallback_counts_only_where_it_is_written() -> None:
    assert problems(template(html="{{money_score|}}")) == []
    assert [part for part, _ in problems(template(subject="{{money_score|none}}", html="{{money_score}}"))] == [HTML]
    assert [part for part, _ in problems(template(subject="{{money_score}}", html="{{money_score}}"))] == [
        SUBJECT,
        HTML,
    ]


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        (SETTINGS._replace(public_url=None), "ENV_PUBLIC_URL or SECRET_UNSUBSCRIBE_KEY"),
        (SETTINGS._replace(postal_address=None), "ENV_POSTAL_ADDRESS"),
    ],
)
def test_missing_setting_of_the_footer_is_a_fault_of_every_template(settings: Settings, setting: str) -> None:
    faults = check(settings=settings).faults
    assert {fault.mend for fault in faults} == {f"set {setting}"}
    assert len(faults) == len(ALL)


def test_missing_link_setting_is_a_fault() -> None:
    problem = "{{pdf_download_link}} has no value: the setting ENV_PDF_DOWNLOAD_LINK is missing"
    assert check(template(html="{{pdf_download_link}}"), settings=SETTINGS._replace(links={})).faults == (
        Fault("5-Day E2", HTML, problem, "set ENV_PDF_DOWNLOAD_LINK"),
    )


# The other faults.

ADDRESS_MEND = "use a placeholder whose value is an address and whose name ends in url, uri or link"
FOOTER_MEND = "add {{{{{}}}}} to the footer, as in content/layout.html, or run `christmas templates push`"
NO_ADDRESS = "it does not give the sender's postal address: {{postal_address}} is missing"
NO_REASON = "it does not give the reason why the contact gets it: {{mail_reason}} is missing"
NO_LINK = "it has no link to unsubscribe"
TOO_LONG = "it is longer than Notion allows (200,000 characters; an emoji counts as two)"
CUT_OFF = "it has exactly the length that Notion allows (200,000 characters), so its end is probably cut off"
BLANK_SUBJECT = "it is empty for a contact of signup for whom no placeholder has a value"
NO_VALUE = "{{{{{}}}}} may have no value in signup: only the payload and the variables of the payload may have one"
WORDS = "line 2: a link's address has {{{{{}}}}}, which may be words ({})"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (
            template(subject="", html="", html_footer="", text="Goodbye"),
            [
                (SUBJECT, "it is empty", "fill it in"),
                (HTML, "it is empty", "fill it in"),
                (TEXT, NO_LINK, "add {{unsubscribe_url}}, or empty the plain text: then it is made from the HTML"),
                (TEXT, NO_ADDRESS, FOOTER_MEND.format("postal_address")),
                (TEXT, NO_REASON, FOOTER_MEND.format("mail_reason")),
            ],
        ),
        (
            template(subject="{{a.b}}", html="x" * 200_000 + "{{c.d}}", text=f"{{{{e.f}}}}{TEXT_FOOTER}"),
            [
                (SUBJECT, "not a placeholder: {{a.b}}", "write {{b}}"),
                (HTML, TOO_LONG, "shorten it"),
                (HTML, "not a placeholder: {{c.d}}", "write {{d}}"),
                (TEXT, "not a placeholder: {{e.f}}", "write {{f}}"),
            ],
        ),
        (
            template(
                subject="{{money_score|}}",
                html='{{money_score}}{{gps_score}}\n<a href="{{first_name}}">x</a><a href="{{x_url|here}}">x</a>',
            ),
            [
                *(
                    (HTML, NO_VALUE.format(name), f"write {{{{{name}|what to say without it}}}}")
                    for name in ("money_score", "gps_score")
                ),
                (SUBJECT, BLANK_SUBJECT, "add text besides the placeholders"),
                (HTML, WORDS.format("first_name", "payload"), ADDRESS_MEND),
                (HTML, WORDS.format("x_url|here", "template"), "write a whole address after the |"),
            ],
        ),
        # A malformed placeholder hides no other fault.
        (
            template(html="<b>{{a.b}} {{gps_score}}", html_footer="<p>{{postal_address}}</p>"),
            [
                (HTML, "not a placeholder: {{a.b}}", "write {{b}}"),
                (HTML, "line 1: <b> is never closed", "write </b> where it ends"),
                (HTML, NO_LINK, f"add {LINK}"),
                (HTML, NO_REASON, FOOTER_MEND.format("mail_reason")),
                (HTML, NO_VALUE.format("gps_score"), "write {{gps_score|what to say without it}}"),
            ],
        ),
    ],
    ids=["empty", "long", "values", "malformed"],
)
def test_every_fault_of_a_template_is_reported_with_its_correction(
    page: Page, expected: list[tuple[str, str, str]]
) -> None:
    assert check(page).faults == tuple(Fault("5-Day E2", *fault) for fault in expected)


def test_missing_template_is_a_fault() -> None:
    problem = "a sequence needs it, and there is none"
    mend = "add a page of this name, or `christmas templates push`"
    pages = [page for name, page in ALL.items() if name != "5-Day E3"]
    assert template_check.check(pages, SETTINGS).faults == (Fault("5-Day E3", "Template Name", problem, mend),)
    for name in ("5-day e3", "5_Day_E3 "):
        (fault,) = template_check.check([*pages, template(name)], SETTINGS).faults
        assert (fault.problem, fault.mend) == (problem, f'change the name "{name}" to "5-Day E3"')
    assert len(template_check.check([], SETTINGS).faults) == len(ALL)


@pytest.mark.parametrize(("status", "words"), [("Draft", "Draft"), (None, "empty"), ("active", "active")])
def test_inactive_template_is_a_fault_and_not_checked(status: str | None, words: str) -> None:
    report = check(template(status=status, html="<b>"))
    problem = f"a sequence needs it, and its status is {words}"
    assert report.faults == (Fault("5-Day E2", "Status", problem, "set the status to Active"),)
    assert report.notices == ()
    assert "5-Day E2" not in [checked.name for checked in report.templates]


def test_two_active_templates_of_one_name_are_a_fault() -> None:
    problem = 'there are 2 active templates "5-Day E2"; only one is allowed'
    mend = "set all but one to another status, or delete them"
    assert check(template(), template()).faults == (Fault("5-Day E2", "Template Name", problem, mend),)
    # A fault of both pages is reported once.
    assert [part for part, _ in problems(template(subject=""), template(subject=""))] == ["Template Name", SUBJECT]


@pytest.mark.parametrize("empty", [None, " \n "])
def test_empty_subject_or_html_is_a_fault(empty: str | None) -> None:
    assert problems(template(subject=empty)) == [(SUBJECT, "it is empty")]
    assert problems(template(html=empty, html_footer="")) == [(HTML, "it is empty")]
    assert problems(template(text=empty)) == []


@pytest.mark.parametrize(
    ("subject", "is_fault"),
    [
        (" {{money_score| }} {{gps_score|}}", True),
        ("{{business_name|}}", True),
        ("{{money_score|}}{{first_name}}", False),
        ("{{sender_name|}}", False),
        ("{{money_score|}}!", False),
    ],
)
def test_subject_that_may_be_blank_is_a_fault(subject: str, is_fault: bool) -> None:
    assert problems(template(subject=subject)) == ([(SUBJECT, BLANK_SUBJECT)] if is_fault else [])


@pytest.mark.parametrize(
    ("html", "text", "expected"),
    [
        (f"{SENDER}{{{{unsubscribe_url}}}}", None, [(HTML, NO_LINK)]),
        (f"{SENDER}<a href='https://x.org/?{{{{unsubscribe_url}}}}'>x</a>", None, [(HTML, NO_LINK)]),
        (f"{LINK}{{{{mail_reason}}}}", None, [(HTML, NO_ADDRESS)]),
        (f"{LINK}{{{{postal_address|x}}}}", None, [(HTML, NO_REASON)]),
        (f"{LINK}<!--{SENDER}-->", None, [(HTML, NO_ADDRESS), (HTML, NO_REASON)]),
        (HTML_FOOTER, f"Goodbye {SENDER}", [(TEXT, NO_LINK)]),
        (HTML_FOOTER, "{{unsubscribe_url}}", [(TEXT, NO_ADDRESS), (TEXT, NO_REASON)]),
        (HTML_FOOTER, f"Goodbye {TEXT_FOOTER}", []),
        (HTML_FOOTER, " \n", []),
    ],
)
def test_incomplete_footer_is_a_fault(html: str, text: str | None, expected: list[tuple[str, str]]) -> None:
    assert problems(template(html=html, text=text, html_footer="")) == expected


LIMIT = 200_000


@pytest.mark.parametrize(
    ("part", "character", "length", "problem"),
    [
        (HTML, "x", LIMIT - 2, None),
        (HTML, "x", LIMIT, CUT_OFF),
        (HTML, "🎄", LIMIT, CUT_OFF),
        (HTML, "🎄", LIMIT + 2, TOO_LONG),
        (SUBJECT, "x", LIMIT + 2, TOO_LONG),
        (TEXT, "x", LIMIT, CUT_OFF),
    ],
)
def test_text_of_the_greatest_length_is_a_fault(part: str, character: str, length: int, problem: str | None) -> None:
    width = len(character.encode("utf-16-le")) // 2
    start = HTML_FOOTER + "x" * ((length - len(HTML_FOOTER)) % width)
    page = {**template(text=TEXT_FOOTER), part: start + character * ((length - len(start)) // width)}
    assert len(str(page[part]).encode("utf-16-le")) == 2 * length
    assert problems(page) == ([(part, problem)] if problem else [])


def test_text_cut_before_an_emoji_is_a_fault() -> None:
    """The last of the 100 text objects has one free character, which is too little for an emoji."""
    body = HTML_FOOTER.ljust(99 * 2_000 + 1, "x") + "🎄" * 999
    assert problems(template(html=body, html_footer="")) == [(HTML, CUT_OFF)]


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("{{calendly_link}}", None),
        ("{{reschedule_url|https://x.org}}", None),
        ("{{reschedule_url|mailto:a@x.org}}", None),
        ("{{reschedule_url|}}", "template"),
        ("{{Proposal Link|https://x.org}}", None),
        ("{{Proposal|https://x.org}}", "variables"),
        ("{{first_name}}", "payload"),
        ("{{calendly_event_uri}}", None),
        ("{{sender_name}}", "variables"),
        ("{{assessment_score|https://x.org}}", "variables"),
        ("https://x.org/a={{first_name}}", "payload"),
        # In a query every value is encoded.
        ("https://x.org/?a={{first_name}}&b={{CustomerId|not known}}", None),
        ("https://x.org/?a#{{first_name}}", "payload"),
        ("https://x.org/a={{email}}&amp;b={{days_to_deadline}}", None),
        ("https://x.org/a={{scheduled_time}}", None),
        ("https://x.org/a={{CustomerId|0}}", None),
        ("https://x.org/a={{CustomerId|not known}}", "template"),
        ("https://x.org/a={{last_name|none}}", "contact"),
        ("https://x.org/a={{Christmas Email 1 Sent|none}}", None),
        ("https://x.org/a={{weakest_system_1|none}}", "signup"),
        ("mailto:{{email}}", None),
        # The search never reaches the fallback of a certain value.
        ("{{unsubscribe_url|here}}", None),
    ],
)
def test_words_in_the_address_of_a_link_are_a_fault(address: str, source: str | None) -> None:
    report = check(template(NO_SHOW, html=f'<a\nhref="{address}">x</a>'))
    assert [fault.problem.rsplit(" ", 1)[1] for fault in report.faults] == ([f"({source})"] if source else [])


def test_words_outside_an_address_are_no_fault() -> None:
    assert problems(template(html='<p title="{{first_name}}">{{business_name}}</p>')) == []


# Sections.


def section(name: str, text: str) -> str:
    return f"{{{{#{name}}}}}{text}{{{{/{name}}}}}"


@pytest.mark.parametrize(
    ("html", "is_fault"),
    [
        (section("gps_score", "{{gps_score}}"), False),
        (section("revenue_leak_total", "{{revenue_leak_total_money}}"), False),
        (section("start_date_day", "{{start_date}}"), False),
        (section("gps_score", "{{MonthlyRevenue}}"), True),
        (section("MonthlyRevenue", "{{MonthlyRevenue}}") + "{{MonthlyRevenue}}", True),
        ("{{^MonthlyRevenue}}{{MonthlyRevenue}}{{/MonthlyRevenue}}", True),
    ],
)
def test_value_in_its_own_section_is_told(html: str, is_fault: bool) -> None:
    problem = "{{MonthlyRevenue}} may have no value in onboarding: only the variables of the payload may have one"
    found = [fault.problem for fault in check(template("onboarding_phase1_email_1", html=html)).faults]
    assert found == ([problem] if is_fault else [])


@pytest.mark.parametrize("part", [SUBJECT, HTML, TEXT])
def test_section_that_is_not_balanced_is_a_fault(part: str) -> None:
    page = {**template(text=TEXT_FOOTER), part: f"{{{{#gps_score}}}}a {HTML_FOOTER if part == HTML else TEXT_FOOTER}"}
    (fault,) = check(page).faults
    assert fault[1:] == (
        part,
        "{{#gps_score}} is never closed",
        "write {{#name}}…{{/name}} or {{^name}}…{{/name}}, the inner one of two wholly within the outer one",
    )


def test_name_of_a_section_that_no_source_tells() -> None:
    report = check(template(subject=f"s {section('frist_name', 'a')}{section('MonthlyRevenue', 'b')}"))
    problem = "{{#frist_name}} is about a value that in signup only the variables of the payload may have"
    assert report.faults == (Fault("5-Day E2", SUBJECT, problem, "did you mean first_name?"),)
    assert report.notices == (Notice("5-Day E2", problem.replace("frist_name", "MonthlyRevenue")),)


@pytest.mark.parametrize(
    "name", ["first_name", "spots_remaining", "Phase", "AnnualRevenueLeak_money", "systems_counted"]
)
def test_name_of_a_section_that_a_source_tells_is_right(name: str) -> None:
    report = check(template(NO_SHOW, html=section(name, "a")))
    assert (report.faults, report.notices) == ((), ())


def test_default_alone_tells_nothing() -> None:
    """A template for contacts of whom it is told can never be theirs."""
    (notice,) = check(template(html=section("Kickoff", "a"))).notices
    assert "{{#Kickoff}} is about a value" in notice.note


def test_html_of_every_passage_is_checked_with_its_lines() -> None:
    html = "{{#gps_score}}\n<b>\n{{/gps_score}}{{^gps_score}}<i>\n{{/gps_score}}"
    assert problems(template(html=html)) == [
        (HTML, "line 2: <b> is never closed"),
        (HTML, "line 3: <i> is never closed"),
    ]
    two_ways = "{{#gps_score}}<p class='a'>{{/gps_score}}{{^gps_score}}<p>{{/gps_score}}x</p>"
    assert problems(template(html=two_ways)) == []


def test_links_of_every_passage_are_checked() -> None:
    html = (
        section("gps_score", '<a href="{{first_name}}">x</a>') + "{{^gps_score}}<a href='{{email}}'>x</a>{{/gps_score}}"
    )
    assert [part for part, _ in problems(template(html=html))] == [HTML, HTML]


def test_subject_that_is_blank_without_its_passage_is_a_fault() -> None:
    assert problems(template(subject=section("gps_score", "words"))) == [(SUBJECT, BLANK_SUBJECT)]
    assert problems(template(subject=section("gps_score", "words") + "{{^gps_score}}others{{/gps_score}}")) == []


# Misspelt names.


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("frist_name", "first_name"),
        ("First Name", "first_name"),
        ("revenue-leak-total", "revenue_leak_total"),
        ("unsubscribe_link", "unsubscribe_url"),
        ("calendly_lnik", "calendly_link"),
        ("MonthlyRevenue", None),
        ("Phase2_Investment", None),
        ("Kickoff_Call_Date", None),
        ("first_name", None),
        # Both the signup and the contact's page know it, in two spellings.
        ("Assessment Score", None),
        ("assessment_score", None),
        ("assesment_score", "assessment_score"),
    ],
)
def test_similar_name_is_one_that_a_source_knows(name: str, similar: str | None) -> None:
    assert Origins("signup", SETTINGS).similar(name) == similar
    if not name.startswith("revenue"):
        assert Origins("noshow", SETTINGS).similar(name) == similar


def test_misspelt_name_gets_the_right_one() -> None:
    mend = "did you mean first_name? Otherwise write {{frist_name|what to say without it}}"
    problem = "{{frist_name}} may have no value in signup: only the variables of the payload may have one"
    assert check(template(subject="{{frist_name}}")).faults == (Fault("5-Day E2", SUBJECT, problem, mend),)


def test_fallback_that_hides_a_misspelt_name_gives_a_notice() -> None:
    report = check(template(subject="{{frist_name|you}} {{first_name|you}} {{MonthlyRevenue|not noted}}"))
    note = "{{frist_name|you}} has only the variables of the payload as a source: did you mean {{first_name}}?"
    assert (report.faults, report.notices) == ((), (Notice("5-Day E2", note),))


# Notices.


def test_template_without_a_use_gives_a_notice_and_is_checked_by_itself() -> None:
    report = check(template("Spring", html="{{whatever}} <b>"))
    assert report.notices == (Notice("Spring", "no sequence uses it"),)
    assert [(fault.template, fault.problem) for fault in report.faults] == [("Spring", "line 1: <b> is never closed")]
    assert (report.templates[-1].name, report.templates[-1].uses) == ("Spring", ())
    assert report.templates[-1].needs[0].origins == {}


@pytest.mark.parametrize(("size", "kilobytes"), [(100_000, None), (100_001, 100), (123_999, 123)])
def test_template_that_gmail_would_clip_gives_a_notice(size: int, kilobytes: int | None) -> None:
    body = "é" * ((size - len(HTML_FOOTER)) // 2)
    body += "x" * (size - len((body + HTML_FOOTER).encode()))
    note = f"its HTML has {kilobytes} KB; Gmail cuts off what is above 102 KB, the footer first"
    report = check(template(html=body))
    assert report.notices == ((Notice("5-Day E2", note),) if kilobytes else ())
    assert report.faults == ()


def test_foreign_syntax_and_left_over_braces_are_faults_with_the_right_form() -> None:
    page = template(subject="{first_name}", html="{{ x | default: 'y' }}", text=f"{{% if x %}} {TEXT_FOOTER}")
    assert check(page).faults == (
        Fault("5-Day E2", SUBJECT, "a reader sees braces: {first_name}", "write {{first_name}}"),
        Fault("5-Day E2", HTML, "not a placeholder: {{ x | default: 'y' }}", "write {{x|y}}"),
        Fault("5-Day E2", TEXT, "a reader sees braces: {% if x %}", "write {{#x}}…{{/x}}"),
    )


def test_template_of_the_website_is_checked_without_a_notice() -> None:
    report = check(template(template_check.WEBSITES_OWN, subject=""))
    assert report.notices == ()
    assert [(fault.template, fault.part) for fault in report.faults] == [("5-Day E1", SUBJECT)]


def test_inactive_page_gives_a_notice() -> None:
    spring, summer = template("Spring", status="Draft", html="<b>"), template("Summer", status=None)
    report = check(spring, summer, template(), template(status="Draft"), {})
    assert report.faults == ()
    assert report.notices == (
        Notice("Spring", "a page of this name is not active (Draft)"),
        Notice("Summer", "a page of this name is not active (no status)"),
        Notice("5-Day E2", "a page of this name is not active (Draft)"),
        Notice("", "a page of this name is not active (no status)"),
    )
