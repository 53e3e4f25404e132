"""Bodies: what is JSON for every reader, and what is refused because two readers could see two things."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.door.http.json_body import DEPTH, NAME_LENGTH, NUMBER_LENGTH, Unreadable, read


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
        ('{"name": "Lệ Ngọc 🌸"}'.encode(), {"name": "Lệ Ngọc 🌸"}),
        (rb'{"name": "L\u1ec7 \ud83c\udf38"}', {"name": "Lệ 🌸"}),
        (rb'{"name": "\\u0001 u0000 \\ud800"}', {"name": "\\u0001 u0000 \\ud800"}),
        (b' \r\n\t{"a": 1} \n', {"a": 1}),
        (b'{"a": {"b": 1}, "c": {"b": 2}}', {"a": {"b": 1}, "c": {"b": 2}}),
        (b'"text"', "text"),
        (b"[]", []),
        (b"null", None),
        (b"-0", 0),
    ],
)
def test_json_is_read(raw: bytes, value: Any) -> None:
    assert read(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1} x',
        b'{"a": 01}',
        b'{"a": "\n"}',
        b"a=1&b=2",
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": 1,}',
        b"\x00",
        b"[1e]",
    ],
)
def test_what_is_no_json_comes_back_as_text(raw: bytes) -> None:
    assert read(raw) == raw.decode()


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b'{"a": "\xff"}', "must be text in UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "must be text in UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "must be text in UTF-8"),
        (b'{"a": 1, "a": 1}', "must not have the same name twice in one object"),
        (rb'{"a": 1, "\u0061": 1}', "must not have the same name twice in one object"),
        (b'[{"x": {"a": 1, "a": 2}}]', "must not have the same name twice in one object"),
        (rb'{"a": "\u0000"}', "must not have NUL or half of a character in a text"),
        (rb'{"a\u0000": 1}', "must not have NUL or half of a character in a text"),
        (rb'{"a": "x \\u0000"}', "nor NUL as JSON writes it"),
        (rb'{"\u005Cu0000": 1}', "nor NUL as JSON writes it"),
        (rb'{"a": ["\uD83C"]}', "must not have NUL or half of a character in a text"),
        (rb'[["\udf38\ud83c"]]', "must not have NUL or half of a character in a text"),
        (b'{"a": 1' + b"0" * NUMBER_LENGTH + b"}", "must not have numbers of more than 1000 digits"),
        (b'{"a": 1.' + b"0" * NUMBER_LENGTH + b"}", "must not have numbers of more than 1000 digits"),
        (b'{"a": 1e999}', "nor larger than a computer takes"),
        (b'{"a": ' + b"1" * 5000 + b"}", "must not have numbers of more than 1000 digits"),
        (b'{"' + b"n" * (NAME_LENGTH + 1) + b'": 1}', "must not have names of more than 200 characters"),
        (b"[" * (DEPTH + 2) + b"]" * (DEPTH + 2), "must not be nested more than 100 levels deep"),
        (b'{"a":' * (DEPTH + 2) + b"1" + b"}" * (DEPTH + 2), "must not be nested more than 100 levels deep"),
        (b"[" * 500_000, "must not be nested more than 100 levels deep"),
        (b'{"a":' * 100_000, "must not be nested more than 100 levels deep"),
    ],
)
def test_what_readers_could_see_differently_is_refused(raw: bytes, problem: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(raw)
    assert problem in str(caught.value)


def test_the_limits_themselves_are_inside() -> None:
    assert read(b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1))
    assert read(b'{"' + b"n" * NAME_LENGTH + b'": 1}') == {"n" * NAME_LENGTH: 1}
    assert read(b"1" * NUMBER_LENGTH) == int("1" * NUMBER_LENGTH)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=20), inner),
)


@given(values)
def test_what_json_writes_is_read_back_or_refused_for_nul(value: Any) -> None:
    raw = json.dumps(value).encode()
    if b"\\u0000" in raw:
        with pytest.raises(Unreadable, match="NUL"):
            read(raw)
    else:
        assert read(raw) == value


@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    with suppress(Unreadable):
        assert read(raw) is not Ellipsis
