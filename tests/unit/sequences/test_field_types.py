from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Kind
from unit import build

HIGH_OR_LOW = field_types.one_of("High", "Low")


@pytest.mark.parametrize("value", [None, "", "\n\t\r", "\u00a0"])
def test_null_and_white_space_are_blank(value: Any) -> None:
    assert field_types.blank(value) is True


@pytest.mark.parametrize("value", ["x", 0, False, [], ["  "]])
def test_zero_false_and_lists_are_not_blank(value: Any) -> None:
    assert field_types.blank(value) is False


#: Valid values of the kinds, and their plain values.
VALID: list[tuple[Kind, list[tuple[Any, Any]]]] = [
    (field_types.text, [("  unchanged ", "  unchanged "), ("two\nlines\tand\ra tab", "two\nlines\tand\ra tab")]),
    (field_types.text, [(build.AWKWARD, build.AWKWARD), ("💇" * 2_000, "💇" * 2_000), ("true", "true")]),
    (field_types.text, [(5, "5"), (5.0, "5"), (5.25, "5.25"), (0.00001, "0.00001"), (-0.0, "0"), (100.0, "100")]),
    (field_types.text, [(10**15 - 1, "999999999999999")]),
    (field_types.notes, [("n" * 20_000, "n" * 20_000)]),
    (field_types.email, [(" Zoe@Example.com ", "zoe@example.com")]),
    (field_types.score, [(0, 0), (100, 100), (52.5, 52.5), (52.0, 52), (-0.0, 0)]),
    (field_types.score, [(" 52.5 ", 52.5), ("+52", 52), ("100.0", 100), ("007", 7)]),
    (field_types.systems, [(0, 0), (8, 8), ("8.0", 8)]),
    (field_types.dollars, [(0, 0), ("14700", 14700), (1_000_000_000, 1_000_000_000)]),
    (field_types.amount, [(0, 0), (2997.5, 2997.5), ("2997.99", 2997.99), (1_000_000_000, 1_000_000_000)]),
    (field_types.flag, [(True, True), (False, False), (" TRUE ", True), ("false", False)]),
    (field_types.texts, [([], []), (["price", " ", None, 5], ["price", "5"]), ("price", ["price"])]),
    (field_types.texts, [(["x"] * 100, ["x"] * 100)]),
    (HIGH_OR_LOW, [(" hIGH ", "High"), ("Low", "Low")]),
    (field_types.time, [(" 2025-11-20 ", "2025-11-20"), ("2025-11-20".ljust(100), "2025-11-20")]),
    (field_types.time, [(edge, edge) for edge in ("2000-01-01T00:00:00Z", "2200-12-31T23:59:59Z")]),
]


@pytest.mark.parametrize(("kind", "value", "expected"), [(kind, *case) for kind, cases in VALID for case in cases])
def test_valid_value_becomes_plain(kind: Kind, value: Any, expected: Any) -> None:
    plain = kind(value)
    assert plain == expected
    assert type(plain) is type(expected)


NUMBER = "must be a number"
AMOUNT = "must be an amount in dollars, with at most two decimals, and not negative"
TIME = "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"
CENTURY = "must be a time in this century or the next"

#: Problems of the kinds, and values that have them.
WRONG: list[tuple[Kind, str, list[Any]]] = [
    (field_types.text, "must be text", [True, ["a"], {"a": 1}, math.nan, -math.inf]),
    (field_types.text, "must be at most 2000 characters long", ["x" * 2_001]),
    (field_types.text, "must not have control characters", ["a\0b", "a\x0bb", "a\x1fb", "a\x7fb"]),
    (field_types.text, "must be Unicode text: half of a character is missing", ["half \ud83d"]),
    (field_types.notes, "must be at most 20000 characters long", ["x" * 20_001]),
    (field_types.email, "must be text", [5]),
    (field_types.email, "must be at most 1000 characters long", ["x" * 1_001]),
    (field_types.email, "is not an e-mail address: it has no @", ["zoe-secret"]),
    (field_types.score, "must be a number from 0 to 100", [-0.5, 100.5, "101"]),
    (field_types.score, NUMBER, [True, "zoe-secret", "5 2", "52%", "1e2", "1_0", "nan", "٥", "9" * 16, [52], {}]),
    (field_types.score, NUMBER, [math.nan, math.inf]),
    (field_types.systems, "must be a whole number from 0 to 8", [9, -1, 2.5, "2.5"]),
    (field_types.systems, NUMBER, [False]),
    (field_types.dollars, "must be a whole number from 0 to 1000000000", [-1, 14700.5, 1_000_000_001]),
    (field_types.dollars, NUMBER, ["$14,700"]),
    (field_types.amount, AMOUNT, [-0.01, 0.001, 1_000_000_000.5]),
    (field_types.amount, NUMBER, [None]),
    (field_types.flag, "must be true or false", ["zoe-secret", 1, 0, []]),
    (field_types.texts, "must be a list of texts", [5, {"a": "b"}]),
    (field_types.texts, "must be text", [[["a"]]]),
    (field_types.texts, "must be a list of at most 100 texts", [["x"] * 101]),
    (field_types.texts, "must be at most 2000 characters long", [["x" * 2_001]]),
    (HIGH_OR_LOW, "must be one of High, Low", ["Higher", 1, "zoe-secret"]),
    (field_types.time, "must be text: a time in ISO 8601", [1763650800]),
    (field_types.time, TIME, ["zoe-secret", "2025-11-31", "2025-11-20".ljust(101), "2025-11-20" * 11]),
    (field_types.time, CENTURY, ["1999-12-31T23:59:59Z", "2201-01-01T00:00:00Z", "9999-12-31"]),
    *((kind, NUMBER, [10**400, -(10**15), 10**15, 1e300]) for kind in (field_types.score, field_types.amount)),
    (field_types.text, "must be text", [10**400, -(10**15), 10**15, 1e300]),
]


@pytest.mark.parametrize(
    ("kind", "problem", "value"), [(kind, problem, value) for kind, problem, values in WRONG for value in values]
)
def test_wrong_value_is_a_problem_that_does_not_repeat_it(kind: Kind, problem: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        kind(value)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("2025-11-27T10:00:00", None),
        ("2025-11-27T15:00:00.001Z", "must not lie more than 7 days ahead"),
        ("2001-01-01", None),
    ],
)
def test_time_too_far_ahead_is_a_problem(value: str, problem: str | None) -> None:
    assert field_types.not_after(value, build.NOW, timedelta(days=7)) == problem


@pytest.mark.parametrize(("value", "expected"), [(2.9, 2), (0, 0), ("2", 0), (None, 0), ([2], 0)])
def test_whole_number_of_another_value_is_0(value: object, expected: int) -> None:
    assert field_types.whole(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, "true"), (False, "false"), (52, "52"), (52.5, "52.5"), (["price", "time"], "price, time"), (" x ", " x ")],
)
def test_plain_value_as_text(value: field_types.Plain, expected: str) -> None:
    assert field_types.as_text(value) == expected
