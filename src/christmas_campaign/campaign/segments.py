"""Segments of contacts by the number of red and orange business systems, and the owner's action for each."""

from __future__ import annotations

from typing import NamedTuple


class Segment(NamedTuple):
    """A segment. ``priority`` 1 is the most urgent, ``zone`` is its name in e-mails, ``alert`` whether the team is alerted."""

    name: str
    priority: int
    zone: str
    alert: bool
    description: str
    characteristics: str
    action: str


CRITICAL = Segment(
    name="CRITICAL",
    priority=1,
    zone="Crisis Zone",
    alert=True,
    description="Several business systems are broken at once.",
    characteristics="Two or more red systems; money and staff are being lost now.",
    action="Call within one working day and offer the first free diagnostic slot.",
)
URGENT = Segment(
    name="URGENT",
    priority=2,
    zone="Warning Zone",
    alert=False,
    description="One system is broken, or several are close to it.",
    characteristics="Exactly one red system, or two or more orange ones.",
    action="Let the sequence run; answer every reply the same day.",
)
OPTIMIZE = Segment(
    name="OPTIMIZE",
    priority=3,
    zone="Growth Zone",
    alert=False,
    description="The systems hold; there is room to grow.",
    characteristics="No red system and at most one orange one.",
    action="Let the sequence run.",
)

SEGMENTS: tuple[Segment, ...] = (CRITICAL, URGENT, OPTIMIZE)


def classify(red: int, orange: int) -> Segment:
    """Return the segment for these counts of systems (0 to 8 each; 0 for an unknown count)."""
    if red >= 2:
        return CRITICAL
    if red == 1 or orange >= 2:
        return URGENT
    return OPTIMIZE
