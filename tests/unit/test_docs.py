"""The documentation: its links lead somewhere, and its table of KV entries has every key that a flow reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from christmas_campaign.folders import CHECKOUT

PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CHECKOUT).as_posix())
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CHECKOUT).as_posix())
def test_tests_that_a_page_names_exist(page: Path) -> None:
    names = set(re.findall(r"`(tests/[\w/]+\.(?:py|toml))`", page.read_text(encoding="utf-8")))
    assert [name for name in sorted(names) if not (CHECKOUT / name).exists()] == []


def test_architecture_lists_every_kv_entry_that_a_flow_reads() -> None:
    flows = "\n".join(file.read_text(encoding="utf-8") for file in (CHECKOUT / "flows").glob("*.yml"))
    names = {name.rstrip(".") for name in re.findall(r"kv\('([a-z.]+)'", flows)}
    assert {"enrolment", "mail", "stop", "paused", "booked.look"} <= names
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z._]+?)(?:\.<.*)?` \|", page, re.MULTILINE)
    assert names - set(listed) == set()
