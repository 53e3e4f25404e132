from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import pytest

from christmas_campaign.campaign import business_systems
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import compose
from christmas_campaign.email.compose import Composed, NotSent
from christmas_campaign.enrolment.record import Record
from christmas_campaign.events.intake import Event
from christmas_campaign.sequences.model import UnknownEmail
from christmas_campaign.stops.rules import Lifts
from christmas_campaign.templates import html_verdict
from unit import build

NOW = build.NOW
FOOTER_HTML = '{{mail_reason}} {{postal_address}} <a href="{{unsubscribe_url}}">Unsubscribe</a>'


def run_compose(
    *templates: Mapping[str, Any],
    number: int = 2,
    record: Record | None = None,
    page: Any = ...,
    lifts: Lifts | None = None,
    settings: Settings = build.SETTINGS,
) -> Composed | NotSent:
    """Compose an e-mail of a signup from these pages of Email Templates."""
    return compose.compose(
        record or build.record(),
        number,
        enrolment="signup-abc",
        page=build.sequence_page() if page is ... else page,
        active=compose.active_templates(templates),
        lifts=lifts,
        judge=html_verdict.judge,
        settings=settings,
    )


def request(*templates: Mapping[str, Any], **changes: Any) -> Any:
    """The composed request, without the footer at the end of both bodies."""
    decision = run_compose(*templates, **changes)
    assert isinstance(decision, Composed)
    footer = build.footer((changes.get("record") or build.record()).event.sequence)
    for part in ("html", "text"):
        body = decision.request[part]
        assert isinstance(body, str)
        assert body.endswith(footer)
        # In a plain text that is made from the HTML the footer is a paragraph of its own.
        decision.request[part] = body.removesuffix(footer).removesuffix(" ").removesuffix("\n\n")
    return decision.request


def not_sent(outcome: str, reason: str, detail: str, *missing: str) -> NotSent:
    return NotSent(Outcome(outcome), Reason(reason), detail, missing)


# The request.


def test_request_has_every_field_of_the_email() -> None:
    template = build.template("{{first_name}}, hello", f"<p>Hi {{{{first_name}}}}</p><p>{FOOTER_HTML}</p>", footer="")
    reason = "You get this e-mail because you took the free BusOS assessment with this address. 1 Main St, Toronto"
    assert run_compose(template) == Composed(
        idempotency_key="signup-abc-e2",
        request={
            "from": "Sang Le - BusOS <value@example.org>",
            "to": ["zoe@example.com"],
            "subject": "Zoë, hello",
            "html": f'<p>Hi Zoë</p><p>{reason} <a href="{build.UNSUBSCRIBE}">Unsubscribe</a></p>',
            "text": f"Hi Zoë\n\n{reason} Unsubscribe ({build.UNSUBSCRIBE})",
            "headers": {
                "List-Unsubscribe": f"<{build.UNSUBSCRIBE}>, <mailto:stop@example.org?subject=Unsubscribe>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            "tags": [
                {"name": "sequence", "value": "signup"},
                {"name": "number", "value": "2"},
                {"name": "enrolment", "value": "signup-abc"},
                {"name": "contact", "value": build.WHO["contact"]},
            ],
        },
    )


def test_unsubscribe_header_has_no_mailto_without_an_address() -> None:
    headers = request(build.template(), settings=build.SETTINGS._replace(unsubscribe_address=None))["headers"]
    assert headers["List-Unsubscribe"] == f"<{build.UNSUBSCRIBE}>"


def test_awkward_name_is_escaped_in_the_html_alone() -> None:
    template = build.template("{{first_name}}!", "<p>{{first_name}}</p>", "Hi {{first_name}}")
    composed = request(template, record=build.record(first_name=build.AWKWARD))
    assert composed["subject"] == f"{build.AWKWARD}!"
    assert composed["html"] == f"<p>{build.AWKWARD_HTML}</p>"
    assert composed["text"] == f"Hi {build.AWKWARD}"


@pytest.mark.parametrize("text", [None, " \n "])
def test_missing_plain_text_is_made_from_the_html_before_values_are_filled_in(text: str | None) -> None:
    template = build.template("s", "<p>Tom &amp; {{first_name}}</p>", text)
    composed = request(template, record=build.record(first_name="<b>Ana</b> &amp; Co"))
    assert composed["html"] == "<p>Tom &amp; &lt;b&gt;Ana&lt;/b&gt; &amp;amp; Co</p>"
    assert composed["text"] == "Tom & <b>Ana</b> &amp; Co"


def test_long_body_of_many_text_objects_stays_in_order() -> None:
    body = "".join(f"<p>{number}</p>" for number in range(2_000))
    assert request(build.template("s", body, "t"))["html"] == body


def test_values_come_from_every_source() -> None:
    event = Event("noshow", build.payload("noshow"), {"Kickoff": "Monday"}, NOW)
    record = Record(event, {"Phase": "Phase 1 Assessment"}, {1: NOW}, build.SOURCES, {"assessment_score": 52})
    html = "{{business_name}}|{{Kickoff}}|{{assessment_score}}|{{Phase}}|{{spots_remaining}}|{{x|y}}|{{personalized_tip_2}}"
    expected = f"Bảo Sang Beauty Salon|Monday|52|Phase 1 Assessment|12|y|{business_systems.TIPS['CREW']}"
    assert request(build.template("s", html), number=1, record=record)["html"] == expected


LEAK = (
    "{{#revenue_leak_total}}A month: {{revenue_leak_total_money}}{{/revenue_leak_total}}"
    "{{^revenue_leak_total}}Not known{{/revenue_leak_total}}"
)


@pytest.mark.parametrize(("fields", "shown"), [({}, "Not known"), ({"revenue_leak_total": 14700}, "A month: $14,700")])
def test_passage_about_a_fact_that_nobody_told_is_left_out(fields: dict[str, Any], shown: str) -> None:
    composed = request(build.template(LEAK, f"<p>{LEAK}</p>", LEAK), record=build.record(**fields))
    assert (composed["subject"], composed["html"], composed["text"]) == (shown, f"<p>{shown}</p>", shown)


def test_plain_text_is_made_from_the_passages_that_the_contact_gets() -> None:
    html = "<p>a</p>{{#revenue_leak_total}}<ul><li>b</ul>{{/revenue_leak_total}}<p>c</p>"
    assert request(build.template("s", html))["text"] == "a\n\nc"
    assert request(build.template("s", html), record=build.record(revenue_leak_total=1))["text"] == "a\n- b\n\nc"


def test_value_is_needed_only_in_a_passage_that_the_contact_gets() -> None:
    template = build.template("s", "<p>{{#Kickoff}}{{Kickoff}} {{where}}{{/Kickoff}}</p>")
    assert request(template)["html"] == "<p></p>"
    record = build.record(variables={"Kickoff": "Monday"})
    problem = 'no value for {{where}}; "Email Body Plain Text": no value for {{where}}'
    expected = not_sent("failed", "value_missing", cannot_fill_in(f'"Email Body HTML": {problem}'), "where")
    assert run_compose(template, record=record) == expected


def test_days_to_the_deadline_count_from_the_date_of_the_email() -> None:
    template = build.template("{{days_to_deadline}}")
    assert [request(template, number=number)["subject"] for number in (2, 3, 4, 5)] == ["14", "12", "11", "10"]


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("Lệ O'Neil - BusOS", "Lệ O'Neil - BusOS"),
        ('The "Boss"', '"The \\"Boss\\""'),
        ("back\\slash", '"back\\\\slash"'),
        *((f"a{character}b", f'"a{character}b"') for character in "()<>[]:;@,."),
    ],
)
def test_name_of_the_sender_is_quoted_where_rfc_5322_requires_it(name: str, quoted: str) -> None:
    settings = build.SETTINGS._replace(sender_name=name)
    assert request(build.template(), settings=settings)["from"] == f"{quoted} <value@example.org>"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  one  ", "one"),
        ("two  spaces", "two  spaces"),
        ("one\r\nBcc: x@example.com", "one Bcc: x@example.com"),
        ("one  \n\n\t two\r", "one two"),
        ("a\x0bb\x0cc\x85d\u2028e\u2029f", "a b c d e f"),
    ],
)
def test_subject_is_a_single_line(text: str, line: str) -> None:
    assert request(build.template("{{x}}"), record=build.record(contact={"x": text}))["subject"] == line


def test_long_subject_of_spaces_takes_no_time() -> None:
    before = perf_counter()
    assert compose.one_line("a" + " " * 20_000 + "\n" + " " * 20_000 + "b") == "a b"
    assert compose.one_line("\n" * 20_000) == ""
    assert perf_counter() - before < 1


# The contact's page.


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (
            None,
            not_sent(
                "failed",
                "page_missing",
                "The contact's page in Email Sequence is gone, or no longer shared with the integration.",
            ),
        ),
        (
            build.sequence_page({"Email 2 Sent": "2025-11-19"}, in_trash=True),
            not_sent("skipped", "page_archived", "The contact's page in Email Sequence is in the trash."),
        ),
        (
            build.sequence_page({"Email 2 Sent": "2025-11-19", "Stop Reason": "bounced"}),
            not_sent("skipped", "already_sent", 'The page says "Email 2 Sent": 2025-11-19.'),
        ),
        (
            build.sequence_page({"Stop Reason": "bounced since 2025-11-19T10:00:00-05:00 (from E3)"}),
            not_sent("skipped", "bounced", 'The page says "Stop Reason": bounced.'),
        ),
    ],
)
def test_page_is_checked_before_the_template(page: dict[str, Any] | None, expected: NotSent) -> None:
    assert run_compose(page=page, settings=Settings()) == expected


def test_other_notes_on_the_page_do_not_stop_the_email() -> None:
    others_sent = {f"Email {number} Sent": "2025-11-19" for number in (1, 3, 4, 5)}
    assert request(build.template(), page=build.sequence_page({**others_sent, "Stop Reason": "booked (from E3)"}))


def test_mark_stops_the_email_unless_it_was_lifted_later() -> None:
    page = build.sequence_page({"Stop Reason": "unsubscribed since 2025-11-20T10:00:00-05:00"})
    assert request(build.template(), page=page, lifts=Lifts(NOW + build.MINUTE))
    decision = run_compose(build.template(), page=page, lifts=Lifts(NOW - build.MINUTE))
    assert isinstance(decision, NotSent)


# The template and the settings.


def cannot_fill_in(problems: str) -> str:
    return f'The template "5-Day E2" cannot be filled in: {problems}.'


NO_TEMPLATE = 'There is no active template "5-Day E2" in Email Templates.'
LACKS_FOOTER = 'The template "5-Day E2" lacks a part of the legally required footer: '


@pytest.mark.parametrize(
    ("templates", "reason", "detail"),
    [
        ((), "template_missing", NO_TEMPLATE),
        ((build.template(archived=True), build.template(in_trash=True)), "template_missing", NO_TEMPLATE),
        (
            (build.template(), build.template()),
            "template_ambiguous",
            'There are 2 active templates "5-Day E2" in Email Templates; only one is allowed.',
        ),
        ((build.template(None, None),), "template_empty", 'The template "5-Day E2" has an empty "Subject Line".'),
        ((build.template(" \n"),), "template_empty", 'The template "5-Day E2" has an empty "Subject Line".'),
        ((build.template("s", " "),), "template_empty", 'The template "5-Day E2" has an empty "Email Body HTML".'),
        ((build.template("{{x|}} "),), "template_empty", 'The template "5-Day E2" has an empty "Subject Line".'),
        (
            (build.template("s", f"<!--{FOOTER_HTML}-->h", "t {{unsubscribe_url}}{{mail_reason|x}}", footer=""),),
            "template_without_footer",
            f'{LACKS_FOOTER}"Email Body HTML" lacks {{{{unsubscribe_url}}}}, {{{{postal_address}}}}, {{{{mail_reason}}}}; '
            '"Email Body Plain Text" lacks {{postal_address}}.',
        ),
        (
            (build.template("s", "{{mail_reason}} {{postal_address}}", footer=""),),
            "template_without_footer",
            f'{LACKS_FOOTER}"Email Body HTML" lacks {{{{unsubscribe_url}}}}.',
        ),
        (
            (build.template("s", "{{#x}}a", "{{/y}} {{a.b}}", footer=""),),
            "template_malformed",
            cannot_fill_in(
                '"Email Body HTML": {{#x}} is never closed; "Email Body Plain Text": not a placeholder: {{a.b}}; '
                "{{/y}} ends nothing"
            ),
        ),
        (
            (build.template("s", "<a href=page.html>x</a>", "{name}"),),
            "template_malformed",
            'A reader would not see the template "5-Day E2" as it is meant: "Email Body HTML": line 1: a reader cannot open '
            'href=page.html; "Email Body Plain Text": a reader sees braces: {name}.',
        ),
        (
            (build.template("{name}", "<a href=#>x</a>{{unsubscribe_url}}{{mail_reason}}", footer=""),),
            "template_without_footer",
            f'{LACKS_FOOTER}"Email Body HTML" lacks {{{{postal_address}}}}; "Email Body HTML": line 1: a reader cannot open '
            'href=#; "Subject Line": a reader sees braces: {name}.',
        ),
        (
            (build.template("s", f"{{{{#first_name}}}}{FOOTER_HTML}{{{{/first_name}}}}", footer=""),),
            "template_without_footer",
            f'{LACKS_FOOTER}"Email Body HTML" lacks {{{{unsubscribe_url}}}}, {{{{postal_address}}}}, {{{{mail_reason}}}}.',
        ),
        (
            (build.template("{{x}}", "{{a.b}}", "t", footer=""),),
            "template_malformed",
            cannot_fill_in('"Subject Line": no value for {{x}}; "Email Body HTML": not a placeholder: {{a.b}}'),
        ),
    ],
)
def test_unusable_template_fails_the_email(templates: Sequence[Mapping[str, Any]], reason: str, detail: str) -> None:
    assert run_compose(*templates) == not_sent("failed", reason, detail)


@pytest.mark.parametrize(
    ("template", "problems", "missing"),
    [
        (
            build.template("{{x}} {{first_name}}", "{{y}} {{y}} {{x}}", "{{z}}"),
            '"Subject Line": no value for {{x}}; "Email Body HTML": no value for {{y}}; no value for {{x}}; '
            '"Email Body Plain Text": no value for {{z}}',
            ["x", "y", "z"],
        ),
        # No setting gives the link.
        (
            build.template("s", "{{calendly_link}}", "t"),
            '"Email Body HTML": no value for {{calendly_link}}',
            ["calendly_link"],
        ),
    ],
)
def test_missing_values_fail_the_email_and_are_listed_once(
    template: Mapping[str, Any], problems: str, missing: list[str]
) -> None:
    assert run_compose(template) == not_sent("failed", "value_missing", cannot_fill_in(problems), *missing)


def test_html_that_is_empty_once_filled_in_is_withheld() -> None:
    parts = {"Subject Line": "s", "Email Body HTML": " {{x|}} ", "Email Body Plain Text": "t"}
    with pytest.raises(compose.EmailWithheld) as caught:
        compose.letter("5-Day E2", parts, compose.sources(build.record(), 2, build.SETTINGS))
    assert (caught.value.outcome, caught.value.reason) == (Outcome.FAILED, Reason.TEMPLATE_EMPTY)
    assert str(caught.value) == caught.value.detail == 'The template "5-Day E2" has an empty "Email Body HTML".'


def test_active_templates_have_their_three_texts_and_leave_out_the_trash() -> None:
    active = compose.active_templates(
        [
            build.template(build.AWKWARD, "100% {% raw %}", "t", footer=""),
            build.template("archived", archived=True),
            build.template("in the trash", in_trash=True),
            {"object": "page", "id": "template-1", "properties": {}},
        ]
    )
    assert active == [
        {"Subject Line": build.AWKWARD, "Email Body HTML": "100% {% raw %}", "Email Body Plain Text": "t"},
        {"Subject Line": None, "Email Body HTML": None, "Email Body Plain Text": None},
    ]
    assert json.loads(json.dumps(active)) == active


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (Settings(), "ENV_SENDER_ADDRESS"),
        (build.SETTINGS._replace(sender_address=None), "ENV_SENDER_ADDRESS"),
        (build.SETTINGS._replace(public_url=None), "ENV_PUBLIC_URL"),
        (build.SETTINGS._replace(unsubscribe_keys=None), "SECRET_UNSUBSCRIBE_KEY"),
        (build.SETTINGS._replace(postal_address=None), "ENV_POSTAL_ADDRESS"),
    ],
)
def test_missing_setting_fails_the_email(settings: Settings, name: str) -> None:
    expected = not_sent("failed", "setting_missing", f"The setting {name} is missing.")
    assert run_compose(build.template(), settings=settings) == expected


def test_email_withdrawn_after_the_gate_is_skipped() -> None:
    detail = "This release has no e-mail 6 in the sequence signup: it was withdrawn."
    expected = not_sent("skipped", "email_withdrawn", detail)
    assert run_compose(build.template(), number=6, record=build.record(emails={6: NOW})) == expected


@pytest.mark.parametrize("number", [0, 1, 6])
def test_number_outside_the_sequence_raises(number: int) -> None:
    with pytest.raises(UnknownEmail):
        run_compose(build.template(), number=number)
