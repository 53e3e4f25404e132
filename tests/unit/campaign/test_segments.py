from __future__ import annotations

import pytest

from christmas_campaign.campaign import segments


@pytest.mark.parametrize(
    ("red", "orange", "name"),
    [
        (0, 0, "OPTIMIZE"),
        (0, 1, "OPTIMIZE"),
        (0, 2, "URGENT"),
        (0, 8, "URGENT"),
        (1, 0, "URGENT"),
        (1, 1, "URGENT"),
        (1, 8, "URGENT"),
        (2, 0, "CRITICAL"),
        (2, 8, "CRITICAL"),
        (3, 0, "CRITICAL"),
        (8, 0, "CRITICAL"),
    ],
)
def test_segment_by_counts(red: int, orange: int, name: str) -> None:
    assert segments.classify(red, orange).name == name


def test_every_count_has_exactly_one_segment() -> None:
    table = {(red, orange): segments.classify(red, orange).name for red in range(9) for orange in range(9)}
    assert {counts for counts, name in table.items() if name == "CRITICAL"} == {
        (red, orange) for red in range(2, 9) for orange in range(9)
    }
    assert {counts for counts, name in table.items() if name == "OPTIMIZE"} == {(0, 0), (0, 1)}
    assert set(table.values()) == {"CRITICAL", "URGENT", "OPTIMIZE"}


@pytest.mark.parametrize(
    ("segment", "name", "priority", "zone", "alert"),
    [
        (segments.CRITICAL, "CRITICAL", 1, "Crisis Zone", True),
        (segments.URGENT, "URGENT", 2, "Warning Zone", False),
        (segments.OPTIMIZE, "OPTIMIZE", 3, "Growth Zone", False),
    ],
)
def test_what_each_segment_is(segment: segments.Segment, name: str, priority: int, zone: str, alert: bool) -> None:
    assert (segment.name, segment.priority, segment.zone, segment.alert) == (name, priority, zone, alert)
    assert all((segment.description, segment.characteristics, segment.action))


def test_the_segments_are_listed_by_priority() -> None:
    assert [segment.priority for segment in segments.SEGMENTS] == [1, 2, 3]
