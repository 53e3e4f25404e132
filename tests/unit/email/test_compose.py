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
from unit import build

NOW = build.NOW
NO_SENDER = build.SETTINGS._replace(sender_address=None)


def ask_whole(
    *found: Mapping[str, Any],
    number: int = 2,
    record: Record | None = None,
    page: Mapping[str, Any] | None = None,
    gone: bool = False,
    lifts: Lifts | None = None,
    settings: Settings = build.SETTINGS,
) -> Composed | NotSent:
    return compose.compose(
        record or build.record(),
        number,
        enrolment="signup-abc",
        page=None if gone else (page or build.sequence_page()),
        active=compose.active_templates(found),
        lifts=lifts,
        settings=settings,
    )


def ask(
    *found: Mapping[str, Any],
    number: int = 2,
    record: Record | None = None,
    page: Mapping[str, Any] | None = None,
    gone: bool = False,
    lifts: Lifts | None = None,
    settings: Settings = build.SETTINGS,
) -> Composed | NotSent:
    """What is decided; of an e-mail the bodies without the footer, which is seen to be there."""
    record = record or build.record()
    decision = ask_whole(*found, number=number, record=record, page=page, gone=gone, lifts=lifts, settings=settings)
    if isinstance(decision, Composed):
        footer = build.footer(record.event.sequence)
        for part in ("html", "text"):
            body = decision.request[part]
            assert isinstance(body, str)
            assert body.endswith(footer)
            # In a plain text that is made from the HTML it is a paragraph of its own.
            decision.request[part] = body.removesuffix(footer).removesuffix(" ").removesuffix("\n\n")
    return decision


def request_of(decision: Composed | NotSent) -> Any:
    assert isinstance(decision, Composed)
    return decision.request


def is_sent(decision: Composed | NotSent) -> bool:
    return isinstance(decision, Composed)


def reason_of(decision: Composed | NotSent) -> Reason:
    assert isinstance(decision, NotSent)
    return decision.reason


def no(outcome: str, reason: str, detail: str, *missing: str) -> NotSent:
    return NotSent(Outcome(outcome), Reason(reason), detail, missing)


def test_the_exact_request() -> None:
    template = build.template("{{first_name}}, hello", "<p>Hi {{first_name}}: {{assessment_score}}</p>")
    assert ask(template) == Composed(
        idempotency_key="signup-abc-e2",
        request={
            "from": "Sang Le - BusOS <value@example.org>",
            "to": ["zoe@example.com"],
            "subject": "Zoë, hello",
            "html": "<p>Hi Zoë: 52</p>",
            "text": "Hi Zoë: 52",
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


@pytest.mark.parametrize("name", build.NAMES)
def test_the_tags_and_the_key_name_the_email_and_whom_it_goes_to(name: str) -> None:
    said = ask(build.template(), number=3, record=build.record(name))
    assert isinstance(said, Composed)
    assert said.idempotency_key == "signup-abc-e3"
    assert {tag["name"]: tag["value"] for tag in request_of(said)["tags"]} == {
        "sequence": name,
        "number": "3",
        "enrolment": "signup-abc",
        "contact": build.WHO["contact"],
    }


def test_an_awkward_name_arrives_as_it_is() -> None:
    template = build.template("{{first_name}}!", "<p>{{first_name}}</p>", "Hi {{first_name}}")
    request = request_of(ask(template, record=build.record(first_name=build.AWKWARD)))
    assert request["subject"] == f"{build.AWKWARD}!"
    assert request["html"] == f"<p>{build.AWKWARD_HTML}</p>"
    assert request["text"] == f"Hi {build.AWKWARD}"


def test_a_text_body_that_is_derived_is_not_escaped_and_not_read_as_html() -> None:
    template = build.template("s", "<p>Tom &amp; {{first_name}}</p>")
    request = request_of(ask(template, record=build.record(first_name="<b>Ana</b> &amp; Co")))
    assert request["html"] == "<p>Tom &amp; &lt;b&gt;Ana&lt;/b&gt; &amp;amp; Co</p>"
    assert request["text"] == "Tom & <b>Ana</b> &amp; Co"


def test_a_text_body_of_white_space_is_derived_too() -> None:
    assert request_of(ask(build.template("s", "<p>x</p>", " \n ")))["text"] == "x"


def test_a_body_of_many_text_objects_is_put_together_in_order() -> None:
    body = "".join(f"<p>{number}</p>" for number in range(2_000))
    request = request_of(ask(build.template("s", body, "t")))
    assert request["html"] == body


def test_values_come_from_all_the_sources() -> None:
    event = Event("noshow", build.payload("noshow"), {"Kickoff": "Monday"}, NOW)
    record = Record(event, {"Phase": "Phase 1 Assessment"}, {1: NOW}, build.SOURCES, {"assessment_score": 52})
    html = "{{business_name}}|{{Kickoff}}|{{assessment_score}}|{{Phase}}|{{spots_remaining}}|{{x|y}}|{{event_type}}"
    html += "|{{days_to_deadline}}|{{personalized_tip_2}}"
    request = request_of(ask(build.template("s", html), number=1, record=record))
    assert request["html"] == (
        "Bảo Sang Beauty Salon|Monday|52|Phase 1 Assessment|12|y|Discovery Call - $2997 Diagnostic|15|"
        + business_systems.TIPS["CREW"]
    )


def test_the_deadline_is_counted_from_the_emails_own_date() -> None:
    template = build.template("{{days_to_deadline}}")
    record = build.record()
    assert [request_of(ask(template, number=number, record=record))["subject"] for number in (2, 3, 4, 5)] == [
        "14",
        "12",
        "11",
        "10",
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Sang Le - BusOS", "Sang Le - BusOS <value@example.org>"),
        ("Lệ Ngọc", "Lệ Ngọc <value@example.org>"),
        ("O'Neil", "O'Neil <value@example.org>"),
        ("Le, Sang", '"Le, Sang" <value@example.org>'),
        ('The "Boss"', '"The \\"Boss\\"" <value@example.org>'),
        ("back\\slash", '"back\\\\slash" <value@example.org>'),
        ("S. Le", '"S. Le" <value@example.org>'),
        ("a <b@c.d>", '"a <b@c.d>" <value@example.org>'),
        ("BusOS (Toronto)", '"BusOS (Toronto)" <value@example.org>'),
        ("a:b", '"a:b" <value@example.org>'),
        ("a;b", '"a;b" <value@example.org>'),
        ("a[b]", '"a[b]" <value@example.org>'),
    ],
)
def test_the_senders_name_is_quoted_where_the_standard_asks_for_it(name: str, shown: str) -> None:
    settings = build.SETTINGS._replace(sender_name=name)
    assert request_of(ask(build.template(), settings=settings))["from"] == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("one", "one"),
        ("  one  ", "one"),
        ("one\ntwo", "one two"),
        ("one\r\nBcc: x@example.com", "one Bcc: x@example.com"),
        ("one  \n\n\t two\r", "one two"),
        ("a\x0bb\x0cc\x85d\u2028e\u2029f", "a b c d e f"),
        ("two  spaces", "two  spaces"),
    ],
)
def test_a_subject_is_a_single_line(given: str, shown: str) -> None:
    record = build.record(contact={"x": given})
    assert request_of(ask(build.template("{{x}}"), record=record))["subject"] == shown
    assert compose.one_line(given) == shown


def test_a_subject_of_spaces_costs_no_time() -> None:
    before = perf_counter()
    assert compose.one_line("a" + " " * 20_000 + "b") == "a" + " " * 20_000 + "b"
    assert compose.one_line("a" + " " * 20_000 + "\n" + " " * 20_000 + "b") == "a b"
    assert compose.one_line("\n" * 20_000) == ""
    assert perf_counter() - before < 1


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (
            None,
            no(
                "failed",
                "page_missing",
                "The contact's page in Email Sequence is gone, or no longer shared with the integration.",
            ),
        ),
        (
            build.sequence_page({"Email 2 Sent": "2025-11-19"}, in_trash=True),
            no("skipped", "page_archived", "The contact's page in Email Sequence is in the trash."),
        ),
        (
            build.sequence_page(archived=True),
            no("skipped", "page_archived", "The contact's page in Email Sequence is in the trash."),
        ),
        (
            build.sequence_page({"Email 2 Sent": "2025-11-19"}),
            no("skipped", "already_sent", 'The page says "Email 2 Sent": 2025-11-19.'),
        ),
    ],
)
def test_the_page_is_looked_at_before_the_template(page: dict[str, Any] | None, expected: NotSent) -> None:
    assert ask(page=page, gone=page is None, settings=NO_SENDER) == expected


@pytest.mark.parametrize("reason", ["unsubscribed", "complained", "bounced"])
@pytest.mark.parametrize(
    "since", ["", " since 2025-11-19T10:00:00-05:00", " since 2025-11-19T10:00:00-05:00 (from E3)"]
)
def test_page_that_says_stopped_for_good_stops_the_email(reason: str, since: str) -> None:
    """As after a restore of a backup that is older than the stop: the KV store knows nothing."""
    page = build.sequence_page({"Stop Reason": f"{reason}{since}"})
    detail = f'The page says "Stop Reason": {reason}.'
    assert ask(page=page) == no("skipped", reason, detail)


@pytest.mark.parametrize("words", ["booked (from E3)", "expired (from E2)", "stopped_by_person", "because", ""])
def test_page_with_another_stop_reason_does_not_stop_the_email(words: str) -> None:
    assert is_sent(ask(build.template(), page=build.sequence_page({"Stop Reason": words})))


def test_page_that_is_older_than_the_lift_does_not_stop_the_email() -> None:
    page = build.sequence_page({"Stop Reason": "unsubscribed since 2025-11-20T10:00:00-05:00"})
    assert is_sent(ask(build.template(), page=page, lifts=Lifts(NOW + build.MINUTE)))
    assert not is_sent(ask(build.template(), page=page, lifts=Lifts(NOW - build.MINUTE)))


def test_that_another_email_was_sent_does_not_stop_this_one() -> None:
    page = build.sequence_page({f"Email {number} Sent": "2025-11-19" for number in (1, 3, 4, 5)})
    assert is_sent(ask(build.template(), page=page))


TWO = (build.template(), build.template())
FOOTER_HTML = '{{mail_reason}} {{postal_address}} <a href="{{unsubscribe_url}}">Unsubscribe</a>'


@pytest.mark.parametrize(
    ("found", "reason", "detail"),
    [
        ((), "template_missing", 'There is no active template "5-Day E2" in Email Templates.'),
        (
            (build.template(archived=True), build.template(in_trash=True)),
            "template_missing",
            'There is no active template "5-Day E2" in Email Templates.',
        ),
        (TWO, "template_ambiguous", 'There are 2 active templates "5-Day E2" in Email Templates; only one is allowed.'),
        (
            (build.template(None, None),),
            "template_empty",
            'The template "5-Day E2" has an empty "Subject Line".',
        ),
        ((build.template(" \n"),), "template_empty", 'The template "5-Day E2" has an empty "Subject Line".'),
        ((build.template("s", None),), "template_empty", 'The template "5-Day E2" has an empty "Email Body HTML".'),
        ((build.template("s", " "),), "template_empty", 'The template "5-Day E2" has an empty "Email Body HTML".'),
        ((build.template("{{x|}} "),), "template_empty", 'The template "5-Day E2" has an empty "Subject Line".'),
        (
            (build.template("s", "<p>h</p>", footer=""),),
            "template_without_footer",
            'The template "5-Day E2" lacks a part of the legally required footer: '
            '"Email Body HTML" lacks {{unsubscribe_url}}, {{postal_address}}, {{mail_reason}}.',
        ),
        (
            (build.template("s", FOOTER_HTML, "t {{unsubscribe_url}}{{mail_reason|x}}", footer=""),),
            "template_without_footer",
            'The template "5-Day E2" lacks a part of the legally required footer: '
            '"Email Body Plain Text" lacks {{postal_address}}.',
        ),
        (
            (build.template("s", f"<!--{FOOTER_HTML}--><p>{{{{postal_address}}}}</p>", build.FOOTER, footer=""),),
            "template_without_footer",
            'The template "5-Day E2" lacks a part of the legally required footer: '
            '"Email Body HTML" lacks {{unsubscribe_url}}, {{mail_reason}}.',
        ),
        (
            (build.template("{{x}}", "{{a.b}}", "t", footer=""),),
            "template_malformed",
            'The template "5-Day E2" cannot be filled in: "Subject Line": no value for {{x}}; '
            '"Email Body HTML": not a placeholder: {{a.b}}.',
        ),
    ],
)
def test_a_template_that_cannot_be_used_stops_the_email_loudly(
    found: Sequence[Mapping[str, Any]], reason: str, detail: str
) -> None:
    assert ask(*found) == no("failed", reason, detail)


@pytest.mark.parametrize(
    ("template", "detail", "missing"),
    [
        (
            build.template("{{x}} {{first_name}}", "{{y}} {{y}} {{x}}", "{{z}}"),
            '"Subject Line": no value for {{x}}; "Email Body HTML": no value for {{y}}; no value for {{x}}; '
            '"Email Body Plain Text": no value for {{z}}',
            ["x", "y", "z"],
        ),
        (build.template("s", "{{x}}", "t"), '"Email Body HTML": no value for {{x}}', ["x"]),
    ],
)
def test_missing_values_stop_the_email_and_are_named_once(
    template: Mapping[str, Any], detail: str, missing: list[str]
) -> None:
    detail = f'The template "5-Day E2" cannot be filled in: {detail}.'
    assert ask(template) == no("failed", "value_missing", detail, *missing)


def test_a_body_of_which_nothing_is_left_is_empty() -> None:
    parts = {"Subject Line": "s", "Email Body HTML": " {{x|}} ", "Email Body Plain Text": "t"}
    with pytest.raises(compose.EmailWithheld) as caught:
        compose.letter("5-Day E2", parts, compose.sources(build.record(), 2, build.SETTINGS))
    assert (caught.value.reason, caught.value.detail) == (
        "template_empty",
        'The template "5-Day E2" has an empty "Email Body HTML".',
    )


def test_a_plain_text_that_is_made_from_the_html_has_its_footer() -> None:
    request = request_of(ask_whole(build.template("s", f"<p>Body</p><p>{FOOTER_HTML}</p>", footer="")))
    assert request["html"] == (
        "<p>Body</p><p>You get this e-mail because you took the free BusOS assessment with this address. "
        f'1 Main St, Toronto <a href="{build.UNSUBSCRIBE}">Unsubscribe</a></p>'
    )
    assert request["text"] == (
        "Body\n\nYou get this e-mail because you took the free BusOS assessment with this address. "
        f"1 Main St, Toronto Unsubscribe ({build.UNSUBSCRIBE})"
    )


TEXTS = ("Subject Line", "Email Body HTML", "Email Body Plain Text")


@pytest.mark.parametrize(
    ("found", "texts"),
    [
        ((), []),
        ((build.template("s", "<p>h</p>", "t", footer=""),), [("s", "<p>h</p>", "t")]),
        ((build.template("s", "<p>h</p>", footer=""),), [("s", "<p>h</p>", None)]),
        ((build.template(None, None),), [(None, None, None)]),
        ((build.template(build.AWKWARD, "100% {% raw %}", footer=""),), [(build.AWKWARD, "100% {% raw %}", None)]),
        (
            (
                build.template("1", footer=""),
                build.template("2", archived=True),
                build.template("3", footer=""),
                build.template("4", in_trash=True),
            ),
            [("1", "<p>A body</p>", None), ("3", "<p>A body</p>", None)],
        ),
        (({"object": "page", "id": "template-1", "properties": {}},), [(None, None, None)]),
    ],
)
def test_of_the_active_templates_only_their_texts_are_kept(
    found: Sequence[Mapping[str, Any]], texts: list[tuple[str | None, ...]]
) -> None:
    active = compose.active_templates(found)
    assert active == [dict(zip(TEXTS, each, strict=True)) for each in texts]
    assert json.loads(json.dumps(active)) == active


def test_a_template_in_the_trash_does_not_count() -> None:
    assert request_of(ask(build.template("old", archived=True), build.template("new")))["subject"] == "new"


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        (NO_SENDER, "The setting ENV_SENDER_ADDRESS is missing."),
        (Settings(), "The setting ENV_SENDER_ADDRESS is missing."),
        (Settings(sender_address="value@example.org"), "The setting ENV_PUBLIC_URL is missing."),
        (build.SETTINGS._replace(public_url=None), "The setting ENV_PUBLIC_URL is missing."),
        (build.SETTINGS._replace(unsubscribe_keys=None), "The setting SECRET_UNSUBSCRIBE_KEY is missing."),
        (build.SETTINGS._replace(postal_address=None), "The setting ENV_POSTAL_ADDRESS is missing."),
    ],
)
def test_without_a_sender_a_way_out_or_a_postal_address_nothing_is_sent(settings: Settings, detail: str) -> None:
    assert ask(build.template(), settings=settings) == no("failed", "setting_missing", detail)


def headers(settings: Settings) -> Any:
    return request_of(ask(build.template("s", '<a href="{{unsubscribe_url}}">x</a>', "t"), settings=settings))[
        "headers"
    ]


def test_every_email_says_how_to_unsubscribe_at_once() -> None:
    mail = "<mailto:stop@example.org?subject=Unsubscribe>"
    post = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    assert headers(build.SETTINGS) == {"List-Unsubscribe": f"<{build.UNSUBSCRIBE}>, {mail}", **post}
    alone = build.SETTINGS._replace(unsubscribe_address=None)
    assert headers(alone) == {"List-Unsubscribe": f"<{build.UNSUBSCRIBE}>", **post}


def test_a_link_that_no_setting_gives_stops_the_email_that_names_it() -> None:
    assert reason_of(ask(build.template("s", '<a href="{{calendly_link}}">x</a>', "t"))) == "value_missing"


def test_email_that_was_withdrawn_since_the_gate_is_skipped() -> None:
    record = build.record(emails={5: build.NOW, 6: build.NOW})
    detail = "This release has no e-mail 6 in the sequence signup: it was withdrawn."
    assert ask(build.template(), number=6, record=record) == no("skipped", "email_withdrawn", detail)
    sequence = build.record()._replace(event=build.event()._replace(sequence="winback"))
    assert reason_of(ask_whole(build.template(), record=sequence)) == "email_withdrawn"


@pytest.mark.parametrize("number", [0, 1, 6])
def test_a_number_outside_the_sequence_is_an_error_and_never_another_template(number: int) -> None:
    with pytest.raises(UnknownEmail):
        ask(build.template(), number=number)


def test_why_there_is_no_email_is_also_what_the_exception_says() -> None:
    with pytest.raises(compose.EmailWithheld) as caught:
        compose.texts("5-Day E2", [])
    assert str(caught.value) == caught.value.detail
    assert caught.value.detail == 'There is no active template "5-Day E2" in Email Templates.'
