"""What each template needs, and what is wrong with it, before an e-mail is due."""

from __future__ import annotations

from typing import Any

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
UNSUBSCRIBE = f"{SENDER}{LINK}"
TEXT_FOOTER = f"{SENDER}{{{{unsubscribe_url}}}}"


def template(
    name: str = "5-Day E2",
    *,
    subject: str | None = "Hello",
    html: str | None = "",
    text: str | None = None,
    status: str | None = "Active",
    unsubscribe: str = UNSUBSCRIBE,
) -> Page:
    """A page of Email Templates as plain values, without a fault unless asked for."""
    return {
        "Template Name": name,
        "Subject Line": subject,
        "Email Body HTML": None if html is None else html + unsubscribe,
        "Email Body Plain Text": text,
        "Status": status,
    }


#: One good template for each e-mail of all sequences.
ALL = {name: template(name) for name in template_check.uses()}


def check(*pages: Page, settings: Settings = SETTINGS) -> template_check.Report:
    """What the check says when these pages take the place of the good ones of their names."""
    given = {template_check.name_of(page) for page in pages}
    return template_check.check([*(page for name, page in ALL.items() if name not in given), *pages], settings)


def faults(*pages: Page, settings: Settings = SETTINGS) -> list[tuple[str, str]]:
    """The properties and problems of the faults; that they are of the template ``5-Day E2`` is seen to."""
    found = check(*pages, settings=settings).faults
    assert {fault.template for fault in found} <= {"5-Day E2"}
    assert all(fault.mend for fault in found)
    return [(fault.part, fault.problem) for fault in found]


def origins(name: str, sequence: str = "signup", fallback: str | None = None, **given: Any) -> list[tuple[str, bool]]:
    found = Origins(sequence, SETTINGS._replace(**given)).of(Placeholder(name, fallback))
    return [(origin.source, origin.certain) for origin in found]


def only(name: str, sequence: str = "signup", fallback: str | None = None) -> list[tuple[str, bool]]:
    """The sources of a placeholder besides the variables, which are always possible, right behind the payload."""
    found = origins(name, sequence, fallback)
    assert found.index(("variables", False)) == (1 if found[0][0] == "payload" else 0)
    return [each for each in found if each[0] != "variables"]


# Where the values come from.


@pytest.mark.parametrize("sequence", build.NAMES)
def test_a_required_field_is_certain_and_an_optional_one_is_not(sequence: str) -> None:
    for field in registry.sequence(sequence).fields:
        assert only(field.name, sequence)[0] == ("payload", field.required)
        assert (("defaults", True) in only(field.name, sequence)) == (
            field.default is not None
            or field.name
            in placeholder_values.sources(
                build.event(sequence), scheduled=build.NOW, signup={}, contact={}, settings=SETTINGS
            )[-1].values
        )


def test_what_is_computed_is_as_certain_as_what_it_is_computed_from() -> None:
    assert only("readiness_zone") == [("payload", True)]
    assert only("TotalRevenueLeak_K") == [("payload", False), ("defaults", True)]
    assert only("scheduled_time_text", "noshow") == [("payload", True)]
    assert only("start_date_text", "onboarding") == [("payload", False)]
    assert only("email_1_sent_at_text") == [("payload", False)]


def test_what_a_value_is_computed_from_is_named() -> None:
    def needs(name: str, sequence: str = "signup") -> str | None:
        return Origins(sequence, SETTINGS).of(Placeholder(name, None))[0].needs

    assert needs("AnnualRevenueLeak") == "revenue_leak_total"
    assert needs("personalized_tip_2") == "weakest_system_2"
    assert needs("start_date_text", "onboarding") == "start_date"
    assert needs("weakest_system_1") is None
    assert needs("readiness_zone") is None
    # Of the signup of another sequence's contact nothing is said.
    assert Origins("noshow", SETTINGS).of(Placeholder("AnnualRevenueLeak", None))[1] == Origin("signup", False, str(12))


def test_a_property_of_contacts_that_is_called_an_address_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    more = (schema.Property("Portal Link", "rich_text"), schema.Property("start_date_text", "rich_text"))
    contacts = schema.CONTACTS._replace(properties=schema.CONTACTS.properties + more)
    monkeypatch.setattr(schema, "CONTACTS", contacts)
    found = Origins("onboarding", SETTINGS)
    assert found.of(Placeholder("Portal Link", None)) == (
        Origin("variables", False, None),
        Origin("contact", False, "https://example.com/x"),
    )
    # What the payload's own value is computed from has nothing to do with a contact's.
    assert found.of(Placeholder("start_date_text", None)) == (
        Origin("payload", False, "Thursday, November 20, 2025", "start_date"),
        Origin("variables", False, None),
        Origin("contact", False, "some words"),
    )


def test_a_field_of_whose_kind_there_is_no_example_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Field("colour", field_types.one_of("red", "green"))
    signup = registry.sequence("signup")
    monkeypatch.setattr(value_sources, "sequence", lambda _: signup._replace(fields=(*signup.fields, field)))
    with pytest.raises(
        ValueError,
        match=r"^no sample value fits the field colour: give it a default, or add a sample of its kind here$",
    ):
        Origins("signup", SETTINGS)


@pytest.mark.parametrize("name", ["days_to_deadline", "deadline_date", "personalized_tip_3", *footer.PLACEHOLDERS])
@pytest.mark.parametrize("sequence", build.NAMES)
def test_what_every_email_has_is_certain(name: str, sequence: str) -> None:
    assert only(name, sequence) == [("payload", True)]


@pytest.mark.parametrize("name", [*facts.CONSTANTS, *SETTINGS.links])
def test_the_campaigns_constants_and_links_are_certain(name: str) -> None:
    assert only(name) == [("campaign", True)]


def test_a_link_that_no_setting_gives_is_not_there() -> None:
    assert origins("calendly_link", links={}) == [("variables", False)]
    assert origins("unsubscribe_url", public_url=None) == [("variables", False)]
    assert origins("postal_address", postal_address=None) == [("variables", False)]


def test_the_signup_speaks_for_the_other_sequences_alone() -> None:
    assert only("assessment_score", "noshow") == [("signup", False)]
    assert only("readiness_zone", "postcall") == [("signup", False)]
    assert only("personalized_tip_1", "onboarding") == [("signup", False), ("defaults", True)]
    assert only("assessment_score") == [("payload", True)]
    assert only("money_score") == [("payload", False)]


@pytest.mark.parametrize("sequence", build.NAMES)
def test_every_property_of_a_contact_is_possible(sequence: str) -> None:
    for each in schema.CONTACTS.properties:
        assert ("contact", False) in origins(each.name, sequence)


def test_the_template_comes_right_before_the_defaults() -> None:
    assert only("business_name", fallback="your salon") == [
        ("payload", False),
        ("template", True),
        ("defaults", True),
    ]
    assert only("nobody knows", fallback="") == [("template", True)]
    assert only("nobody knows") == []


def test_all_sources_in_their_order() -> None:
    assert origins("first_name", "noshow", "x") == [
        ("payload", True),
        ("variables", False),
        ("signup", False),
        ("contact", False),
        ("template", True),
        ("defaults", True),
    ]


def test_what_is_said_of_the_sources_is_what_they_do() -> None:
    """With the least payload a certain value is found, and it is the first certain source that has it."""
    for sequence in build.NAMES:
        asked = placeholder_values.sources(
            build.event(sequence), scheduled=build.NOW, signup={}, contact={}, settings=SETTINGS
        )
        names = {name for source in asked for name in source.values} | {
            field.name for field in registry.sequence(sequence).fields
        }
        for name in names:
            placeholder = Placeholder(name, None)
            certain = value_sources.same_for_all(Origins(sequence, SETTINGS).of(placeholder))
            answer = placeholder_values.find(placeholder, asked)
            assert (answer[1] if answer else None) == (certain.source if certain else None), name


def test_behind_a_certain_source_nobody_is_asked() -> None:
    found = Origins("signup", SETTINGS).of(Placeholder("first_name", "x"))
    assert [origin.source for origin in value_sources.searched(found)] == ["payload"]
    hole = Origins("signup", SETTINGS).of(Placeholder("money_score", None))
    assert value_sources.searched(hole) == hole


# The report.


def test_the_templates_of_all_sequences_in_the_order_of_their_emails() -> None:
    report = check()
    assert [(each.name, each.uses) for each in report.templates] == [
        (email.template, (Use(sequence.name, email.number),)) for sequence in SEQUENCES for email in sequence.emails
    ]
    assert (report.faults, report.notices) == ((), ())


def test_a_template_of_several_emails_is_used_by_each(monkeypatch: pytest.MonkeyPatch) -> None:
    signup, noshow, *_ = SEQUENCES
    pair = tuple(email._replace(template="Same") for email in signup.emails[:2])
    only_one = (noshow.emails[0]._replace(template="Same"),)
    monkeypatch.setattr(template_check, "SEQUENCES", (signup._replace(emails=pair), noshow._replace(emails=only_one)))
    assert template_check.uses() == {"Same": (Use("signup", 2), Use("signup", 3), Use("noshow", 1))}


def test_the_placeholders_with_the_properties_in_which_they_stand() -> None:
    page = template(
        subject="{{first_name}}", html="{{ first_name }}{{first_name|you}}", text=f"{{{{x|}}}}{TEXT_FOOTER}"
    )
    (found,) = check(page).only(["5-Day E2"]).templates
    assert [(need.placeholder, need.parts) for need in found.needs] == [
        (Placeholder("first_name", None), ("Subject Line", "Email Body HTML")),
        (Placeholder("first_name", "you"), ("Email Body HTML",)),
        *(
            (Placeholder(name, None), ("Email Body HTML", "Email Body Plain Text"))
            for name in ("mail_reason", "postal_address", "unsubscribe_url")
        ),
        (Placeholder("x", ""), ("Email Body Plain Text",)),
    ]
    assert list(found.needs[0].origins) == ["signup"]


def test_a_plain_text_that_is_made_from_the_html_is_looked_at_too() -> None:
    page = template(html="<p>{{a|}} &#123;&#123;money_score}}</p>")
    assert [need.parts for need in check(page).only(["5-Day E2"]).templates[0].needs] == [
        ("Email Body HTML",),
        # The footer's three.
        *[("Email Body HTML",)] * 3,
        ("Email Body Plain Text",),
    ]
    assert [part for part, _ in faults(page)] == ["Email Body Plain Text"]


def test_a_report_on_some_templates_leaves_the_others_out() -> None:
    report = check(template(subject=""), template("5-Day E3", html="<b>"), template("Other"), template("More"))
    some = report.only(["5-Day E3", "Other"])
    assert [each.name for each in some.templates] == ["5-Day E3", "Other"]
    assert [each.template for each in some.faults] == ["5-Day E3"]
    assert some.notices == (Notice("Other", "no sequence uses it"),)


# Holes.


def test_a_placeholder_that_nothing_is_certain_to_fill_is_a_hole() -> None:
    assert check(template(subject="Your {{money_score}}", html="{{money_score}}")).faults == tuple(
        Fault(
            "5-Day E2",
            part,
            "{{money_score}} may have no value in signup: only the payload and the variables of the payload may have one",
            "write {{money_score|what to say without it}}",
        )
        for part in ("Subject Line", "Email Body HTML")
    )


def test_the_variables_alone_are_no_answer() -> None:
    problem = "{{MonthlyRevenue}} may have no value in signup: only the variables of the payload may have one"
    assert faults(template(html="{{MonthlyRevenue}}")) == [("Email Body HTML", problem)]


def test_the_possible_sources_of_a_hole_are_named() -> None:
    (fault,) = check(template("noshow_recovery_email_1", html="{{Segment}}{{assessment_score|x}}")).faults
    assert "only the contact and the variables of the payload" in fault.problem
    (fault,) = check(template("postcall_maybe_email_1", html="{{gps_score}}")).faults
    assert "in postcall: only the signup and the variables of the payload" in fault.problem


def test_a_hole_is_filled_by_a_fallback_of_its_own_place_alone() -> None:
    assert faults(template(html="{{money_score|}}")) == []
    found = faults(template(subject="{{money_score|none}}", html="{{money_score}}"))
    assert [part for part, _ in found] == ["Email Body HTML"]


def test_a_missing_setting_is_named_as_the_mend() -> None:
    html = "{{pdf_download_link}}"
    found = check(template(html=html), settings=SETTINGS._replace(links={})).faults
    problem = "{{pdf_download_link}} has no value: the setting ENV_PDF_DOWNLOAD_LINK is missing"
    assert found == (Fault("5-Day E2", "Email Body HTML", problem, "set ENV_PDF_DOWNLOAD_LINK"),)
    found = check(settings=SETTINGS._replace(public_url=None)).faults
    assert {fault.mend for fault in found} == {"set ENV_PUBLIC_URL or SECRET_UNSUBSCRIBE_KEY"}
    assert len(found) == len(ALL)
    found = check(settings=SETTINGS._replace(postal_address=None)).faults
    assert {fault.mend for fault in found} == {"set ENV_POSTAL_ADDRESS"}
    assert len(found) == len(ALL)


# The other faults.


WORDS = "use a placeholder whose value is an address and whose name ends in url, uri or link"
MALFORMED = "write {{name}} or {{name|what to say without it}}; a name is letters, digits, spaces, _ and -"
ADDRESS = "it does not give the sender's postal address: {{postal_address}} is missing"
WHY = "it does not give the reason why the contact gets it: {{mail_reason}} is missing"
BARE = {"subject": "", "html": "", "unsubscribe": "", "text": "Goodbye"}
LONG = {
    "subject": "{{a.b}}",
    "html": "x" * 200_000,
    "unsubscribe": f"{{{{c.d}}}}{UNSUBSCRIBE}",
    "text": f"{{{{e.f}}}}{TEXT_FOOTER}",
}
OF_USE = {
    "subject": "{{money_score|}}",
    "html": '{{money_score}}{{gps_score}}\n<a href="{{first_name}}">x</a><a href="{{x_url|here}}">x</a>',
}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            BARE,
            [
                ("Subject Line", "it is empty", "fill it in"),
                ("Email Body HTML", "it is empty", "fill it in"),
                (
                    "Email Body Plain Text",
                    "it has no link to unsubscribe",
                    "add {{unsubscribe_url}}, or empty the plain text: then it is made from the HTML",
                ),
                *(
                    (
                        "Email Body Plain Text",
                        problem,
                        f"add {{{{{name}}}}} to the footer, as in content/layout.html, or run `christmas templates push`",
                    )
                    for name, problem in (("postal_address", ADDRESS), ("mail_reason", WHY))
                ),
            ],
        ),
        (
            LONG,
            [
                ("Subject Line", "not a placeholder: {{a.b}}", MALFORMED),
                (
                    "Email Body HTML",
                    "it is longer than Notion allows (200,000 characters; an emoji counts as two)",
                    "shorten it",
                ),
                ("Email Body HTML", f"not a placeholder: {f'{{{{c.d}}}}{UNSUBSCRIBE}'[:40]}", MALFORMED),
                ("Email Body Plain Text", f"not a placeholder: {f'{{{{e.f}}}}{TEXT_FOOTER}'[:40]}", MALFORMED),
            ],
        ),
        (
            OF_USE,
            [
                *(
                    (
                        "Email Body HTML",
                        f"{{{{{name}}}}} may have no value in signup: only the payload and the variables of the payload may "
                        "have one",
                        f"write {{{{{name}|what to say without it}}}}",
                    )
                    for name in ("money_score", "gps_score")
                ),
                (
                    "Subject Line",
                    "it is empty for a contact of signup for whom no placeholder has a value",
                    "add text besides the placeholders",
                ),
                (
                    "Email Body HTML",
                    "line 2: a link's address has {{first_name}}, which may be words (payload)",
                    WORDS,
                ),
                (
                    "Email Body HTML",
                    "line 2: a link's address has {{x_url|here}}, which may be words (template)",
                    "write a whole address after the |",
                ),
            ],
        ),
    ],
    ids=["bare", "long", "of use"],
)
def test_all_that_is_wrong_with_a_template_is_said_at_once_with_its_mend(
    written: dict[str, str], expected: list[tuple[str, str, str]]
) -> None:
    assert check(template(**written)).faults == tuple(Fault("5-Day E2", *each) for each in expected)


@pytest.mark.parametrize("part", template_check.PARTS)
def test_what_only_looks_like_a_placeholder_is_a_fault(part: str) -> None:
    page = {**template(text=TEXT_FOOTER), part: f"{UNSUBSCRIBE} {{{{a.b}}}}"}
    assert check(page).faults == (Fault("5-Day E2", part, "not a placeholder: {{a.b}}", MALFORMED),)


def test_malformed_placeholder_hides_no_other_fault_of_its_body() -> None:
    page = template(html="<b>{{a.b}} {{gps_score}}", unsubscribe="<p>{{postal_address}}</p>")
    assert {(fault.part, fault.problem) for fault in check(page).faults} == {
        ("Email Body HTML", "not a placeholder: {{a.b}} {{gps_score}}<p>{{postal_address"),
        ("Email Body HTML", "line 1: <b> is never closed"),
        ("Email Body HTML", "it has no link to unsubscribe"),
        ("Email Body HTML", WHY),
        (
            "Email Body HTML",
            "{{gps_score}} may have no value in signup: only the payload and the variables of the payload may have one",
        ),
    }


def test_a_template_that_is_not_there_is_missing() -> None:
    pages = [page for name, page in ALL.items() if name != "5-Day E3"]
    mend = "add a page of this name, or `christmas templates push`"
    problem = "a sequence needs it, and there is none"
    assert template_check.check(pages, SETTINGS).faults == (Fault("5-Day E3", "Template Name", problem, mend),)
    assert len(template_check.check([], SETTINGS).faults) == len(ALL)


@pytest.mark.parametrize("name", ["5-day e3", "5-Day E3 ", "5_Day_E3"])
def test_a_name_that_is_written_otherwise_is_said(name: str) -> None:
    pages = [page for each, page in ALL.items() if each != "5-Day E3"]
    report = template_check.check([*pages, template(name)], SETTINGS)
    assert [fault.mend for fault in report.faults] == [f'change the name "{name}" to "5-Day E3"']


@pytest.mark.parametrize(("status", "shown"), [("Draft", "Draft"), (None, "empty"), ("active", "active")])
def test_a_template_that_is_not_active_is_missing(status: str | None, shown: str) -> None:
    report = check(template(status=status, html="<b>"))
    problem = f"a sequence needs it, and its status is {shown}"
    assert report.faults == (Fault("5-Day E2", "Status", problem, "set the status to Active"),)
    assert report.notices == ()
    assert "5-Day E2" not in [each.name for each in report.templates]


def test_two_active_templates_of_one_name_are_a_fault() -> None:
    problem = 'there are 2 active templates "5-Day E2"; only one is allowed'
    mend = "set all but one to another status, or delete them"
    assert check(template(), template()).faults == (Fault("5-Day E2", "Template Name", problem, mend),)
    assert faults(template(), template(status="Draft")) == []
    # What is wrong with both is said once.
    assert [part for part, _ in faults(template(subject=""), template(subject=""))] == ["Template Name", "Subject Line"]


@pytest.mark.parametrize("nothing", [None, "", " \n "])
def test_an_empty_subject_or_body_is_a_fault(nothing: str | None) -> None:
    assert faults(template(subject=nothing)) == [("Subject Line", "it is empty")]
    assert faults(template(html=nothing, unsubscribe="")) == [("Email Body HTML", "it is empty")]
    assert faults(template(text=nothing)) == []


@pytest.mark.parametrize(
    ("subject", "blank"),
    [
        ("{{money_score|}}", True),
        (" {{money_score| }} {{gps_score|}}", True),
        ("{{money_score|}}{{first_name}}", False),
        ("{{business_name|}}", True),
        ("{{sender_name|}}", False),
        ("{{money_score|}}!", False),
    ],
)
def test_a_subject_that_may_be_left_empty_is_a_fault(subject: str, blank: bool) -> None:
    problem = "it is empty for a contact of signup for whom no placeholder has a value"
    assert faults(template(subject=subject)) == ([("Subject Line", problem)] if blank else [])


def test_broken_html_is_a_fault() -> None:
    found = check(template(html="<p>\n<b>x")).faults
    assert found == (Fault("5-Day E2", "Email Body HTML", "line 2: <b> is never closed", "write </b> where it ends"),)


def test_a_body_without_a_link_to_unsubscribe_is_a_fault() -> None:
    nowhere = "it has no link to unsubscribe"
    assert faults(template(html="x", unsubscribe=SENDER)) == [("Email Body HTML", nowhere)]
    assert faults(template(html="x {{unsubscribe_url}}", unsubscribe=SENDER)) == [("Email Body HTML", nowhere)]
    assert faults(template(html="<a href='https://x.org/?{{unsubscribe_url}}'>x</a>", unsubscribe=SENDER)) == [
        ("Email Body HTML", nowhere)
    ]
    assert faults(template(text=f"Goodbye {SENDER}")) == [("Email Body Plain Text", nowhere)]
    assert faults(template(text=f"Goodbye: {TEXT_FOOTER}")) == []


@pytest.mark.parametrize(
    ("html", "text", "expected"),
    [
        (LINK, None, [("Email Body HTML", ADDRESS), ("Email Body HTML", WHY)]),
        (f"{LINK}{{{{mail_reason}}}}", None, [("Email Body HTML", ADDRESS)]),
        (f"{LINK}{{{{postal_address|x}}}}", None, [("Email Body HTML", WHY)]),
        (f"{LINK}<!--{SENDER}-->", None, [("Email Body HTML", ADDRESS), ("Email Body HTML", WHY)]),
        (f"{LINK}<p style='display:none'>{SENDER}</p>", None, [("Email Body HTML", ADDRESS), ("Email Body HTML", WHY)]),
        (UNSUBSCRIBE, "{{unsubscribe_url}}", [("Email Body Plain Text", ADDRESS), ("Email Body Plain Text", WHY)]),
        (UNSUBSCRIBE, " \n", []),
    ],
)
def test_a_body_without_the_senders_address_or_the_reason_is_a_fault(
    html: str, text: str | None, expected: list[tuple[str, str]]
) -> None:
    assert faults(template(html=html, text=text, unsubscribe="")) == expected


def test_the_mend_says_where_the_footer_is_to_be_had() -> None:
    (fault,) = check(template(html=f"{LINK}{{{{mail_reason}}}}", unsubscribe="")).faults
    assert fault.mend == (
        "add {{postal_address}} to the footer, as in content/layout.html, or run `christmas templates push`"
    )


UNITS = 200_000


@pytest.mark.parametrize("part", template_check.PARTS)
@pytest.mark.parametrize("character", ["x", "🎄"])
@pytest.mark.parametrize(
    ("units", "problem"),
    [
        (UNITS - 2, None),
        (UNITS, "it has exactly the length that Notion allows (200,000 characters), so its end is probably cut off"),
        (UNITS + 2, "it is longer than Notion allows (200,000 characters; an emoji counts as two)"),
    ],
)
def test_a_text_of_the_most_that_notion_takes_or_more_is_a_fault(
    part: str, character: str, units: int, problem: str | None
) -> None:
    # An even number, for an emoji counts twice.
    body = UNSUBSCRIBE + " " * (2 - len(UNSUBSCRIBE) % 2)
    length = units - len(body)
    page = {
        **template(text=TEXT_FOOTER),
        part: body + character * (length // (2 if character == "🎄" else 1)),
    }
    assert len(str(page[part]).encode("utf-16-le")) == 2 * units
    assert faults(page) == ([(part, problem)] if problem else [])


def test_a_text_that_was_cut_before_an_emoji_is_a_fault() -> None:
    body = f"{UNSUBSCRIBE} "
    body += "x" * (99 * 2_000 - len(body)) + "x" + "🎄" * 999
    assert len(body.encode("utf-16-le")) == 2 * (UNITS - 1)
    problem = "it has exactly the length that Notion allows (200,000 characters), so its end is probably cut off"
    assert faults(template(html=body, unsubscribe="")) == [("Email Body HTML", problem)]


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("{{calendly_link}}", None),
        ("{{reschedule_url|https://x.org}}", None),
        ("{{reschedule_url|mailto:a@x.org}}", None),
        ("{{reschedule_url|here}}", "template"),
        ("{{reschedule_url|}}", "template"),
        ("{{Proposal Link|https://x.org}}", None),
        ("{{Proposal|https://x.org}}", "variables"),
        ("{{first_name}}", "payload"),
        ("{{event_type}}", "payload"),
        ("{{calendly_event_uri}}", None),
        ("{{last_name|https://x.org}}", "variables"),
        ("{{sender_name}}", "variables"),
        ("{{assessment_score|https://x.org}}", "variables"),
        ("https://x.org/?a={{first_name}}", "payload"),
        ("https://x.org/?a={{email}}&amp;b={{days_to_deadline}}", None),
        ("https://x.org/?a={{scheduled_time}}", None),
        ("https://x.org/?a={{assessment_score|0}}", None),
        ("https://x.org/?a={{CustomerId|0}}", None),
        ("https://x.org/?a={{CustomerId|not known}}", "template"),
        ("https://x.org/?a={{last_name|none}}", "contact"),
        ("https://x.org/?a={{Christmas Email 1 Sent|none}}", None),
        ("https://x.org/?a={{weakest_system_1|none}}", "signup"),
        ("https://x.org/?a={{business_name}}", "payload"),
        ("https://x.org/?a={{spots_remaining}}", None),
        ("mailto:{{email}}", None),
        # Behind what is certain nobody is asked.
        ("{{unsubscribe_url|here}}", None),
    ],
)
def test_the_address_of_a_link_that_may_be_words_is_a_fault(address: str, source: str | None) -> None:
    report = check(template("noshow_recovery_email_1", html=f'<a\nhref="{address}">x</a>'))
    assert [fault.problem.rsplit(" ", 1)[1] for fault in report.faults] == ([f"({source})"] if source else [])
    for fault in report.faults:
        assert fault.problem.startswith("line 1: a link's address has {{")
        assert fault.mend == ("write a whole address after the |" if source == "template" else WORDS)


def test_words_anywhere_but_in_an_address_are_fine() -> None:
    assert faults(template(html='<p title="{{first_name}}">{{business_name}}</p>')) == []


# Notices.


def test_a_template_that_no_sequence_uses_is_worth_a_notice_and_looked_at() -> None:
    report = check(template("Spring", html="{{whatever}} <b>"))
    assert report.notices == (Notice("Spring", "no sequence uses it"),)
    assert [(fault.template, fault.problem) for fault in report.faults] == [("Spring", "line 1: <b> is never closed")]
    assert (report.templates[-1].name, report.templates[-1].uses) == ("Spring", ())
    assert report.templates[-1].needs[0].origins == {}


def test_the_websites_own_template_is_looked_at_without_a_notice() -> None:
    report = check(template(template_check.WEBSITES_OWN, subject=""))
    assert report.notices == ()
    assert [(fault.template, fault.part) for fault in report.faults] == [("5-Day E1", "Subject Line")]


def test_a_template_that_is_not_active_is_worth_a_notice_and_not_looked_at() -> None:
    report = check(template("Spring", status="Draft", html="<b>"), template("Summer", status=None))
    assert report.faults == ()
    assert report.notices == (
        Notice("Spring", "a page of this name is not active (Draft)"),
        Notice("Summer", "a page of this name is not active (no status)"),
    )


def test_a_draft_beside_the_active_template_is_worth_a_notice() -> None:
    assert check(template(), template(status="Draft")).notices == (
        Notice("5-Day E2", "a page of this name is not active (Draft)"),
    )


def test_a_page_without_anything_does_no_harm() -> None:
    assert check({}).notices == (Notice("", "a page of this name is not active (no status)"),)
