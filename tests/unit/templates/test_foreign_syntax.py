from __future__ import annotations

import pytest

from christmas_campaign.email import template_text
from christmas_campaign.email.template_text import Malformed
from christmas_campaign.templates import foreign_syntax
from christmas_campaign.templates.foreign_syntax import BRACES, NAMES


def mend(text: str) -> str:
    """Return the correction of a text that is one malformed placeholder."""
    (malformed,) = (piece for piece in template_text.pieces(text) if isinstance(piece, Malformed))
    return foreign_syntax.explain(malformed).mend


@pytest.mark.parametrize(
    ("text", "right"),
    [
        # Liquid, Jinja and Django.
        ("{{ business_name | default: 'your salon' }}", "{{business_name|your salon}}"),
        ('{{first_name|default:"there"}}', "{{first_name|there}}"),
        ("{{ first_name | default('there') }}", "{{first_name|there}}"),
        ("{{ first_name|default=“there” }}", "{{first_name|there}}"),
        ("{{ first_name|fallback: &quot;there&quot; }}", "{{first_name|there}}"),
        ("{{ first_name|default: &#39;there&#39; | upcase }}", "{{first_name|there}}"),
        ("{{ first_name | capitalize | default: 'there' }}", "{{first_name|there}}"),
        ("{{first_name|capitalize}}", "{{first_name}}"),
        ("{{ call_date | date: '%B %d' }}", "{{call_date}}"),
        ("{{first_name|default: there}}", "{{first_name}}"),
        # Handlebars, HubSpot, Resend and expressions.
        ("{{{first_name}}}", "{{first_name}}"),
        ("{{{FIRST_NAME|there}}}", "{{FIRST_NAME|there}}"),
        ("{{ contact.first_name }}", "{{first_name}}"),
        ("{{ $json.first_name }}", "{{first_name}}"),
        ('{{insert first_name "default=there"}}', "{{first_name|there}}"),
        ("{{first_name ?? 'there'}}", "{{first_name|there}}"),
        ("{{first_name or 'there'}}", "{{first_name|there}}"),
        ("{{first_name || 'there'}}", "{{first_name|there}}"),
        ("{{#if first_name}}", "{{#first_name}}…{{/first_name}}"),
        ("{{#unless contact.first_name}}", "{{^first_name}}…{{/first_name}}"),
        ("{{^ contact.first_name }}", "{{^first_name}}…{{/first_name}}"),
        ("{{ Xenia.X$ }}", "{{X}}"),
        ("{{{%first_name%}}}", "{{first_name}}"),
        ("{{/if}}", "{{/name}}"),
        # Ours, but not quite.
        ("{{first_name|there}", "{{first_name|there}}"),
        ("{{first_name", "{{first_name}}"),
        ("{{first\u00a0name}}", "{{first name}}"),
        ("{{first&nbsp;name|a&nbsp;b}}", "{{first name|a b}}"),
    ],
)
def test_correction_shows_the_right_form(text: str, right: str) -> None:
    assert mend(text) == f"write {right}"


@pytest.mark.parametrize("text", ["{{}}", "{{a+b}}", "{{|x}}", "{{#if a+b}}", "{{&}}", "{{#if a.}}", "{{a.}}", "{{.}}"])
def test_other_text_gets_the_rule(text: str) -> None:
    assert mend(text) == NAMES


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{first\u00a0name}}", "{{first<U+00A0>name}} has a no-break space in it"),
        ("{{\u200bfirst_name\u200b}}", "{{<U+200B>first_name<U+200B>}} has a zero width space in it"),
        ("{{a\u202fb\u00ad}}", "{{a<U+202F>b<U+00AD>}} has a narrow no-break space and a soft hyphen in it"),
        ("{{a\u00adb\u061c}}", "{{a<U+00AD>b<U+061C>}} has a soft hyphen and an arabic letter mark in it"),
        ("{{a\u3000b}}", "{{a<U+3000>b}} has an ideographic space in it"),
        ("{{a+b}}", "{{a+b}}"),
    ],
)
def test_character_that_nobody_sees_is_named(text: str, problem: str) -> None:
    assert foreign_syntax.explain(Malformed(text)).problem == f"not a placeholder: {problem}"


@pytest.mark.parametrize(
    ("left_over", "correction"),
    [
        ("{first_name}", "write {{first_name}}"),
        ("{% if first_name %}Hello", "write {{#first_name}}…{{/first_name}}"),
        ("{%- unless a.b -%}", "write {{^b}}…{{/b}}"),
        ("{% else %}", "write {{/name}}{{^name}}"),
        ("{% endif %}", "write {{/name}}"),
        ("{{first_name}} x", "write {{first_name}}, with the braces themselves and nothing between them"),
        ("%7B%7Bfirst_name%7D%7D", "write {{first_name}}, with the braces themselves and nothing between them"),
        ("}}", BRACES),
        ("{# a comment #}", BRACES),
    ],
)
def test_correction_of_braces_that_are_left_over(left_over: str, correction: str) -> None:
    assert foreign_syntax.correction(left_over) == correction
