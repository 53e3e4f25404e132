from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from christmas_campaign.sequences import field_types
from unit import build

NUMBER = "must be a number"


@pytest.mark.parametrize("value", [None, "", "   ", "\n\t\r", "\u00a0"])
def test_null_and_white_space_are_not_given(value: Any) -> None:
    assert field_types.blank(value) is True


@pytest.mark.parametrize("value", ["x", 0, 0.0, False, [], {}, ["  "]])
def test_zero_and_false_are_given(value: Any) -> None:
    assert field_types.blank(value) is False


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (field_types.text, "Lệ Ngọc", "Lệ Ngọc"),
        (field_types.text, "  as it is ", "  as it is "),
        (field_types.text, "two\nlines\tand\ra tab", "two\nlines\tand\ra tab"),
        (field_types.text, build.AWKWARD, build.AWKWARD),
        (field_types.text, "💇" * 2_000, "💇" * 2_000),
        (field_types.text, 5, "5"),
        (field_types.text, 5.0, "5"),
        (field_types.text, 5.25, "5.25"),
        (field_types.text, 0.00001, "0.00001"),
        (field_types.text, -0.0, "0"),
        (field_types.text, 100.0, "100"),
        (field_types.text, 10**15 - 1, "999999999999999"),
        (field_types.text, "true", "true"),
        (field_types.notes, "n" * 20_000, "n" * 20_000),
        (field_types.email, " Zoe@Example.com ", "zoe@example.com"),
        (field_types.score, 0, 0),
        (field_types.score, 100, 100),
        (field_types.score, 52.5, 52.5),
        (field_types.score, 52.0, 52),
        (field_types.score, "52", 52),
        (field_types.score, " 52.5 ", 52.5),
        (field_types.score, "+52", 52),
        (field_types.score, "100.0", 100),
        (field_types.score, "007", 7),
        (field_types.score, -0.0, 0),
        (field_types.systems, 0, 0),
        (field_types.systems, 8, 8),
        (field_types.systems, "8", 8),
        (field_types.systems, "8.0", 8),
        (field_types.dollars, 0, 0),
        (field_types.dollars, "14700", 14700),
        (field_types.dollars, 1_000_000_000, 1_000_000_000),
        (field_types.amount, 0, 0),
        (field_types.amount, 2997, 2997),
        (field_types.amount, 2997.5, 2997.5),
        (field_types.amount, "2997.99", 2997.99),
        (field_types.amount, 1_000_000_000, 1_000_000_000),
        (field_types.flag, True, True),
        (field_types.flag, False, False),
        (field_types.flag, " TRUE ", True),
        (field_types.flag, "false", False),
        (field_types.texts, [], []),
        (field_types.texts, ["price", "time"], ["price", "time"]),
        (field_types.texts, ["price", " ", None, 5], ["price", "5"]),
        (field_types.texts, "price", ["price"]),
        (field_types.texts, ["x"] * 100, ["x"] * 100),
        (field_types.one_of("High", "Low"), " hIGH ", "High"),
        (field_types.one_of("High", "Low"), "Low", "Low"),
        (field_types.time, "2025-11-20T15:00:00Z", "2025-11-20T15:00:00Z"),
        (field_types.time, " 2025-11-20 ", "2025-11-20"),
        (field_types.time, "2025-11-20".ljust(100), "2025-11-20"),
        (field_types.time, "2000-01-01T00:00:00Z", "2000-01-01T00:00:00Z"),
        (field_types.time, "2200-12-31T23:59:59Z", "2200-12-31T23:59:59Z"),
    ],
)
def test_what_a_kind_takes_and_makes_of_it(kind: field_types.Kind, given: Any, expected: Any) -> None:
    taken = kind(given)
    assert taken == expected
    assert type(taken) is type(expected)


@pytest.mark.parametrize(
    ("kind", "given", "problem"),
    [
        (field_types.text, True, "must be text"),
        (field_types.text, ["a"], "must be text"),
        (field_types.text, {"a": 1}, "must be text"),
        (field_types.text, math.nan, "must be text"),
        (field_types.text, -math.inf, "must be text"),
        (field_types.text, "x" * 2_001, "must be at most 2000 characters long"),
        (field_types.text, "a\0b", "must not have control characters"),
        (field_types.text, "a\x1fb", "must not have control characters"),
        (field_types.text, "a\x7fb", "must not have control characters"),
        (field_types.text, "a\x0bb", "must not have control characters"),
        (field_types.text, "half \ud83d", "must be Unicode text: half of a character is missing"),
        (field_types.notes, "x" * 20_001, "must be at most 20000 characters long"),
        (field_types.email, 5, "must be text"),
        (field_types.email, "x" * 1_001, "must be at most 1000 characters long"),
        (field_types.email, "zoe", "is not an e-mail address: it has no @"),
        (field_types.score, -1, "must be a number from 0 to 100"),
        (field_types.score, -0.5, "must be a number from 0 to 100"),
        (field_types.score, 100.5, "must be a number from 0 to 100"),
        (field_types.score, "101", "must be a number from 0 to 100"),
        (field_types.score, True, NUMBER),
        (field_types.score, "fifty", NUMBER),
        (field_types.score, "5 2", NUMBER),
        (field_types.score, "52%", NUMBER),
        (field_types.score, "1e2", NUMBER),
        (field_types.score, "1_0", NUMBER),
        (field_types.score, "nan", NUMBER),
        (field_types.score, "٥", NUMBER),
        (field_types.score, "9" * 16, NUMBER),
        (field_types.score, math.nan, NUMBER),
        (field_types.score, math.inf, NUMBER),
        (field_types.score, [52], NUMBER),
        (field_types.score, {}, NUMBER),
        (field_types.systems, 9, "must be a whole number from 0 to 8"),
        (field_types.systems, -1, "must be a whole number from 0 to 8"),
        (field_types.systems, 2.5, "must be a whole number from 0 to 8"),
        (field_types.systems, "2.5", "must be a whole number from 0 to 8"),
        (field_types.systems, False, NUMBER),
        (field_types.dollars, -1, "must be a whole number from 0 to 1000000000"),
        (field_types.dollars, 14700.5, "must be a whole number from 0 to 1000000000"),
        (field_types.dollars, 1_000_000_001, "must be a whole number from 0 to 1000000000"),
        (field_types.dollars, "$14,700", NUMBER),
        (field_types.amount, -0.01, "must be an amount in dollars, with at most two decimals, and not negative"),
        (field_types.amount, 0.001, "must be an amount in dollars, with at most two decimals, and not negative"),
        (
            field_types.amount,
            1_000_000_000.5,
            "must be an amount in dollars, with at most two decimals, and not negative",
        ),
        (field_types.amount, None, NUMBER),
        (field_types.flag, "yes", "must be true or false"),
        (field_types.flag, 1, "must be true or false"),
        (field_types.flag, 0, "must be true or false"),
        (field_types.flag, [], "must be true or false"),
        (field_types.texts, 5, "must be a list of texts"),
        (field_types.texts, {"a": "b"}, "must be a list of texts"),
        (field_types.texts, [["a"]], "must be text"),
        (field_types.texts, ["x"] * 101, "must be a list of at most 100 texts"),
        (field_types.texts, ["x" * 2_001], "must be at most 2000 characters long"),
        (field_types.one_of("High", "Low"), "Higher", "must be one of High, Low"),
        (field_types.one_of("High", "Low"), 1, "must be one of High, Low"),
        (field_types.time, 1763650800, "must be text: a time in ISO 8601"),
        (field_types.time, "yesterday", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        (field_types.time, "2025-11-31", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        (field_types.time, "2025-11-20".ljust(101), "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        (field_types.time, "2025-11-20" * 11, "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        (field_types.time, "1999-12-31T23:59:59Z", "must be a time in this century or the next"),
        (field_types.time, "2201-01-01T00:00:00Z", "must be a time in this century or the next"),
        (field_types.time, "9999-12-31", "must be a time in this century or the next"),
    ],
)
def test_what_a_kind_says_is_wrong(kind: field_types.Kind, given: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        kind(given)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    "value",
    [10**400, -(10**400), 10**15, -(10**15), 1e300],
    ids=["huge", "less than nothing", "sixteen digits", "minus sixteen digits", "a float"],
)
@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (field_types.score, NUMBER),
        (field_types.systems, NUMBER),
        (field_types.dollars, NUMBER),
        (field_types.amount, NUMBER),
        (field_types.text, "must be text"),
        (field_types.notes, "must be text"),
    ],
)
def test_a_huge_number_is_wrong_and_no_accident(kind: field_types.Kind, problem: str, value: float) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        kind(value)
    assert str(caught.value) == problem


def test_a_problem_never_repeats_the_value() -> None:
    """Problems are logged, and values are private."""
    secret = "Zoe-Secret"
    for kind in (
        field_types.email,
        field_types.score,
        field_types.systems,
        field_types.amount,
        field_types.flag,
        field_types.one_of("A"),
        field_types.time,
    ):
        with pytest.raises(ValueError, match=r".") as caught:
            kind(secret)
        assert secret.lower() not in str(caught.value).lower()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("2025-11-27T15:00:00Z", None),
        ("2025-11-27T15:00:00.001Z", "must not lie more than 7 days ahead"),
        ("2025-11-27T10:00:00", None),
        ("2025-11-27T10:00:01", "must not lie more than 7 days ahead"),
        ("2001-01-01", None),
    ],
)
def test_a_time_far_ahead_is_a_mistake(value: str, problem: str | None) -> None:
    assert field_types.not_after(value, build.NOW, timedelta(days=7)) == problem


@pytest.mark.parametrize(("value", "expected"), [(2, 2), (2.9, 2), (0, 0), ("2", 0), (None, 0), ([2], 0)])
def test_a_number_is_taken_whole_and_anything_else_is_0(value: object, expected: int) -> None:
    assert field_types.whole(value) == expected
