"""Bodies: good ones with strange words in them, and ones that are wrong in one way or other."""

from __future__ import annotations

import gzip
import json
from typing import Any, NamedTuple

from hypothesis import strategies as st
from support import payload

from christmas_campaign.door.http.json_body import DEPTH, MAX_BYTES
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from door.storm.aim import MARK, Aim

#: What a salon's name should not do to anything that it goes through.
WORDS = (
    "Lệ Ngọc", "O'Neil & <b>Sons</b>", "{{ secret('NOTION_TOKEN') }}", "{% for i in 1..9 %}x{% endfor %}", "\\u0001", "\\",
    '"}, "x": {"', "${jndi:ldap://x}", "'; DROP TABLE executions; --", "=1+1", "../../etc/passwd", "💇‍♀️", "\u202eanolas",
    "{{first_name}}", "a\tb\nc", "null", "\ufeffx", "Ω" * 600,
)  # fmt: skip

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30)
_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


class Call(NamedTuple):
    """A call: the sequence, the body, and whether intake takes it."""

    sequence: str
    body: bytes
    good: bool

    @property
    def told(self) -> frozenset[int]:
        """What a door answers that gets this body and no other, signed by its sender."""
        if self.good:
            return frozenset({200})
        # What the website signs is text.
        return frozenset({422 if self.sequence != "signup" or _is_text(self.body) else 401})

    @property
    def calls(self) -> tuple[tuple[str, bytes], ...]:
        """What it may hand on."""
        return ((self.sequence, self.body),) if self.good else ()


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


@st.composite
def calls(draw: st.DrawFn, aim: Aim, *, names: tuple[str, ...] = tuple(each.name for each in SEQUENCES)) -> Call:
    """A call to one of the sequences, good or not."""
    name = draw(st.sampled_from(names))
    said = draw(_payloads(name))
    if draw(st.sampled_from(range(aim.good_in))) == 0:
        return Call(name, _encoded(said, ascii_only=draw(st.booleans())), True)
    return Call(name, draw(_wrong(name, said)), False)


@st.composite
def _payloads(draw: st.DrawFn, name: str) -> dict[str, Any]:
    number = draw(st.integers(0, 2**48 - 1))
    said = payload(f"{MARK}-{number:012x}@example.com", name, first_name=f"A{draw(_TEXT | st.sampled_from(WORDS))}")
    said["business_name"] = f"{MARK} {draw(st.sampled_from(WORDS))}"
    if draw(st.booleans()):
        # Unknown fields do not count, whatever they hold.
        said[f"{MARK} unknown"] = draw(_ANYTHING)
    if draw(st.booleans()):
        said["variables"] = {"Kickoff_Call_Date": draw(st.sampled_from(WORDS))}
    if name == "postcall" and draw(st.sampled_from(range(4))) == 0:
        said["call_outcome"] = "Won"
    return said


def _encoded(value: Any, *, ascii_only: bool = True) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only).encode()


@st.composite
def _wrong(draw: st.DrawFn, name: str, said: dict[str, Any]) -> bytes:
    """A body that intake, or what reads the JSON before it, refuses."""
    required = [field.name for field in sequence(name).fields if field.required]
    way = draw(st.sampled_from(("missing", "type", "other value", "json", "depth", "text", "no json")))
    if way == "missing":
        del said[draw(st.sampled_from(required))]
    elif way == "type":
        said[draw(st.sampled_from(required))] = draw(st.sampled_from(([], {}, {"a": [1]}, [[]], None, "", " \t")))
    elif way == "other value":
        said["email"] = draw(
            st.sampled_from(("", "x", f"{MARK}@", "@example.com", "a b@example.com", "é@example.com", "a@b", "a" * 300))
        )
    elif way == "depth":
        deep = draw(st.integers(DEPTH + 1, 5_000))
        opening, closing = draw(st.sampled_from(((b"[", b"]"), (b'{"a":', b"}"))))
        return _encoded(said)[:-1] + b', "deep": ' + opening * deep + b"1" + closing * deep + b"}"
    elif way == "text":
        broken = draw(
            st.sampled_from(
                (
                    b"\xff",
                    b"\xc0\xaf",
                    b"\xed\xa0\x80",
                    b"\xf5\x80\x80\x80",
                    b"\\ud800",
                    b"\\u0000",
                    b"\\\\u0000",
                    b"\\u005cu0000",
                )
            )
        )
        return _encoded(said)[:-1] + b', "x": "' + broken + b'"}'
    elif way == "json":
        return draw(st.sampled_from(_no_object(_encoded(said))))
    else:
        return b"\x00" + draw(st.binary(max_size=200))
    return _encoded(said)


def _no_object(right: bytes) -> tuple[bytes, ...]:
    """Spoiled forms of a good body."""
    return (
        b"", right[:-1], right + b"x", right + right, b"[" + right + b"]", right.replace(b'"', b"'"), b"\xef\xbb\xbf" + right,
        right[:-1] + b",}", right[:-1] + b', "n": NaN}', right[:-1] + b', "n": 1e999}', right[:-1] + b', "n": 0x10}',
        right[:-1] + b', "email": "other@example.com"}', right[:-1] + b', "n": ' + b"1" * 5_000 + b"}",
        right[:-1] + b', "' + b"n" * 300 + b'": 1}', b'"text"', b"1", b"null", b"true", b"[]", b"{}",
        right.decode().encode("utf-16"),
        gzip.compress(right, mtime=0), b"a=1&b=2", b"<a/>", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--",
    )  # fmt: skip


def padded(body: bytes, size: int = MAX_BYTES) -> bytes:
    """A body with white space behind it, up to a size."""
    return body.ljust(size)
