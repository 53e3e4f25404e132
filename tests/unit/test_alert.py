from __future__ import annotations

import pytest

from christmas_campaign.alert import alert
from christmas_campaign.segments import CRITICAL, OPTIMIZE, URGENT, Segment
from unit import build


def test_the_alert_says_who_why_and_what_to_do() -> None:
    event = build.event(red_systems=3, orange_systems=1, business_name="Bảo Sang Beauty Salon")
    assert alert(event, CRITICAL) == {
        "content": "**CRITICAL** (priority 1): Bảo Sang Beauty Salon\n"
        "Several business systems are broken at once. Two or more red systems; money and staff are being lost now.\n"
        "To do: Call within one working day and offer the first free diagnostic slot.\n"
        "Contact: Zoë, zoe@example.com. Score 52 of 100; red 3, orange 1.",
        "allowed_mentions": {"parse": []},
        "flags": 4,
    }


@pytest.mark.parametrize("segment", [URGENT, OPTIMIZE])
def test_the_other_segments_raise_none(segment: Segment) -> None:
    assert alert(build.event(), segment) is None


def test_a_long_name_does_not_outgrow_discord() -> None:
    event = build.event(first_name="a" * 2_000, business_name="b\n" * 900)
    body = alert(event, CRITICAL)
    assert body is not None
    content = str(body["content"])
    assert len(content) < 1_000
    assert f"{'a' * 199}…, zoe@example.com" in content
    assert content.count("\n") == 3
    exact = alert(build.event(first_name="a" * 200), CRITICAL)
    assert exact is not None
    assert f"{'a' * 200}, zoe" in str(exact["content"])
