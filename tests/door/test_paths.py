"""The paths: two for each sequence and the health, letter by letter."""

from __future__ import annotations

import pytest

from christmas_campaign.door.handlers import BY_NAME
from christmas_campaign.door.routes import KESTRA_PATHS, OLD_PATHS, PUBLIC_PATHS, Route, Routes
from christmas_campaign.sequences.registry import SEQUENCES
from door.process import KEYS, UNSUBSCRIBE_KEYS, addresses

PATHS = Routes(KEYS)

#: Written out, for they are what the world has in its settings.
ADDRESSES = {
    "/webhook/christmas-signup": "signup",
    "/webhook/calendly-noshow": "noshow",
    "/webhook/postcall-maybe": "postcall",
    "/webhook/onboarding-start": "onboarding",
    "/webhook/booking": "precall",
    "/webhook/calcom-booking": "precall",
    "/api/v1/main/executions/webhook/christmas/signup-handler/key-of-signup-0123456789": "signup",
    "/api/v1/main/executions/webhook/christmas/noshow-recovery-handler/key-of-noshow-0123456789": "noshow",
    "/api/v1/main/executions/webhook/christmas/postcall-maybe-handler/key-of-postcall-0123456789": "postcall",
    "/api/v1/main/executions/webhook/christmas/onboarding-handler/key-of-onboarding-0123456789": "onboarding",
    "/api/v1/main/executions/webhook/christmas/booking-handler/key-of-precall-0123456789": "precall",
}


@pytest.mark.parametrize(("path", "name"), ADDRESSES.items())
def test_the_addresses(path: str, name: str) -> None:
    assert PATHS.match(path.encode()) == Route(name, ("POST",))
    assert path in addresses(name) or path == OLD_PATHS.get(name)


def test_the_health() -> None:
    assert PATHS.match(b"/health") == Route(None, ("GET", "HEAD"))


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
        assert PATHS.match(trick.encode()) is None, trick


@pytest.mark.parametrize("name", KESTRA_PATHS)
def test_a_wrong_key_is_no_path(name: str) -> None:
    key = KEYS[name]
    others = [each for other, each in KEYS.items() if other != name]
    for wrong in ["", key[:-1], f"{key}x", key.upper(), key[:-1] + "x", f"x{key[1:]}", f"{key}/", *others, "\xe9"]:
        assert PATHS.match(KESTRA_PATHS[name].encode() + wrong.encode("latin-1")) is None, wrong
    assert PATHS.match(KESTRA_PATHS[name].rstrip("/").encode()) is None


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
    assert PATHS.match(path.encode()) is None


def test_every_sequence_has_both_addresses() -> None:
    assert list(PUBLIC_PATHS) == list(KESTRA_PATHS) == [each.name for each in SEQUENCES]


def test_resend_has_one_address_and_its_key_opens_none() -> None:
    """Resend calls with a signature; Kestra's own address is for the door alone."""
    assert PATHS.match(b"/webhook/resend") == Route("resend", ("POST",))
    native = f"{BY_NAME['resend'].kestra_path}{KEYS['resend']}"
    assert native == "/api/v1/main/executions/webhook/christmas/resend-handler/key-of-resend-0123456789"
    for path in (native, "/webhook/resend/", "/webhook/resend-handler", "/webhook/Resend"):
        assert PATHS.match(path.encode()) is None


TOKEN = UNSUBSCRIBE_KEYS.token("7ece2a81c666152c41fce3d8")
PAGE = f"/unsubscribe/{TOKEN}"


@pytest.mark.parametrize("token", ["", TOKEN, f"{TOKEN}/", "..", "%2e%2e", "\xe9", "x" * 5000])
def test_whatever_stands_where_a_token_does_is_the_pages_to_look_at(token: str) -> None:
    found = PATHS.match(b"/unsubscribe/" + token.encode("latin-1"))
    assert found == Route("unsubscribe", ("GET", "HEAD", "POST"), token)


@pytest.mark.parametrize("trick", [each for each in tricks(PAGE) if each != PAGE])
def test_a_page_in_other_words_is_none(trick: str) -> None:
    found = PATHS.match(trick.encode())
    assert found is None or UNSUBSCRIBE_KEYS.contact(found.token) is None


def test_the_handler_of_the_pages_has_no_address_of_its_own() -> None:
    native = f"/api/v1/main/executions/webhook/christmas/unsubscribe-handler/{KEYS['unsubscribe']}"
    for path in ("/unsubscribe", native, "/webhook/unsubscribe"):
        assert PATHS.match(path.encode()) is None
