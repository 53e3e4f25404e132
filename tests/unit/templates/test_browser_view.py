from __future__ import annotations

import pytest

from christmas_campaign.templates import browser_view
from christmas_campaign.templates.browser_view import Address, View


def shown(html: str) -> str:
    return " ".join(browser_view.view(html).shown.split())


def test_view_has_texts_links_addresses_and_comments() -> None:
    html = (
        '<title>T</title><!-- c --><p>Hi <a href=" https://x.org ">there</a><a href="y"></a><a name="z">z</a>'
        '<img src="p.png" alt="A picture" title="t">'
    )
    assert browser_view.view(html) == View(
        shown="Hi therez",
        read=("T", "Hi ", "there", "z", "A picture", "t"),
        links=("https://x.org",),
        addresses=(Address("a", "href", "https://x.org"), Address("a", "href", "y"), Address("img", "src", "p.png")),
        comments=("c",),
    )


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- x -->",
        *(f"<{tag}>x</{tag}>" for tag in ("title", "textarea", "template", "style", "script", "iframe", "noscript")),
        *(f"<{tag}>x</{tag}>" for tag in ("noembed", "noframes", "object", "audio", "video", "canvas", "svg", "math")),
        *(f"<{tag}>x</{tag}>" for tag in ("details", "dialog")),
        "<select><option>x</select>",
        "<datalist><option>x</datalist>",
        "<p hidden>x</p>",
        "<p hidden=until-found>x</p>",
        '<p style="display:none">x</p>',
        '<p style="color:red; DISPLAY : None !important">x</p>',
        '<p style="visibility:hidden">x</p>',
        '<table style="visibility:collapse"><tr><td>x</table>',
        '<p style="mso-hide:all">x</p>',
        '<p style="opacity:0">x</p>',
        '<p style="opacity:0.0">x</p>',
        '<p style="font-size:0px">x</p>',
        '<p style="overflow:hidden;max-height:0">x</p>',
        '<p style="overflow:hidden;height:0px">x</p>',
        '<p style="overflow:hidden;width:0">x</p>',
        '<p style="overflow:hidden;max-width:0">x</p>',
        '<p style="text-indent:-9999px">x</p>',
        '<p style="position:absolute;left:-5000px">x</p>',
        '<p style="position:absolute;top:-5000px">x</p>',
        '<p style="/*display:block;*/display:none">x</p>',
        '<div style="display:none"><b style="display:block">x</b></div>',
        "<p style='display:none'>x<p>",
        "<style>.a { display: none }</style><p class='b a'>x</p>",
        "<p class=a>x</p><style>.a{display:none}</style>",
        "<style><!-- div > .a, #b {display:none} --></style><div><p class=a>x</p></div><p id=b>x</p>",
        "<style>@import 'x'; .a{display:none}</style><p class=a>x</p>",
        "<style>@media (max-width: 600px) { .c{} .a { display: none !important } }</style><p class=a>x</p>",
        "<style>.a{display:none!important}</style><p class=a style='display:block'>x</p>",
        "<style>.a{visibility:hidden}</style><p class=a>x</p>",
        "<style>p::before{color:red} .a:frob{} .a{display:none}</style><p class=a>x</p>",
        "<style media=all>.a{display:none}</style><p class=a>x</p>",
        "<style media=print>.b{}</style><style>.a{display:none}</style><p class=a>x</p>",
        "<style>.a { visibility: hidden ! important }</style><p class=a>x</p>",
        "<p style='display:none important'>x</p>",
    ],
)
def test_hidden_text_is_not_shown(hidden: str) -> None:
    assert shown(f"<b>before</b> {hidden}<i>after</i>") == "before after"


@pytest.mark.parametrize(
    "visible",
    [
        "<p>x</p>",
        "<details open>x</details>",
        "<dialog open>x</dialog>",
        '<p style="font-size:10px;opacity:0.9;overflow:hidden;max-height:100px;left:-5px">x</p>',
        '<p style="max-height:0">x</p>',
        '<div style="font-size:0"><p style="font-size:14px">x</p></div>',
        '<div style="visibility:hidden"><p style="visibility:visible">x</p></div>',
        "<style>.a{display:none}</style><p class=b>x</p>",
        "<style>.a{display:none}</style><p class=a style='display:block'>x</p>",
        "<style media=print>.a{display:none}</style><p class=a>x</p>",
        "<style media=' PRINT '>.a{display:none}</style><p class=a>x</p>",
        "<style>@media print {.a{display:none}}</style><p class=a>x</p>",
        "<style>@font-face{display:none} .a:hover{display:none} /* .a{display:none} */ }</style><p class=a>x</p>",
        "<style>/* .a{display:none}</style><p class=a>x</p>",
        "<![if !mso]>x<![endif]>",
        "<!--[if !mso]><!-->x<!--<![endif]-->",
    ],
)
def test_other_text_is_shown(visible: str) -> None:
    assert shown(visible) == "x"


def test_entities_are_read_as_the_characters_that_they_stand_for() -> None:
    view = browser_view.view('<a href="&#123;x&amp;y">&lbrace;z&nbsp;&#x7D;</a>')
    assert (view.shown, view.links) == ("{z\xa0}", ("{x&y",))


@pytest.mark.parametrize(
    ("link", "is_seen"),
    [
        ("<a href=x>words</a>", True),
        ("<a href=x><b>words</b></a>", True),
        ("<a href=x><img src=y></a>", True),
        ("<a href=x></a>", False),
        ("<a href=x>&nbsp; &#8203;&#847;</a>", False),
        ("<a href=x><img alt=y></a>", False),
        ("<a href=x><b hidden>words</b></a>", False),
        ("<p hidden><a href=x>words</a><a href=x><img src=y></a>", False),
        ("<p style='visibility:hidden'><a href=x>words<img src=y></a>", False),
        ("<p style='font-size:0'><a href=x>words</a>", False),
        ("<a>words</a>", False),
    ],
)
def test_link_needs_something_that_a_reader_sees(link: str, is_seen: bool) -> None:
    assert browser_view.view(link).links == (("x",) if is_seen else ())


def test_addresses_are_those_of_every_element_that_a_reader_may_meet() -> None:
    html = (
        "<body background=1><form action=2><video poster=3 src=4></video></form><a href>5</a><p hidden><a href=6>x</a>"
        "<template><a href=7>x</a></template><textarea><a href=8></textarea>"
        "<!--[if mso]><v:rect href=9>Outlook</v:rect><![endif]--><!-- <a href=10> -->"
    )
    view = browser_view.view(html)
    assert [address.value for address in view.addresses] == ["1", "2", "4", "3", "", "6", "9"]
    assert "Outlook" in view.read
    assert view.comments == ("<a href=10>",)


def test_words_that_nobody_reads_are_left_out() -> None:
    html = "<style>{{a}}</style><script>{{b}}</script><p title='' hidden>c</p><div style='display:none'>d</div>"
    assert browser_view.view(html).read == ("c", "d")


def test_text_of_an_empty_element_is_empty() -> None:
    html = "<p></p><!----><a href></a><a href>x</a><style></style><p style>y</p>"
    view = browser_view.view(html)
    assert (view.shown, view.comments, view.links) == ("xy", ("",), ("",))
    assert [address.value for address in view.addresses] == ["", ""]


def test_deep_html_and_no_html_at_all_are_read() -> None:
    assert shown("<div>" * 3_000 + "x") == "x"
    assert browser_view.view("") == View("", (), (), (), ())
