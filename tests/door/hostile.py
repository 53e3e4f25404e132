"""Parts of hostile requests, and functions that put requests together and sign them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence

from door.process import signature_headers

#: Part of every address and secret of a storm. The door's log must not contain it.
MARK = "hush-hush"

#: The signing secrets by sequence; the others are not signed.
SECRETS: Mapping[str, str] = {name: f"{MARK}: the secret of {name}" for name in ("signup", "noshow", "onboarding")}

#: The door's settings with these secrets.
SIGNING = {
    "SIGNING_WEBSITE": SECRETS["signup"],
    "SIGNING_CALENDLY": SECRETS["noshow"],
    "SIGNING_DOCUSIGN": SECRETS["onboarding"],
}

CHUNKED = b"Transfer-Encoding: chunked"

#: Texts that must pass through every program unchanged.
TEXTS = (
    "Lệ Ngọc", "O'Neil & <b>Sons</b>", "{{ secret('NOTION_TOKEN') }}", "{% for i in 1..9 %}x{% endfor %}", "\\u0001", "\\",
    '"}, "x": {"', "${jndi:ldap://x}", "'; DROP TABLE executions; --", "=1+1", "../../etc/passwd", "💇‍♀️", "\u202eanolas",
    "{{first_name}}", "a\tb\nc", "null", "\ufeffx", "Ω" * 600,
)  # fmt: skip

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
WRONG_VERSIONS = (b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/1.10", b"http/1.1", b"HTTP/1.1 x", b"")

#: Paths that Kestra has or scanners try.
OTHER_PATHS = (
    "/", "/ui/", "/api/v1/main/flows/search", "/api/v1/main/executions/christmas/enroll", "/metrics", "/.git/config", "*",
    "/api/v1/main/executions/webhook/christmas/enroll/x", "/webhook", "door.example.com:443", "/?",
)  # fmt: skip
METHODS = (b"GET", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND", b"post", b"QUERY", b"X")


def length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def request(
    path: str | bytes,
    lines: Sequence[bytes] = (),
    body: bytes = b"",
    *,
    method: bytes = b"POST",
    version: bytes = b"HTTP/1.1",
    host: Sequence[bytes] = (b"Host: door.example.com",),
    close: bool = True,
) -> bytes:
    """Return the bytes of a request with exactly these header lines; the caller adds the length of the body."""
    target = path.encode() if isinstance(path, str) else path
    ending = (b"Connection: close",) if close else ()
    return b"\r\n".join([b"%s %s %s" % (method, target, version), *host, *lines, *ending, b"", body])


def signed(sequence: str, body: bytes, *, secret: str | None = None) -> list[bytes]:
    """Return the header lines with which the sender of a sequence signs a body; most senders do not sign."""
    if sequence not in SECRETS:
        return []
    headers = signature_headers(sequence, body, secret or SECRETS[sequence])
    return [f"{name}: {value}".encode() for name, value in headers.items()]


def ambiguous_bodies(valid: bytes) -> tuple[bytes, ...]:
    """Return bodies that are not an unambiguous JSON object, made from a valid one."""
    return (
        b"", valid[:-1], valid + b"x", valid + valid, b"[" + valid + b"]", valid.replace(b'"', b"'"),
        valid[:-1] + b",}", valid[:-1] + b', "n": NaN}', valid[:-1] + b', "n": 1e999}', valid[:-1] + b', "n": 0x10}',
        valid[:-1] + b', "email": "other@example.com"}', valid[:-1] + b', "n": ' + b"1" * 5_000 + b"}",
        valid[:-1] + b', "' + b"n" * 300 + b'": 1}', b'"text"', b"null", b"[]", b"{}", valid.decode().encode("utf-16"),
        gzip.compress(valid, mtime=0), b"a=1&b=2", b"<a/>", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--",
    )  # fmt: skip
