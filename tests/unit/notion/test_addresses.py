from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from christmas_campaign.notion import addresses, schema
from christmas_campaign.sandbox.notion import schema as sandbox_schema
from christmas_campaign.sandbox.notion.filters import compile_filter
from unit import build

EMAIL = "first.last@example.com"


class Row:
    """A page of the sandbox with one property."""

    def __init__(self, email: str | None) -> None:
        self.values = {"id": email}


def matches(email: str, value: str | None, fold: Callable[[str], str] = str, others: Sequence[str] = ()) -> bool:
    """Return whether Notion returns a page with the address ``value`` to a query for ``email``."""
    of_source: Any = sandbox_schema.create({"Name": {"title": {}}, "email": {"email": {}}}, "body")
    of_source["email"]["id"] = "id"
    conditions = addresses.conditions(schema.CONTACTS, "email", email, others)
    return compile_filter(of_source, {"and": conditions}, fold)(Row(value))  # type: ignore[arg-type]


@pytest.mark.parametrize("fold", [str, str.lower])
@pytest.mark.parametrize(
    "typed",
    [
        EMAIL,
        "First.Last@Example.com",
        "FIRST.LAST@EXAMPLE.COM",
        "first.last@Example.Com",
        f" {EMAIL} ",
        f"\u00a0{EMAIL}",
    ],
)
def test_address_is_found_in_the_usual_spellings(typed: str, fold: Callable[[str], str]) -> None:
    assert matches(EMAIL, typed, fold)
    assert addresses.of_contact([build.contact(email=typed)], "email", EMAIL)


@pytest.mark.parametrize("fold", [str, str.lower])
@pytest.mark.parametrize(
    "other",
    [
        "afirst.last@example.com",
        "first.last@example.com.br",
        "first.last2@example.com",
        "first.list@example.com",
        "first.last@example.ca",
        "last@example.com",
        "",
        None,
    ],
)
def test_page_of_another_contact_is_not_returned(other: str | None, fold: Callable[[str], str]) -> None:
    assert not matches(EMAIL, other, fold)
    assert not addresses.of_contact([build.contact(email=other)], "email", EMAIL)


def test_unusual_spelling_is_found_if_somebody_has_used_it() -> None:
    typed = "fIrSt.last@exAmple.com"
    assert not matches(EMAIL, typed)
    assert matches(EMAIL, typed, others=[typed])


def test_query_has_the_spellings_of_both_parts() -> None:
    def where(operator: str, *texts: str) -> list[Any]:
        return [{"property": "email", "email": {operator: text}} for text in texts]

    assert addresses.conditions(schema.CONTACTS, "email", "1@c.de") == [
        {
            "or": [
                *where("equals", "1@c.de"),
                *where("starts_with", "1@"),
                *where("contains", " 1@", "\u00a01@"),
            ]
        },
        {
            "or": [
                *where("ends_with", "@c.de", "@C.de", "@C.De", "@C.DE"),
                *where("contains", "@c.de ", "@c.de\u00a0", "@C.de ", "@C.de\u00a0"),
                *where("contains", "@C.De ", "@C.De\u00a0", "@C.DE ", "@C.DE\u00a0"),
            ]
        },
    ]


@pytest.mark.parametrize(
    "typed",
    [
        "info@beauté-salon.ca",
        "Info@Beauté-salon.ca",
        "INFO@BEAUTÉ-SALON.CA",
        "info@xn--beaut-salon-fbb.ca",
    ],
)
def test_domain_outside_ascii_is_found_in_both_forms(typed: str) -> None:
    assert matches("info@xn--beaut-salon-fbb.ca", typed)
    assert not matches("info@xn--beaut-salo-gbb.ca", typed)


def test_country_outside_ascii_is_found() -> None:
    assert matches("a@example.xn--p1ai", "a@example.рф")
    assert matches("a@xn--e1afmkfd.xn--p1ai", "a@пример.рф")


def test_last_edited_page_is_first() -> None:
    def page(name: str, edited: str | None) -> dict[str, Any]:
        return build.contact(name) | {"last_edited_time": edited}

    pages = [page("a", "2025-11-20T10:00:00.000Z"), page("b", None), page("c", "2025-11-20T10:01:00.000Z")]
    pages += [page("d", "2025-11-20T10:00:00.000Z"), page("e", "no time")]
    assert [found["id"] for found in addresses.last_edited_first(pages)] == ["c", "a", "d", "b", "e"]


def test_other_addresses_are_found_too() -> None:
    others = ["mai.tran@example.com", "x@xn--beaut-fsa.ca"]
    for typed in (EMAIL, "Mai.Tran@example.com", "x@Beauté.ca"):
        assert matches(EMAIL, typed, others=others)
    assert not matches(EMAIL, "mai@example.com", others=others)
