from __future__ import annotations

from christmas_campaign.campaign import segments


def test_counts_of_systems_give_the_segment() -> None:
    by_counts = {(red, orange): segments.classify(red, orange) for red in range(9) for orange in range(9)}
    assert {counts for counts, segment in by_counts.items() if segment is segments.OPTIMIZE} == {(0, 0), (0, 1)}
    critical = {(red, orange) for red in range(2, 9) for orange in range(9)}
    assert {counts for counts, segment in by_counts.items() if segment is segments.CRITICAL} == critical
    assert set(by_counts.values()) == set(segments.SEGMENTS)


def test_segments_are_listed_by_priority_and_the_first_alerts() -> None:
    assert [(segment.name, segment.priority, segment.zone, segment.alert) for segment in segments.SEGMENTS] == [
        ("CRITICAL", 1, "Crisis Zone", True),
        ("URGENT", 2, "Warning Zone", False),
        ("OPTIMIZE", 3, "Growth Zone", False),
    ]
    assert all(segment.description and segment.characteristics and segment.action for segment in segments.SEGMENTS)
