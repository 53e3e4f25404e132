from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from christmas_campaign import fields
from unit import build

NUMBER = "must be a number"


@pytest.mark.parametrize("value", [None, "", "   ", "\n\t\r", "\u00a0"])
def test_null_and_white_space_are_not_given(value: Any) -> None:
    assert fields.blank(value) is True


@pytest.mark.parametrize("value", ["x", 0, 0.0, False, [], {}, ["  "]])
def test_zero_and_false_are_given(value: Any) -> None:
    assert fields.blank(value) is False


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (fields.text, "Lệ Ngọc", "Lệ Ngọc"),
        (fields.text, "  as it is ", "  as it is "),
        (fields.text, "two\nlines\tand\ra tab", "two\nlines\tand\ra tab"),
        (fields.text, build.AWKWARD, build.AWKWARD),
        (fields.text, "💇" * 2_000, "💇" * 2_000),
        (fields.text, 5, "5"),
        (fields.text, 5.0, "5"),
        (fields.text, 5.25, "5.25"),
        (fields.text, 0.00001, "0.00001"),
        (fields.text, -0.0, "0"),
        (fields.text, 100.0, "100"),
        (fields.text, 10**15 - 1, "999999999999999"),
        (fields.text, "true", "true"),
        (fields.notes, "n" * 20_000, "n" * 20_000),
        (fields.email, " Zoe@Example.com ", "zoe@example.com"),
        (fields.score, 0, 0),
        (fields.score, 100, 100),
        (fields.score, 52.5, 52.5),
        (fields.score, 52.0, 52),
        (fields.score, "52", 52),
        (fields.score, " 52.5 ", 52.5),
        (fields.score, "+52", 52),
        (fields.score, "100.0", 100),
        (fields.score, "007", 7),
        (fields.score, -0.0, 0),
        (fields.systems, 0, 0),
        (fields.systems, 8, 8),
        (fields.systems, "8", 8),
        (fields.systems, "8.0", 8),
        (fields.dollars, 0, 0),
        (fields.dollars, "14700", 14700),
        (fields.dollars, 1_000_000_000, 1_000_000_000),
        (fields.amount, 0, 0),
        (fields.amount, 2997, 2997),
        (fields.amount, 2997.5, 2997.5),
        (fields.amount, "2997.99", 2997.99),
        (fields.amount, 1_000_000_000, 1_000_000_000),
        (fields.flag, True, True),
        (fields.flag, False, False),
        (fields.flag, " TRUE ", True),
        (fields.flag, "false", False),
        (fields.texts, [], []),
        (fields.texts, ["price", "time"], ["price", "time"]),
        (fields.texts, ["price", " ", None, 5], ["price", "5"]),
        (fields.texts, "price", ["price"]),
        (fields.texts, ["x"] * 100, ["x"] * 100),
        (fields.one_of("High", "Low"), " hIGH ", "High"),
        (fields.one_of("High", "Low"), "Low", "Low"),
        (fields.time, "2025-11-20T15:00:00Z", "2025-11-20T15:00:00Z"),
        (fields.time, " 2025-11-20 ", "2025-11-20"),
        (fields.time, "2025-11-20".ljust(100), "2025-11-20"),
        (fields.time, "2000-01-01T00:00:00Z", "2000-01-01T00:00:00Z"),
        (fields.time, "2200-12-31T23:59:59Z", "2200-12-31T23:59:59Z"),
    ],
)
def test_what_a_kind_takes_and_makes_of_it(kind: fields.Kind, given: Any, expected: Any) -> None:
    taken = kind(given)
    assert taken == expected
    assert type(taken) is type(expected)


@pytest.mark.parametrize(
    ("kind", "given", "problem"),
    [
        (fields.text, True, "must be text"),
        (fields.text, ["a"], "must be text"),
        (fields.text, {"a": 1}, "must be text"),
        (fields.text, math.nan, "must be text"),
        (fields.text, -math.inf, "must be text"),
        (fields.text, "x" * 2_001, "must be at most 2000 characters long"),
        (fields.text, "a\0b", "must not have control characters"),
        (fields.text, "a\x1fb", "must not have control characters"),
        (fields.text, "a\x7fb", "must not have control characters"),
        (fields.text, "a\x0bb", "must not have control characters"),
        (fields.text, "half \ud83d", "must be Unicode text: half of a character is missing"),
        (fields.notes, "x" * 20_001, "must be at most 20000 characters long"),
        (fields.email, 5, "must be text"),
        (fields.email, "x" * 1_001, "must be at most 1000 characters long"),
        (fields.email, "zoe", "is not an e-mail address: it has no @"),
        (fields.score, -1, "must be a number from 0 to 100"),
        (fields.score, -0.5, "must be a number from 0 to 100"),
        (fields.score, 100.5, "must be a number from 0 to 100"),
        (fields.score, "101", "must be a number from 0 to 100"),
        (fields.score, True, NUMBER),
        (fields.score, "fifty", NUMBER),
        (fields.score, "5 2", NUMBER),
        (fields.score, "52%", NUMBER),
        (fields.score, "1e2", NUMBER),
        (fields.score, "1_0", NUMBER),
        (fields.score, "nan", NUMBER),
        (fields.score, "٥", NUMBER),
        (fields.score, "9" * 16, NUMBER),
        (fields.score, math.nan, NUMBER),
        (fields.score, math.inf, NUMBER),
        (fields.score, [52], NUMBER),
        (fields.score, {}, NUMBER),
        (fields.systems, 9, "must be a whole number from 0 to 8"),
        (fields.systems, -1, "must be a whole number from 0 to 8"),
        (fields.systems, 2.5, "must be a whole number from 0 to 8"),
        (fields.systems, "2.5", "must be a whole number from 0 to 8"),
        (fields.systems, False, NUMBER),
        (fields.dollars, -1, "must be a whole number from 0 to 1000000000"),
        (fields.dollars, 14700.5, "must be a whole number from 0 to 1000000000"),
        (fields.dollars, 1_000_000_001, "must be a whole number from 0 to 1000000000"),
        (fields.dollars, "$14,700", NUMBER),
        (fields.amount, -0.01, "must be an amount in dollars, with at most two decimals, and not negative"),
        (fields.amount, 0.001, "must be an amount in dollars, with at most two decimals, and not negative"),
        (fields.amount, 1_000_000_000.5, "must be an amount in dollars, with at most two decimals, and not negative"),
        (fields.amount, None, NUMBER),
        (fields.flag, "yes", "must be true or false"),
        (fields.flag, 1, "must be true or false"),
        (fields.flag, 0, "must be true or false"),
        (fields.flag, [], "must be true or false"),
        (fields.texts, 5, "must be a list of texts"),
        (fields.texts, {"a": "b"}, "must be a list of texts"),
        (fields.texts, [["a"]], "must be text"),
        (fields.texts, ["x"] * 101, "must be a list of at most 100 texts"),
        (fields.texts, ["x" * 2_001], "must be at most 2000 characters long"),
        (fields.one_of("High", "Low"), "Higher", "must be one of High, Low"),
        (fields.one_of("High", "Low"), 1, "must be one of High, Low"),
        (fields.time, 1763650800, "must be text: a time in ISO 8601"),
        (fields.time, "yesterday", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        (fields.time, "2025-11-31", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        (fields.time, "2025-11-20".ljust(101), "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        (fields.time, "2025-11-20" * 11, "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        (fields.time, "1999-12-31T23:59:59Z", "must be a time in this century or the next"),
        (fields.time, "2201-01-01T00:00:00Z", "must be a time in this century or the next"),
        (fields.time, "9999-12-31", "must be a time in this century or the next"),
    ],
)
def test_what_a_kind_says_is_wrong(kind: fields.Kind, given: Any, problem: str) -> None:
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
        (fields.score, NUMBER),
        (fields.systems, NUMBER),
        (fields.dollars, NUMBER),
        (fields.amount, NUMBER),
        (fields.text, "must be text"),
        (fields.notes, "must be text"),
    ],
)
def test_a_huge_number_is_wrong_and_no_accident(kind: fields.Kind, problem: str, value: float) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        kind(value)
    assert str(caught.value) == problem


def test_a_problem_never_repeats_the_value() -> None:
    """Problems are logged, and values are private."""
    secret = "Zoe-Secret"
    for kind in (
        fields.email,
        fields.score,
        fields.systems,
        fields.amount,
        fields.flag,
        fields.one_of("A"),
        fields.time,
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
    assert fields.not_after(value, build.NOW, timedelta(days=7)) == problem


@pytest.mark.parametrize(("value", "expected"), [(2, 2), (2.9, 2), (0, 0), ("2", 0), (None, 0), ([2], 0)])
def test_a_number_is_taken_whole_and_anything_else_is_0(value: object, expected: int) -> None:
    assert fields.whole(value) == expected
