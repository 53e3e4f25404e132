from __future__ import annotations

import pytest

from christmas_campaign.email import sections, template_text
from christmas_campaign.email.template_text import Mark, Placeholder


def passages(text: str, *told: str) -> str:
    return sections.passages(text, lambda name: name in told)


@pytest.mark.parametrize(
    ("text", "with_it", "without_it"),
    [
        ("a{{#x}} b{{/x}}.", "a b.", "a."),
        ("a{{^x}} b{{/x}}.", "a.", "a b."),
        ("{{#x}}{{x}}{{/x}}{{^x}}none{{/x}}", "{{x}}", "none"),
        ("{{ # x }}b{{ / x }}", "b", ""),
        ("{{ #x }}b{{ /x }}", "b", ""),
        ("{{#x}}a{{#x}}b{{/x}}c{{/x}}", "abc", ""),
        ("{{#x}}a{{^x}}b{{/x}}c{{/x}}", "ac", ""),
        ("{{^x}}a{{^y}}b{{/y}}c{{/x}}", "", "abc"),
        ("{{^x}}a{{#y}}b{{/y}}c{{/x}}", "", "ac"),
        # Marks alone on their lines are removed with the lines.
        ("a\n{{#x}}\nb\n{{/x}}\nc\n", "a\nb\nc\n", "a\nc\n"),
        ("{{#x}}\r\nb\r\n  {{/x}}\t\r\nc", "b\r\nc", "c"),
        ("a\n{{#x}}\n{{#x}}\nb\n{{/x}}\n{{/x}}", "a\nb\n", "a\n"),
        ("a\n {{#x}} b\n{{/x}}", "a\n  b\n", "a\n "),
        ("a {{#x}}\nb{{/x}}\n", "a \nb\n", "a \n"),
        ("{{#if x}}a{{/if}} {{#a.b}}", "{{#if x}}a{{/if}} {{#a.b}}", "{{#if x}}a{{/if}} {{#a.b}}"),
        ("no section", "no section", "no section"),
        ("{{#if x}}{{#x}}a{{/x}}", "{{#if x}}a", "{{#if x}}"),
    ],
)
def test_passage_stays_or_is_left_out(text: str, with_it: str, without_it: str) -> None:
    assert (passages(text, "x"), passages(text)) == (with_it, without_it)


def test_passage_within_one_that_is_left_out_is_left_out_too() -> None:
    assert passages("{{#x}}{{#y}}b{{/y}}{{/x}}", "y") == ""


@pytest.mark.parametrize(
    ("text", "unbalanced"),
    [
        ("{{#x}}", ["{{#x}} is never closed"]),
        ("{{#x}}{{^y}}", ["{{#x}} is never closed", "{{^y}} is never closed"]),
        ("{{/x}}", ["{{/x}} ends nothing"]),
        ("{{#x}}{{/y}}{{/x}}", ["{{/y}} ends nothing"]),
        ("{{#x}}{{^y}}{{/x}}{{/y}}", ["{{^y}} must end before {{/x}}", "{{/y}} ends nothing"]),
        ("{{#x}}{{^y}}{{#z}}{{/x}}", ["{{#z}} must end before {{/x}}"]),
        ("{{#x}}{{#y}}{{/y}}{{/x}}{{^x}}{{/x}}", []),
    ],
)
def test_section_that_is_not_closed_or_wrongly_nested_is_named(text: str, unbalanced: list[str]) -> None:
    assert template_text.parse(text).unbalanced == tuple(unbalanced)


@pytest.mark.parametrize(
    "text", ["{{#x|y}}", "{{#}}", "{{#a.b}}", "{{#if x}}", "{{#unless x}}", "{{#each x}}", "{{#with x}}", "{{/if}}"]
)
def test_other_marks_are_malformed(text: str) -> None:
    assert template_text.parse(text) == ((), (text,), ())


def test_error_has_the_problems_with_sections() -> None:
    error = template_text.TemplateError(["x"], ["{{a.b}}"], ["{{#y}} is never closed"])
    assert error.unbalanced == ["{{#y}} is never closed"]
    assert str(error) == "no value for {{x}}; not a placeholder: {{a.b}}; {{#y}} is never closed"


@pytest.mark.parametrize("name", ["iffy", "x if", "without", "call date"])
def test_name_of_a_section_may_begin_like_a_word_of_handlebars(name: str) -> None:
    assert list(template_text.pieces(f"{{{{#{name}}}}}")) == ["", Mark("#", name), ""]


def test_variants_keep_the_lines() -> None:
    text = "a\n{{#x}}\nb\n{{/x}}\nc{{^x}}\nd{{/x}}\ne"
    assert sections.variants(text) == ("a\n\nb\n\nc\n\ne", "a\n\n\n\nc\nd\ne")
    assert sections.everything(text) == "a\n\nb\n\nc\nd\ne"


@pytest.mark.parametrize(
    ("text", "variants"), [("a {{b}}", ("a {{b}}",)), ("a {{#x}}b", ("a b",)), ("a{{/x}}", ("a",))]
)
def test_text_without_balanced_sections_has_one_variant(text: str, variants: tuple[str, ...]) -> None:
    assert sections.variants(text) == variants


def test_placeholder_is_guarded_by_the_sections_around_it() -> None:
    text = "{{a}}{{#x}}{{b}}{{^y}}{{c}}{{/y}}{{#z}}{{d}}{{/z}}{{/x}}{{e}}{{/x}}"
    guarded = {placeholder.name: set(told) for placeholder, told in sections.guarded(text)}
    assert guarded == {"a": set(), "b": {"x"}, "c": {"x"}, "d": {"x", "z"}, "e": set()}
    assert Placeholder("b", None) in [placeholder for placeholder, _ in sections.guarded(text)]


def test_names_of_sections_are_listed_once() -> None:
    assert sections.section_names("{{#b}}{{/b}}{{^a}}{{/a}}{{#b}}{{/b}}{{c}}") == ("b", "a")


def test_fill_refuses_a_section() -> None:
    with pytest.raises(template_text.TemplateError) as caught:
        template_text.fill("{{#x}}a{{/x}}", lambda _: "v", escape=False)
    assert caught.value.malformed == ["{{#x}}", "{{/x}}"]
