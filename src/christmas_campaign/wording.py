"""Words of the messages for people that several rooms write."""

from __future__ import annotations


def count(number: int, one: str, many: str) -> str:
    """Return a number with the word that it takes."""
    return f"{number} {one if number == 1 else many}"
