"""Shots at the lines before the body: headers, signatures, versions, and what is no HTTP at all."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from door.storm.aim import MARK, SECRETS, Aim, length, request, signed
from door.storm.bodies import Call, calls
from door.storm.framing import NO_HTTP
from door.storm.shot import End, Shot

NOT_SIGNED = frozenset({401})
SIGNED = tuple(SECRETS)


def _right(call: Call) -> list[bytes]:
    return [length(call.body), *signed(call.sequence, call.body)]


@st.composite
def headers(draw: st.DrawFn, aim: Aim) -> Shot:
    """Headers that are large, many, folded, or made of what a header has not."""
    call = draw(calls(aim))
    path = aim.paths(call.sequence)[0]
    large = frozenset({400, 431})
    way = draw(st.sampled_from(("large", "large", "strange", "broken", "host", "late")))
    if way == "large":
        size = draw(st.integers(16_400, 60_000))
        lines = draw(
            st.sampled_from(
                (
                    [b"X: " + b"a" * size],
                    [b"X-%d: aaaaaaaaaa" % each for each in range(size // 16)],
                    [b"a" * size + b": x"],
                )
            )
        )
        # How much of it the door has read when it has had enough is chance: then a reset may come before the answer.
        return Shot("large headers", (request(path, [*lines, *_right(call)], call.body),), large, silent=True)
    if way == "strange":
        lines = draw(
            st.sampled_from(
                (
                    [b"X: a\r\n b\r\n\tc"],
                    [b"X:"],
                    [b"X: y", b" Transfer-Encoding: chunked"],
                    [b"X: \xff\xfe"],
                    [b"X: a\x7f\x01b"],
                    [b"X:a", b"X:b"],
                    [b"x-hidden: " + MARK.encode()],
                    [b"Accept: */*", b"Range: bytes=0-"],
                    [b"TE: trailers"],
                    [b"Connection: keep-alive, X"],
                    [b"Via: " + b"1.1 x, " * 500],
                )
            )
        )
        return Shot(
            "strange headers", (request(path, [*lines, *_right(call)], call.body),), call.told, calls=call.calls
        )
    if way == "broken":
        broken = draw(
            st.sampled_from(
                (
                    b"no colon",
                    b": no name",
                    b"a b: c",
                    b"X: a\x00b",
                    b"X: a\rb",
                    b"\x00: x",
                    b"X\xff: y",
                    b"X : y",
                    b"\x0b: x",
                    b"(x): y",
                    b'"x": y',
                    b"{x}: y",
                )
            )
        )
        return Shot("broken headers", (request(path, [broken, *_right(call)], call.body),), NO_HTTP)
    if way == "host":
        host = draw(st.sampled_from(((), (b"Host: x", b"Host: y"), (b"Host: x", b"host: x"))))
        return Shot("hosts", (request(path, _right(call), call.body, host=host),), NO_HTTP)
    # What comes after the empty line is the body, whatever it looks like.
    sent = request(path, [b"Content-Length: 10"], b"\r\n".join(_right(call)) + b"\r\n\r\n" + call.body)
    return Shot("late headers", (sent,), NOT_SIGNED if call.sequence in SECRETS else frozenset({422}))


@st.composite
def signatures(draw: st.DrawFn, aim: Aim) -> Shot:
    """A call that is good and whose signature is not, or not in one way only."""
    call = draw(calls(aim, names=SIGNED))
    right = signed(call.sequence, call.body)
    other = signed(call.sequence, call.body, secret="somebody else's", name="msg_2")
    place = draw(st.integers(0, len(right) - 1))
    name, _, value = right[place].partition(b": ")
    way = draw(st.sampled_from(("none", "other", "old", "ahead", "body", "value", "twice", "both")))
    told = NOT_SIGNED
    if way == "none":
        lines = right[:place] + right[place + 1 :]
    elif way == "other":
        lines = other
    elif way in ("old", "ahead") and call.sequence != "onboarding":
        lines = signed(call.sequence, call.body, late=timedelta(minutes=7 if way == "old" else -7))
    elif way == "value":
        strange = draw(
            st.sampled_from(
                (
                    b"",
                    b"v1,",
                    b"v1,\xff",
                    b"t=1",
                    b"t=x,v1=y",
                    b"\xb2",
                    b"9" * 400,
                    b"v1," + b"A" * 44,
                    value + b"0",
                )
            )
        )
        lines = [*right[:place], name + b": " + strange, *right[place + 1 :]]
    elif way == "twice" and call.sequence != "onboarding":
        lines = [*right, draw(st.sampled_from((right, other)))[place]]
    elif way == "both" and call.sequence == "onboarding":
        # DocuSign signs once with each key that it has: one that is known is enough.
        lines, told = [*other, right[0].replace(b"-1:", b"-2:")], call.told
    else:
        lines = signed(call.sequence, call.body + b" ")
    path = draw(st.sampled_from(aim.paths(call.sequence)))
    handed = call.calls if told is not NOT_SIGNED else ()
    return Shot("signatures", (request(path, [length(call.body), *lines], call.body),), told, calls=handed)


@st.composite
def no_http(draw: st.DrawFn, aim: Aim) -> Shot:
    """What is no HTTP, of another version, or of another protocol."""
    call = draw(calls(aim))
    path = draw(st.sampled_from(aim.paths(call.sequence)))
    if draw(st.booleans()):
        version = draw(
            st.sampled_from(
                (
                    b"HTTP/0.9",
                    b"HTTP/1.2",
                    b"HTTP/2.0",
                    b"HTTP/3",
                    b"HTTP/1.10",
                    b"http/1.1",
                    b"HTTP/1.1 x",
                    b"",
                    b"1.1",
                )
            )
        )
        sent = request(path, _right(call), call.body, version=version)
        return Shot("versions", (sent,), NO_HTTP)
    garbage = draw(
        st.sampled_from(
            (
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"SSH-2.0-x\r\n",
                b"EHLO x\r\n",
                b"GET /\r\n\r\n",
                b"\x00" * 50,
                b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
                b"{}\r\n\r\n",
                b" " * 50 + b"\r\n\r\n",
                b"\xff" * 20_000,
                b"POST",
            )
        )
        | st.binary(min_size=1, max_size=100)
    )
    # What never ends a line is waited for, and then cut off.
    end = draw(st.sampled_from((End.HALF, End.HALF, End.HALF, End.READ, End.LEAVE)))
    return Shot("garbage", (garbage,), NO_HTTP | {404}, 2, silent=True, end=end)
