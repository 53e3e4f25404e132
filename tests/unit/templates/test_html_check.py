from __future__ import annotations

import pytest

from christmas_campaign.email.template_text import Placeholder
from christmas_campaign.templates import html_check
from christmas_campaign.templates.html_check import Link


def problems(source: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.problem) for fault in html_check.read(source).faults]


@pytest.mark.parametrize(
    "source",
    [
        "words alone",
        "<p>one<p>two",
        "<p>one<div>two</div>",
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
        '<p title="{{name|a "b" c}}">{{name|<b>nobody}}</p>',
        '<a href="{{x}}?a={{b}}&c=&amp;d">x</a>',
        '<img alt="a &lt;b&gt; c">&lt;b',
        '\ue000\ue0017\ue002<a href="\ue0007\ue001">x</a>',
    ],
)
def test_well_formed_html_has_no_faults(source: str) -> None:
    assert problems(source) == []


NOT_WELL_FORMED = "the attributes of {} are not well-formed"
TAG_NAME = "a placeholder is used as the name of a tag"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("<div>", "<div> is never closed"),
        ("<br></br>", "</br> closes nothing"),
        ("<p>x<ul><li>y</ul></p>", "</p> closes nothing"),
        ("<ul><li><p>a<li>b</li></li></ul>", "</li> closes nothing"),
        ("<dl><dt>a<dd>b</dd></dt></dl>", "</dt> closes nothing"),
        ("<table><tr><td><p>a<td>b</td></td></table>", "</td> closes nothing"),
        ("<table><tr><th>a<tr><td>b</tr></tr></table>", "</tr> closes nothing"),
        ("<table><thead><tr><th>a<tbody><tr><td>b</tbody></thead></table>", "</thead> closes nothing"),
        ("<table><tr><td><div></td></tr></table>", "<div> of line 1 is still open at </td>"),
        *(
            (f"<div><table><tr><{cell}></div></{cell}></tr></table></div>", "</div> closes nothing")
            for cell in ("td", "th", "caption")
        ),
        ("<td><table><tr></td></table></td>", "</td> closes nothing"),
        ("<body><table><tr><td></body>", "<table> of line 1 is still open at </body>"),
        ("<html><table><tr><td></html>", "<table> of line 1 is still open at </html>"),
        ("<table><tr><td><b></table>", "<b> of line 1 is still open at </table>"),
        ("<b>x</b><p", "<p has no end"),
        ("<!-- x <b>", "<!-- x <b> has no end"),
        ("<style>a {}", "<style> is never closed"),
        ('<p class="a"id="b">', NOT_WELL_FORMED.format('<p class="a"id="b">')),
        ("<p title={{x}}>", NOT_WELL_FORMED.format("<p title={{…}}>")),
        ("<p {{x}}>", NOT_WELL_FORMED.format("<p {{…}}>")),
        ('<img src="a&b" <b>', NOT_WELL_FORMED.format('<img src="a&b" <b>')),
        # The private-use characters that stand for placeholders are replaced in a template.
        ("<b \ue000\ue001\ue002", "<b ??? has no end"),
    ],
)
def test_fault_is_found(source: str, problem: str) -> None:
    assert problems(source) == [(1, problem)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("\n<h{{x}}>a</h{{x}}>", [(2, TAG_NAME), (2, TAG_NAME)]),
        ("<h{{x}}/></{{x}}>", [(1, TAG_NAME), (1, TAG_NAME)]),
        ("<!--\n-->a <{{x}}", [(2, TAG_NAME)]),
        ('x\n<a href="y>z</a>', [(2, '<a href="y>z</a> has no end')]),
        (
            '<b><i title="x</b> <p class=" y z="w">',
            [
                (1, NOT_WELL_FORMED.format('<i title="x</b> <p class=" y z="w">')),
                (1, "<b> is never closed"),
                (1, "<i> is never closed"),
            ],
        ),
    ],
)
def test_faults_have_their_lines(source: str, expected: list[tuple[int, str]]) -> None:
    assert problems(source) == expected


ALL_FAULTS = """
<div/><h{{x}}>
</i>
</p>
<b><i></b></i>
<p class=a'b>
<u>
"""
P_MEND = "remove it, or move lists, tables and blocks out of the paragraph, because they end it"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            ALL_FAULTS,
            [
                (2, TAG_NAME, "write the name of the tag itself, or &lt; for a less-than sign"),
                (2, "<div/> does not close itself in HTML", "write <div></div>"),
                (3, "</i> closes nothing", "remove it"),
                (4, "</p> closes nothing", P_MEND),
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
        ("\n<b\n", [(2, "<b has no end", "close its quotes and the tag or comment; write &lt; for a less-than sign")]),
    ],
)
def test_every_kind_of_fault_has_a_line_and_a_correction(source: str, expected: list[tuple[int, str, str]]) -> None:
    assert list(html_check.read(source).faults) == expected


@pytest.mark.parametrize(("length", "quoted"), [(40, "x" * 31), (41, "x" * 31 + "…"), (100, "x" * 31 + "…")])
def test_message_quotes_forty_characters(length: int, quoted: str) -> None:
    assert problems('<a href="'.ljust(length, "x")) == [(1, f'<a href="{quoted} has no end')]


def test_links_have_the_placeholders_of_their_addresses() -> None:
    html = (
        '<a href="{{a|b}}">\n<a href=" {{c}}/{{d}} ">x</a></a>'
        '<a name="{{e}}" href="https://x/{{f}}?y={{g}}#{{h}}">z</a><a href>'
    )
    assert html_check.read(html).links == (
        Link(1, Placeholder("a", "b"), ()),
        Link(2, Placeholder("c", None), (Placeholder("d", None),)),
        Link(2, None, (Placeholder("f", None), Placeholder("h", None))),
    )


def test_malformed_placeholder_counts_as_text() -> None:
    html = html_check.read('<b>{{a.b}} <a href="{{c}}">x</a>')
    assert [fault.problem for fault in html.faults] == ["<b> is never closed"]
    assert html.links == (Link(1, Placeholder("c", None), ()),)
