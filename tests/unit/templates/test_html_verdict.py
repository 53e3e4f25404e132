from __future__ import annotations

import hashlib

import pytest

from christmas_campaign.email import footer
from christmas_campaign.templates import foreign_syntax, html_verdict

WORDS = "{{mail_reason}} {{ postal_address }}"
LINK = '<a href="{{unsubscribe_url}}">Unsubscribe</a>'
FOOTER = f"<p>{WORDS} {LINK}</p>"


def problems(html: str) -> list[str]:
    return [fault.problem for fault in html_verdict.judge(html).faults]


# The footer.


@pytest.mark.parametrize(
    "html",
    [FOOTER, f"{WORDS} {{{{unsubscribe_url}}}}", f"<style>.a{{display:none}}</style>{FOOTER}<p class=a>x</p>"],
)
def test_visible_footer_lacks_nothing(html: str) -> None:
    verdict = html_verdict.judge(html)
    assert (verdict.lacks, verdict.faults) == ((), ())
    assert verdict.digest == hashlib.sha256(html.encode()).hexdigest()


@pytest.mark.parametrize(
    "frame",
    [
        "<!--[]-->",
        *(f"<{tag}>[]</{tag}>" for tag in ("title", "textarea", "template", "iframe")),
        "<select><option>[]</option></select>",
        "<div hidden>[]</div>",
        *(f'<div style="{style}">[]</div>' for style in ("display:none", "visibility:hidden")),
        "<style>.a{display:none}</style><div class=a>[]</div>",
    ],
)
def test_footer_that_no_reader_sees_does_not_count(frame: str) -> None:
    assert html_verdict.judge(frame.replace("[]", FOOTER)).lacks == footer.PLACEHOLDERS


@pytest.mark.parametrize(
    ("link", "lacks"),
    [
        ("&#123;&#123;unsubscribe_url&#125;&#125;", True),
        ("<a href=”{{unsubscribe_url}}”>x</a>", True),
        ('<a href="https://x.org/?{{unsubscribe_url}}">x</a>', True),
        ('<a href="%7B%7Bunsubscribe_url%7D%7D">x</a>', True),
        ('<a href="{{unsubscribe_url}}"> </a>', True),
        ('<a href="{{unsubscribe_url}}"><img src="https://x.org/x.png"></a>', False),
        ('<a href=" {{unsubscribe_url}} ">x</a>', False),
    ],
)
def test_link_to_unsubscribe_must_work(link: str, lacks: bool) -> None:
    assert html_verdict.judge(WORDS + link).lacks == (("unsubscribe_url",) if lacks else ())


@pytest.mark.parametrize(
    ("html", "lacks"),
    [
        (f"{{{{#x}}}}{FOOTER}{{{{/x}}}}", footer.PLACEHOLDERS),
        (f"{{{{^x}}}}{FOOTER}{{{{/x}}}}", footer.PLACEHOLDERS),
        (f"{{{{#x}}}}<div hidden>{{{{/x}}}}{FOOTER}{{{{#x}}}}</div>{{{{/x}}}}", footer.PLACEHOLDERS),
        (f"{{{{^x}}}}<!--{{{{/x}}}}{FOOTER}-->", footer.PLACEHOLDERS),
        (f"{{{{#x}}}}{LINK}{{{{/x}}}}{WORDS}", ("unsubscribe_url",)),
        (f"{{{{#x}}}}{FOOTER}{{{{/x}}}}{{{{^x}}}}{FOOTER}{{{{/x}}}}", ()),
        (f"{{{{#x}}}}a{{{{/x}}}}{FOOTER}", ()),
    ],
)
def test_every_contact_must_see_the_footer(html: str, lacks: tuple[str, ...]) -> None:
    assert html_verdict.judge(html).lacks == lacks


def test_fault_of_one_variant_alone_is_kept() -> None:
    assert problems("{{^x}}{{#y}}{{/y}}<a href=/1>x</a>{{/x}}{{#x}}<!--{{/x}}<a href=/2>x</a>") == [
        "line 1: a comment does not end where it seems to: <a href=/2>x</a>",
        "line 1: a reader cannot open href=/1",
        "line 1: a reader cannot open href=/2",
    ]


def test_stand_ins_of_the_author_are_question_marks() -> None:
    assert problems('\r\n<a href="\ue0000\ue001">x</a>\r') == ["line 2: a reader cannot open href=?0?"]
    assert problems("a\rb<!-- c\rd") == ["line 2: a comment does not end where it seems to: c d"]


def test_faults_of_every_passage_are_found_in_their_lines() -> None:
    html = "{{#x}}\n<a href=/1>x</a>\n{{/x}}\n{{^x}}\n<a href=/2>x</a>{{#y}}<a href=/3>x</a>{{/y}}{{/x}}"
    assert problems(html) == [
        f"line {line}: a reader cannot open href=/{number}" for number, line in ((1, 2), (2, 5), (3, 5))
    ]


# What is left of placeholders.


@pytest.mark.parametrize(
    ("html", "seen"),
    [
        ("&#123;&#123;first_name&#125;&#125;", "{{first_name}}"),
        ("%7B%7Bfirst_name%7D%7D", "%7B%7Bfirst_name%7D%7D"),
        ("{\u200b{first_name}}", "{{first_name}}"),
        ("{first_name}", "{first_name}"),
        ("{% if first_name %}", "{% if first_name %}"),
        ("{{first_name}} }}", "}}"),
        ("<img alt='{first_name}'>", "{first_name}"),
        ("<div style='display:none'>{first_name}</div>", "{first_name}"),
        ("<title>{first_name}</title>", "{first_name}"),
        (f"<p>{'x' * 50} {{a}} {'y' * 50}", f"{{a}} {'y' * 36}…"),
    ],
)
def test_braces_that_a_reader_sees_are_a_fault(html: str, seen: str) -> None:
    assert problems(html) == [f"a reader sees braces: {seen}"]
    assert html_verdict.judge(html).faults[0].mend == foreign_syntax.correction(seen)


@pytest.mark.parametrize(
    "html",
    [
        "<style>@media (max-width:1px) {.a{b:c}}</style>{{first_name}}",
        "{ not a placeholder; } { {{first_name}} }",
        "{{a.b}}",
        "<script>{a}</script>",
        "<!-- {a} -->",
        "\ue0007\ue001",
    ],
)
def test_other_braces_are_no_fault(html: str) -> None:
    """A malformed placeholder has a message of its own."""
    assert problems(html) == []


def test_message_joins_what_is_around_a_placeholder() -> None:
    assert problems("{name}{{a}}b") == ["a reader sees braces: {name} b"]


# Addresses.


@pytest.mark.parametrize(
    "html",
    [
        *(
            f'<a href="{address}">x</a>'
            for address in (
                "https://x.org",
                "HTTP://X.org/a b?c=d#e",
                "https://[::1]/",
                "https://{{host}}/",
                "{{calendly_link}}",
                "{{calendly_link}}?a={{b}}",
                "mailto:a@x.org?subject=Hello",
                "mailto:{{email}}",
                "tel:+1416",
                "tel:(416)",
                "sms:{{phone}}",
            )
        ),
        '<img src="cid:logo"><img src="data:image/png;base64,AA=="><td background="cid:x">',
        "<a>x</a><a name=x>",
    ],
)
def test_address_that_a_reader_can_open_is_no_fault(html: str) -> None:
    assert problems(html) == []


WHOLE = "write a whole address: one that begins with https://, http://, mailto:, tel: or sms:"
QUOTES = 'write straight quotes around it: href="…"'
MISSING = "write the whole address, or remove the link"
BRACES = "write the braces themselves: {{name}}, not &#123; or %7B, and nothing between two braces"


@pytest.mark.parametrize(
    ("address", "mend"),
    [
        ("”https://x.org”", QUOTES),
        ("“https://x.org”", QUOTES),
        ("”{{calendly_link}}”", QUOTES),
        ("%7B%7Bcalendly_link%7D%7D", BRACES),
        ("https://x.org/?a=%7b%7bb%7d%7d", BRACES),
        ("https://x.org/?a=%7b", BRACES),
        ("https://x.org/?a=%7d", BRACES),
        ("{{calendly_link}}}", BRACES),
        ("#", MISSING),
        ("#top", MISSING),
        ("www.x.org", "write https:// before it: https://www.x.org"),
        ("//x.org/a?b", "write https:// before it: https://x.org/a?b"),
        ("page.html", "write https:// before it: https://page.html"),
        ("/page", WHOLE),
        ("words", WHOLE),
        ("javascript:alert(1)", WHOLE),
        ("https:///x", WHOLE),
        ("https://", WHOLE),
        ("mailto:nobody", WHOLE),
        ("tel:x", WHOLE),
        ("cid:logo", WHOLE),
        ("data:image/png;base64,AA==", WHOLE),
    ],
)
def test_address_that_a_reader_cannot_open_is_a_fault(address: str, mend: str) -> None:
    (fault,) = html_verdict.judge(f"<p>\n<a href={address}>x</a>").faults
    assert fault == (f"line 2: a reader cannot open href={address}", mend)


def test_address_without_letters_in_the_html_has_no_line() -> None:
    assert problems("<a href>x</a>") == ["a reader cannot open href=(nothing)"]
    assert problems('<a href="{{a.b}}">x</a>') == ["line 1: a reader cannot open href={{a.b}}"]
    assert problems('<a href="&#123;x">x</a>') == ["a reader cannot open href={x"]
    assert problems('a.png\n<img src="a.png">\n<img src="a.png">') == ["line 1: a reader cannot open src=a.png"]


def test_long_address_is_shortened() -> None:
    (fault,) = html_verdict.judge(f'<a href="www.{"x" * 60}.org">x</a>').faults
    assert fault.problem == f"line 1: a reader cannot open href=www.{'x' * 36}…"
    assert fault.mend == f"write https:// before it: https://www.{'x' * 36}"


# Comments.


@pytest.mark.parametrize(
    ("html", "comment"),
    [
        ("a<!-- x —> b", "x —> b"),
        ("a<!-- x –> b <!-- y --> c", "x –> b <!-- y"),
        ("a<!-- x <!-- y --> c", "x <!-- y"),
        ("a<!— x —> b", "— x —"),
        ("a<!– x –> b", "– x –"),
        ("a<!-- x", "x"),
        ("a<!--x\r\ny\r\n", "x y"),
        ("a<!-- x -", "x"),
    ],
)
def test_comment_that_does_not_end_where_it_seems_to_is_a_fault(html: str, comment: str) -> None:
    (fault,) = html_verdict.judge(html).faults
    assert fault.problem == f"line 1: a comment does not end where it seems to: {comment}"
    assert fault.mend == "end it with two hyphens and >: Notion turns two hyphens into a dash; or remove the comment"


@pytest.mark.parametrize(
    "html",
    [
        "<!-- x - y — z -->a",
        "<!---->a",
        "<!--[if mso]><table><![endif]-->a<!--[if !mso]><!-->b<!--<![endif]-->",
        "a<!-- b -->",
    ],
)
def test_other_comments_are_no_fault(html: str) -> None:
    assert problems(html) == []


def test_unended_comment_hides_the_footer() -> None:
    assert html_verdict.judge(f"<!-- x —>{FOOTER}").lacks == footer.PLACEHOLDERS


def test_outlook_is_a_reader_too() -> None:
    html = '<!--[if mso]><v:rect href="x">{a}</v:rect><![endif]-->'
    assert problems(html) == ["line 1: a reader cannot open href=x", "a reader sees braces: {a}"]


def test_verdict_has_at_most_twenty_faults() -> None:
    assert len(problems("".join(f'<a href="/{number}">x</a>' for number in range(30)))) == 20
