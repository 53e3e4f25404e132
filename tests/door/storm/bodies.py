"""Bodies of calls: valid ones with unusual texts, and invalid ones."""

from __future__ import annotations

import gzip
import json
from typing import Any, NamedTuple

from hypothesis import strategies as st
from support import payload

from christmas_campaign.door.http.json_body import DEPTH
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from door.storm.aim import MARK, Aim

#: Texts that must pass through every program unchanged.
TEXTS = (
    "Lệ Ngọc", "O'Neil & <b>Sons</b>", "{{ secret('NOTION_TOKEN') }}", "{% for i in 1..9 %}x{% endfor %}", "\\u0001", "\\",
    '"}, "x": {"', "${jndi:ldap://x}", "'; DROP TABLE executions; --", "=1+1", "../../etc/passwd", "💇‍♀️", "\u202eanolas",
    "{{first_name}}", "a\tb\nc", "null", "\ufeffx", "Ω" * 600,
)  # fmt: skip
NAMES = tuple(one.name for one in SEQUENCES)

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30)
_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(_TEXT, children, max_size=3),
    max_leaves=8,
)


class Call(NamedTuple):
    """A call: the sequence, the body, and whether intake accepts it."""

    sequence: str
    body: bytes
    is_valid: bool

    @property
    def statuses(self) -> frozenset[int]:
        """The right answer to this body with a valid signature."""
        if self.is_valid:
            return frozenset({200})
        # The website's form of signature needs a body that is text.
        return frozenset({422 if self.sequence != "signup" or _is_text(self.body) else 401})

    @property
    def forwarded(self) -> tuple[tuple[str, bytes], ...]:
        """The calls that may reach Kestra."""
        return ((self.sequence, self.body),) if self.is_valid else ()


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


@st.composite
def calls(draw: st.DrawFn, aim: Aim, *, names: tuple[str, ...] = NAMES) -> Call:
    """Draw a valid or invalid call to one of the sequences."""
    name = draw(st.sampled_from(names))
    number = draw(st.integers(0, 2**48 - 1))
    fields = payload(f"{MARK}-{number:012x}@example.com", name, first_name=f"A{draw(_TEXT | st.sampled_from(TEXTS))}")
    fields["business_name"] = f"{MARK} {draw(st.sampled_from(TEXTS))}"
    if draw(st.booleans()):
        fields[f"{MARK} unknown"] = draw(_ANYTHING)
    if draw(st.booleans()):
        fields["variables"] = {"Kickoff_Call_Date": draw(st.sampled_from(TEXTS))}
    if name == "postcall" and draw(st.sampled_from(range(4))) == 0:
        fields["call_outcome"] = "Won"
    if draw(st.sampled_from(range(aim.good_in))) == 0:
        return Call(name, json.dumps(fields, ensure_ascii=draw(st.booleans())).encode(), True)
    return Call(name, draw(_invalid(name, fields)), False)


@st.composite
def _invalid(draw: st.DrawFn, name: str, fields: dict[str, Any]) -> bytes:
    """Draw a body that intake or the JSON parser refuses."""
    valid = json.dumps(fields).encode()
    required = draw(st.sampled_from([field.name for field in sequence(name).fields if field.required]))
    fault = draw(st.sampled_from(("missing", "type", "email", "json", "depth", "text", "binary")))
    if fault == "missing":
        del fields[required]
    elif fault == "type":
        fields[required] = draw(st.sampled_from(([], {}, {"a": [1]}, [[]], None, "", " \t")))
    elif fault == "email":
        wrong = ("", "x", f"{MARK}@", "@example.com", "a b@example.com", "é@example.com", "a@b", "a" * 300)
        fields["email"] = draw(st.sampled_from(wrong))
    elif fault == "depth":
        depth = draw(st.integers(DEPTH + 1, 5_000))
        opening, closing = draw(st.sampled_from(((b"[", b"]"), (b'{"a":', b"}"))))
        return valid[:-1] + b', "deep": ' + opening * depth + b"1" + closing * depth + b"}"
    elif fault == "text":
        broken = (
            b"\xff",
            b"\xc0\xaf",
            b"\xed\xa0\x80",
            b"\xf5\x80\x80\x80",
            rb"\ud800",
            rb"\u0000",
            rb"\\u0000",
            rb"\u005cu0000",
        )
        return valid[:-1] + b', "x": "' + draw(st.sampled_from(broken)) + b'"}'
    elif fault == "json":
        return draw(st.sampled_from(_not_an_object(valid)))
    else:
        return b"\x00" + draw(st.binary(max_size=200))
    return json.dumps(fields).encode()


def _not_an_object(valid: bytes) -> tuple[bytes, ...]:
    """Return bodies that are not an unambiguous JSON object, made from a valid one."""
    return (
        b"", valid[:-1], valid + b"x", valid + valid, b"[" + valid + b"]", valid.replace(b'"', b"'"), b"\xef\xbb\xbf" + valid,
        valid[:-1] + b",}", valid[:-1] + b', "n": NaN}', valid[:-1] + b', "n": 1e999}', valid[:-1] + b', "n": 0x10}',
        valid[:-1] + b', "email": "other@example.com"}', valid[:-1] + b', "n": ' + b"1" * 5_000 + b"}",
        valid[:-1] + b', "' + b"n" * 300 + b'": 1}', b'"text"', b"null", b"[]", b"{}", valid.decode().encode("utf-16"),
        gzip.compress(valid, mtime=0), b"a=1&b=2", b"<a/>", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--",
    )  # fmt: skip
