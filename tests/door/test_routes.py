"""The routes: exactly the paths of the sequences, the unsubscribe pages and the health, compared byte by byte."""

from __future__ import annotations

import pytest

from christmas_campaign.door.handlers import BY_NAME
from christmas_campaign.door.routes import KESTRA_PATHS, Route, Routes
from door.process import KEYS, UNSUBSCRIBE_KEYS

ROUTES = Routes(KEYS)

#: Written out, because senders have these paths in their settings.
PATHS = {
    "/webhook/christmas-signup": "signup",
    "/webhook/calendly-noshow": "noshow",
    "/webhook/postcall-maybe": "postcall",
    "/webhook/onboarding-start": "onboarding",
    "/webhook/booking": "precall",
    "/webhook/calcom-booking": "precall",
    "/webhook/resend": "resend",
    "/api/v1/main/executions/webhook/christmas/signup-handler/key-of-signup-0123456789": "signup",
    "/api/v1/main/executions/webhook/christmas/noshow-recovery-handler/key-of-noshow-0123456789": "noshow",
    "/api/v1/main/executions/webhook/christmas/postcall-maybe-handler/key-of-postcall-0123456789": "postcall",
    "/api/v1/main/executions/webhook/christmas/onboarding-handler/key-of-onboarding-0123456789": "onboarding",
    "/api/v1/main/executions/webhook/christmas/booking-handler/key-of-precall-0123456789": "precall",
}
TOKEN = UNSUBSCRIBE_KEYS.token("7ece2a81c666152c41fce3d8")


def variants(path: str) -> list[str]:
    """Return other spellings of a path, which a lenient server would treat as the same path."""
    return [
        f"{path}/", f"/{path}", f"{path};x", f"{path}%20", f"{path}%00", f"{path}\n", path.upper(), path.replace("/", "//", 2),
        path.replace("/", "%2f"), path.replace("/", "/./", 1), path.replace("/", "/%2e/", 1), f"/x/..{path}",
        f"/x/%2e%2e{path}", f"/health/../{path[1:]}", f"{path}/..", path.replace("h", "%68", 1), path[:-1], path[1:],
        f"http://127.0.0.1{path}",
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "name"), PATHS.items())
def test_path_of_a_handler_is_matched(path: str, name: str) -> None:
    assert ROUTES.match(path.encode()) == Route(name, ("POST",))


def test_health_is_matched() -> None:
    assert ROUTES.match(b"/health") == Route(None, ("GET", "HEAD"))


@pytest.mark.parametrize("path", [*PATHS, "/health"])
def test_other_spelling_of_a_path_is_not_matched(path: str) -> None:
    assert [variant for variant in variants(path) if ROUTES.match(variant.encode()) is not None] == []


@pytest.mark.parametrize("name", KESTRA_PATHS)
def test_wrong_key_is_not_matched(name: str) -> None:
    key = KEYS[name]
    others = [other for other in KEYS.values() if other != key]
    for wrong in ["", key[:-1], f"{key}x", key.upper(), key[:-1] + "x", f"x{key[1:]}", f"{key}/", *others, "\xe9"]:
        assert ROUTES.match(KESTRA_PATHS[name].encode() + wrong.encode("latin-1")) is None, wrong


@pytest.mark.parametrize(
    "path",
    ["", "/", "*", "/webhook/", "/api/v1/main/executions", "/ui", "/health?", "/metrics", "/unsubscribe",
     "/webhook/unsubscribe",
     "/api/v1/main/executions/webhook/christmas/enroll/key-of-signup-0123456789",
     # Only the door calls Kestra's webhooks for unsubscribe wishes and delivery reports.
     *(BY_NAME[name].kestra_path + KEYS[name] for name in ("unsubscribe", "resend"))],
)  # fmt: skip
def test_other_path_is_not_matched(path: str) -> None:
    assert ROUTES.match(path.encode()) is None


@pytest.mark.parametrize("token", ["", TOKEN, f"{TOKEN}/", "..", "%2e%2e", "\xe9", "x" * 5000])
def test_unsubscribe_page_is_matched_with_an_unchecked_token(token: str) -> None:
    route = ROUTES.match(b"/unsubscribe/" + token.encode("latin-1"))
    assert route == Route("unsubscribe", ("GET", "HEAD", "POST"), token)
