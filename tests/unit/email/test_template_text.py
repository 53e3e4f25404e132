from __future__ import annotations

import html
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.email import template_text
from christmas_campaign.email.template_text import Parsed, Placeholder, TemplateError
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from unit import build

VALUES = {"name": "Zoë", "first name": "Ana", "a-b_c 1": "x", "empty": "", "awkward": build.AWKWARD, "price": "2997"}


def value(placeholder: Placeholder) -> str | None:
    return VALUES.get(placeholder.name, placeholder.fallback)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("Hi {{name}}!", "Hi Zoë!"),
        ("{{ name }}{{  name}}{{name  }}", "ZoëZoëZoë"),
        ("{{first name}}, {{a-b_c 1}}", "Ana, x"),
        ("{{ name |friend}}", "Zoë"),
        ("{{nobody| dear friend }}", " dear friend "),
        ("[{{nobody|}}]", "[]"),
        ("{{nobody|two\nlines}}", "two\nlines"),
        ("{{nobody|a|b {c} d}}", "a|b {c} d"),
        ("[{{empty|friend}}]", "[]"),
        ("${{price}} and $1 and \\1 {{price}}", "$2997 and $1 and \\1 2997"),
        ("{{awkward}}", build.AWKWARD),
        ("{{name}}}", "Zoë}"),
        ("{{nobody|date to be agreed}} {{nobody|Note: ask}} {{nobody|titles}}", "date to be agreed Note: ask titles"),
        ("@media(x){a{b:c}}{{name}}}}", "@media(x){a{b:c}}Zoë}}"),
        ("{name} %s {0} ${name} {% if x %}{# no #}", "{name} %s {0} ${name} {% if x %}{# no #}"),
    ],
)
def test_placeholders_are_replaced_and_other_text_stays(text: str, filled: str) -> None:
    assert template_text.fill(text, value, escape=False) == filled


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("<p>Tom & {{awkward}}</p>", f"<p>Tom & {build.AWKWARD_HTML}</p>"),
        ('<p>{{nobody|<Tom> & "Co"}}</p>', "<p>&lt;Tom&gt; &amp; &quot;Co&quot;</p>"),
        # The fallback is a part of the template's HTML: what its author has escaped is not escaped again.
        ("{{nobody|Smith &amp; Sons}}", "Smith &amp; Sons"),
        ("{{nobody|&#60;&#x3C;&eacute;&nbsp;}}", "&lt;&lt;é\u00a0"),
        ("{{nobody|a=1&copy=2 &unknown; &}}", "a=1&amp;copy=2 &amp;unknown; &amp;"),
    ],
)
def test_values_are_escaped_and_the_template_is_not(text: str, filled: str) -> None:
    assert template_text.fill(text, value, escape=True) == filled


@pytest.mark.parametrize(
    ("text", "malformed"),
    [
        ("{{a.b}}", ["{{a.b}}"]),
        ("{{}}", ["{{}}"]),
        ("{{  }}", ["{{  }}"]),
        ("{{|x}}", ["{{|x}}"]),
        ("{{name", ["{{name"]),
        ("{{name|x}", ["{{name|x}"]),
        ("{{na{me}}", ["{{na{me}}"]),
        ("{{name|{{name}}}}", ["{{name|{{name}}}}"]),
        ("{{na\nme}}", ["{{na\nme}}"]),
        ("{{{name}}}", ["{{{name}}}"]),
        ("{{{{name}}}}", ["{{{{name}}}}"]),
        ("x {{a.b}} {{name}} {{c+d}} y", ["{{a.b}}", "{{c+d}}"]),
        ("{{ name | default: 'you' }}", ["{{ name | default: 'you' }}"]),
        ("{{name|default('you')}} {{name|title}}", ["{{name|default('you')}}", "{{name|title}}"]),
        ("{{name||you}}", ["{{name||you}}"]),
        ("{{name|note:&quot;you&quot;}}", ["{{name|note:&quot;you&quot;}}"]),
        ("{{na\u00a0me}} {{\u200bname}}", ["{{na<U+00A0>me}}", "{{<U+200B>name}}"]),
        ("{{" + "." * 100, ["{{" + "." * 38]),
    ],
)
def test_malformed_placeholder_is_an_error(text: str, malformed: list[str]) -> None:
    with pytest.raises(TemplateError) as caught:
        template_text.fill(text, value, escape=False)
    assert caught.value.malformed == malformed
    assert caught.value.missing == []
    assert template_text.parse(text).malformed == tuple(malformed)


@pytest.mark.parametrize(("length", "shortened"), [(39, False), (40, False), (41, True), (42, True)])
def test_long_text_is_shortened_for_a_message(length: int, shortened: bool) -> None:
    assert template_text.shorten("x" * length) == ("x" * 40 + "…" if shortened else "x" * length)


def test_entity_in_a_plain_text_stays() -> None:
    assert template_text.fill("{{nobody|a &amp; b}}", value, escape=False) == "a &amp; b"


def test_malformed_text_has_at_most_two_hundred_characters() -> None:
    (piece,) = (piece for piece in template_text.pieces("{{" + "." * 300) if isinstance(piece, template_text.Malformed))
    assert len(piece.text) == 200


def test_error_lists_every_missing_value_once() -> None:
    with pytest.raises(TemplateError) as caught:
        template_text.fill("{{x}} {{name}} {{y z}} {{ x }} {{nobody|friend}} {{a.b}}", value, escape=True)
    assert caught.value.missing == ["x", "y z"]
    assert caught.value.malformed == ["{{a.b}}"]
    assert str(caught.value) == "no value for {{x}}; no value for {{y z}}; not a placeholder: {{a.b}}"


def test_parse_returns_the_placeholders_in_order_also_after_a_malformed_one() -> None:
    assert template_text.parse("{{ b }} {{a|x}} {{b.c}} {{b|}} }} {c}") == Parsed(
        (Placeholder("b", None), Placeholder("a", "x"), Placeholder("b", "")), ("{{b.c}}",)
    )


def test_plain_pieces_join_to_the_text_around_the_placeholders() -> None:
    pieces = template_text.pieces("x {{a.b}} {{name}} y")
    assert "".join(piece if isinstance(piece, str) else "" for piece in pieces) == "x {{a.b}}  y"


# Addresses.

QUERY = {"a": "Tom & Zoë?", "link": "https://x.org/?a=b c", "name": "Zoë", "list": "50%", "empty": ""}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("https://x.org/?n={{a}}&b={{name}}", "https://x.org/?n=Tom%20%26%20Zo%C3%AB%3F&b=Zo%C3%AB"),
        ("HTTPS://x.org?{{list}}", "HTTPS://x.org?50%25"),
        ("mailto:a@x.org?subject={{a}}", "mailto:a@x.org?subject=Tom%20%26%20Zo%C3%AB%3F"),
        ("sms:1?body={{name}}", "sms:1?body=Zo%C3%AB"),
        (
            '<a href="https://x.org/?n={{name}}" title="{{name}}">{{a}}</a>',
            '<a href="https://x.org/?n=Zo%C3%AB" title="Zoë">Tom & Zoë?</a>',
        ),
        ("<a href=https://x.org/?n={{name}}>{{name}}", "<a href=https://x.org/?n=Zo%C3%AB>Zoë"),
        ("(https://x.org/?n={{name}})", "(https://x.org/?n=Zo%C3%AB)"),
        ("https://x.org/?n={{empty}}{{name}}", "https://x.org/?n=Zo%C3%AB"),
        # The address itself is a value, which may have spaces.
        ("https://y.org/?u={{link}}", "https://y.org/?u=https%3A%2F%2Fx.org%2F%3Fa%3Db%20c"),
        # No query: before it, after it, or no address.
        ("https://x.org/{{name}}", "https://x.org/Zoë"),
        ("https://x.org/?a#{{name}}", "https://x.org/?a#Zoë"),
        ("https://x.org/#?{{name}}", "https://x.org/#?Zoë"),
        ("https://x.org/?a {{name}}", "https://x.org/?a Zoë"),
        ("https://x.org/?a&nbsp;{{name}}", "https://x.org/?a&nbsp;Zoë"),
        ("https://x.org/?a&#160;{{name}}", "https://x.org/?a&#160;Zoë"),
        ("https://x.org/?a&#xA0;{{name}}", "https://x.org/?a&#xA0;Zoë"),
        ("https://x.org/?a\n{{name}}", "https://x.org/?a\nZoë"),
        ("Who?{{name}}", "Who?Zoë"),
        ("{{name}}?x={{name}}", "Zoë?x=Zoë"),
    ],
)
def test_value_in_a_query_is_encoded(text: str, filled: str) -> None:
    assert template_text.fill(text, lambda placeholder: QUERY[placeholder.name], escape=False) == filled


def test_query_of_an_address_that_is_a_value_goes_on_in_the_template() -> None:
    link = {"link": "https://x.org/?a=b", "name": "Zoë & Co"}
    filled = template_text.fill("{{link}}&n={{name}}", lambda placeholder: link[placeholder.name], escape=True)
    assert filled == "https://x.org/?a=b&n=Zo%C3%AB%20%26%20Co"


def test_long_words_take_no_time() -> None:
    text = "https://x.org/?" + "a=https://&" * 20_000 + "{{name}}" * 200
    before = perf_counter()
    assert template_text.fill(text, lambda _: "v", escape=True).endswith("v" * 200)
    assert perf_counter() - before < 5


# Properties.

any_text = st.text(st.characters()) | st.sampled_from(["{{name}}", "\\1", "{{x|y}}", "$&", "}}", "<b>", build.AWKWARD])
no_braces = st.text(st.characters(exclude_characters="{}"))


@given(no_braces, any_text, no_braces, no_braces, st.booleans())
def test_value_is_inserted_unchanged_and_is_not_expanded(
    before: str, replacement: str, between: str, after: str, escape: bool
) -> None:
    text = f"{before}{{{{name}}}}{between}{{{{ name |x}}}}{after}"
    filled = template_text.fill(text, lambda _: replacement, escape=escape)
    inserted = html.escape(replacement) if escape else replacement
    assert filled == before + inserted + between + inserted + after


@given(st.text(st.characters(exclude_characters="{")), st.booleans())
def test_text_without_opening_braces_is_unchanged(text: str, escape: bool) -> None:
    assert template_text.fill(text, value, escape=escape) == text
    assert template_text.parse(text).placeholders == ()


@given(st.text(st.sampled_from("{}|a .\n"), max_size=30))
def test_filled_text_never_has_two_opening_braces(text: str) -> None:
    try:
        filled = template_text.fill(text, lambda _: "v", escape=False)
    except TemplateError:
        return
    assert "{{" not in filled.replace("}{", "")


# The names and values of placeholders, from ``sequences.field_types``.


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Kickoff Call-Date_1", True),
        (" padded ", True),
        ("Ngọc", True),
        *((name, False) for name in ("", "  ", "a.b", "a|b", "a{b", "a\tb", "a\n")),
    ],
)
def test_placeholder_name_has_letters_digits_spaces_and_hyphens(name: str, expected: bool) -> None:
    assert field_types.is_name(name) is expected


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        (14700.0, "14700"),
        (2997.5, "2997.5"),
        (-0.5, "-0.5"),
        (100.0, "100"),
        (1e22, "10000000000000000000000"),
        (0.00001, "0.00001"),
        (0.1 + 0.2, "0.3"),
        (0, "0"),
        (True, "true"),
        (False, "false"),
        (["price", "time"], "price, time"),
        ([], ""),
        ("as it is ", "as it is "),
    ],
)
def test_value_becomes_text_without_exponent_or_trailing_zeros(plain: Plain, text: str) -> None:
    assert field_types.as_text(plain) == text
