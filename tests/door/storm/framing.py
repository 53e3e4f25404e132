"""Shots at where a request begins and ends: lengths, chunks, several requests on one connection, slow and leaving senders."""

from __future__ import annotations

from hypothesis import strategies as st

from christmas_campaign.door.http.json_body import MAX_BYTES
from christmas_campaign.door.http.protocol import MAX_CHUNKS
from door.storm.aim import Aim, length, request, signed
from door.storm.bodies import Call, calls, padded
from door.storm.shot import End, Shot

CHUNKED = b"Transfer-Encoding: chunked"
TOLD_LATE = frozenset({408})
NO_HTTP = frozenset({400})


def _chunks(body: bytes, sizes: list[int], style: int = 0) -> bytes:
    """A body in chunks of these sizes, the last of them again and again; ``style`` chooses how each is written."""
    found, place, number = b"", 0, 0
    while place < len(body):
        piece = body[place : place + sizes[min(number, len(sizes) - 1)]]
        size = (b"%x", b"%X", b"000%x", b"%x;a=b", b'%x;a="b"')[style] % len(piece)
        found += size + b"\r\n" + piece + b"\r\n"
        place, number = place + len(piece), number + 1
    return found


@st.composite
def whole(draw: st.DrawFn, aim: Aim) -> Shot:
    """A request as it should be, but perhaps for its body; its sender may not wait for the answer."""
    call = draw(calls(aim))
    extra = draw(
        st.sampled_from(
            (
                b"Content-Type: application/json",
                b"Content-Type: text/plain",
                b"Content-Type: multipart/form-data; boundary=x",
                b"Content-Type: application/json; charset=utf-16",
                b"Content-Encoding: gzip",
                b"Expect: 100-continue",
                b"Upgrade: websocket",
                b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
                b"X-HTTP-Method-Override: DELETE",
                b"X-Received-At: 2001-01-01T00:00:00Z",
                b"X-Forwarded-For: 10.0.0.1",
                b"X-Original-URL: /api/v1/main/flows",
                b"Authorization: Basic YWRtaW46YWRtaW4=",
                b"Origin: https://evil.example.com",
                b"Cookie: JWT=x",
            )
        )
    )
    end = draw(st.sampled_from((End.READ, End.READ, End.READ, End.HALF, End.LEAVE, End.RESET)))
    path = draw(st.sampled_from(aim.paths(call.sequence))) + draw(st.sampled_from(("", "", "?a=b", "?", "?/../x")))
    lines = [extra, length(call.body), *signed(call.sequence, call.body)]
    version = draw(st.sampled_from((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0")))
    sent = request(path, lines, call.body, version=version)
    at = draw(st.integers(1, len(sent)))
    pieces = (sent,) if draw(st.booleans()) else (sent[:at], sent[at:])
    return Shot("whole", pieces, call.told, silent=end is End.HALF, end=end, calls=call.calls)


@st.composite
def oversized(draw: st.DrawFn, aim: Aim) -> Shot:
    """A body that is larger than may be, and says so or does not; or one that is just as large as may be."""
    call = draw(calls(aim))
    path = draw(st.sampled_from(aim.paths(call.sequence)))
    way = draw(st.sampled_from(("declared", "declared", "declared", "sent", "chunks", "most")))
    told = frozenset({413})
    if way == "declared":
        size = draw(st.integers(MAX_BYTES + 1, 2**63) | st.sampled_from((10**19, 10**20 - 1)))
        return Shot("oversized", (request(path, [b"Content-Length: %d" % size], call.body),), told)
    if way == "most":
        body = padded(call.body)
        sent = request(path, [length(body), *signed(call.sequence, body)], body)
        return Shot("as large as may be", (sent,), call.told, calls=call._replace(body=body).calls)
    body = padded(call.body, MAX_BYTES + draw(st.integers(1, MAX_BYTES)))
    if way == "sent":
        return Shot("oversized", (request(path, [length(body)], body),), told)
    # How much of it is in which buffer when the door has had enough is chance: then a reset may come before the answer.
    return Shot("oversized in chunks", (request(path, [CHUNKED], _chunks(body, [65_536])),), told, silent=True)


@st.composite
def chunked(draw: st.DrawFn, aim: Aim) -> Shot:
    """Chunks, in all the ways in which they may be written."""
    call = draw(calls(aim))
    sizes = draw(st.lists(st.integers(1, 400), min_size=1, max_size=4))
    content = _chunks(call.body, sizes, draw(st.integers(0, 4)))
    trailer = draw(
        st.sampled_from(
            (b"", b"X-Trailer: 1\r\n", b"Content-Length: 3\r\n", b"webhook-signature: v1,AA==\r\n", b"X: y\r\n" * 5_000)
        )
    )
    name = draw(st.sampled_from((CHUNKED, b"transfer-encoding:chunked", b"Transfer-Encoding: CHUNKED")))
    head = request(draw(st.sampled_from(aim.paths(call.sequence))), [name, *signed(call.sequence, call.body)])
    # Trailers without end are too much for the door, unless they are all there when it looks; so are pieces without end, and
    # where the network cuts one in two it is two.
    too_much = len(trailer) > 1_000 or len(call.body) // sizes[-1] > MAX_CHUNKS // 2
    told = call.told | NO_HTTP if too_much else call.told
    return Shot("chunked", (head, content + b"0\r\n" + trailer + b"\r\n"), told, calls=call.calls)


@st.composite
def broken_chunks(draw: st.DrawFn, aim: Aim) -> Shot:
    """What looks like chunks and is none."""
    call = draw(calls(aim))
    head = request(draw(st.sampled_from(aim.paths(call.sequence))), [CHUNKED, *signed(call.sequence, call.body)])
    # A chunk of no bytes would be the last one, and what comes before the fault a whole body.
    body = call.body or b"{}"
    size = b"%x\r\n" % len(body)
    broken = draw(
        st.sampled_from(
            (
                b"zz\r\n",
                b"5 ;a=b\r\n",
                b"-1\r\n",
                b"+5\r\n",
                b"0x5\r\n",
                b"5 5\r\n",
                b" 5\r\n",
                b"\r\n",
                b"f" * 40 + b"\r\n",
                b"5\nhello\n0\n\n",
                b"5\r\nhelloX\r\n0\r\n\r\n",
                b"5\r\nhello0\r\n\r\n",
                b"5;" + b"a" * 20_000 + b"\r\n",
                b"\xff\r\n",
                b"5\x00\r\n",
                size + body + b"\r\n0\r\nno trailer\r\n\r\n",
                size + body + b"XX0\r\n\r\n",
                size + body + b"\r\n0\r\n\x00: y\r\n\r\n",
            )
        )
    )
    return Shot("broken chunks", (head, broken + request("/health", method=b"GET")), NO_HTTP)


@st.composite
def two_lengths(draw: st.DrawFn, aim: Aim) -> Shot:
    """A body whose end can be found in two ways, with a call in what one of them leaves over."""
    hidden = draw(calls(aim))
    inner = request(
        aim.paths(hidden.sequence)[0], [length(hidden.body), *signed(hidden.sequence, hidden.body)], hidden.body
    )
    outer = draw(calls(aim))
    lines = draw(
        st.sampled_from(
            (
                [b"Content-Length: 5", CHUNKED],
                [CHUNKED, b"Content-Length: 5"],
                [b"Content-Length: 5", b"Content-Length: 6"],
                [b"Content-Length: 5, 6"],
                [b"Content-Length: +5"],
                [b"Content-Length: -5"],
                [b"Content-Length: 0x5"],
                [b"Content-Length: 5 5"],
                [b"Content-Length:"],
                [b"Content-Length: 5.0"],
                [b"Content-Length: " + b"9" * 30],
                [b"Content-Length: " + b"9" * 5_000],
                [b"Content-Length: \xb2"],
                [b"Content-Length : 5"],
                [b"Content-Length: 5", b"Transfer-Encoding: identity"],
                [b"Transfer-Encoding: xchunked"],
                [b"Transfer-Encoding:"],
                [b"Transfer-Encoding: gzip, chunked"],
                [b"Transfer-Encoding: chunked, chunked"],
                [b"Transfer-Encoding: chunked, identity"],
                [CHUNKED, CHUNKED],
                [b"Transfer-Encoding: \x0bchunked"],
                [b"Transfer-Encoding : chunked"],
                [b"Transfer-Encoding: chunked\x00"],
                [b'Transfer-Encoding: "chunked"'],
                [b"X: y\rContent-Length: 5"],
                [b"Content-Length: 5", b"Transfer-Encoding:\r\n chunked"],
            )
        )
    )
    sent = request(aim.paths(outer.sequence)[0], lines, b"0\r\n\r\n" + inner, close=draw(st.booleans()))
    return Shot("two lengths", (sent,), NO_HTTP)


@st.composite
def pipelined(draw: st.DrawFn, aim: Aim) -> Shot:
    """Several requests in one go, with the last perhaps cut short."""
    found: list[Call] = draw(st.lists(calls(aim), min_size=1, max_size=5))
    sent = b"".join(
        request(
            aim.paths(each.sequence)[0], [length(each.body), *signed(each.sequence, each.body)], each.body, close=False
        )
        for each in found
    )
    more = draw(
        st.sampled_from(
            (
                b"",
                request("/health", method=b"GET"),
                request("/nothing"),
                b"GET /hea",
                b"\r\n\r\n",
                b"\x00",
                b"POST / HTTP/9.9\r\n\r\n",
            )
        )
    )
    told = frozenset({200, 422, 401, 404, 400})
    handed = tuple(one for each in found for one in each.calls)
    end = draw(st.sampled_from((End.READ, End.READ, End.HALF, End.LEAVE)))
    return Shot("pipelined", (sent + more,), told, len(found) + 1, silent=end is End.HALF, end=end, calls=handed)


@st.composite
def repeated(draw: st.DrawFn, aim: Aim) -> Shot:
    """A length that is said twice and the same: it can be read in one way only, and may be taken or not."""
    call = draw(calls(aim))
    twice = draw(
        st.sampled_from(
            (
                [length(call.body)] * 2,
                [b"Content-Length: %d, %d" % (len(call.body), len(call.body))],
                [b"Content-Length:\r\n %d" % len(call.body)],
                [b"Content-Length: 000%d" % len(call.body)],
            )
        )
    )
    sent = request(aim.paths(call.sequence)[0], [*twice, *signed(call.sequence, call.body)], call.body)
    return Shot("repeated length", (sent,), call.told | NO_HTTP, calls=call.calls)


@st.composite
def wrong_length(draw: st.DrawFn, aim: Aim) -> Shot:
    """A body that is shorter or longer than it says."""
    call = draw(calls(aim))
    lines = signed(call.sequence, call.body)
    path = aim.paths(call.sequence)[0]
    if draw(st.booleans()):
        # What is left over is the beginning of another request, and none.
        more = draw(st.binary(min_size=1, max_size=40).filter(lambda left: left.strip(b"\r\n")))
        sent = request(path, [length(call.body), *lines], call.body + more + b"\r\n\r\n", close=False)
        return Shot("longer than it says", (sent,), call.told | NO_HTTP, 2, calls=call.calls)
    said = b"Content-Length: %d" % (len(call.body) + draw(st.integers(1, 1_000)))
    end = draw(st.sampled_from((End.READ, End.HALF, End.HALF, End.LEAVE, End.LEAVE, End.RESET, End.RESET)))
    return Shot(
        "shorter than it says", (request(path, [said, *lines], call.body),), TOLD_LATE, silent=end is End.HALF, end=end
    )


@st.composite
def slow(draw: st.DrawFn, aim: Aim) -> Shot:
    """A sender that takes its time, and now and then too much of it."""
    call = draw(calls(aim))
    path = aim.paths(call.sequence)[0]
    sent = request(path, [length(call.body), *signed(call.sequence, call.body)], call.body)
    count = draw(st.integers(2, 30))
    step = len(sent) // count + 1
    pieces = tuple(sent[place : place + step] for place in range(0, len(sent), step))
    pause = draw(st.sampled_from((0.001, 0.01, 0.05)))
    # Too late with the lines before the body, it is cut off without a word.
    return Shot("slow", pieces, call.told | TOLD_LATE, silent=True, pause=pause, calls=call.calls)
