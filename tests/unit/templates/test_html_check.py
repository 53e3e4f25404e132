"""The HTML of a template: what a browser would stumble over, and what it takes as it is."""

from __future__ import annotations

import pytest

from christmas_campaign.email.template_text import Placeholder
from christmas_campaign.templates import html_check


def problems(source: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.problem) for fault in html_check.read(source).faults]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "words alone",
        "<p>one<p>two",
        "<p>one<div>two</div>",
        "<ul><li>one<li>two</ul>",
        "<ul><li><p>one<li>two<ul><li>three</ul></ul>",
        "<dl><dt>a<dd>b<dt>c</dl>",
        "<table><tr><td>a<td>b<tr><th>c</table>",
        "<table><tbody><tr><td><table><tr><td>x</td></tr></table></td></tr><tbody><tr><td>y</table>",
        "<html><head><title>x</title><body><p>x",
        "<select><option>a<option>b</select>",
        "<br><br/><img src='x' alt='<3'><hr>",
        "<a href='x' title=\"it's\" target=_blank>x</a>",
        '<input disabled value="">',
        "<td\n  class='a'\n>x",
        "a < b <3 && c &lt;b &#x; &foo",
        "<style>a > b { content: '<p'; } @media { a {} }</style>",
        "<!-- <b> {{x}} -->",
        "<!--[if mso]><table><tr><td><![endif]--><p>x</p><!--[if mso]></td></tr></table><![endif]-->",
        "<!--[if !mso]><!--><b>x</b><!--<![endif]-->",
        "<![if !mso]><b>x</b><![endif]>",
        "<o:p/>",
        "<P>x</p><B>y</b>",
        "<b>{{name}}</b> <{ not one",
        "<p>{{name|<b>nobody}}</p>",
        '<p title="{{name|a "b" c}}">x</p>',
        '<a href="{{x}}?a={{b}}&c=&amp;d">x</a>',
        '<img alt="a &lt;b&gt; c">&lt;b',
        "\ue000\ue0017\ue002",
        '<a href="\ue0007\ue001">x</a>',
    ],
)
def test_what_is_well_formed_is_let_be(source: str) -> None:
    assert problems(source) == []


NOT_WELL_FORMED = "the attributes of {} are not well-formed"
TAG_NAME = "a placeholder is used as the name of a tag"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<div>", [(1, "<div> is never closed")]),
        ("a\n<b>\n<i>x</i>", [(2, "<b> is never closed")]),
        ("</b>", [(1, "</b> closes nothing")]),
        ("<br></br>", [(1, "</br> closes nothing")]),
        ("<b>\n<i>x</b></i>", [(2, "<i> of line 2 is still open at </b>")]),
        ("<p>x<ul><li>y</ul></p>", [(1, "</p> closes nothing")]),
        ("<ul><li><p>a<li>b</li></li></ul>", [(1, "</li> closes nothing")]),
        ("<dl><dt>a<dd>b</dd></dt></dl>", [(1, "</dt> closes nothing")]),
        ("<table><tr><td><p>a<td>b</td></td></table>", [(1, "</td> closes nothing")]),
        ("<table><tr><th>a<tr><td>b</tr></tr></table>", [(1, "</tr> closes nothing")]),
        ("<table><thead><tr><th>a<tbody><tr><td>b</tbody></thead></table>", [(1, "</thead> closes nothing")]),
        ("<p>x</p></p>", [(1, "</p> closes nothing")]),
        ("<table><tr><td><div></td></tr></table>", [(1, "<div> of line 1 is still open at </td>")]),
        ("<div><table><tr><td></div></td></tr></table></div>", [(1, "</div> closes nothing")]),
        ("<div><table><tr><th></div></th></tr></table></div>", [(1, "</div> closes nothing")]),
        ("<div><table><caption></div></caption></table></div>", [(1, "</div> closes nothing")]),
        ("<td><table><tr></td></table></td>", [(1, "</td> closes nothing")]),
        ("<body><table><tr><td></body>", [(1, "<table> of line 1 is still open at </body>")]),
        ("<html><table><tr><td></html>", [(1, "<table> of line 1 is still open at </html>")]),
        ("<table><tr><td><b></table>", [(1, "<b> of line 1 is still open at </table>")]),
        ("<div/>", [(1, "<div/> does not close itself in HTML")]),
        ('x\n<a href="y>z</a>', [(2, '<a href="y>z</a> has no end')]),
        ("<b>x</b><p", [(1, "<p has no end")]),
        ("<!-- x <b>", [(1, "<!-- x <b> has no end")]),
        ("<style>a {}", [(1, "<style> is never closed")]),
        (
            '<a href="x>y</a> <p class="z">',
            [(1, NOT_WELL_FORMED.format('<a href="x>y</a> <p class="z">')), (1, "<a> is never closed")],
        ),
        (
            '<b><i title="x</b> <p class=" y z="w">',
            [
                (1, NOT_WELL_FORMED.format('<i title="x</b> <p class=" y z="w">')),
                (1, "<b> is never closed"),
                (1, "<i> is never closed"),
            ],
        ),
        ('<p class="a"id="b">', [(1, NOT_WELL_FORMED.format('<p class="a"id="b">'))]),
        ("<p class=a'b>", [(1, NOT_WELL_FORMED.format("<p class=a'b>"))]),
        ("<p title={{x}}>", [(1, NOT_WELL_FORMED.format("<p title={{…}}>"))]),
        ("<p {{x}}>", [(1, NOT_WELL_FORMED.format("<p {{…}}>"))]),
        ('<img src="a&b" <b>', [(1, NOT_WELL_FORMED.format('<img src="a&b" <b>'))]),
        ("<{{x}}>", [(1, TAG_NAME)]),
        ("\n<h{{x}}>a</h{{x}}>", [(2, TAG_NAME), (2, TAG_NAME)]),
        ("<h{{x}}/></{{x}}>", [(1, TAG_NAME), (1, TAG_NAME)]),
        ("<!--\n-->a <{{x}}", [(2, TAG_NAME)]),
        ("<![nonsense]>", [(1, "<![ does not begin a valid declaration")]),
    ],
)
def test_what_is_broken_is_named_with_its_line(source: str, expected: list[tuple[int, str]]) -> None:
    assert problems(source) == expected


EVERY_KIND = """
<div/><h{{x}}>
</i>
</p>
<b><i></b>
<p class=a'b>
<u>
"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            EVERY_KIND,
            [
                (2, TAG_NAME, "write the name of the tag itself, or &lt; for a less-than sign"),
                (2, "<div/> does not close itself in HTML", "write <div></div>"),
                (3, "</i> closes nothing", "remove it"),
                (
                    4,
                    "</p> closes nothing",
                    "remove it, or move lists, tables and blocks out of the paragraph, because they end it",
                ),
                (5, "<i> of line 5 is still open at </b>", "write </i> before it"),
                (
                    6,
                    NOT_WELL_FORMED.format("<p class=a'b>"),
                    "put quotes around each value, and a space between two attributes",
                ),
                (7, "<u> is never closed", "write </u> where it ends"),
            ],
        ),
        ("\n<![nonsense]>\n", [(2, "<![ does not begin a valid declaration", "remove it")]),
        (
            "\n<b\n",
            [(2, "<b has no end", "close its quotes and the tag or comment; write &lt; for a less-than sign")],
        ),
    ],
)
def test_every_fault_has_its_line_and_its_mend(source: str, expected: list[tuple[int, str, str]]) -> None:
    assert list(html_check.read(source).faults) == expected


@pytest.mark.parametrize(("length", "shown"), [(40, "x" * 31), (41, "x" * 31 + "…"), (100, "x" * 31 + "…")])
def test_a_long_beginning_is_cut_in_the_message(length: int, shown: str) -> None:
    assert problems('<a href="'.ljust(length, "x")) == [(1, f'<a href="{shown} has no end')]


def test_the_readers_own_marks_are_question_marks_in_a_template() -> None:
    assert problems("<b \ue000\ue001\ue002") == [(1, "<b ??? has no end")]


def test_the_links_have_the_placeholders_of_their_addresses() -> None:
    html = (
        '<a href="{{a|b}}">\n<a href=" {{c}}/{{d}} ">x</a></a><a name="{{e}}" href="https://x/?y={{f}}">z</a><a href>'
    )
    assert html_check.read(html).links == (
        html_check.Link(1, Placeholder("a", "b"), ()),
        html_check.Link(2, Placeholder("c", None), (Placeholder("d", None),)),
        html_check.Link(2, None, (Placeholder("f", None),)),
    )


def test_malformed_placeholder_counts_as_text() -> None:
    html = html_check.read('<b>{{a.b}} <a href="{{c}}">x</a>')
    assert [fault.problem for fault in html.faults] == ["<b> is never closed"]
    assert html.links == (html_check.Link(1, Placeholder("c", None), ()),)
