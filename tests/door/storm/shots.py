"""The kinds of hostile requests: wrong lengths and chunks, strange heads, near-misses of paths, and slow clients."""

from __future__ import annotations

from hypothesis import strategies as st

from christmas_campaign.campaign import unsubscribe_link
from christmas_campaign.door.http.json_body import MAX_BYTES
from christmas_campaign.door.http.protocol import MAX_CHUNKS
from door.storm.aim import MARK, SECRETS, Aim, length, request, signed
from door.storm.bodies import Call, calls
from door.storm.shot import End, Shot

BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, TOO_SLOW = (frozenset({status}) for status in (400, 401, 404, 408))
CHUNKED = b"Transfer-Encoding: chunked"

#: Header lines that say nothing about the body; the door ignores them.
HARMLESS_LINES = (
    b"Content-Type: text/plain", b"Content-Type: application/json; charset=utf-16", b"Content-Encoding: gzip", b"X:",
    b"Expect: 100-continue", b"Upgrade: websocket", b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", b"X: \xff\xfe",
    b"X-HTTP-Method-Override: DELETE", b"X-Received-At: 2001-01-01T00:00:00Z", b"X-Forwarded-For: 10.0.0.1", b"Cookie: JWT=x",
    b"X-Original-URL: /api/v1/main/flows", b"Authorization: Basic YWRtaW46YWRtaW4=", b"Origin: https://evil.example.com",
    b"X: a\r\n b\r\n\tc", b"X: y\r\n Transfer-Encoding: chunked", b"X: a\x7f\x01b", b"x-hidden: " + MARK.encode(),
    b"TE: trailers", b"Connection: keep-alive, X", b"Via: " + b"1.1 x, " * 500,
)  # fmt: skip

#: Header lines that break a request, or with which the end of its body can be found in two ways.
BROKEN_LINES = (
    b"no colon", b": no name", b"a b: c", b"X: a\x00b", b"X: a\rb", b"\x00: x", b"X\xff: y", b"X : y", b"(x): y", b'"x": y',
    b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5, 6", b"Content-Length: +5", b"Content-Length: -5",
    b"Content-Length: 0x5", b"Content-Length: 5 5", b"Content-Length:", b"Content-Length: 5.0", b"Content-Length: " + b"9" * 30,
    b"Content-Length: " + b"9" * 5_000, b"Content-Length: \xb2", b"Content-Length : 5", b"Transfer-Encoding:",
    b"Content-Length: 5\r\nTransfer-Encoding: identity", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: chunked, identity", CHUNKED + b"\r\n" + CHUNKED,
    b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding: chunked\x00",
    b'Transfer-Encoding: "chunked"', b"X: y\rContent-Length: 5", b"Content-Length: 5\r\nTransfer-Encoding:\r\n chunked",
    b"Host: second.example.com",
)  # fmt: skip

#: Chunks that break a body.
BROKEN_CHUNKS = (
    b"zz\r\n", b"5 ;a=b\r\n", b"-1\r\n", b"+5\r\n", b"0x5\r\n", b"5 5\r\n", b" 5\r\n", b"\r\n", b"f" * 40 + b"\r\n",
    b"5\nhello\n0\n\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"5;" + b"a" * 20_000 + b"\r\n", b"\xff\r\n",
    b"5\x00\r\n", b"2\r\n{}\r\n0\r\nno trailer\r\n\r\n", b"2\r\n{}XX0\r\n\r\n", b"2\r\n{}\r\n0\r\n\x00: y\r\n\r\n",
)  # fmt: skip

#: Versions that the door does not speak.
WRONG_VERSIONS = (
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

#: Bytes that are not HTTP.
GARBAGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-x\r\n", b"EHLO x\r\n",
    b"GET /\r\n\r\n", b"\x00" * 50, b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", b"{}\r\n\r\n", b" " * 50 + b"\r\n\r\n",
    b"\xff" * 20_000, b"POST",
)  # fmt: skip

#: Paths that Kestra has or scanners try.
OTHER_PATHS = (
    "/", "/ui/", "/api/v1/main/flows/search", "/api/v1/main/executions/search", "/api/v1/main/executions/christmas/enroll",
    "/api/v1/main/namespaces/christmas/kv/x", "/api/v1/executions/webhook/christmas/signup-handler/x", "/api/v1/configs",
    "/api/v1/main/executions/webhook/christmas/enroll/x", "/api/v1/main/executions/webhook/christmas/send-email/x", "/metrics",
    "/api/v1/main/secrets", "/api/v1/basicAuth", "/env", "/webhook", "/docs", "/.git/config", "*", "door.example.com:443", "/?",
)  # fmt: skip
METHODS = (b"GET", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND", b"post", b"QUERY", b"X")

#: An unsubscribe token that was signed with another key.
WRONG_TOKEN = unsubscribe_link.keys(f"{MARK}: the key of somebody else").token("7ece2a81c666152c41fce3d8")


def _head_lines(call: Call) -> list[bytes]:
    """Return the header lines of a valid request."""
    return [length(call.body), *signed(call.sequence, call.body)]


def _chunks(body: bytes, sizes: list[int], style: bytes = b"%x") -> bytes:
    """Return a body in chunks of these sizes (the last size repeats), without the last chunk."""
    encoded, at, number = b"", 0, 0
    while at < len(body):
        piece = body[at : at + sizes[min(number, len(sizes) - 1)]]
        encoded += style % len(piece) + b"\r\n" + piece + b"\r\n"
        at, number = at + len(piece), number + 1
    return encoded


@st.composite
def whole(draw: st.DrawFn, aim: Aim) -> Shot:
    """A well-formed request with a valid or wrong signature. The client may leave before the answer."""
    call = draw(calls(aim))
    if call.sequence in SECRETS and draw(st.sampled_from(range(4))) == 0:
        wrong = draw(st.sampled_from(([], signed(call.sequence, call.body, secret="another"))))
        sent = request(aim.paths(call.sequence)[0], [length(call.body), *wrong], call.body)
        return Shot("wrong signature", (sent,), UNAUTHORIZED)
    path = draw(st.sampled_from(aim.paths(call.sequence))) + draw(st.sampled_from(("", "", "?a=b", "?", "?/../x")))
    lines = [draw(st.sampled_from(HARMLESS_LINES)), *_head_lines(call)]
    sent = request(path, lines, call.body, version=draw(st.sampled_from((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"))))
    at = draw(st.integers(0, len(sent)))
    end = draw(st.sampled_from((End.READ, End.READ, End.READ, End.HALF, End.LEAVE, End.RESET)))
    silent = end is End.HALF
    return Shot("whole", (sent[:at], sent[at:]), call.statuses, silent=silent, end=end, calls=call.forwarded)


@st.composite
def oversized(draw: st.DrawFn, aim: Aim) -> Shot:
    """A head or a body that is larger than the limit, or a body of exactly the largest size."""
    call = draw(calls(aim))
    path = draw(st.sampled_from(aim.paths(call.sequence)))
    way = draw(st.sampled_from(("head", "head", "declared", "declared", "sent", "chunks", "largest")))
    too_large = frozenset({413})
    if way == "head":
        size = draw(st.integers(16_400, 60_000))
        line = draw(
            st.sampled_from((b"X: " + b"a" * size, b"a" * size + b": x", b"X: aaaaaaaaaa\r\n" * (size // 12) + b"X: x"))
        )
        sent = request(path, [line, *_head_lines(call)], call.body)
        return Shot("large head", (sent,), frozenset({400, 431}), silent=True)
    if way == "declared":
        size = draw(st.integers(MAX_BYTES + 1, 2**63) | st.just(10**20 - 1))
        return Shot("oversized", (request(path, [b"Content-Length: %d" % size], call.body),), too_large)
    if way == "largest":
        largest = call._replace(body=call.body.ljust(MAX_BYTES))
        sent = request(path, _head_lines(largest), largest.body)
        return Shot("largest", (sent,), call.statuses, calls=largest.forwarded)
    body = call.body.ljust(MAX_BYTES + draw(st.integers(1, MAX_BYTES)))
    if way == "sent":
        return Shot("oversized", (request(path, [length(body)], body),), too_large)
    # The door may close the connection while data is still in the buffers: then a reset can precede the answer.
    return Shot("oversized chunks", (request(path, [CHUNKED], _chunks(body, [65_536])),), too_large, silent=True)


@st.composite
def chunked(draw: st.DrawFn, aim: Aim) -> Shot:
    """A body in chunks, in every style in which chunks can be written."""
    call = draw(calls(aim))
    sizes = draw(st.lists(st.integers(1, 400), min_size=1, max_size=4))
    style = draw(st.sampled_from((b"%x", b"%X", b"000%x", b"%x;a=b", b'%x;a="b"')))
    trailer = draw(st.sampled_from((b"", b"X-Trailer: 1\r\n", b"Content-Length: 3\r\n", b"X: y\r\n" * 5_000)))
    head = request(draw(st.sampled_from(aim.paths(call.sequence))), [CHUNKED, *signed(call.sequence, call.body)])
    # A long trailer is refused unless it arrives in one piece. The network may cut chunks in two, which count twice.
    may_be_refused = len(trailer) > 1_000 or len(call.body) // sizes[-1] > MAX_CHUNKS // 2
    statuses = call.statuses | BAD_REQUEST if may_be_refused else call.statuses
    body = _chunks(call.body, sizes, style) + b"0\r\n" + trailer + b"\r\n"
    return Shot("chunked", (head, body), statuses, calls=call.forwarded)


@st.composite
def malformed(draw: st.DrawFn, aim: Aim) -> Shot:
    """A request that is not valid HTTP, or whose body could end in two places. A valid call is hidden behind it."""
    call, hidden = draw(calls(aim)), draw(calls(aim))
    path = draw(st.sampled_from(aim.paths(call.sequence)))
    inner = request(aim.paths(hidden.sequence)[0], _head_lines(hidden), hidden.body)
    way = draw(st.sampled_from(("line", "line", "chunk", "version", "no host")))
    if way == "line":
        lines = [draw(st.sampled_from(BROKEN_LINES)), *signed(call.sequence, call.body)]
        sent = request(path, lines, b"0\r\n\r\n" + inner, close=draw(st.booleans()))
    elif way == "chunk":
        sent = request(path, [CHUNKED, *signed(call.sequence, call.body)], draw(st.sampled_from(BROKEN_CHUNKS)) + inner)
    elif way == "version":
        sent = request(path, _head_lines(call), call.body, version=draw(st.sampled_from(WRONG_VERSIONS)))
    else:
        sent = request(path, _head_lines(call), call.body, host=())
    return Shot("malformed", (sent,), BAD_REQUEST)


@st.composite
def garbage(draw: st.DrawFn, aim: Aim) -> Shot:
    """Bytes that are not HTTP. The door waits for the end of a line, and then closes the connection."""
    del aim
    sent = draw(st.sampled_from(GARBAGE) | st.binary(min_size=1, max_size=100))
    end = draw(st.sampled_from((End.HALF, End.HALF, End.HALF, End.READ, End.LEAVE)))
    return Shot("garbage", (sent,), BAD_REQUEST | NOT_FOUND, 2, silent=True, end=end)


@st.composite
def pipelined(draw: st.DrawFn, aim: Aim) -> Shot:
    """Several requests on one connection; the last one may be incomplete."""
    several = draw(st.lists(calls(aim), min_size=1, max_size=5))
    requests = [request(aim.paths(call.sequence)[0], _head_lines(call), call.body, close=False) for call in several]
    sent = b"".join([*requests, draw(st.sampled_from((b"", b"GET /hea", b"\x00", request("/nothing"))))])
    forwarded = tuple(one for call in several for one in call.forwarded)
    return Shot("pipelined", (sent,), frozenset({200, 400, 401, 404, 422}), len(several) + 1, calls=forwarded)


@st.composite
def wrong_length(draw: st.DrawFn, aim: Aim) -> Shot:
    """A body that is longer or shorter than its length, or a length that is given twice."""
    call = draw(calls(aim))
    path, lines = aim.paths(call.sequence)[0], signed(call.sequence, call.body)
    way = draw(st.sampled_from(("twice", "longer", "shorter")))
    if way == "twice":
        number = len(call.body)
        twice = draw(st.sampled_from((b"%d, %d" % (number, number), b"\r\n %d" % number, b"000%d" % number)))
        sent = request(path, [b"Content-Length: " + twice, *lines], call.body)
        return Shot("length twice", (sent,), call.statuses | BAD_REQUEST, calls=call.forwarded)
    if way == "longer":
        rest = draw(st.binary(min_size=1, max_size=40).filter(lambda rest: bool(rest.strip(b"\r\n"))))
        sent = request(path, [length(call.body), *lines], call.body + rest + b"\r\n\r\n", close=False)
        return Shot("longer body", (sent,), call.statuses | BAD_REQUEST, 2, calls=call.forwarded)
    sent = request(path, [b"Content-Length: %d" % (len(call.body) + draw(st.integers(1, 1_000))), *lines], call.body)
    end = draw(st.sampled_from((End.READ, End.HALF, End.LEAVE, End.RESET)))
    return Shot("shorter body", (sent,), TOO_SLOW, silent=end is End.HALF, end=end)


@st.composite
def slow(draw: st.DrawFn, aim: Aim) -> Shot:
    """A client that sends its request slowly, and sometimes too slowly: then the door may close without an answer."""
    call = draw(calls(aim))
    sent = request(aim.paths(call.sequence)[0], _head_lines(call), call.body)
    step = len(sent) // draw(st.integers(2, 30)) + 1
    pieces = tuple(sent[at : at + step] for at in range(0, len(sent), step))
    pause = draw(st.sampled_from((0.001, 0.01, 0.05)))
    return Shot("slow", pieces, call.statuses | TOO_SLOW, silent=True, pause=pause, calls=call.forwarded)


@st.composite
def paths(draw: st.DrawFn, aim: Aim) -> Shot:
    """A valid call to a path that does not exist, often one that differs little from a real one."""
    call = draw(calls(aim))
    path = draw(st.sampled_from(aim.paths(call.sequence)))
    key = aim.keys[call.sequence]
    before_key = aim.paths(call.sequence)[1].removesuffix(key)
    at = draw(st.integers(0, len(path) - 1))
    slash = draw(st.sampled_from([place for place, letter in enumerate(path) if letter == "/"]))
    before, after = path[:slash], path[slash:]
    escaped = f"{path[:at]}%{ord(path[at]):02x}{path[at + 1 :]}"
    near_misses = (
        f"{path}/", f"/{path}", f"{path};x", f"{path}%20", f"{path}%00", f"{path}%0d%0a", f"{path}#x", f"{path}..",
        f"{path}/..", f"{path}/.", f"{path}\\", path.upper(), escaped, escaped.replace("%", "%25"), f"{before}/{after}",
        f"{before}/.{after}", f"{before}/x/..{after}", f"{before}%2f{after[1:]}", f"{before}\\{after[1:]}",
        f"http://127.0.0.1{path}", f"/health/..{path}", path[1:], path[:at], path[:at] + path[at + 1 :], path + path,
        f"{before_key}{key.upper()}", f"{before_key}{key[:-1]}", f"{before_key}{key}/{key}",
        *(before_key + other for other in aim.keys.values() if other != key),
        f"/unsubscribe/{WRONG_TOKEN}", f"/unsubscribe/{WRONG_TOKEN[:at]}", "/unsubscribe/..",
    )  # fmt: skip
    method = draw(st.sampled_from((b"POST", b"POST", b"POST", *METHODS)))
    if method != b"POST" and draw(st.booleans()):
        return Shot("methods", (request(path, _head_lines(call), call.body, method=method),), frozenset({405}))
    path = draw(st.sampled_from(near_misses) | st.sampled_from(OTHER_PATHS))
    return Shot("paths", (request(path or "/", _head_lines(call), call.body),), NOT_FOUND)
