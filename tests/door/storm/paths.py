"""Shots at the request line: paths that are nearly right, keys that are not, other methods."""

from __future__ import annotations

from hypothesis import strategies as st

from christmas_campaign.campaign import unsubscribe_link
from christmas_campaign.door.routes import HEALTH, KESTRA_PATHS
from door.storm.aim import MARK, Aim, length, request, signed
from door.storm.bodies import Call, calls
from door.storm.framing import NO_HTTP
from door.storm.shot import Shot

NOTHING = frozenset({404})

#: A contact, and a link of hers that is none: it was made with another key.
CONTACT = "7ece2a81c666152c41fce3d8"
TOKEN = unsubscribe_link.keys(f"{MARK}: the key of somebody else").token(CONTACT)

#: What Kestra has and the door has not.
KESTRAS = (
    "/", "/ui/", "/api/v1/main/flows/search", "/api/v1/main/executions/search", "/api/v1/main/executions/christmas/enroll",
    "/api/v1/main/namespaces/christmas/kv/x", "/api/v1/executions/webhook/christmas/signup-handler/x", "/api/v1/configs",
    "/api/v1/main/executions/webhook/christmas/enroll/x", "/api/v1/main/executions/webhook/christmas/send-email/x", "/metrics",
    "/api/v1/main/secrets", "/api/v1/basicAuth", "/env", "/prometheus", "/webhook", "/webhook/", "/docs", "/openapi.json",
    "/.env", "/.git/config", "*", "door.example.com:443", "/webhook/christmas-signup.json", "/api/v1/main/plugins", "/%", "/?",
)  # fmt: skip


def _right(call: Call) -> list[bytes]:
    return [length(call.body), *signed(call.sequence, call.body)]


def _escaped(path: str, at: int) -> str:
    return f"{path[:at]}%{ord(path[at]):02x}{path[at + 1 :]}"


def _tricks(path: str, at: int, slash: int) -> tuple[str, ...]:
    """The same path in other words; ``slash`` is the place of one in it, ``at`` any place."""
    before, after = path[:slash], path[slash:]
    return (
        f"{path}/",
        f"/{path}",
        f"{path};x",
        f"{path};",
        f"{path}%20",
        f"{path}%00",
        f"{path}%0d%0a",
        f"{path}%23",
        f"{path}#x",
        f"{path}%3f",
        f"{path}..",
        f"{path}/..",
        f"{path}/.",
        f"{path}\\",
        path.upper(),
        path[:at] + path[at:].swapcase() + "X",
        _escaped(path, at),
        _escaped(path, at).replace("%", "%25"),
        f"{before}/{after}",
        f"{before}/.{after}",
        f"{before}/%2e{after}",
        f"{before}/x/..{after}",
        f"{before}/x/%2e%2e{after}",
        f"{before}%2f{after[1:]}",
        f"{before}%5c{after[1:]}",
        f"{before}\\{after[1:]}",
        f"{before};a=b{after}" if slash else f"/;a=b{path}",
        f"http://127.0.0.1{path}",
        f"http://door.example.com{path}",
        f"https:{path}",
        f"/health{path}",
        f"/health/..{path}",
        path[1:],
        path[:at],
        path[:at] + path[at + 1 :],
        path + path,
    )


@st.composite
def paths(draw: st.DrawFn, aim: Aim) -> Shot:
    """A call that is right but for its path, which is nearly one of those that there are, or one of Kestra's."""
    call = draw(calls(aim))
    path = draw(st.sampled_from(aim.paths(call.sequence)))
    at = draw(st.integers(0, len(path) - 1))
    slash = draw(st.sampled_from([place for place, letter in enumerate(path) if letter == "/"]))
    trick = draw(st.sampled_from(_tricks(path, at, slash)) | st.sampled_from(KESTRAS))
    return Shot("paths", (request(trick or "/", _right(call), call.body),), NOTHING)


@st.composite
def raw_paths(draw: st.DrawFn, aim: Aim) -> Shot:
    """A path with anything put into it."""
    call = draw(calls(aim))
    path = aim.paths(call.sequence)[draw(st.integers(0, 1))].encode()
    at = draw(st.integers(0, len(path)))
    # A "?" would begin the query, which may be anything.
    put = draw(st.binary(min_size=1, max_size=6).filter(lambda each: b"?" not in each))
    return Shot("raw paths", (request(path[:at] + put + path[at:], _right(call), call.body),), NOTHING | NO_HTTP, 2)


@st.composite
def keys(draw: st.DrawFn, aim: Aim) -> Shot:
    """Kestra's own address with a key that is nearly right, or another's."""
    call = draw(calls(aim))
    key = aim.keys[call.sequence]
    at = draw(st.integers(0, len(key) - 1))
    wrong = [
        "",
        key[:at],
        f"{key}x",
        f"x{key}",
        key.upper(),
        key.swapcase(),
        f"{key[:at]}~{key[at + 1 :]}",
        f"{key}%00",
        f"{key}/{key}",
    ]
    wrong += [other for name, other in aim.keys.items() if name != call.sequence]
    path = KESTRA_PATHS[call.sequence] + draw(st.sampled_from(wrong))
    return Shot("keys", (request(path, _right(call), call.body),), NOTHING)


@st.composite
def methods(draw: st.DrawFn, aim: Aim) -> Shot:
    """Another method than the one that is taken."""
    call = draw(calls(aim))
    method = draw(
        st.sampled_from(
            (
                b"GET",
                b"PUT",
                b"DELETE",
                b"PATCH",
                b"HEAD",
                b"OPTIONS",
                b"TRACE",
                b"CONNECT",
                b"PROPFIND",
                b"post",
                b"Post",
                b"QUERY",
                b"X",
            )
        )
    )
    path = draw(st.sampled_from((*aim.paths(call.sequence), HEALTH)))
    asked = [b"Origin: https://evil.example.com", b"Access-Control-Request-Method: POST"] if draw(st.booleans()) else []
    taken = path == HEALTH and method in (b"GET", b"HEAD")
    sent = request(path, [*asked, *_right(call)], call.body, method=method)
    return Shot("methods", (sent,), frozenset({200 if taken else 405}))


@st.composite
def pages(draw: st.DrawFn, aim: Aim) -> Shot:
    """The page to unsubscribe with a token that is nearly right: whatever is sent there, there is nothing."""
    del aim
    token = TOKEN
    at = draw(st.integers(0, len(token) - 1))
    other = f"{token[:at]}{'A' if token[at] != 'A' else 'B'}{token[at + 1 :]}"
    wrong = draw(
        st.sampled_from(
            (
                "",
                token[:at],
                other,
                token.upper(),
                f"{token}x",
                f"{token}/",
                f"{token}%00",
                f"x/../{token}",
                "..",
                "%",
                CONTACT,
            )
        )
        | st.text("0123456789abcdef.-_~%/", max_size=80)
    )
    method = draw(st.sampled_from((b"GET", b"HEAD", b"POST")))
    body = draw(st.sampled_from((b"List-Unsubscribe=One-Click", b"Go-On=Yes", b"", b"\0" * 400)))
    sent = request(
        f"/unsubscribe/{wrong}", [length(body)] if method == b"POST" else [], body * (method == b"POST"), method=method
    )
    return Shot("pages", (sent,), NOTHING)
