"""The paths: the eight and the health, letter by letter."""

from __future__ import annotations

import pytest

from christmas_campaign.door.paths import NATIVE, TODAY, Paths, Place
from door.process import KEYS, addresses

PATHS = Paths(KEYS)

#: Written out, for they are what the world has in its settings.
ADDRESSES = {
    "/webhook/christmas-signup": "signup",
    "/webhook/calendly-noshow": "noshow",
    "/webhook/postcall-maybe": "postcall",
    "/webhook/onboarding-start": "onboarding",
    "/webhook/booking": "precall",
    "/api/v1/main/executions/webhook/christmas/signup-handler/key-of-signup-0123456789": "signup",
    "/api/v1/main/executions/webhook/christmas/noshow-recovery-handler/key-of-noshow-0123456789": "noshow",
    "/api/v1/main/executions/webhook/christmas/postcall-maybe-handler/key-of-postcall-0123456789": "postcall",
    "/api/v1/main/executions/webhook/christmas/onboarding-handler/key-of-onboarding-0123456789": "onboarding",
    "/api/v1/main/executions/webhook/christmas/booking-handler/key-of-precall-0123456789": "precall",
}


@pytest.mark.parametrize(("path", "name"), ADDRESSES.items())
def test_the_addresses(path: str, name: str) -> None:
    assert PATHS.find(path.encode()) == Place(name, ("POST",))
    assert path in addresses(name)


def test_the_health() -> None:
    assert PATHS.find(b"/health") == Place(None, ("GET", "HEAD"))


def tricks(path: str) -> list[str]:
    """The same path in other words."""
    return [
        f"{path}/",
        f"/{path}",
        f"{path};x",
        f"{path}%20",
        f"{path}%00",
        f"{path}\n",
        path.upper(),
        path.replace("/", "//", 2),
        path.replace("/", "%2f"),
        path.replace("/", "/./", 1),
        path.replace("/", "/%2e/", 1),
        f"/x/..{path}",
        f"/x/%2e%2e{path}",
        f"/health/../{path[1:]}",
        f"{path}/..",
        path.replace("h", "%68", 1),
        path[:-1],
        path[1:],
        f"http://127.0.0.1{path}",
    ]


@pytest.mark.parametrize("path", [*ADDRESSES, "/health"])
def test_the_same_path_in_other_words_is_another(path: str) -> None:
    for trick in tricks(path):
        assert PATHS.find(trick.encode()) is None, trick


@pytest.mark.parametrize("name", NATIVE)
def test_a_wrong_key_is_no_path(name: str) -> None:
    key = KEYS[name]
    others = [each for other, each in KEYS.items() if other != name]
    for wrong in ["", key[:-1], f"{key}x", key.upper(), key[:-1] + "x", f"x{key[1:]}", f"{key}/", *others, "\xe9"]:
        assert PATHS.find(NATIVE[name].encode() + wrong.encode("latin-1")) is None, wrong
    assert PATHS.find(NATIVE[name].rstrip("/").encode()) is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        "/webhook",
        "/webhook/",
        "/api/v1/main/executions",
        "/api/v1/main/flows",
        "/ui",
        "/health?",
        "/metrics",
        "/api/v1/main/executions/webhook/christmas/enroll/key-of-signup-0123456789",
    ],
)
def test_nothing_else_is_there(path: str) -> None:
    assert PATHS.find(path.encode()) is None


def test_every_sequence_has_both_addresses() -> None:
    assert list(TODAY) == list(NATIVE) == list(KEYS)
