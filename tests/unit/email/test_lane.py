from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import lane
from unit import build

SECOND = timedelta(seconds=1)


def test_width_is_the_concurrency_limit_of_the_flow() -> None:
    flow = yaml.safe_load((Path(__file__).parents[3] / "flows/christmas-send-email.yml").read_text(encoding="utf-8"))
    assert flow["concurrency"] == {"limit": lane.WIDTH, "behavior": "QUEUE"}


@pytest.mark.parametrize(
    ("took", "rest"), [(1, 3), (0, 4), (4, 0), (5, 0), (3.949, 0.051), (3.95, 0.05), (3.951, 0), (-60, 4)]
)
def test_rest_fills_the_share_of_one_place_in_the_lane(took: float, rest: float) -> None:
    """The default rates allow one e-mail a second, so each of the four places takes four seconds for an e-mail."""
    assert lane.rest(build.NOW - took * SECOND, Settings(), build.NOW) == rest * SECOND
