"""Phrases that several packages use in their messages to people."""

from __future__ import annotations


def count(number: int, one: str, many: str) -> str:
    """Return a number with its noun: ``one`` for 1, ``many`` for every other number."""
    return f"{number} {one if number == 1 else many}"
