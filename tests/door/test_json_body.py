"""JSON bodies: which ones every parser reads the same way, and which ones the door refuses because they do not."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from christmas_campaign.door.http import json_body
from christmas_campaign.door.http.json_body import DEPTH, NAME_LENGTH, NUMBER_LENGTH, Unreadable, read


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b' \r\n{"a": [1, 2.5, null, true, "x"]} \n', {"a": [1, 2.5, None, True, "x"]}),
        ('{"name": "Lệ Ngọc 🌸"}'.encode(), {"name": "Lệ Ngọc 🌸"}),
        (rb'{"name": "L\u1ec7 \ud83c\udf38"}', {"name": "Lệ 🌸"}),
        (rb'{"name": "\\u0001 u0000 \\ud800"}', {"name": "\\u0001 u0000 \\ud800"}),
        (b'{"a": {"b": 1}, "c": {"b": 2}}', {"a": {"b": 1}, "c": {"b": 2}}),
        (b'"text"', "text"),
        (b"null", None),
    ],
)
def test_json_is_read(raw: bytes, value: Any) -> None:
    assert read(raw) == value


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1} x', b'{"a": 01}', b'{"a": "\n"}', b"a=1&b=2",
     b'{"a": 1,}', b"\x01"],
)  # fmt: skip
def test_body_that_is_not_json_is_returned_as_text(raw: bytes) -> None:
    assert read(raw) == raw.decode()


def test_byte_order_mark_is_no_part_of_the_json() -> None:
    marked = b'\xef\xbb\xbf{"a": 1}'
    assert read(marked) == {"a": 1}
    assert json_body.without_mark(marked) == b'{"a": 1}' == json_body.without_mark(b'{"a": 1}')


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b'{"a": "\xff"}', "must be text in UTF-8: it is in another encoding, such as Windows-1252"),
        (b'{"a": "\xed\xa0\x80"}', "must be text in UTF-8: it is in another encoding, such as Windows-1252"),
        *(
            ('{"a": "Lệ"}'.encode(encoding), "must be text in UTF-8: it is in UTF-16 or UTF-32")
            for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
        ),
        (rb'{"a": 1, "\u0061": 1}', "must not have the same name twice in one object"),
        (b'[{"x": {"a": 1, "a": 2}}]', "must not have the same name twice in one object"),
        (rb'{"a\u0000": 1}', "must not have NUL or half of a character in a text"),
        (rb'{"a": "x \\u0000"}', "nor NUL as JSON writes it"),
        (rb'{"\u005Cu0000": 1}', "nor NUL as JSON writes it"),
        (rb'{"a": ["\uD83C"]}', "must not have NUL or half of a character in a text"),
        (rb'[["\udf38\ud83c"]]', "must not have NUL or half of a character in a text"),
        (b'{"a": 1' + b"0" * NUMBER_LENGTH + b"}", "must not have numbers of more than 1000 digits"),
        (b'{"a": 1.' + b"0" * NUMBER_LENGTH + b"}", "must not have numbers of more than 1000 digits"),
        (b'{"a": 1e999}', "nor larger than a computer takes"),
        (b'{"' + b"n" * (NAME_LENGTH + 1) + b'": 1}', "must not have names of more than 200 characters"),
        (b'{"a":' * (DEPTH + 2) + b"1" + b"}" * (DEPTH + 2), "must not be nested more than 100 levels deep"),
        (b"[" * 500_000, "must not be nested more than 100 levels deep"),
    ],
)
def test_body_that_parsers_could_read_differently_is_refused(raw: bytes, problem: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(raw)
    assert problem in str(caught.value)


def test_largest_allowed_values_are_read() -> None:
    assert read(b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1))
    assert read(b'{"' + b"n" * NAME_LENGTH + b'": 1}') == {"n" * NAME_LENGTH: 1}
    assert read(b"1" * NUMBER_LENGTH) == int("1" * NUMBER_LENGTH)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(max_size=20), children),
)


# On a busy machine drawing such values can take longer than Hypothesis expects.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(json_values)
def test_any_json_value_is_read_back_or_refused_for_nul(value: Any) -> None:
    raw = json.dumps(value).encode()
    if b"\\u0000" in raw:
        with pytest.raises(Unreadable, match="NUL"):
            read(raw)
    else:
        assert read(raw) == value


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused_without_another_error(raw: bytes) -> None:
    with suppress(Unreadable):
        read(raw)
