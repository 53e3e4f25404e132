from __future__ import annotations

import pytest

from christmas_campaign.email import plain_text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ""),
        ("just words", "just words"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<h1>Title</h1>\n\n\n<div><div><p>Body</p></div></div>", "Title\n\nBody"),
        ("<p>a\n   b\tc</p>", "a b c"),
        ("<p>a<br>b<br/>c</p>", "a\nb\nc"),
        ("<ul><li>one</li><li>two</li></ul><p>end</p>", "- one\n- two\n\nend"),
        ('<a href="https://x.example/?a=1&amp;b=2">Book</a> now', "Book (https://x.example/?a=1&b=2) now"),
        ('<a href="{{calendly_link}}">Book, {{first_name|you}}</a>', "Book, {{first_name|you}} ({{calendly_link}})"),
        ('<a name="top">Top</a>', "Top"),
        ("</a>x</p>", "x"),
        ('<img src="x.png" alt="A salon"> and <img src="y.png" alt=""><img src="z.png">', "A salon and"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><th>c</th><td>d</td></tr></table>", "a b\n\nc d"),
        ("a &amp; b &lt;c&gt; Zo&euml; &#x1F487;", "a & b <c> Zoë 💇"),
        ("<head><title>t</title><style>p{a{b:c}}</style></head><body>x</body>", "x"),
        ("<style>{{name}}</style><script>if (a < b) {}</script>x", "x"),
        ('<div style="DISPLAY : none">pre<div>header</div><br><img alt="i"></div>x', "x"),
        ('<div style="display:none">a<p>b</div>x</p>', "x"),
        ('<div style="display:none">a</span></div>x', "x"),
        ('<img style="display:none" alt="no">x', "x"),
        ('<p style="display:block">x</p>', "x"),
        ("a\u200c\u200c\u034f b", "a b"),
        ("<!-- a comment -->x", "x"),
        ("one<hr>two", "one\n\ntwo"),
        # HTML without </head>, and lists with paragraphs, as editors write them.
        ("<html><head><title>t</title><body><p>x</p></body></html>", "x"),
        ("<ul><li><p>one</p></li><li><p>two</p></li></ul>", "- one\n- two"),
    ],
)
def test_html_becomes_its_visible_text(source: str, expected: str) -> None:
    assert plain_text.from_html(source) == expected
