from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.email import template_text
from christmas_campaign.email.template_text import Placeholder, TemplateError
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from unit import build

VALUES = {"name": "Zoë", "first name": "Ana", "a-b_c 1": "x", "empty": "", "awkward": build.AWKWARD, "price": "2997"}


def value(placeholder: Placeholder) -> str | None:
    return VALUES.get(placeholder.name, placeholder.fallback)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Hi {{name}}!", "Hi Zoë!"),
        ("{{ name }}{{  name}}{{name  }}", "ZoëZoëZoë"),
        ("{{first name}}, {{a-b_c 1}}", "Ana, x"),
        ("{{name|friend}}", "Zoë"),
        ("{{ name |friend}}", "Zoë"),
        ("{{nobody|friend}}", "friend"),
        ("{{nobody| dear friend }}", " dear friend "),
        ("[{{nobody|}}]", "[]"),
        ("{{nobody|two\nlines}}", "two\nlines"),
        ("{{nobody|a|b}}", "a|b"),
        ("{{nobody|a {b} c}}", "a {b} c"),
        ("[{{empty|friend}}]", "[]"),
        ("${{price}} and $1 and \\1 {{price}}", "$2997 and $1 and \\1 2997"),
        ("{{awkward}}", build.AWKWARD),
        ("{{name}}}", "Zoë}"),
        ("@media (x) {a {b: c}}", "@media (x) {a {b: c}}"),
        ("@media(x){a{b:c}}{{name}}}}", "@media(x){a{b:c}}Zoë}}"),
        ("{name} { {name} } %s %(name)s {0} ${name}", "{name} { {name} } %s %(name)s {0} ${name}"),
        ("{% if x %}{# no #}", "{% if x %}{# no #}"),
    ],
)
def test_what_becomes_of_a_text(text: str, expected: str) -> None:
    assert template_text.fill(text, value, escape=False) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>{{awkward}}</p>", f"<p>{build.AWKWARD_HTML}</p>"),
        ('<p>{{nobody|<Tom> & "Co"}}</p>', "<p>&lt;Tom&gt; &amp; &quot;Co&quot;</p>"),
        ("<p>Tom & {{name}}</p>", "<p>Tom & Zoë</p>"),
    ],
)
def test_values_are_escaped_in_html_and_the_template_is_not(text: str, expected: str) -> None:
    assert template_text.fill(text, value, escape=True) == expected


@pytest.mark.parametrize(
    ("text", "malformed"),
    [
        ("{{a.b}}", ["{{a.b}}"]),
        ("{{}}", ["{{}}"]),
        ("{{  }}", ["{{  }}"]),
        ("{{|x}}", ["{{|x}}"]),
        ("{{name", ["{{name"]),
        ("{{name}", ["{{name}"]),
        ("{{name|x}", ["{{name|x}"]),
        ("{{na{me}}", ["{{na{me}}"]),
        ("{{name|{{name}}}}", ["{{name|{{name}}}}"]),
        ("{{na\nme}}", ["{{na\nme}}"]),
        ("{{name()}}", ["{{name()}}"]),
        ("{{{name}}}", ["{{{name}}}"]),
        ("{{{{name}}}}", ["{{{{name}}}}"]),
        ("{{first&nbsp;name}}", ["{{first&nbsp;name}}"]),
        ("x {{a.b}} {{name}} {{c+d}} y", ["{{a.b}} {{name}} {{c+d}} y", "{{c+d}} y"]),
        ("{{" + "." * 100, ["{{" + "." * 38]),
    ],
)
def test_what_only_looks_like_a_placeholder_stops_the_email(text: str, malformed: list[str]) -> None:
    with pytest.raises(TemplateError) as caught:
        template_text.fill(text, value, escape=False)
    assert caught.value.malformed == malformed
    assert caught.value.missing == []
    assert template_text.parse(text).malformed == tuple(malformed)


def test_every_placeholder_without_a_value_is_named_once() -> None:
    with pytest.raises(TemplateError) as caught:
        template_text.fill("{{x}} {{name}} {{y z}} {{ x }} {{nobody|friend}} {{a.b}}", value, escape=True)
    assert caught.value.missing == ["x", "y z"]
    assert caught.value.malformed == ["{{a.b}}"]
    assert str(caught.value) == "no value for {{x}}; no value for {{y z}}; not a placeholder: {{a.b}}"


def test_the_placeholders_of_a_text_in_their_order() -> None:
    assert template_text.parse("{{ b }} {{a|x}} {{b|}} }} {c}") == template_text.Parsed(
        (Placeholder("b", None), Placeholder("a", "x"), Placeholder("b", "")), ()
    )


def test_a_malformed_placeholder_hides_none_after_it() -> None:
    assert template_text.parse("{{a}} {{b.c}} {{d}}") == template_text.Parsed(
        (Placeholder("a", None), Placeholder("d", None)), ("{{b.c}} {{d}}",)
    )


def test_pieces_join_to_the_text_around_the_placeholders() -> None:
    pieces = template_text.pieces("x {{a.b}} {{name}} y")
    assert "".join(piece if isinstance(piece, str) else "" for piece in pieces) == "x {{a.b}}  y"


def test_a_value_is_asked_for_with_its_fallback() -> None:
    asked: list[Placeholder] = []

    def listen(placeholder: Placeholder) -> str:
        asked.append(placeholder)
        return "{{name}}"

    assert template_text.fill("{{ a |x}}-{{b}}", listen, escape=False) == "{{name}}-{{name}}"
    assert asked == [Placeholder("a", "x"), Placeholder("b", None)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("first_name", True),
        ("Kickoff Call-Date 1", True),
        (" padded ", True),
        ("Ngọc", True),
        ("", False),
        ("  ", False),
        ("a.b", False),
        ("a|b", False),
        ("a{b", False),
        ("a\tb", False),
        ("a\n", False),
    ],
)
def test_what_can_name_a_placeholder(name: str, expected: bool) -> None:
    assert field_types.is_name(name) is expected


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        (14700, "14700"),
        (14700.0, "14700"),
        (2997.5, "2997.5"),
        (0, "0"),
        (-3.0, "-3"),
        (1e15, "1000000000000000"),
        (True, "true"),
        (False, "false"),
        (["price", "time"], "price, time"),
        ([], ""),
        ("as it is ", "as it is "),
        (0.00001, "0.00001"),
        (-0.5, "-0.5"),
        (100.0, "100"),
        (1e22, "10000000000000000000000"),
        (0.1 + 0.2, "0.3"),
    ],
)
def test_numbers_are_plain_and_lists_are_joined(plain: Plain, text: str) -> None:
    assert field_types.as_text(plain) == text


# Properties.

any_text = st.text(st.characters()) | st.sampled_from(["{{name}}", "\\1", "{{x|y}}", "$&", "}}", "<b>", build.AWKWARD])
no_braces = st.text(st.characters(exclude_characters="{}"))


@given(no_braces, any_text, no_braces, no_braces, st.booleans())
def test_a_value_arrives_unchanged_and_is_never_expanded_again(
    before: str, found: str, between: str, after: str, escape: bool
) -> None:
    text = f"{before}{{{{name}}}}{between}{{{{ name |x}}}}{after}"
    filled = template_text.fill(text, lambda placeholder: found, escape=escape)  # noqa: ARG005
    shown = html.escape(found) if escape else found
    assert filled == before + shown + between + shown + after
    assert html.unescape(shown) == html.unescape(found) if escape else shown == found


@given(st.text(st.characters(exclude_characters="{")), st.booleans())
def test_a_text_without_opening_braces_is_unchanged(text: str, escape: bool) -> None:
    assert template_text.fill(text, value, escape=escape) == text
    assert template_text.parse(text).placeholders == ()


@given(st.text(st.sampled_from("{}|a .\n"), max_size=30))
def test_a_text_is_filled_in_or_refused_and_two_opening_braces_never_go_out(text: str) -> None:
    try:
        filled = template_text.fill(text, lambda placeholder: "v", escape=False)  # noqa: ARG005
    except TemplateError:
        return
    assert "{{" not in filled.replace("}{", "")
